"""A buyer and a seller of their own, whom Discord knows."""

import itertools
import random

from harness.waiting import wait_for

ORDINALS = itertools.count(random.randrange(10**17, 9 * 10**17))


class Parties:
    """Both, and the API as they call it."""

    def __init__(self, stack):
        self.stack = stack
        self.sandbox = stack.sandbox
        self.discord = {role: str(next(ORDINALS)) for role in ("BUYER", "SELLER")}
        ids = {role: self.register(discord_id=user) for role, user in self.discord.items()}
        tokens = {role: self.token(user) for role, user in ids.items()}
        self.ids = ids
        self.api = stack.api.speaking_as(ids, tokens)

    def register(self, **fields):
        api = self.stack.api
        answer = api.post("/v1/users", "MARKETPLACE", {"display_name": "Ada", **fields})
        assert answer.status == 202, answer
        assert api.outcome(answer, "MARKETPLACE") == ("accepted", None)
        return answer.json()["user_id"]

    def token(self, user):
        return self.stack.operator.json("token", "create", "--kind", "user", "--account", user)["token"]["token"]

    def close_doors(self, *roles):
        """These take no messages; none named: nobody does."""
        for role in roles or self.discord:
            self.sandbox.close_dms(self.discord[role])

    def open_doors(self):
        for user in self.discord.values():
            self.sandbox.close_dms(user, False)

    def heard(self, role):
        """What this party has read, oldest first."""
        return self.sandbox.messages(self.discord[role])

    def wait_heard(self, role, count, timeout_s=40):
        try:
            return wait_for(lambda: len(self.heard(role)) >= count and self.heard(role), timeout_s, f"{count} messages")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.heard(role)}, {self.deliveries('--user', self.ids[role])}") from None

    def deliveries(self, *which):
        return self.stack.operator.json("delivery", "list", *which)["deliveries"]

    def states(self, *which):
        """notice and role to state."""
        return {(row["notice"], row["role"]): row["state"] for row in self.deliveries(*which)}

    def wait_settled(self, escrow_id, count, timeout_s=40):
        """Until so many deliveries about a deal are there and none waits any more."""

        def settled():
            rows = self.deliveries("--escrow", escrow_id)
            return len(rows) == count and all(row["state"] != "waiting" for row in rows) and rows

        return wait_for(settled, timeout_s, f"{count} settled deliveries")
