#!/usr/bin/env python3
"""The crash sweep: every point in every service that passes it, killed and frozen, with several seeds.

./dev crash sets HOLDFAST_BUILD_DIR, HOLDFAST_TEST_DIR (an empty folder) and HOLDFAST_CRASH_DIR (where results stay), and runs
it. A run is (point, service, kill or stop, seed); the seed chooses the pass and the replica. Several runs, of different
services, share a round: each service loses one replica while deals are under way. At the end everything must be as if
nobody had died: each deal like an undisturbed one in its history, balances, ledger, provider's effects and messages; after
some rounds the invariants of everything. What passed is remembered for as long as the programs are the same.
"""

import argparse
import collections
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import sys
import time
from dataclasses import dataclass

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import paths  # noqa: E402
from harness.stack import SERVICES, Stack  # noqa: E402
from points import TOOL, Point, pairs  # noqa: E402
from rounds import Round, World  # noqa: E402

SIGNALS = ("kill", "stop")
SEEDS = 10
ROUNDS_PER_CHECK = 5
ROUNDS_PER_STACK = 40  # topics grow, and all of them is read by each check
BAR_CELLS = 30


@dataclass(frozen=True)
class Run:
    point: Point
    service: str
    how: str
    seed: int

    @property
    def name(self):
        return f"{self.point.name} {self.service} {self.how} {self.seed}"


def digest():
    """Of the programs: results are about these and no others."""
    whole = hashlib.sha256()
    for name in [*(f"holdfast-{service}" for service in SERVICES), TOOL]:
        whole.update(pathlib.Path(paths.program(name)).read_bytes())
    return whole.hexdigest()[:16]


class Results:
    """One line for each run that came to its end; what passed with these programs is not run again."""

    def __init__(self, folder, fresh):
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "results.jsonl"
        self.programs = digest()
        self.passed = set()
        if fresh:
            self.path.unlink(missing_ok=True)
        if self.path.exists():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                if row["programs"] == self.programs and row["passed"]:
                    self.passed.add(row["run"])

    def add(self, runs, passed, **more):
        with open(self.path, "a", encoding="utf-8") as out:
            for run in runs:
                row = {"run": run.name, "passed": passed, "programs": self.programs, "at": int(time.time()), **more}
                out.write(json.dumps(row) + "\n")
        if passed:
            self.passed.update(run.name for run in runs)


class Progress:
    def __init__(self, total, done):
        self.total, self.done, self.before, self.failed = total, done, done, 0
        self.began = time.monotonic()

    def show(self, runs, seconds):
        spent = time.monotonic() - self.began
        left_s = spent / max(1, self.done - self.before) * (self.total - self.done)
        cells = BAR_CELLS * self.done // max(1, self.total)
        line = (f"  [{'#' * cells}{'.' * (BAR_CELLS - cells)}] {self.done}/{self.total} runs, {self.failed} failed, "
                f"{int(left_s // 60)} min left; {len(runs)} at once in {seconds:.1f} s")
        end = "\r" if sys.stdout.isatty() else "\n"
        print(f"{line:<100}", end=end, flush=True)


class Queues:
    """What is still to be done: for each service in its own order, so that all points come before the second seed."""

    def __init__(self, runs):
        self.waiting = collections.defaultdict(collections.deque)
        for run in runs:
            self.waiting[run.service].append(run)

    def next_round(self):
        return [queue.popleft() for queue in self.waiting.values() if queue]


