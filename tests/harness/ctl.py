"""holdfastctl, as an operator calls it."""

import json
import subprocess

from harness import paths


class Ctl:
    def __init__(self, environment):
        self.environment = environment

    def run(self, *words, **extra):
        """The finished process, whatever its exit code."""
        return subprocess.run(
            [paths.program("holdfastctl"), *words], env={**self.environment, **extra}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, check=False, timeout=120,
        )

    def json(self, *words, code=0, **extra):
        """What it prints with --json; the exit code must be the given one."""
        done = self.run(*words, "--json", **extra)
        assert done.returncode == code, f"{words}: exit {done.returncode}, {done.stderr.strip()}"
        return json.loads(done.stdout)
