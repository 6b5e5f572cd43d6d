#!/usr/bin/env python3
"""Our Stripe client and webhook against parts that nobody here wrote.

usage: judges.py --build DIR [--mock STRIPE_MOCK] [--world-python PYTHON] [--node-modules-parent DIR]
A judge that is not given is skipped. Everything listens on 127.0.0.1, on free ports, and ends with this script.
"""
import argparse
import contextlib
import http.client
import http.server
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
START_MAX_S = 60
CALL_MAX_S = 60
ESCROW_ID = "5f0c2a8e-0000-4000-8000-0000000000e5"
FACT_MADE, FACT_SUCCEEDED, FACT_CANCELED, FACT_FAILED = 2, 4, 5, 6  # enum payments_fact_kind
SECRET = "whsec_judge_4c1d"

passed, failed = [], []


def verdict(name, good, why=""):
    (passed if good else failed).append(name)
    print(f"ok {name}" if good else f"FAILED {name}: {why}", flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def server(command, port):
    """A process that serves on the port; ended at the end."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + START_MAX_S
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                if process.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    raise RuntimeError(f"{command[0]} does not serve: {log.read()[-500:]!r}")
                threading.Event().wait(0.05)
            yield
        finally:
            process.terminate()
            process.wait()


class Answer:
    def __init__(self, output):
        judged, told, self.body = output.split("\n", 2)
        self.status, self.verdict, self.code = judged.split(" ", 2)
        self.fact, self.ref = told.split(" ", 1)
        self.fact = int(self.fact)

    def __str__(self):
        return f"{self.status} {self.verdict} '{self.code}' fact {self.fact} ref '{self.ref}' {self.body[:300]}"


class Client:
    """Our own client, one process a call."""

    def __init__(self, build, base):
        self.program = os.path.join(build, "tests", "judges", "judge_client")
        self.base = base

    def __call__(self, kind, key, amount=5000, ref=""):
        effect = f"5f0c2a8e-0000-4000-8000-{key:012x}"
        command = [self.program, self.base, kind, effect, str(amount), ref]
        done = subprocess.run(command, capture_output=True, text=True, timeout=CALL_MAX_S, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"judge_client {kind}: {done.stderr}")
        return Answer(done.stdout)


# ---- stripe-mock: the contract ----

def judge_contract(build, mock):
    plain, tls = free_port(), free_port()
    command = [mock, "-http-addr", f"127.0.0.1:{plain}", "-https-addr", f"127.0.0.1:{tls}", "-strict-version-check"]
    with server(command, plain):
        call = Client(build, f"http://127.0.0.1:{plain}")
        shapes = {"intent": "", "cancel": "pi_123", "transfer": "ch_123", "refund": "pi_123"}
        for number, (kind, ref) in enumerate(shapes.items(), 1):
            answer = call(kind, number, ref=ref)
            verdict(f"contract: {kind} is well-formed", answer.status == "200", answer)
            answer = call(kind + "+", number, ref=ref)
            verdict(f"contract: {kind} with an unknown parameter is refused", answer.status == "400", answer)
        questions = {"look-at-intent": "pi_123", "look-at-transfer": "tr_123", "look-at-refund": "re_123",
                     "search-intent": "", "search-transfer": "", "search-refund": "pi_123"}
        for number, (kind, ref) in enumerate(questions.items(), 11):
            answer = call(kind, number, ref=ref)
            verdict(f"contract: {kind} is well-formed", answer.status == "200", answer)
            answer = call(kind + "+", number, ref=ref)
            verdict(f"contract: {kind} with an unknown parameter is refused", answer.status == "400", answer)
        answer = call("books", 30)
        verdict("contract: a page of the books is well-formed", answer.status == "200", answer)
        verdict("contract: and read", answer.verdict == "read" and answer.fact >= 1 and answer.ref.startswith("txn_"), answer)
        verdict("contract: books with an unknown parameter are refused", call("books+", 31).status == "400", answer)
        answer = call("transfer", 5)
        verdict("contract: transfer without a charge is well-formed", answer.status == "200", answer)


# ---- The emulator: state and idempotency ----

class Front(http.server.BaseHTTPRequestHandler):
    """Takes off what the emulator does not know (Connect), and hands the rest on as it is."""

    protocol_version = "HTTP/1.1"
    upstream = None  # (port, path)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        kept = [item for item in body.split("&") if not item.startswith("transfer_group=")]
        port, path = self.upstream
        names = ("Authorization", "Content-Type", "Idempotency-Key")
        headers = {name: self.headers[name] for name in names if self.headers[name]}
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=CALL_MAX_S)
        connection.request("POST", path + self.path, "&".join(kept), headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def front(port, path):
    handler = type("WorldFront", (Front,), {"upstream": (port, path)})
    serving = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=serving.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{serving.server_address[1]}"
    finally:
        serving.shutdown()
        thread.join()
        serving.server_close()


def direct(port, method, path, parameters=None):
    """The test's own call, as the buyer's page or a person at the dashboard would make it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=CALL_MAX_S)
    body = urllib.parse.urlencode(parameters) if parameters else None
    headers = {"Authorization": "Bearer sk_test_judge"}
    if body:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    connection.request(method, path, body, headers)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


