"""One round: a victim in each of several services at once, deals meanwhile, and the comparison with undisturbed deals."""

import concurrent.futures
import threading
import time

import deals
from harness.client import Client
from harness.parties import Parties
from harness.stack import SERVICES
from harness.told import Told
from harness.waiting import wait_for
from scenes import PATIENCE_S, SCENES

POLL_S = 0.02
DEALS_MAX = 12  # of one pair of people, until the last victim has met its point
DAY_S = 86400


class World:
    """A stack, people in it, and what undisturbed deals of each kind look like there."""

    def __init__(self, stack):
        self.stack = stack
        self.pool = concurrent.futures.ThreadPoolExecutor(2 * len(deals.KINDS))
        stack.sandbox.limit("messages", 0)  # Discord's own pace is not what is tested
        stack.sandbox.limit("channels", 0)
        for service in SERVICES:
            stack.wait_balanced(service, PATIENCE_S)
        self.people = list(self.pool.map(lambda _: Parties(stack), deals.KINDS))
        self.usual = {}
        for done in (self._undisturbed(deals.KINDS), self._undisturbed((deals.left_alone,) * 2)):
            for kind, parties, deal in done:
                told = Told(stack, parties, deal)
                different = told.differences(self.usual.setdefault(kind, told))
                assert not different, f"two undisturbed deals differ ({kind.__name__}): {different}"

    def _undisturbed(self, kinds):
        done = [(kind, parties, deal) for kind, parties, deal in
                self.pool.map(lambda pair: (pair[0], pair[1], pair[0](Client(pair[1].api))), zip(kinds, self.people))]
        self.stack.settle(PATIENCE_S)
        if deals.left_alone in kinds:
            self.stack.pass_time(DAY_S)
            for _, parties, deal in done:
                Client(parties.api).wait_state(deal, "RELEASED")
            self.stack.settle(PATIENCE_S)
        return done

    def check(self):
        """The invariants, over all that was done so far."""
        for process in self.stack.processes.values():
            if not process.runs():
                process.start()
        for process in self.stack.processes.values():
            process.wait_ready(PATIENCE_S)
        self.stack.check()
        for parties in self.people:
            parties.api.check_accepted()

    def close(self):
        self.pool.shutdown(wait=False, cancel_futures=True)


class Round:
    def __init__(self, world, runs):
        self.world = world
        self.stack = world.stack
        self.scenes = [SCENES[run.point.while_](world.stack, run) for run in runs]
        self.all_met = threading.Event()
        self.recovered_s = 0.0

    def play(self):
        try:
            self._play()
        finally:
            self.all_met.set()  # whatever happened, no more deals

    def _play(self):
        self.stack.api.prefer(next((scene.entrance() for scene in self.scenes if scene.run.service == "gateway"), 1))
        for scene in self.scenes:
            scene.prepare()
        self._start_others()
        for scene in self.scenes:
            scene.wait_prepared()
            scene.client = Client(self.world.people[0].api)
        timed = [scene for scene in self.scenes if scene.after_settled]
        done = self._under_fire([scene for scene in self.scenes if not scene.after_settled], bool(timed))
        if timed:
            self._let_time_pass(timed, done)
        self._compare(done)

    def _start_others(self):
        """Replicas of services without a victim that died in an earlier round."""
        busy = {scene.run.service for scene in self.scenes}
        for name, process in self.stack.processes.items():
            if name.rsplit("-", 1)[0] not in busy and not process.runs():
                process.start()

    def _under_fire(self, scenes, timed):
        """[(kind, parties, deal)] after all of it, when everything is well again."""
        kinds = [deals.left_alone if timed and kind is deals.released and number % 2 else kind
                 for number, kind in enumerate(deals.KINDS)]
        if not scenes:
            self.all_met.set()
        under_way = [self.world.pool.submit(self._deals_of, kind, parties)
                     for kind, parties in zip(kinds, self.world.people)]
        for scene in scenes:
            scene.provoke()
        self._wait_met(scenes, under_way)
        done = [entry for each in under_way for entry in each.result()]
        self.recovered_s = time.monotonic() - max((scene.met_at for scene in scenes), default=time.monotonic())
        for scene in scenes:
            scene.mend()
        self.stack.settle(PATIENCE_S)
        return done + [(deals.released, self.world.people[0], scene.deal) for scene in scenes if hasattr(scene, "deal")]

    def _deals_of(self, kind, parties):
        """At least one; more while a victim has not met its point."""
        client = Client(parties.api)
        done = [(kind, parties, kind(client))]
        while not self.all_met.is_set() and len(done) < DEALS_MAX:
            done.append((deals.released, parties, deals.released(client)))
        return done

    def _wait_met(self, scenes, under_way):
        waiting = list(scenes)
        while waiting:
            busy = not all(each.done() for each in under_way)
            for scene in list(waiting):
                if scene.is_met():
                    scene.when_met()
                    waiting.remove(scene)
            if waiting and not busy:
                raise AssertionError("never passed: " + ", ".join(scene.run.name for scene in waiting))
            time.sleep(POLL_S)
        self.all_met.set()

    def _let_time_pass(self, scenes, done):
        for scene in scenes:
            scene.provoke()
        for scene in scenes:
            wait_for(scene.is_met, PATIENCE_S, scene.run.name)
            scene.when_met()
        for kind, parties, deal in done:
            if kind is deals.left_alone:
                Client(parties.api).wait_state(deal, "RELEASED")
        for scene in scenes:
            scene.mend()
        self.stack.settle(PATIENCE_S)

    def _compare(self, done):
        told = self.world.pool.map(lambda entry: (entry, Told(self.stack, entry[1], entry[2])), done)
        different = [f"{deal.id} ({kind.__name__}): {line}" for (kind, _, deal), now in told
                     for line in now.differences(self.world.usual[kind])]
        assert not different, "\n".join(different)
