"""A new version is rolled out, replica by replica, while commands come in: none of them fails."""

import concurrent.futures
import json
import threading
import time
import uuid

import pytest

from harness import http

CLIENTS = 4
READY_LAG_MS = 3000
LOOK_S = 0.1  # how often a balancer asks for readiness
SEEN_S = 30


class Balancer:
    """Sends each request to a replica that said it is ready when last asked. It repeats nothing."""

    def __init__(self, stack):
        self.stack = stack
        self.ready = {1: True, 2: True}
        self.turn = 0
        self.stopped = threading.Event()
        self.watchers = [threading.Thread(target=self._watch, args=(number,)) for number in (1, 2)]

    def __enter__(self):
        for watcher in self.watchers:
            watcher.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for watcher in self.watchers:
            watcher.join()

    def _watch(self, number):
        while not self.stopped.wait(LOOK_S):
            answer = self.stack.processes[f"gateway-{number}"].admin("/readyz")
            self.ready[number] = answer is not None and answer[0] == 200

    def wait_for(self, process):
        """A roll-out goes on when the balancer, too, has seen that a replica is back."""
        number = {"gateway-1": 1, "gateway-2": 2}.get(process.name)
        deadline = time.monotonic() + SEEN_S
        while number and not self.ready[number]:
            assert time.monotonic() < deadline, f"{process.name} is not seen to be ready"
            time.sleep(LOOK_S / 2)

    def post(self, path, role, value):
        self.turn += 1
        ready = [number for number in (1, 2) if self.ready[number]]
        assert ready, "no replica is ready"
        url = self.stack.api.by_number[ready[self.turn % len(ready)]]
        headers = {"Authorization": f"Bearer {self.stack.tokens[role]}", "Content-Type": "application/json",
                   "Idempotency-Key": str(uuid.uuid4())}
        return http.request(url + path, "POST", headers, json.dumps(value))


@pytest.fixture
def patient(stack):
    """The gateways serve on for as long as the balancer may take to look."""
    gateways = [stack.processes[f"gateway-{number}"] for number in (1, 2)]
    for gateway in gateways:
        assert gateway.stop() == 0
        gateway.start(READY_LAG_MS=str(READY_LAG_MS)).wait_ready(60)
    return stack


def test_no_command_fails(patient):
    stack, api = patient, patient.api
    ended = threading.Event()

    def client(balancer):
        """Creates deals until the roll-out is over; what each request was answered, or how it broke."""
        told = []
        while not ended.is_set():
            try:
                answer = balancer.post("/v1/escrows", "MARKETPLACE", api.terms())
                told.append(answer.status)
                if answer.status == 202:
                    api.accepted.append((answer.headers["location"].rsplit("/", 1)[1], "MARKETPLACE"))
            except OSError as error:
                told.append(repr(error))
            time.sleep(LOOK_S)
        return told

    with Balancer(stack) as balancer, concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(client, balancer) for _ in range(CLIENTS)]
        try:
            for process in stack.processes.values():
                assert process.stop() == 0, process.name
                process.start().wait_ready(60)
                balancer.wait_for(process)
        finally:
            ended.set()
        told = [status for client in clients for status in client.result()]
    assert len(told) >= 10 * CLIENTS
    assert set(told) == {202}, {status: told.count(status) for status in set(told)}
