"""The production build: its programs start, and have no places where a test could end them."""

import os
import pathlib
import subprocess
import sys

import pytest

from harness import paths

sys.path.insert(0, str(paths.ROOT / "tests" / "crash"))

from points import POINTS  # noqa: E402

PROGRAMS = ("holdfast-gateway", "holdfast-escrow", "holdfast-payments", "holdfast-oracle", "holdfast-notifications",
            "holdfast-sandbox", "holdfastctl")
SWITCH = "HOLDFAST_CRASH_AT"


def production(program):
    folder = os.environ.get("HOLDFAST_PRODUCTION_DIR")
    if not folder:
        pytest.skip("HOLDFAST_PRODUCTION_DIR does not say where the production build is")
    return next(pathlib.Path(folder).glob(f"*/*/{program}"))


def crash_texts(program):
    """The names of crash points, and of the variable that arms one, that stand in a program."""
    content = pathlib.Path(program).read_bytes()
    return {text for text in [SWITCH, *(point.name for point in POINTS)] if text.encode() + b"\0" in content}


@pytest.mark.alone
@pytest.mark.parametrize("program", PROGRAMS)
def test_it_starts(program):
    done = subprocess.run([production(program), "--version"], env={}, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("holdfast ")


@pytest.mark.alone
@pytest.mark.parametrize("program", PROGRAMS)
def test_it_has_no_crash_points(program):
    assert crash_texts(production(program)) == set()


def test_those_of_other_builds_would_be_found():
    found = set().union(*(crash_texts(paths.program(program)) for program in PROGRAMS))
    assert found == {SWITCH, *(point.name for point in POINTS)}
