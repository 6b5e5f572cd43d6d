"""Free loopback ports below the range that the kernel gives to outgoing connections."""

import random
import socket

LOW, HIGH = 18000, 31999
_taken = set()


def free_port():
    for _ in range(200):
        port = random.randint(LOW, HIGH)
        if port in _taken:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _taken.add(port)
        return port
    raise RuntimeError("no free port")
