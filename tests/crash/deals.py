"""Whole deals of every kind that the sweep compares, and everything by which one could be told from another."""

import re

from harness.api import AMOUNT_MINOR

DAY_S = 86400
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MOMENT = re.compile(r"<t:\d+:\w>")


def released(client):
    return client.whole_deal()


def refunded(client):
    deal = client.held_deal()
    client.command(deal, "refund", "SELLER", {"reason": "sold out"})
    client.wait_state(deal, "REFUNDED")
    return deal


def cancelled(client):
    deal, _ = client.payable_deal()
    client.command(deal, "cancel", "BUYER", {"reason": "changed my mind"})
    client.wait_state(deal, "CANCELLED")
    return deal


def overpaid(client):
    """Too much is sent back, and nothing else comes."""
    deal, secret = client.payable_deal()
    client.api.sandbox.pay(secret, amount=AMOUNT_MINOR + 1)
    client.wait(deal, lambda now: now["balances"]["refunded_minor"] == AMOUNT_MINOR + 1, "the refund")
    client.command(deal, "cancel", "BUYER", {"reason": "too complicated"})
    client.wait_state(deal, "CANCELLED")
    return deal


def left_alone(client):
    """Delivered; released by its timer when a day has passed, and waited for by whoever lets it pass."""
    return client.delivered_deal(inspection_seconds=DAY_S)


# One round: so many at once.
KINDS = (released, released, refunded, released, cancelled, released, overpaid, released)


class Told:
    """What the end of a deal looks like, without what differs from deal to deal."""

    def __init__(self, stack, parties, deal):
        view = deal.view()
        shown = stack.verifier.json("escrow", "show", deal.id)
        self.parts = {
            "state": view["state"],
            "balances": view["balances"],
            "attention": view["attention"],
            "history": deal.events(),
            "at the provider": deal.effects(),
            "transitions": [(row["event"], row["from"], row["to"]) for row in shown["transitions"]],
            "transfers": [(row["debit"], row["credit"], row["amount_minor"]) for row in shown["transfers"]],
            "deliveries": sorted((row["notice"], row["role"], row["state"])
                                 for row in parties.deliveries("--escrow", deal.id)),
            # Each once, in no order: what the sweep of a lane publishes again comes after what came in time.
            "heard": {role: sorted(MOMENT.sub("", UUID.sub("", message["content"])) for message in parties.heard(role)
                             if deal.id in message["content"]) for role in parties.discord},
        }

    def differences(self, other):
        return [f"{name}: {value} instead of {other.parts[name]}"
                for name, value in self.parts.items() if value != other.parts[name]]

