#!/usr/bin/env python3
"""One deal from creation to its end, through the public API, and what happened told step by step.

A marketplace opens the deal, the buyer pays at the sandbox, the seller says that the goods were delivered, the buyer
releases the money, the seller is paid. With the word `dispute` the buyer rejects the delivery instead, the seller disputes
that and gives in, the buyer is refunded. With `parts` the buyer
releases the price in three parts, and the seller is paid each. With `milestones` the deal is made of three pieces: two are delivered
and released, one of them after it was rejected, and one is given back. With `split` the two end a dispute by dividing the price. With `late-money` the buyer pays while the provider's news are held back, cancels the
deal, and what then is heard of goes back. With `card` the buyer's first card is declined, the second one pays; a part of the price is released, and the seller gives
the rest back. Then the operator's tool recomputes the ledger and the hash chain.

Everything comes from the environment (./dev demo sets it): HOLDFAST_GATEWAY_URL, HOLDFAST_SANDBOX_URL, HOLDFASTCTL,
DATABASE_URL, and HOLDFAST_<MARKETPLACE|BUYER|SELLER|STAFF>_<TOKEN|ID>. Exit code 0: the money went where it should, once, and
every sum is right; 1: it was not so; 2: something is missing in the environment, or no such deal is known.
"""

import datetime
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable
from typing import NamedTuple

PATIENCE_S = 20
POLL_S = 0.005
AMOUNT_MINOR = 12500
SELLER_PART_MINOR = 9000
CARD_PART_MINOR = 5000
SELLER_ACCOUNT = "acct_demo1234567890"
MILESTONES = [{"title": "The drawing", "amount_minor": 2500}, {"title": "The blade", "amount_minor": 7000},
              {"title": "The enchantment", "amount_minor": 3000}]
BACK_MINOR = MILESTONES[2]["amount_minor"]


class DemoFailed(Exception):
    pass


def setting(name):
    value = os.environ.get(name, "")
    if not value:
        print(f"demo: {name} is not set; run it as ./dev demo", file=sys.stderr)
        sys.exit(2)
    return value


def call(method, url, token=None, value=None, form=None, file=None):
    """(status, JSON) of one HTTP request; a command carries a fresh Idempotency-Key."""
    headers = {"Accept": "application/json"}
    body = None
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if method == "POST" and form is None:
        headers["Content-Type"] = "application/json"
        headers["Idempotency-Key"] = str(uuid.uuid4())
        body = json.dumps(value or {}).encode()
        if file is not None:
            headers["Content-Type"] = "text/plain"
            body = file
    elif form is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        body = urllib.parse.urlencode(form).encode()
    request = urllib.request.Request(url, data=body, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return answer.status, json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read() or b"{}")
    except (urllib.error.URLError, OSError) as error:
        raise DemoFailed(f"{method} {url}: {error}") from error


class Clock:
    """Prints each step with the milliseconds since the step before."""

    def __init__(self):
        self.began = self.last = time.monotonic()

    def step(self, who, what):
        now = time.monotonic()
        print(f"  {1000 * (now - self.last):8.1f} ms  {who:<12} {what}")
        self.last = now

    def total_ms(self):
        return 1000 * (time.monotonic() - self.began)


