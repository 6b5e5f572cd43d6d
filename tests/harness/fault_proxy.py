"""libs/testing's fault proxy between a process of ours and one of its servers."""

import subprocess

from harness import paths
from harness.waiting import wait_for


class FaultProxy:
    """protocol: postgres or kafka; port: the server's. Runs until stop()."""

    def __init__(self, protocol, port):
        self.upstream = str(port)
        self.child = subprocess.Popen([paths.program("holdfast-fault-proxy"), protocol, self.upstream], text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        self.port = self.child.stdout.readline().strip()

    def instead(self, address):
        """The same address, by way of the proxy."""
        assert f"127.0.0.1:{self.upstream}" in address, address
        return address.replace(f"127.0.0.1:{self.upstream}", f"127.0.0.1:{self.port}")

    def _say(self, line):
        self.child.stdin.write(f"{line}\n")
        self.child.stdin.flush()
        return self.child.stdout.readline().strip()

    def set(self, fault, n=1):
        assert self._say(f"{fault} {n}") == "set", fault

    def cuts(self):
        return int(self._say("cuts"))

    def wait_cuts(self, count, timeout_s=30):
        wait_for(lambda: self.cuts() >= count, timeout_s, f"{count} cut connections")

    def stop(self):
        self.child.stdin.close()
        return self.child.wait(10)
