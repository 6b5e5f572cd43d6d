"""What must be going on for a point to be passed: who is armed, who is not there, what happens meanwhile.

One scene for each victim of a round. In order: prepare (processes), wait_prepared, provoke (once deals are under way),
when_met (the victim killed or stopped itself), mend (everything else has come to its end).
"""

import os
import random
import signal
import subprocess
import threading
import time
import uuid

import kafka
from harness import paths
from harness.events import Events
from harness.kafka_log import lane_of
from harness.process import PASSED_ON
from harness.waiting import wait_for
from points import TOOL

PATIENCE_S = 180.0
STRIKE_AFTER_S = 0.2
ATTEMPTS_MAX = 50


class Scene:
    """Deals, and a victim that has its half of the lanes."""

    alone = False  # the other replica is not there until the victim has met its point
    after_settled = False  # provoked when all deals that end by deeds have ended

    def __init__(self, stack, run):
        self.stack = stack
        self.run = run
        self.nth = random.Random(run.name).randint(1, run.point.passes)
        numbers = self._numbers()
        self.victim, self.peer = (stack.processes[f"{run.service}-{number}"] for number in numbers)
        self.number, self.other = numbers
        self.met_at = None
        self.failure = None

    def _numbers(self):
        """A replica that is dead must be started anyway, so it becomes the victim."""
        dead = [number for number in (1, 2) if not self.stack.processes[f"{self.run.service}-{number}"].runs()]
        first = dead[0] if dead else random.Random(self.run.name + " victim").randint(1, 2)
        return first, 3 - first

    def prepare(self):
        if self.alone:
            self.peer.stop()
        elif not self.peer.runs():
            self.peer.start()
        self.stack.arm(self.victim.name, self.run.point.name, self.nth, self.run.how)

    def wait_prepared(self):
        wait_for(lambda: self.is_met() or self.victim.is_ready(), PATIENCE_S, f"{self.victim.name} being ready")
        if not self.is_met():
            if not self.alone:
                self.peer.wait_ready(PATIENCE_S)
            self.wait_balanced()

    def wait_balanced(self):
        try:
            self.stack.wait_balanced(self.run.service, PATIENCE_S, unless=self.is_met)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.victim.tail()}") from None

    def entrance(self):
        """The replica that clients prefer, as long as the victim is up."""
        return self.number

    def provoke(self):
        pass

    def is_met(self):
        return self.met_at is not None or self.victim.has_met_its_point()

    def when_met(self):
        self.met_at = time.monotonic()
        if self.run.service == "gateway":
            self.stack.api.prefer(self.other)
        if not self.peer.runs():
            self.peer.start()

    def mend(self):
        """A sleeper wakes up when others have taken over; it must lose its lanes and be well again."""
        self.peer.wait_ready(PATIENCE_S)
        if self.run.how == "stop":
            wait_for(lambda: all(alive for _, _, alive in self.stack.lane_owners(self.run.service)), PATIENCE_S,
                     f"living owners of {self.run.service}")
            self.victim.thaw_if_frozen()
            self.wait_awake()
        if self.failure:
            raise AssertionError(self.failure)

    def wait_awake(self):
        self.victim.wait_ready(PATIENCE_S)


class Bereaved(Scene):
    """Two owners of all lanes were killed one after the other, so they are read record by record (R9)."""

    alone = True

    def prepare(self):
        for replica in (self.victim, self.peer):
            if replica.runs():
                replica.kill()
        self.peer.start().wait_ready(PATIENCE_S)
        self.wait_balanced()
        self.peer.kill()
        super().prepare()


class Takeover(Scene):
    """The other replica dies first, and leaves what the victim has to mend."""

    def prepare(self):
        super().prepare()
        self.stack.arm(self.peer.name, self.run.point.peer)

    def entrance(self):
        return self.other

    def is_met(self):
        if self.run.service == "gateway" and self.met_at is None and self.peer.has_met_its_point():
            self.stack.api.prefer(self.number)
        return super().is_met()


class Handover(Scene):
    """The victim has all lanes, and gives half of them to a newcomer."""

    alone = True

    def provoke(self):
        self.peer.start()


class Drain(Scene):
    """The victim is asked to stop while deals are under way."""

    def provoke(self):
        time.sleep(STRIKE_AFTER_S)
        self.victim.asked = True
        self.victim.child.send_signal(signal.SIGTERM)

    def wait_awake(self):
        assert self.victim.wait_ended(PATIENCE_S) == 0, f"{self.victim.name}: {self.victim.tail()}"


class Timer(Scene):
    """Deals wait for their deadline, and a day passes."""

    after_settled = True
    alone = True  # few deals wait, and they may be in any lane

    def provoke(self):
        self.stack.pass_time(86400)


class Stream(Scene):
    """A buyer watches the victim's stream of events."""

    def wait_prepared(self):
        super().wait_prepared()
        self.events = None
        try:
            self.events = self._follow(self.number)
        except OSError:  # met while it was being opened
            wait_for(self.is_met, PATIENCE_S, self.run.name)

    def _follow(self, number):
        return Events(self.stack.api.by_number[number], self.stack.tokens["BUYER"])

    def mend(self):
        super().mend()
        again = self._follow(self.other if self.run.how == "kill" else self.number)
        again.snapshot()
        again.close()
        if self.events:
            assert self.run.how == "stop" or self.events.end() == "broken"
            self.events.close()


