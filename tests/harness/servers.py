"""A PostgreSQL and a Kafka of one's own, by the same script that developers use."""

import contextlib
import glob
import json
import os
import signal
import subprocess

from harness import paths
from harness.waiting import wait_for


class Servers:
    """Fresh servers under a folder, until stop()."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.start()

    def start(self):
        """Starts what does not run, where it was before."""
        done = subprocess.run(
            [str(paths.ROOT / "dev"), "servers", "up", self.folder],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=300,
        )
        if done.returncode != 0:
            raise RuntimeError(f"the servers do not start: {done.stderr[-2000:]}")
        told = json.loads(done.stdout[done.stdout.index("{"):])
        self.super_url = told["database_url"]
        self.brokers = told["brokers"]
        self.sasl = told["sasl"]  # the same broker for who shows a name and a password
        self.role_urls = told["role_urls"]
        self.pg_home = told["pg_home"]
        self.pids = {"kafka": told["kafka_pid"], "postgres": told["pg_pid"]}

    def end(self, name):
        """As its operator would: when this returns it has ended, and start() starts it again."""
        os.kill(self.pids[name], {"kafka": signal.SIGTERM, "postgres": signal.SIGINT}[name])
        wait_for(lambda: not os.path.exists(f"/proc/{self.pids[name]}"), 60, f"the end of {name}")

    def data(self, name):
        """The folder of its data."""
        return {"kafka": f"{self.folder}/kafka/data", "postgres": f"{self.pg_home}/data"}[name]

    def kill(self, name):
        os.kill(self.pids[name], signal.SIGKILL)

    def freeze(self, name):
        """All of it: PostgreSQL is a process for each session, and their parent, which comes first, so that none is added."""
        os.kill(self.pids[name], signal.SIGSTOP)
        for pid in self._children(name):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)

    def thaw(self, name):
        for pid in [*self._children(name), self.pids[name]]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def thaw_all(self):
        for name in self.pids:
            self.thaw(name)

    def _children(self, name):
        found = []
        for path in glob.glob("/proc/[0-9]*/stat"):
            with contextlib.suppress(OSError), open(path, encoding="ascii", errors="replace") as stat:
                if int(stat.read().rsplit(") ", 1)[1].split()[1]) == self.pids[name]:
                    found.append(int(path.split("/")[2]))
        return found

    def url(self, role):
        """The connection string of holdfast_<role>."""
        return self.role_urls[f"holdfast_{role}"]

    def sql(self, text, **variables):
        """Runs one statement as the superuser and returns its rows as lists of text."""
        names = [item for name, value in variables.items() for item in ("-v", f"{name}={value}")]
        done = subprocess.run(
            [paths.psql(), "-X", "-q", "-At", "-F", "\t", "-v", "ON_ERROR_STOP=1", *names, "-d", self.super_url],
            input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=60,
            env={**os.environ, "PGAPPNAME": "tests"},
        )
        if done.returncode != 0:
            raise AssertionError(f"SQL failed: {done.stderr.strip()}")
        return [line.split("\t") for line in done.stdout.splitlines()]

    def stop(self):
        subprocess.run(
            [str(paths.ROOT / "dev"), "servers", "down", self.folder],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, timeout=120,
        )