class Demo:
    def __init__(self, scene):
        self.scene = scene
        self.gateway = setting("HOLDFAST_GATEWAY_URL")
        self.sandbox = setting("HOLDFAST_SANDBOX_URL")
        self.ctl = setting("HOLDFASTCTL")
        setting("DATABASE_URL")
        roles = ("MARKETPLACE", "BUYER", "SELLER")
        self.tokens = {role: setting(f"HOLDFAST_{role}_TOKEN") for role in roles}
        self.ids = {role: setting(f"HOLDFAST_{role}_ID") for role in roles}
        self.clock = Clock()
        self.escrow = None

    def command(self, role, path, value=None):
        status, answer = call("POST", self.gateway + path, self.tokens[role], value)
        if status != 202:
            raise DemoFailed(f"POST {path} answered {status}: {json.dumps(answer)}")
        return answer

    def show(self, role, file, description):
        """Submits a text as evidence."""
        path = f"/v1/escrows/{self.escrow}/evidence?{urllib.parse.urlencode({'description': description})}"
        status, answer = call("POST", self.gateway + path, self.tokens[role], file=file)
        if status != 202:
            raise DemoFailed(f"POST {path} answered {status}: {json.dumps(answer)}")

    def docket(self):
        status, answer = call("GET", f"{self.gateway}/v1/escrows/{self.escrow}/evidence", self.tokens["SELLER"])
        if status != 200:
            raise DemoFailed(f"the docket answered {status}: {json.dumps(answer)}")
        return answer["evidence"]

    def escrow_now(self):
        status, answer = call("GET", f"{self.gateway}/v1/escrows/{self.escrow}", self.tokens["BUYER"])
        if status != 200:
            raise DemoFailed(f"GET of the escrow answered {status}: {json.dumps(answer)}")
        return answer

    def wait(self, condition, what):
        """Polls the public API until the condition holds, and returns the escrow."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            now = self.escrow_now()
            if condition(now):
                return now
            time.sleep(POLL_S)
        raise DemoFailed(f"{what} did not happen within {PATIENCE_S} s; the escrow: {json.dumps(now)}")

    def wait_event(self, kind):
        def happened(_):
            status, answer = call("GET", f"{self.gateway}/v1/escrows/{self.escrow}/timeline", self.tokens["BUYER"])
            return status == 200 and kind in {entry["type"] for entry in answer["items"]}

        return self.wait(happened, kind)

    def wait_state(self, state):
        return self.wait(lambda now: now["state"] == state, f"the state {state}")

    def open(self, **terms):
        clock = self.clock
        made = self.command("MARKETPLACE", "/v1/escrows", {
            "buyer_id": self.ids["BUYER"], "seller_id": self.ids["SELLER"], "seller_account": SELLER_ACCOUNT,
            "amount_minor": AMOUNT_MINOR, "currency": "USD", "inspection_seconds": 3 * 86400,
            "description": "One enchanted sword", **terms,
        })
        self.escrow = made["escrow_id"]
        clock.step("marketplace", f"opens the deal: 202, escrow {self.escrow}")
        now = self.wait(lambda now: now["state"] == "AWAIT_FUNDS" and (now["payment"] or {}).get("client_secret"), "a way to pay")
        clock.step("", "AWAIT_FUNDS: the buyer has what is needed to pay")
        return now

    def at_provider(self, path, **form):
        status, answer = call("POST", f"{self.sandbox}/sandbox/{path}", form=form)
        if status != 200:
            raise DemoFailed(f"the sandbox answered {status}: {json.dumps(answer)}")

    def pay(self, now):
        self.at_provider("pay", client_secret=now["payment"]["client_secret"])
        self.clock.step("buyer", f"pays {AMOUNT_MINOR / 100:.2f} USD at the provider")

    def deal(self):
        clock = self.clock
        self.pay(self.open())
        self.wait_state("FUNDS_HELD")
        clock.step("", "FUNDS_HELD: the provider's webhook came, the money is held")
        self.command("SELLER", f"/v1/escrows/{self.escrow}/mark-delivered")
        clock.step("seller", "says that it is delivered: 202")
        self.wait_state("DELIVERED")
        clock.step("", "DELIVERED")

    def release(self):
        self.deal()
        self.command("BUYER", f"/v1/escrows/{self.escrow}/release")
        self.clock.step("buyer", "releases the money: 202")
        self.wait_state("RELEASED")
        self.clock.step("", "RELEASED: the provider has paid the seller")

    def part(self, amount_minor, paid_minor):
        self.command("BUYER", f"/v1/escrows/{self.escrow}/release-part", {"amount_minor": amount_minor})
        self.clock.step("buyer", f"releases {amount_minor / 100:.2f} USD of it: 202")
        now = self.wait(lambda now: now["balances"]["paid_out_minor"] == paid_minor, "the payout of a part")
        self.clock.step("", f"the seller has {paid_minor / 100:.2f} USD, {now['balances']['held_minor'] / 100:.2f} USD stay held")
        if now["state"] not in {"FUNDS_HELD", "DELIVERED"}:
            raise DemoFailed(f"the deal did not go on: {json.dumps(now)}")

    def parts(self):
        clock = self.clock
        self.pay(self.open())
        self.wait_state("FUNDS_HELD")
        clock.step("", "FUNDS_HELD: the provider's webhook came, the money is held")
        self.part(5000, 5000)
        self.command("SELLER", f"/v1/escrows/{self.escrow}/mark-delivered")
        clock.step("seller", "says that it is delivered: 202")
        self.wait_state("DELIVERED")
        self.part(2500, 7500)
        self.command("BUYER", f"/v1/escrows/{self.escrow}/release")
        clock.step("buyer", "releases the rest: 202")
        self.wait_state("RELEASED")
        clock.step("", "RELEASED: the provider has paid the seller all of it")

    def milestone(self, number, then):
        clock, body = self.clock, {"milestone": number}
        self.command("SELLER", f"/v1/escrows/{self.escrow}/mark-delivered", body)
        clock.step("seller", f"says that milestone {number} is delivered: 202")
        now = self.wait_state("DELIVERED")
        clock.step("", f"DELIVERED: it is inspected until {now['milestones'][number - 1]['inspection_ends_at']}")
        self.command("BUYER", f"/v1/escrows/{self.escrow}/release", body)
        clock.step("buyer", f"releases milestone {number}: 202")
        now = self.wait_state(then)
        clock.step("", f"{then}: {now['balances']['held_minor'] / 100:.2f} USD stay held")

    def rejected(self, number):
        clock, body = self.clock, {"milestone": number}
        self.command("SELLER", f"/v1/escrows/{self.escrow}/mark-delivered", body)
        self.wait_state("DELIVERED")
        clock.step("seller", f"says that milestone {number} is delivered: 202")
        self.command("BUYER", f"/v1/escrows/{self.escrow}/reject-delivery", {**body, "reason": "it is blunt"})
        now = self.wait_state("DELIVERY_REJECTED")
        clock.step("buyer", f"does not take it: the seller has until {now['milestones'][number - 1]['answer_ends_at']} to answer")

    def given_back(self, number):
        clock, back_minor = self.clock, MILESTONES[number - 1]["amount_minor"]
        self.command("SELLER", f"/v1/escrows/{self.escrow}/refund", {"milestone": number, "reason": "the wizard is ill"})
        clock.step("seller", f"cannot make milestone {number}, and gives it back: 202")
        now = self.wait(lambda now: now["balances"]["refunded_minor"] == back_minor, "the refund of a milestone")
        clock.step("", f"{now['state']}: the buyer has {back_minor / 100:.2f} USD back, {now['balances']['held_minor'] / 100:.2f} USD stay held")

    def milestones(self):
        self.pay(self.open(milestones=MILESTONES))
        self.wait_state("FUNDS_HELD")
        self.clock.step("", "FUNDS_HELD: the provider's webhook came, all of the price is held")
        self.milestone(1, "PARTIALLY_SETTLED")
        self.given_back(3)
        self.rejected(2)
        self.milestone(2, "RELEASED")

    def late_money(self):
        clock = self.clock
        now = self.open()
        self.at_provider("webhooks", mode="withhold")
        try:
            self.pay(now)
            clock.step("", "the provider's news of it are held back")
            self.command("BUYER", f"/v1/escrows/{self.escrow}/cancel", {"reason": "nothing happens"})
            self.wait_state("CANCELLED")
            clock.step("buyer", "sees nothing happen, and cancels: CANCELLED")
        finally:
            self.at_provider("webhooks", mode="release")
        clock.step("", "the news come")
        ended = self.wait(lambda now: now["balances"]["refunded_minor"] == AMOUNT_MINOR, "the refund")
        clock.step("", f"the money was put aside and is back with the buyer; the deal is still {ended['state']}")
        if ended["state"] != "CANCELLED":
            raise DemoFailed(f"the deal went on: {json.dumps(ended)}")

    def card(self):
        clock = self.clock
        now = self.open()
        self.at_provider("decline", client_secret=now["payment"]["client_secret"], code="insufficient_funds")
        clock.step("buyer", "tries a card, and it is declined")
        self.wait_event("EscrowPaymentFailed")
        clock.step("", f"{self.escrow_now()['state']} still: the buyer may try another one")
        self.pay(now)
        self.wait_state("FUNDS_HELD")
        clock.step("", "FUNDS_HELD: the second card was good, the money is held")
        self.part(CARD_PART_MINOR, CARD_PART_MINOR)
        self.command("SELLER", f"/v1/escrows/{self.escrow}/refund", {"reason": "the rest is sold out"})
        clock.step("seller", "gives the rest back: 202")
        self.wait(lambda now: now["balances"]["refunded_minor"] == AMOUNT_MINOR - CARD_PART_MINOR, "the refund")
        clock.step("", "the provider has sent the rest back to the card that paid")

    def dispute(self):
        self.deal()
        clock = self.clock
        self.command("BUYER", f"/v1/escrows/{self.escrow}/reject-delivery", {"reason": "it is not enchanted"})
        clock.step("buyer", "rejects the delivery, and says why: 202")
        self.wait_state("DELIVERY_REJECTED")
        clock.step("", "DELIVERY_REJECTED: the seller has 72 hours to answer")
        self.command("SELLER", f"/v1/escrows/{self.escrow}/raise-dispute", {"reason": "the spell works at full moon"})
        clock.step("seller", "raises a dispute: 202")
        frozen = self.wait_state("DISPUTED")["balances"]["disputed_minor"]
        clock.step("", f"DISPUTED: {frozen / 100:.2f} USD are frozen, no clock can release them")
        self.show("BUYER", b"Tried at full moon, too. Not a spark.\n", "what the buyer saw")
        clock.step("buyer", "shows what he has, a file: 202")
        self.wait(lambda _: self.docket(), "the docket")
        piece = self.docket()[0]
        clock.step("", f"on the docket, and in the deal's hash chain: {piece['type']}, {piece['size_bytes']} bytes, {piece['hash'][:16]}…")
        self.command("SELLER", f"/v1/escrows/{self.escrow}/refund", {"reason": "it was the wrong sword"})
        clock.step("seller", "gives in: 202")
        self.wait_state("REFUNDED")
        clock.step("", "REFUNDED: the provider has sent the money back")

    def split(self):
        self.deal()
        clock = self.clock
        self.command("BUYER", f"/v1/escrows/{self.escrow}/raise-dispute", {"reason": "the scabbard is missing"})
        clock.step("buyer", "raises a dispute: 202")
        self.wait_state("DISPUTED")
        offer = {"seller_minor": SELLER_PART_MINOR, "buyer_minor": AMOUNT_MINOR - SELLER_PART_MINOR}
        self.command("SELLER", f"/v1/escrows/{self.escrow}/propose-split", offer)
        clock.step("seller", f"offers the buyer {offer['buyer_minor'] / 100:.2f} USD of it back: 202")
        now = self.wait(lambda now: now["split"], "the offer")
        self.command("BUYER", f"/v1/escrows/{self.escrow}/accept-split", {"number": now["split"]["number"]})
        clock.step("buyer", f"agrees to offer {now['split']['number']}: 202")
        self.wait_state("SETTLED_SPLIT")
        clock.step("", "SETTLED_SPLIT: the provider has sent each his part, and nobody had to decide")

    def timeline(self):
        status, answer = call("GET", f"{self.gateway}/v1/escrows/{self.escrow}/timeline", self.tokens["BUYER"])
        if status != 200:
            raise DemoFailed(f"the timeline answered {status}: {json.dumps(answer)}")
        before = None
        for entry in answer["items"]:
            at = datetime.datetime.fromisoformat(entry["at"].replace("Z", "+00:00"))
            passed = 0.0 if before is None else 1000 * (at - before).total_seconds()
            print(f"  {entry['seq']:>2}  {entry['at']}  {passed:+9.1f} ms  {entry['type']:<22} {entry['state']}")
            before = at

    def operator(self, *words):
        done = subprocess.run([self.ctl, *words, "--json"], stdout=subprocess.PIPE, text=True, check=False, timeout=60)
        if done.returncode not in (0, 1):
            raise DemoFailed(f"holdfastctl {' '.join(words)} ended with {done.returncode}")
        return done.returncode, json.loads(done.stdout)

    def ledger(self):
        _, shown = self.operator("escrow", "show", self.escrow)
        for line in shown["transfers"]:
            amount = line["amount_minor"] / 100
            print(f"  {line['seq']:>2}  {line['debit']:<12} -> {line['credit']:<12} {amount:10.2f} {line['currency']}")
        code, verified = self.operator("ledger", "verify")
        sums = {}
        print()
        for row in verified["accounts"]:
            sums.setdefault(row["currency"], 0)
            if row["account"] != "SUM":
                sums[row["currency"]] += row["balance_minor"]
                print(f"      {row['account']:<12} {row['balance_minor'] / 100:12.2f} {row['currency']}")
        for currency, total in sums.items():
            print(f"      {'sum':<12} {total / 100:12.2f} {currency}")
        counted = verified["verified"]
        print(f"\n  {counted['escrows']} escrows, {counted['transitions']} transitions, {counted['transfers']} transfers: "
              f"every hash and every sum recomputed, {counted['findings']} findings")
        print(f"  chain head of this escrow: {shown['transitions'][-1]['hash']}")
        if code != 0 or any(sums.values()):
            raise DemoFailed(f"the ledger is not right: {json.dumps(verified['findings'])}")

    def told(self):
        """What the parties heard, or would have: a DM each, where a Discord account is known."""
        expected = self.scene.deliveries
        deadline = time.monotonic() + PATIENCE_S
        rows = []
        while len(rows) < expected and time.monotonic() < deadline:
            rows = self.operator("delivery", "list", "--escrow", self.escrow)[1]["deliveries"]
            time.sleep(POLL_S)
        for row in sorted(rows, key=lambda row: (row["seq"], row["role"])):
            print(f"  {row['seq']:>2}  {row['role']:<8} {row['state']:<11} {row['content'].split(' / ')[0]}")
        if len(rows) != expected:
            raise DemoFailed(f"{len(rows)} messages instead of {expected}")

    def counted(self):
        status, counted = call("GET", f"{self.sandbox}/sandbox/counters?escrow_id={self.escrow}")
        if status != 200:
            raise DemoFailed(f"the sandbox's counters answered {status}")
        return counted["transfers"], counted["refunds"]

    def effects(self):
        transfers, refunds = self.counted()
        print(f"  at the provider: {transfers['count']} transfer{'s' if transfers['count'] > 1 else ''} of {transfers['amount_minor'] / 100:.2f}, "
              f"{refunds['count']} refund of {refunds['amount_minor'] / 100:.2f}")
        moved = [(kind["count"], kind["amount_minor"]) for kind in (transfers, refunds)]
        if moved != [self.scene.transfers, self.scene.refunds]:
            raise DemoFailed("the money did not go where it should, once")


ONCE, NEVER = (1, AMOUNT_MINOR), (0, 0)


class Scene(NamedTuple):
    """What becomes of a deal."""

    play: Callable
    deliveries: int  # two of each event that both parties care about, one of what is the buyer's alone
    transfers: tuple
    refunds: tuple
    moral: str


SCENES = {
    "": Scene(Demo.release, 10, ONCE, NEVER, "The seller was paid once"),
    "card": Scene(Demo.card, 13, (1, CARD_PART_MINOR), (1, AMOUNT_MINOR - CARD_PART_MINOR), "One card was declined, one paid, and got back what was not sold, each once"),
    "dispute": Scene(Demo.dispute, 16, NEVER, ONCE, "The buyer was refunded once"),
    "parts": Scene(Demo.parts, 18, (3, AMOUNT_MINOR), NEVER, "The seller was paid in three parts, each once"),
    "milestones": Scene(Demo.milestones, 24, (2, AMOUNT_MINOR - BACK_MINOR), (1, BACK_MINOR), "Two milestones were paid and one was given back, each once"),
    "split": Scene(Demo.split, 16, (1, SELLER_PART_MINOR), (1, AMOUNT_MINOR - SELLER_PART_MINOR), "Each had his part, once"),
    "late-money": Scene(Demo.late_money, 6, NEVER, ONCE, "The late money went back once"),
}


def main():
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in SCENES:
        print(f"demo: no such deal: {name}", file=sys.stderr)
        return 2
    demo = Demo(SCENES[name])
    try:
        print("\nThe deal, as its parties see it\n")
        demo.scene.play(demo)
        print(f"  {demo.clock.total_ms():8.1f} ms  in all")
        print("\nIts timeline, by the database's clock\n")
        demo.timeline()
        print("\nIts ledger, and all accounts\n")
        demo.ledger()
        demo.effects()
        print("\nWhat the parties were told (no_channel: we know no Discord account of theirs)\n")
        demo.told()
    except DemoFailed as error:
        print(f"\ndemo: {error}", file=sys.stderr)
        return 1
    print(f"\n{demo.scene.moral}, every sum is zero, the chain is whole.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
