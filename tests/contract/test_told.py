"""Whatever a disturbed deal could be told by is seen, by the crash sweep and by ./dev demo kills, which compare alike."""

import sys

import pytest
from sources import ROOT

sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tools" / "demo")]

from kills import differences  # noqa: E402

FIRST, SECOND = (f"{digit * 8}-{digit * 4}-{digit * 4}-{digit * 4}-{digit * 12}" for digit in "12")


def facts(escrow_id, moment):
    return {
        "view": {"state": "RELEASED", "balances": {"held_minor": 0, "paid_out_minor": 2500}, "attention": None},
        "events": ["EscrowCreated", "EscrowReleased"],
        "effects": {"transfers": (1, 2500), "refunds": (0, 0)},
        "shown": {"transitions": [{"event": "released", "from": "RELEASING", "to": "RELEASED"}],
                  "transfers": [{"debit": "held", "credit": "seller", "amount_minor": 2500}]},
        "deliveries": [{"notice": "released", "role": "seller", "state": "sent"}],
        "messages": [{"content": f"{escrow_id} was paid out at <t:{moment}:F>"}],
    }


class Played:
    """A stack, the people and the API of deals whose facts are given."""

    def __init__(self, deals):
        self.deals = deals
        self.discord = {"SELLER": "1"}
        self.verifier = self.api = self

    def check(self):
        pass

    check_accepted = check

    def json(self, *command):
        return self.deals[command[-1]]["shown"]

    def deliveries(self, _, escrow_id):
        return self.deals[escrow_id]["deliveries"]

    def heard(self, _):
        return [message for each in self.deals.values() for message in each["messages"]]


class PlayedDeal:
    def __init__(self, escrow_id, told):
        self.id = escrow_id
        self.view, self.events, self.effects = (lambda: told["view"]), (lambda: told["events"]), (lambda: told["effects"])


def compared(change):
    told = {FIRST: facts(FIRST, 1000), SECOND: facts(SECOND, 2000)}
    change(told[SECOND])
    played = Played(told)
    undisturbed, disturbed = ((played, PlayedDeal(escrow_id, told[escrow_id])) for escrow_id in (FIRST, SECOND))
    return differences(played, [disturbed], [undisturbed])


def test_ids_and_moments_are_no_difference():
    assert compared(lambda deal: None) == []


@pytest.mark.parametrize("what,change", [
    ("state", lambda deal: deal["view"].update(state="RELEASING")),
    ("balances", lambda deal: deal["view"]["balances"].update(held_minor=1)),
    ("attention", lambda deal: deal["view"].update(attention="payout_failed")),
    ("history", lambda deal: deal["events"].append("EscrowReleased")),
    ("at the provider", lambda deal: deal["effects"].update(transfers=(2, 5000))),
    ("at the provider", lambda deal: deal["effects"].update(refunds=(1, 2500))),
    ("transitions", lambda deal: deal["shown"]["transitions"].append({"event": "x", "from": "RELEASED", "to": "RELEASED"})),
    ("transfers", lambda deal: deal["shown"]["transfers"][0].update(amount_minor=2499)),
    ("deliveries", lambda deal: deal["deliveries"][0].update(state="expired")),
    ("heard", lambda deal: deal["messages"].append(deal["messages"][0])),
    ("heard", lambda deal: deal["messages"].clear()),
])
def test_each_difference_is_seen(what, change):
    found = compared(change)
    assert len(found) == 1, found
    assert found[0].startswith(f"{SECOND}: {what}: ")


def test_a_broken_invariant_is_told():
    for broken in ("check", "check_accepted"):
        played = Played({FIRST: facts(FIRST, 1000)})

        def fail():
            raise AssertionError("the ledger's sum")

        setattr(played, broken, fail)
        pair = (played, PlayedDeal(FIRST, played.deals[FIRST]))
        assert differences(played, [pair], [pair]) == ["the ledger's sum"]
