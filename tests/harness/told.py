"""Everything by which one deal could be told from another of its kind."""

import re

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MOMENT = re.compile(r"<t:\d+:\w>")


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
