"""What holdfast-sim promises of itself: a seed decides all, and how it ends can be relied upon."""

import os
import subprocess

import pytest

from harness import paths

SEEDS = "1..3"


def run(*args, **env):
    command = [paths.program("holdfast-sim"), *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, env={**os.environ, **env})


def test_the_same_seeds_do_the_same_in_another_process():
    # Other addresses, and other bytes in memory that nobody has written yet.
    runs = [run("--seeds", SEEDS, MALLOC_PERTURB_=byte) for byte in ("1", "170")]
    assert all(one.returncode == 0 for one in runs), runs[0].stdout + runs[0].stderr
    sums = [next(line for line in one.stdout.splitlines() if " hash " in line) for one in runs]
    hashes = [line.split(" hash ")[1].split(",")[0] for line in sums]
    assert hashes[0] == hashes[1]


def test_the_same_seed_does_the_same_again_and_another_one_does_not():
    told = run("--seeds", "1..2", "--twice").stdout
    assert told.endswith("1 passed, 0 failed\n"), told
    assert run("--seed", "1").stdout.split(" hash ")[1] != run("--seed", "2").stdout.split(" hash ")[1]


def test_a_trace_names_calls_troubles_and_decisions():
    told = run("--seed", "1", "--trace").stdout
    assert "decided holdfast.escrow.v1.EscrowCreated" in told
    assert " commit " in told or " commit\n" in told
    assert "trouble: " in told


@pytest.mark.parametrize("args", [(), ("--seed",), ("--seed", "0"), ("--seed", "x"), ("--seeds", "5..1"), ("--seeds", "5"),
                                  ("--seconds", "-1"), ("--what",)])
def test_wrong_words_are_refused(args):
    assert run(*args).returncode == 2
