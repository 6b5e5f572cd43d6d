"""The benchmarks' clients work with the product of today. How fast anything is, no test asks."""

import subprocess

import pytest

from harness import paths
from harness.waiting import PATIENCE_S

SMALL = {
    "accept": ["--rounds", "1", "--seconds", "1", "--clients", "2"],
    "deal": ["--rounds", "1", "--deals", "10", "--warm-up", "1", "--under-way", "5"],
}


@pytest.mark.parametrize("name", SMALL)
def test_it_measures(stack, name):
    done = subprocess.run([paths.program(f"bench-{name}"), *SMALL[name]], env=stack.bench_environment(), check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=10 * PATIENCE_S)
    assert done.returncode == 0, done.stdout
    assert "PostgreSQL alone" in done.stdout, done.stdout
    stack.settle()
