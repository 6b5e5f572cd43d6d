"""The README, the quickstart and the API guide: their commands are pasted into a shell, in their order, and tell what the page says
they do."""

import json
import os
import re
import shlex
import subprocess

import pytest

from harness import paths

PAGES = {"docs/quickstart.md": 2, "docs/api.md": 14}  # and how many blocks of commands each has at least


def blocks(page):
    """[(commands, what the page shows of their output or None)]"""
    found = re.findall(r"```sh\n(.*?)```(?:\n\n```\n(.*?)```)?", (paths.ROOT / page).read_text(), re.DOTALL)
    assert len(found) >= PAGES[page]
    return found


@pytest.fixture
def folder(tmp_path, stack):
    """With a ./dev that knows `ctl`."""
    settings = " ".join(f"{name}={shlex.quote(value)}" for name, value in stack.operator.environment.items())
    script = tmp_path / "dev"
    script.write_text(f'#!/bin/sh\n[ "$1" = ctl ] && shift && {settings} exec {paths.program("holdfastctl")} "$@"\n')
    script.chmod(0o700)
    return tmp_path


@pytest.fixture
def environment(stack):
    told = {"PATH": os.environ["PATH"], "HOLDFAST_URL": stack.api.by_number[1], "SANDBOX_URL": stack.sandbox.url}
    for role in ("MARKETPLACE", "BUYER", "SELLER", "STAFF"):
        told[f"{role}_TOKEN"] = stack.tokens[role]
        told[f"{role}_ID"] = stack.ids[role]
    return told


@pytest.mark.parametrize("page", PAGES)
def test_the_page_does_what_it_says(page, environment, folder):
    script = "set -euo pipefail\n"
    shown = ""
    for commands, output in blocks(page):
        script += commands
        shown += output
    done = subprocess.run(["bash"], input=script, env=environment, cwd=folder, text=True, capture_output=True, check=False,
                          timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout == shown


def test_the_first_command_of_the_readme(environment):
    """What stands under "Use it", without the line that sets what is set here."""
    text = (paths.ROOT / "README.md").read_text()
    first, *rest = re.search(r"## Use it\n\n```sh\n(.*?)```", text, re.DOTALL).group(1).splitlines(keepends=True)
    assert first.startswith('eval "$(./dev env)"')
    done = subprocess.run(["bash", "-euo", "pipefail"], input="".join(rest), env=environment, text=True, capture_output=True,
                          check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) >= {"command_id", "escrow_id"}
