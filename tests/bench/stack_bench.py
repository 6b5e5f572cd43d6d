#!/usr/bin/env python3
"""Benchmarks over the whole product: starts it, tells a program in C where it is, and gets out of the way. Where milliseconds
do not matter (memory) or are all that matters (start), it measures itself.

usage: stack_bench.py NAME [options]      by ./dev bench, which gives HOLDFAST_BENCH_DIR and the build
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import http, paths  # noqa: E402
from harness.ports import free_port  # noqa: E402
from harness.stack import SERVICES, Stack  # noqa: E402

# Who is needed. Those who are not here would find their messages when they are started.
NEEDED = {
    "accept": ("gateway",),
    "latency": ("gateway", "escrow"),
    "deal": ("gateway", "escrow", "payments"),
}
# One machine plays all clients, with one token for each kind.
EXTRA = {
    "gateway": {"HTTP_RATE_PER_TOKEN": "0", "HTTP_RATE_PER_ADDRESS": "0", "HTTP_CONNECTIONS_PER_ADDRESS_MAX": "0"},
    "payments": {"HTTP_CONNECTIONS_PER_ADDRESS_MAX": "0"},
    "sandbox": {"STRIPE_WEBHOOK_SENDERS": "64"},  # a provider does not wait for one answer before the next
}
IDLE_S = 10
SAMPLE_S = 0.02
READY_S = 60
SETTLED_S = 600


def load(stack, name, *options):
    done = subprocess.run([paths.program(f"bench-{name}"), *options], env=stack.bench_environment(), check=False)
    return done.returncode


def by_program(stack, name, options):
    stack.start()
    return load(stack, name, *options)


# ---- Memory: what belongs to a process alone, idle and while it works through what others left ----


def rss_anon_kb(process):
    with open(f"/proc/{process.child.pid}/status", encoding="ascii", errors="replace") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon:"))


def memory(stack, _, options):
    parser = argparse.ArgumentParser(prog="bench memory")
    parser.add_argument("--seconds", type=int, default=10, help="how long commands pile up")
    parser.add_argument("--quick", action="store_const", dest="seconds", const=1)
    seconds = parser.parse_args(options).seconds
    stack.start()
    time.sleep(IDLE_S)
    idle = {name: rss_anon_kb(process) for name, process in stack.processes.items()}
    waiting = [process for name, process in stack.processes.items() if not name.startswith("gateway")]
    for process in waiting:
        process.stop()
    if load(stack, "accept", "--rounds", "1", "--seconds", str(seconds)) != 0:
        return 1
    for process in waiting:
        process.start()
    most = dict.fromkeys(idle, 0)
    deadline = time.monotonic() + SETTLED_S
    while stack.unsettled() and time.monotonic() < deadline:
        until = time.monotonic() + 1
        while time.monotonic() < until:
            for name, process in stack.processes.items():
                most[name] = max(most[name], rss_anon_kb(process))
            time.sleep(SAMPLE_S)
    print(f"\n{'RssAnon':<20} {'idle MB':>8} {'draining MB':>12}")
    for name, kb in idle.items():
        print(f"{name:<20} {kb / 1024:>8.1f} {most[name] / 1024:>12.1f}")
    return 0


# ---- Start: from exec to connected, schema checked, ready; the floor is psql's, who does nothing but connect ----


def psql_ms(stack):
    began = time.monotonic()
    subprocess.run([paths.psql(), "-X", "-q", "-At", "-d", stack.servers.super_url, "-c", "SELECT 1"],
                   stdout=subprocess.DEVNULL, check=True)
    return (time.monotonic() - began) * 1000


def ready_ms(process):
    """Started anew, until /readyz says 200."""
    process.stop()
    port = free_port()
    began = time.monotonic()
    process.start(ADMIN_LISTEN=f"127.0.0.1:{port}")
    while time.monotonic() - began < READY_S:
        try:
            if http.request(f"http://127.0.0.1:{port}/readyz", timeout_s=1).status == 200:
                return (time.monotonic() - began) * 1000
        except OSError:
            pass  # it does not listen yet
        time.sleep(0.001)
    raise AssertionError(f"{process.name} is not ready: {process.tail()}")


def spread(values):
    return f"{statistics.median(values):>7.0f}   ({min(values):.0f} to {max(values):.0f})"


def start(stack, _, options):
    parser = argparse.ArgumentParser(prog="bench start")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--quick", action="store_const", dest="rounds", const=2)
    rounds = parser.parse_args(options).rounds
    stack.start()
    took = {name: [] for name in [*stack.processes, "psql -c 'SELECT 1'"]}
    for _ in range(rounds):
        for name, process in stack.processes.items():
            took[name].append(ready_ms(process))
            took["psql -c 'SELECT 1'"].append(psql_ms(stack))
    print(f"{'exec to ready, ms':<20} median   (min to max)")
    for name, values in took.items():
        print(f"{name:<20} {spread(values)}")
    return 0


def main(name, *options):
    folder = pathlib.Path(os.environ["HOLDFAST_BENCH_DIR"])
    stack = Stack(folder, replicas=1, services=NEEDED.get(name, SERVICES), extra=EXTRA, threads=0)
    try:
        return {"memory": memory, "start": start}.get(name, by_program)(stack, name, list(options))
    finally:
        stack.stop()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
