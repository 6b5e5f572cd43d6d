"""A marketplace and its users as good clients: patient, and never twice the same with another key."""

import uuid

from harness.api import Deal
from harness.waiting import wait_for

PATIENCE_S = 120.0  # only a failure takes so long
BUSY = (408, 429, 500, 502, 503, 504)


class Client:
    def __init__(self, api):
        self.api = api

    def insist(self, attempt, what):
        """Until it is answered and not refused for the moment."""

        def answered():
            try:
                answer = attempt()
            except AssertionError:  # no gateway answers
                return None
            return answer if answer.status not in BUSY else None

        return wait_for(answered, PATIENCE_S, what)

    def command(self, deal, verb, role, value=None):
        key = str(uuid.uuid4())
        answer = self.insist(lambda: deal.act(verb, role, value, key=key), verb)
        assert answer.status == 202, (deal.id, verb, answer)

    def wait(self, deal, condition, what):
        """The buyer's view, as soon as it is so."""

        def there():
            try:
                answer = self.api.get(f"/v1/escrows/{deal.id}", "BUYER")
            except AssertionError:  # no gateway answers
                return None
            now = answer.json() if answer.status == 200 else None
            return now if now and condition(now) else None

        return wait_for(there, PATIENCE_S, f"{what} of {deal.id}")

    def wait_state(self, deal, state):
        self.wait(deal, lambda now: now["state"] == state, state)

    def payable_deal(self, **terms):
        """(a new deal, what its buyer pays with)"""
        key = str(uuid.uuid4())
        answer = self.insist(lambda: self.api.create(key, **terms), "a new deal")
        assert answer.status == 202, answer
        deal = Deal(self.api, answer.json()["escrow_id"])
        payable = self.wait(
            deal, lambda now: now["state"] == "AWAIT_FUNDS" and now["payment"] and now["payment"]["client_secret"],
            "a way to pay")
        return deal, payable["payment"]["client_secret"]

    def held_deal(self, **terms):
        deal, secret = self.payable_deal(**terms)
        self.api.sandbox.pay(secret)
        self.wait_state(deal, "FUNDS_HELD")
        return deal

    def delivered_deal(self, **terms):
        deal = self.held_deal(**terms)
        self.command(deal, "mark-delivered", "SELLER")
        self.wait_state(deal, "DELIVERED")
        return deal

    def whole_deal(self):
        deal = self.delivered_deal()
        self.command(deal, "release", "BUYER")
        self.wait_state(deal, "RELEASED")
        return deal
