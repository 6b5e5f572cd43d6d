#!/usr/bin/env python3
"""Deals while each service, the broker and the database are killed and frozen in turn, and whether anybody could tell afterwards.

Two replicas of each service, their own PostgreSQL and Kafka. First some deals that nothing disturbs; then as many for each
fault, which strikes while they are under way. A client does what a good client does: it repeats a request, with the same
Idempotency-Key, until it is answered. In the end every deal must look like an undisturbed one: its history, its balances and
transfers, what the provider was asked for, and what the parties were told. The invariants must hold: ledger sums, gapless
topics, an outcome for every 202.

./dev demo kills sets HOLDFAST_BUILD_DIR and HOLDFAST_TEST_DIR, an empty folder, and runs it. Exit code 0: all of that is so,
and after each kill of a service its deals were done within RECOVERY_S of what undisturbed ones take.
"""

import concurrent.futures
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests"))

from harness.client import PATIENCE_S, Client  # noqa: E402
from harness.parties import Parties  # noqa: E402
from harness.stack import SERVICES, Stack  # noqa: E402
from harness.told import Told  # noqa: E402

DEALS = 8  # under way at a time
RECOVERY_S = 5.0
STRIKE_AFTER_S = 0.2
SERVER_AWAY_S = 3.0


class Faults:
    """What may happen to a process, and how it is put right afterwards."""

    def __init__(self, stack):
        self.stack = stack

    def strike(self, victim, how):
        """Returns for how many seconds a server was away: its own start is part of it."""
        if victim not in self.stack.servers.pids:
            self.stack.api.prefer(3 - int(victim[-1]))  # what a load balancer's health check would do
            getattr(self.stack.processes[victim], how)()
            return 0.0
        began = time.monotonic()
        getattr(self.stack.servers, how)(victim)
        time.sleep(SERVER_AWAY_S)
        self.stack.servers.start() if how == "kill" else self.stack.servers.thaw(victim)
        return time.monotonic() - began

    def mend(self, victim, how):
        if victim in self.stack.servers.pids:
            return
        process = self.stack.processes[victim]
        process.thaw_if_frozen()
        if not process.runs():
            process.start()
        process.wait_ready(PATIENCE_S)


def run(stack, pool, people, victim=None, how=None):
    """One stage, a deal for each pair of people: ([(parties, deal)], seconds from the fault, or from the beginning, until all
    were done, seconds of these without a server)."""
    faults = Faults(stack)
    under_way = [pool.submit(Client(parties.api).whole_deal) for parties in people]
    began = time.monotonic()
    away = 0.0
    if victim:
        time.sleep(STRIKE_AFTER_S)
        began = time.monotonic()
        away = faults.strike(victim, how)
    deals = [(parties, deal.result()) for parties, deal in zip(people, under_way)]
    took = time.monotonic() - began
    if victim:
        faults.mend(victim, how)
    return deals, took, away


def differences(stack, deals, undisturbed):
    """What could be told from an undisturbed deal, one line for each."""
    try:
        stack.check()
        for parties in {parties for parties, _ in deals}:
            parties.api.check_accepted()
    except AssertionError as error:
        return [str(error)]
    usual = Told(stack, *undisturbed[0])
    return [f"{deal.id}: {line}" for parties, deal in undisturbed[1:] + deals
            for line in Told(stack, parties, deal).differences(usual)]


def stages():
    victims = [f"{service}-{number}" for number in (1, 2) for service in SERVICES]
    yield from ((victim, how) for victim in victims for how in ("kill", "freeze"))
    yield from ((server, how) for server in ("kafka", "postgres") for how in ("kill", "freeze"))


def demo(stack):
    failed = []
    done = []
    stack.sandbox.limit("messages", 0)  # Discord's own pace is not what is shown
    stack.sandbox.limit("channels", 0)
    people = [Parties(stack) for _ in range(DEALS)]
    with concurrent.futures.ThreadPoolExecutor(DEALS) as pool:
        run(stack, pool, people)  # warms up what is compiled and connected late
        undisturbed, usual, _ = run(stack, pool, people)
        print(f"  {DEALS} deals, nobody disturbed     {usual:6.1f} s", flush=True)
        for victim, how in stages():
            deals, took, away = run(stack, pool, people, victim, how)
            done += deals
            is_server = victim in stack.servers.pids
            slow = how == "kill" and not is_server and took > usual + RECOVERY_S
            mark = f", {away:.1f} s of it away" if is_server else ""
            mark += f"   more than {RECOVERY_S:.0f} s beyond it" if slow else ""
            struck = {"kill": "killed", "freeze": "frozen"}[how]
            print(f"  {DEALS} deals, {victim + ' ' + struck:<20} {took:6.1f} s{mark}", flush=True)
            if slow:
                failed.append(f"{victim} {how}: {took:.1f} s")
    failed += differences(stack, done, undisturbed)
    print(f"  {len(done)} disturbed deals: "
          + (f"{len(failed)} differences" if failed else "nobody can tell them from undisturbed ones"))
    for line in failed:
        print(f"  {line}", file=sys.stderr)
    return 1 if failed else 0


def main():
    stack = Stack(pathlib.Path(os.environ["HOLDFAST_TEST_DIR"]))
    try:
        return demo(stack.start())
    finally:
        stack.stop()


if __name__ == "__main__":
    sys.exit(main())