class Sweep:
    def __init__(self, options):
        self.options = options
        self.folder = pathlib.Path(os.environ["HOLDFAST_TEST_DIR"])
        self.keep = pathlib.Path(os.environ["HOLDFAST_CRASH_DIR"])
        self.results = Results(self.keep, options.fresh)
        wanted = self.wanted()
        left = [run for run in wanted if run.name not in self.results.passed]
        self.queues = Queues(left)
        self.progress = Progress(len(wanted), len(wanted) - len(left))
        self.until = time.monotonic() + options.sample_s if options.sample_s else None
        self.failures = []
        self.stacks = 0
        self.world = None
        self.unchecked = []
        self.longest_s = 0.0

    def wanted(self):
        options = self.options
        seeds = [options.seed] if options.seed is not None else range(1, options.seeds + 1)
        chosen = [(point, service) for point, service in pairs() if not options.only or point.name in options.only]
        runs = []
        for seed in seeds:
            some = [Run(point, service, how, seed) for how in SIGNALS for point, service in chosen]
            random.Random(seed).shuffle(some)
            runs += some
        return runs

    def run(self):
        rounds = 0
        try:
            while self.may_begin() and (runs := self.queues.next_round()):
                rounds += 1
                self.play(runs)
                if rounds % ROUNDS_PER_CHECK == 0:
                    self.check()
                if rounds % ROUNDS_PER_STACK == 0:
                    self.leave()
        finally:
            if self.world:
                self.check()
                self.leave()
        return self.verdict()

    def may_begin(self):
        """A sample ends in time: what a round took so far is still there, and the final check."""
        return self.until is None or time.monotonic() + 2 * self.longest_s < self.until

    def enter(self):
        if self.world is None:
            self.stacks += 1
            stack = Stack(self.folder / f"stack-{self.stacks}")
            try:
                self.world = World(stack.start())
            except BaseException:
                stack.stop()
                raise

    def leave(self):
        if self.world:
            self.world.close()
            self.world.stack.stop()
            self.world = None

    def play(self, runs):
        self.enter()
        began = time.monotonic()
        one = None
        try:
            one = Round(self.world, runs)
            one.play()
        except (AssertionError, OSError) as error:
            self.fail(runs, str(error))
            return
        seconds = time.monotonic() - began
        self.longest_s = max(self.longest_s, seconds)
        self.unchecked += [(run, round(seconds, 1), round(one.recovered_s, 1)) for run in runs]
        self.progress.done += len(runs)
        self.progress.show(runs, seconds)

    def check(self):
        if self.world is None:
            return
        try:
            self.world.check()
        except (AssertionError, OSError) as error:
            self.fail([run for run, *_ in self.unchecked], f"the invariants: {error}")
            return
        for run, seconds, recovered_s in self.unchecked:
            self.results.add([run], True, seconds=seconds, recovered_s=recovered_s)
        self.unchecked = []

    def fail(self, runs, why):
        """The state is not to be trusted any more: its logs are kept, and the next round begins with a new one."""
        names = ", ".join(run.name for run in runs)
        self.failures.append(names)
        self.progress.failed += len(runs)
        self.results.add(runs, False, why=why)
        self.unchecked = []
        print(f"\n  FAILED: {names}\n{why}", file=sys.stderr, flush=True)
        stack = self.world.stack
        self.leave()
        kept = self.keep / f"failed-{int(time.time())}"
        kept.mkdir(parents=True)
        (kept / "why").write_text(f"{names}\n{why}\n", encoding="utf-8")
        for log in stack.folder.glob("*.log"):
            shutil.copy(log, kept)
        print(f"  logs: {kept}", file=sys.stderr, flush=True)

    def verdict(self):
        print()
        met = len(self.results.passed)
        if self.failures:
            print(f"  {len(self.failures)} rounds failed; one point alone: ./dev crash --only POINT")
            return 1
        if self.until is None and self.progress.done < self.progress.total:
            print("  not everything was run")
            return 1
        print(f"  {self.progress.done} of {self.progress.total} runs passed ({met} with these programs), "
              f"{len(pairs())} points in services")
        return 0


def seconds_of(text):
    """90, 90s or 3m."""
    factor = {"s": 1, "m": 60}.get(text[-1])
    return float(text[:-1]) * factor if factor else float(text)


def read_options():
    reader = argparse.ArgumentParser(prog="./dev crash", description="The crash sweep.")
    reader.add_argument("--sample", dest="sample_s", type=seconds_of, help="what fits into this time, such as 3m")
    reader.add_argument("--only", action="append", metavar="POINT", help="this point; may be repeated")
    reader.add_argument("--seed", type=int, help="this seed alone")
    reader.add_argument("--seeds", type=int, default=SEEDS, help=f"so many seeds (default {SEEDS})")
    reader.add_argument("--fresh", action="store_true", help="forget earlier results")
    reader.add_argument("--list", action="store_true", help="print the points, and run nothing")
    options = reader.parse_args()
    unknown = set(options.only or ()) - {point.name for point, _ in pairs()}
    if unknown:
        reader.error(f"no such point: {', '.join(sorted(unknown))}")
    return options


def main():
    options = read_options()
    if options.list:
        for point, service in pairs():
            print(f"{point.name:<40} {service:<14} {point.while_}")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    return Sweep(options).run()


if __name__ == "__main__":
    sys.exit(main())
