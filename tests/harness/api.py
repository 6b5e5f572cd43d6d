"""The public API, as a marketplace and its users call it."""

import json
import urllib.parse
import uuid

from harness import http
from harness.waiting import PATIENCE_S, wait_for

AMOUNT_MINOR = 2500
# A gateway that does not answer for so long is passed over, as a load balancer would do it.
TIMEOUT_S = 5


class Api:
    """Calls the first gateway that answers; remembers every command that was accepted with 202."""

    def __init__(self, urls, tokens, ids, sandbox):
        self.urls = list(urls)
        self.by_number = dict(enumerate(urls, start=1))
        self.tokens = tokens
        self.ids = ids
        self.sandbox = sandbox
        self.accepted = []  # (command id, token)

    def speaking_as(self, ids, tokens):
        """The same API for other people in some roles. What they are promised is theirs to check."""
        other = Api(self.urls, {**self.tokens, **tokens}, {**self.ids, **ids}, self.sandbox)
        other.urls = self.urls
        return other

    def call(self, method, path, role, value=None, key=None):
        headers = {"Authorization": f"Bearer {self.tokens[role]}"} if role else {}
        body = None
        if method == "POST":
            headers["Content-Type"] = "application/json"
            body = value if isinstance(value, (bytes, str)) else json.dumps(value if value is not None else {})
            if key is not None:
                headers["Idempotency-Key"] = key
        failure = None
        for url in self.urls:
            try:
                return http.request(url + path, method, headers, body, TIMEOUT_S)
            except OSError as error:  # that one is down: the next
                failure = error
        raise AssertionError(f"no gateway answers: {failure}")

    def show(self, escrow_id, role, content, kind="text/plain", description="", key=None):
        """Submits a file as evidence."""
        asked = urllib.parse.urlencode({"description": description}) if description else ""
        headers = {"Authorization": f"Bearer {self.tokens[role]}", "Content-Type": kind,
                   "Idempotency-Key": key if key is not None else str(uuid.uuid4())}
        path = f"/v1/escrows/{escrow_id}/evidence" + (f"?{asked}" if asked else "")
        answer = http.request(self.urls[0] + path, "POST", headers, content, 4 * TIMEOUT_S)
        if answer.status == 202:
            self.accepted.append((answer.headers["location"].rsplit("/", 1)[1], role))
        return answer

    def prefer(self, number):
        """Calls go to this replica of the gateway first."""
        self.urls.sort(key=lambda url: url != self.by_number[number])  # in place: those who speak as others share it

    def get(self, path, role):
        return self.call("GET", path, role)

    def post(self, path, role, value=None, key=None):
        """A command; with a key of its own unless one is given."""
        answer = self.call("POST", path, role, value, key if key is not None else str(uuid.uuid4()))
        if answer.status == 202:
            self.accepted.append((answer.headers["location"].rsplit("/", 1)[1], role))
        return answer

    def create(self, key=None, role="MARKETPLACE", **changes):
        return self.post("/v1/escrows", role, self.terms(**changes), key)

    def terms(self, **changes):
        return {
            "buyer_id": self.ids["BUYER"], "seller_id": self.ids["SELLER"], "seller_account": "acct_1test",
            "amount_minor": AMOUNT_MINOR, "currency": "USD", "inspection_seconds": 3 * 86400,
            "description": "A sword", **changes,
        }

    def check_accepted(self):
        """Every 202 so far had an outcome; those that are checked are forgotten."""
        while self.accepted:
            command, role = self.accepted.pop()
            told = self.get(f"/v1/commands/{command}", role)
            assert told.status == 200 and told.json()["status"] in ("accepted", "rejected"), (command, told)

    def outcome(self, answer, role):
        """What became of a 202: ("accepted", None) or ("rejected", code)."""
        path = answer.headers["location"]

        def settled():
            told = self.get(path, role)
            assert told.status == 200, told
            return told.json()["status"] != "pending" and told.json()

        told = wait_for(settled, 30, f"the outcome of {path}")
        return told["status"], (told["rejection"] or {}).get("code")

    def deal(self, **changes):
        """A new deal that waits for the buyer's money."""
        answer = self.create(**changes)
        assert answer.status == 202, answer
        deal = Deal(self, answer.json()["escrow_id"])
        deal.wait_payable()
        return deal

    def held_deal(self, **changes):
        deal = self.deal(**changes)
        deal.pay()
        deal.wait("FUNDS_HELD")
        return deal


class Deal:
    def __init__(self, api, escrow_id):
        self.api = api
        self.id = escrow_id

    def view(self, role="BUYER"):
        answer = self.api.get(f"/v1/escrows/{self.id}", role)
        assert answer.status == 200, answer
        return answer.json()

    def wait(self, state, timeout_s=PATIENCE_S):
        def there():
            now = self.view()
            return now["state"] == state and now

        try:
            return wait_for(there, timeout_s, state)
        except AssertionError as error:
            raise AssertionError(f"{error}; the deal: {self.view()}") from None

    def wait_view(self, condition, what, timeout_s=PATIENCE_S):
        def there():
            now = self.view()
            return condition(now) and now

        return wait_for(there, timeout_s, what)

    def wait_payable(self, timeout_s=PATIENCE_S, other_than=None):
        """Until the buyer can pay: by another payment than the given one."""

        def payable(now):
            payment = now["payment"]
            return (now["state"] == "AWAIT_FUNDS" and payment and payment["client_secret"]
                    and payment["payment_intent"] != other_than)

        self.wait_view(payable, "a way to pay", timeout_s)

    def client_secret(self):
        return self.view()["payment"]["client_secret"]

    def pay(self, **fields):
        return self.api.sandbox.pay(self.client_secret(), **fields)

    def act(self, verb, role, value=None, key=None):
        return self.api.post(f"/v1/escrows/{self.id}/{verb}", role, value, key)

    def do(self, verb, role, value=None):
        """A command that must be accepted, and its outcome must be acceptance."""
        answer = self.act(verb, role, value)
        assert answer.status == 202, answer
        outcome = self.api.outcome(answer, role)
        assert outcome == ("accepted", None), outcome

    def events(self):
        answer = self.api.get(f"/v1/escrows/{self.id}/timeline", "BUYER")
        assert answer.status == 200, answer
        return [entry["type"] for entry in answer.json()["items"]]

    def effects(self):
        return self.api.sandbox.effects(self.id)
