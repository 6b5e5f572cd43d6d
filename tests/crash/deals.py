"""Whole deals of every kind that the sweep compares."""

from harness.api import AMOUNT_MINOR

DAY_S = 86400


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