def judge_state(build, python):
    """Returns the emulator's events of a payment that was made, paid and refunded."""
    port, world = free_port(), "/worlds/holdfast"
    with server([python, os.path.join(HERE, "judge_world.py"), str(port)], port), front(port, world) as base:
        call = Client(build, base)
        first = call("intent", 1)
        verdict("state: an intent is made", (first.verdict, first.fact) == ("done", FACT_MADE), first)
        again = call("intent", 1)
        verdict("state: the same key gives the same intent", again.ref == first.ref and first.ref != "", again)
        other = call("intent", 1, amount=6000)
        wanted = ("unknown", "idempotency_error")
        verdict("state: a key used for something else is not certain", (other.verdict, other.code) == wanted, other)
        gone = call("cancel", 2, ref=first.ref)
        verdict("state: an intent is canceled", (gone.verdict, gone.fact) == ("done", FACT_CANCELED), gone)
        twice = call("cancel", 3, ref=first.ref)
        certain = twice.verdict in ("done", "failed") and twice.fact in (0, FACT_CANCELED)
        verdict("state: canceling again changes nothing", certain, twice)
        missing = call("cancel", 4, ref="pi_nobody")
        certain = (missing.verdict, missing.code) == ("failed", "intent_not_canceled")
        verdict("state: an unknown intent is a certain refusal", certain, missing)

        paid = call("intent", 5)
        card = direct(port, "POST", f"{world}/v1/payment_methods", {"type": "card", "card[token]": "tok_visa"})
        confirm = {"payment_method": card.get("id", "")}
        intent = direct(port, "POST", f"{world}/v1/payment_intents/{paid.ref}/confirm", confirm)
        verdict("state: the buyer pays", intent.get("status") == "succeeded", intent)
        late = call("cancel", 6, ref=paid.ref)
        verdict("state: a paid intent is not canceled", (late.verdict, late.fact) == ("failed", FACT_SUCCEEDED), late)
        part = call("refund", 7, amount=2000, ref=paid.ref)
        verdict("state: a part goes back", (part.verdict, part.fact) == ("done", FACT_SUCCEEDED), part)
        same = call("refund", 7, amount=2000, ref=paid.ref)
        verdict("state: the same key refunds once", same.ref == part.ref != "", same)
        much = call("refund", 8, amount=3001, ref=paid.ref)
        verdict("state: more than was paid does not", (much.verdict, much.fact) == ("failed", FACT_FAILED), much)
        rest = call("refund", 9, amount=3000, ref=paid.ref)
        verdict("state: the rest goes back", (rest.verdict, rest.fact) == ("done", FACT_SUCCEEDED), rest)
        return direct(port, "GET", f"{world}/v1/events?limit=100")["data"]


# ---- npm stripe: signatures ----

PAID_EVENT = {
    "id": "evt_judge_1", "object": "event", "type": "payment_intent.succeeded", "livemode": False,
    "data": {"object": {
        "id": "pi_1", "object": "payment_intent", "status": "succeeded", "amount_received": 5000, "currency": "usd",
        "latest_charge": "ch_1", "metadata": {"escrow_id": ESCROW_ID, "leg_id": ESCROW_ID}}},
}


def judge_signatures(build, parent, events):
    program = os.path.join(build, "tests", "judges", "judge_webhook")
    command = [program, SECRET]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True) as ours, tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        url = f"http://127.0.0.1:{int(ours.stdout.readline())}/webhooks/stripe"
        json.dump([PAID_EVENT, *events], file)
        file.flush()
        script = ["node", os.path.join(HERE, "judge_webhook.mjs"), parent, url, SECRET, file.name]
        done = subprocess.run(script, capture_output=True, text=True, timeout=CALL_MAX_S, check=False)
        for line in done.stdout.splitlines():
            name, _, why = line.partition(": ")
            verdict(name.split(" ", 1)[1], name.startswith("ok "), why)
        if done.returncode not in (0, 1) or not done.stdout:
            verdict("npm stripe runs", False, done.stderr[-500:])
        ours.stdin.close()
        stored, signalled = map(int, ours.stdout.readline().split())
    wanted = 2 + 1 + len(events)  # good, twosigs; then each event
    verdict("webhook: only what was rightly signed is stored", stored == wanted, f"{stored} instead of {wanted}")
    ours_of = sum(names_leg(event) for event in events)
    verdict("webhook: what is about our legs is signalled", signalled == 3 + ours_of, f"{signalled} instead of {3 + ours_of}")


def names_leg(event):
    types = ("payment_intent.created", "payment_intent.succeeded", "payment_intent.canceled", "refund.created",
             "payment_intent.processing", "refund.updated", "charge.refund.updated")
    return event["type"] in types and "leg_id" in (event["data"]["object"].get("metadata") or {})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True)
    parser.add_argument("--mock")
    parser.add_argument("--world-python")
    parser.add_argument("--node-modules-parent")
    options = parser.parse_args()
    events = []
    if options.mock:
        judge_contract(options.build, options.mock)
    if options.world_python:
        events = judge_state(options.build, options.world_python)
        verdict("state: the emulator tells of what happened", len(events) >= 6, [event["type"] for event in events])
    if options.node_modules_parent:
        judge_signatures(options.build, options.node_modules_parent, events)
    print(f"judges: {len(passed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