class Asked(Scene):
    """An operator asks for something meanwhile, in a thread of his own."""

    def provoke(self):
        self.helper = threading.Thread(target=self._ask_and_tell, daemon=True)
        self.helper.start()

    def _ask_and_tell(self):
        try:
            self.ask()
        except (AssertionError, OSError) as error:
            self.failure = f"what was asked: {error}"

    def mend(self):
        self.helper.join(PATIENCE_S)
        assert not self.helper.is_alive(), "the operator still waits"
        super().mend()


class Newcomers(Asked):
    """People register, which is all that the gateway tells others."""

    def ask(self):
        for _ in range(ATTEMPTS_MAX):
            if self.is_met():
                return
            key = str(uuid.uuid4())
            answer = self.client.insist(
                lambda: self.client.api.post("/v1/users", "MARKETPLACE", {"display_name": "Ada"}, key), "a new user")
            assert answer.status == 202, answer
        raise AssertionError(f"{self.run.point.name} was not passed")


class Republish(Asked):
    """Records are to be published again, until the owner has met its point."""

    alone = True

    def ask(self):
        for _ in range(ATTEMPTS_MAX):
            done = self._once()
            # Where nothing was written yet, "there is no such n" is the answer, and as good.
            assert done.returncode in (0, 1), done.stderr
            if self.is_met():
                return
        raise AssertionError(f"{self.run.point.name} was not passed")

    def _once(self):
        rows = self.stack.servers.sql(
            f"SELECT topic, lane, next_n - 1 FROM {self.run.service}.lane_out WHERE next_n > 1 ORDER BY random() LIMIT 1")
        topic, lane, n = rows[0] if rows else (f"{self.run.service}.dlq.v1", "0", "1")
        return self.stack.operator.run("bus", "republish", "--topic", topic, "--lane", lane, "--from", n)


class Unpark(Asked):
    """A deal is stuck behind bytes that nobody can read; a person drops them, and the rest runs in order."""

    alone = True

    def __init__(self, stack, run):
        super().__init__(stack, run)
        self.deal = None
        self.client = None  # set by the round

    def ask(self):
        self.deal, secret = self.client.payable_deal()
        producer = kafka.KafkaProducer(bootstrap_servers=self.stack.servers.brokers)
        producer.send("escrow.commands.v1", key=self.deal.id.encode(), value=b"\xff\xfe",
                      partition=lane_of(self.deal.id)).get(10)
        wait_for(self._waiting, PATIENCE_S, "the parked deal")
        self.client.api.sandbox.pay(secret)
        wait_for(lambda: self._waiting() >= 2, PATIENCE_S, "the news behind it")
        dropped = self.stack.operator.run("park", "drop", self.deal.id, "--requested-by", "ops")
        assert dropped.returncode == 0, dropped.stderr
        wait_for(self.is_met, PATIENCE_S, "the point")
        while self._waiting():  # the rest waits for a person when the owner died in between
            self.stack.operator.run("park", "retry", self.deal.id, "--requested-by", "ops")
        self.client.wait_state(self.deal, "FUNDS_HELD")
        self.client.command(self.deal, "mark-delivered", "SELLER")
        self.client.wait_state(self.deal, "DELIVERED")
        self.client.command(self.deal, "release", "BUYER")
        self.client.wait_state(self.deal, "RELEASED")

    def _waiting(self):
        return int(self.stack.servers.sql(
            f"SELECT count(*) FROM escrow.parked_message WHERE key = '{self.deal.id}'")[0][0])


class Request:
    """holdfastctl itself dies with its request left behind: the owner carries it out, and asking again does no harm."""

    alone = False
    after_settled = False

    def __init__(self, stack, run):
        self.stack = stack
        self.run = run
        self.nth = 1
        self.met_at = None
        self.child = None

    def prepare(self):
        pass

    def wait_prepared(self):
        pass

    def provoke(self):
        topic, lane, n = self.stack.servers.sql(
            "SELECT topic, lane, next_n - 1 FROM escrow.lane_out WHERE next_n > 1 ORDER BY random() LIMIT 1")[0]
        self.words = ("bus", "republish", "--topic", topic, "--lane", lane, "--from", n)
        marked = {key: os.environ[key] for key in PASSED_ON if key in os.environ}  # a frozen one is found and ended
        environment = {**marked, **self.stack.operator.environment,
                       "HOLDFAST_CRASH_AT": f"{self.run.point.name}:{self.nth}:{self.run.how}"}
        self.child = subprocess.Popen([paths.program(TOOL), *self.words], env=environment, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def is_met(self):
        if self.met_at is not None or self.child is None:
            return self.met_at is not None
        if self.child.poll() is not None:
            return self.child.returncode == -signal.SIGKILL
        with open(f"/proc/{self.child.pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rsplit(") ", 1)[1].startswith("T")

    def when_met(self):
        self.met_at = time.monotonic()

    def mend(self):
        wait_for(lambda: self.stack.servers.sql("SELECT 1 FROM escrow.admin_request WHERE open") == [], PATIENCE_S,
                 "the request being carried out")
        if self.run.how == "stop":
            os.kill(self.child.pid, signal.SIGCONT)
            assert self.child.wait(PATIENCE_S) == 0
        again = self.stack.operator.run(*self.words)
        assert again.returncode == 0, again.stderr


SCENES = {"traffic": Scene, "bereaved": Bereaved, "takeover": Takeover, "handover": Handover, "drain": Drain, "timer": Timer,
          "stream": Stream, "newcomers": Newcomers, "republish": Republish, "unpark": Unpark, "request": Request}
