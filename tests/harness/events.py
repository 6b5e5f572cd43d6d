"""A client of GET /v1/events, as plain as one can be: what came, in order, and how it ended."""

import json
import queue
import socket
import threading
import urllib.parse
from http.client import HTTPConnection, HTTPException

from harness.waiting import PATIENCE_S

CONNECT_TIMEOUT_S = 5
SILENCE_TIMEOUT_S = 40  # the server sends a comment every 15 s


class Refused(Exception):
    def __init__(self, status, problem):
        super().__init__(f"{status} {problem.get('code')}")
        self.status = status
        self.problem = problem


class Events:
    """Reads in a thread of its own. ended: None while it runs, "ended" after the last chunk, "broken" otherwise."""

    def __init__(self, url, token, escrow_id=None):
        address = urllib.parse.urlsplit(url)
        self.connection = HTTPConnection(address.hostname, address.port, timeout=CONNECT_TIMEOUT_S)
        query = f"?escrow_id={escrow_id}" if escrow_id else ""
        self.connection.request("GET", f"/v1/events{query}", headers={"Authorization": f"Bearer {token}"})
        self.socket = self.connection.sock
        self.response = self.connection.getresponse()
        if self.response.status != 200:
            raise Refused(self.response.status, json.loads(self.response.read()))
        self.socket.settimeout(SILENCE_TIMEOUT_S)
        self.seen = []  # (event, value): all that was taken from the queue
        self.ended = None
        self.queue = queue.Queue()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        ended = "broken"
        text = ""
        try:
            # read1 tells a stream that was cut from one whose last chunk came; iterating does not.
            while chunk := self.response.read1(65536):
                *blocks, text = (text + chunk.decode()).split("\n\n")
                for block in blocks:
                    fields = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
                    if "event" in fields:
                        self.queue.put((fields["event"], json.loads(fields["data"])))
            ended = "ended"
        except (OSError, HTTPException, ValueError):
            pass
        self.queue.put(("end", ended))

    def wait(self, condition, what, timeout_s=PATIENCE_S):
        """The value of the first event from here on for which condition(name, value) holds."""
        try:
            while True:
                name, value = self.queue.get(timeout=timeout_s)
                if name == "end":
                    self.ended = value
                self.seen.append((name, value))
                if condition(name, value):
                    return value
                assert name != "end", f"{value} before {what}; seen: {self.names()}"
        except queue.Empty:
            raise AssertionError(f"no {what} in {timeout_s} s; seen: {self.names()}") from None

    def snapshot(self):
        return self.wait(lambda name, _: name == "snapshot", "snapshot")

    def deal(self, escrow_id, state, timeout_s=PATIENCE_S):
        return self.wait(lambda name, value: name == "deal" and value["id"] == escrow_id and value["state"] == state,
                         f"{escrow_id} being {state}", timeout_s)

    def command(self, command_id):
        return self.wait(lambda name, value: name == "command" and value["command_id"] == command_id,
                         f"the outcome of {command_id}")

    def end(self, timeout_s=10):
        return self.wait(lambda name, _: name == "end", "end", timeout_s)

    def names(self):
        return [name if name != "deal" else f"{value['id'][:8]} {value['state']}" for name, value in self.seen]

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)  # the thread reads from it
        except OSError:
            pass  # the other side was faster
        self.thread.join(CONNECT_TIMEOUT_S)
        self.connection.close()
