"""One of our processes: started with exactly the environment that is given, watched through its admin port."""

import http.client
import json
import os
import signal
import subprocess

from harness import paths
from harness.waiting import wait_for


# DEV_RUN_MARK: by it ./dev finds and ends what a killed test run left behind.
PASSED_ON = ("PATH", "DEV_RUN_MARK")


class Process:
    def __init__(self, name, program, environment, log_folder):
        self.name = name
        self.program = program
        self.environment = environment
        self.log_path = os.path.join(str(log_folder), f"{name}.log")
        self.child = None
        self.log_from = 0
        self.asked = False

    def start(self, **extra):
        """Starts it (again); extra variables count for this start only."""
        assert self.child is None or self.child.poll() is not None, f"{self.name} runs"
        self.asked = False
        passed_on = {
            key: value for key, value in os.environ.items() if key in PASSED_ON or key.endswith("SAN_OPTIONS")
        }
        with open(self.log_path, "ab") as log:
            self.log_from = log.tell()
            self.child = subprocess.Popen(
                [paths.program(self.program)], env={**passed_on, **self.environment, **extra},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )
        return self

    def lines(self):
        """The log lines of this start, those that are JSON."""
        with open(self.log_path, "rb") as log:
            log.seek(self.log_from)
            text = log.read().decode("utf-8", "replace")
        found = []
        for line in text.splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return found

    def event(self, name):
        """The last log line of an event, or None."""
        found = [line for line in self.lines() if line.get("event") == name]
        return found[-1] if found else None

    def admin_port(self):
        line = self.event("svc.started")
        return line["admin_port"] if line else None

    def admin(self, path):
        """(status, body) of the admin port; None when it does not answer."""
        port = self.admin_port()
        if not port:
            return None
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return None
        finally:
            connection.close()

    def is_ready(self):
        if self.child.poll() is not None:
            raise AssertionError(f"{self.name} ended with {self.child.returncode}: {self.tail()}")
        answer = self.admin("/readyz")
        return answer is not None and answer[0] == 200

    def wait_ready(self, timeout_s=30):
        try:
            wait_for(self.is_ready, timeout_s, f"{self.name} being ready")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.tail()}") from None
        return self

    def tail(self, count=30):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-count:])

    def runs(self):
        return self.child is not None and self.child.poll() is None

    def kill(self):
        self.child.send_signal(signal.SIGKILL)
        self.child.wait(10)

    def freeze(self):
        self.child.send_signal(signal.SIGSTOP)
        wait_for(self.is_frozen, 5, f"{self.name} being frozen")

    def thaw(self):
        self.child.send_signal(signal.SIGCONT)

    def thaw_if_frozen(self):
        if self.runs() and self.is_frozen():
            self.thaw()

    def is_frozen(self):
        with open(f"/proc/{self.child.pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rsplit(") ", 1)[1].startswith("T")

    def has_met_its_point(self):
        """Started with HOLDFAST_CRASH_AT: killed or frozen by itself."""
        return self.child.returncode == -signal.SIGKILL if not self.runs() else self.is_frozen()

    def wait_ended(self, timeout_s=20):
        """Waits until it ended by itself; its exit code."""
        return self.child.wait(timeout_s)

    def ask_to_stop(self):
        """Asks it once (a second time would mean: at once), frozen or not."""
        if self.runs() and not self.asked:
            self.asked = True
            self.child.send_signal(signal.SIGTERM)
            self.child.send_signal(signal.SIGCONT)

    def stop(self, timeout_s=30):
        """Ends it and returns its exit code; None when it had to be killed."""
        if self.child is None:
            return 0
        self.ask_to_stop()
        try:
            return self.child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            return None
