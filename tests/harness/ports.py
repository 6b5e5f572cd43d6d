"""Free loopback ports below the range that the kernel gives to outgoing connections. Among those who choose (other runs and
./dev, whose tools/dev/common.sh does the same) a lock on a file decides, which is kept until this process ends.
"""

import fcntl
import os
import pathlib
import random
import socket

LOW, HIGH = 18000, 31999
_claims = {}


def _folder():
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.environ.get("HOME", "/tmp"), ".cache")
    return pathlib.Path(os.environ.get("HOLDFAST_CACHE") or os.path.join(home, "holdfast")) / "ports"


def _claim(port):
    """The locked file, or None."""
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    claim = open(folder / str(port), "ab")  # children do not inherit it
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
        return claim
    except OSError:
        claim.close()
        return None


def free_port():
    for _ in range(200):
        port = random.randint(LOW, HIGH)
        claim = None if port in _claims else _claim(port)
        if claim:
            _claims[port] = claim
            return port
    raise RuntimeError("no free port")
