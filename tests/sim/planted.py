#!/usr/bin/env python3
"""Plants known bugs, one at a time, in a copy of the sources, and counts the seeds until the simulation finds each.

usage: planted.py [--check] [--list] [--seeds N] [--work DIR] [NAME...]

The bugs are tests/sim/planted.toml; product code has no switches for them. A bug that another wall hides names that
wall too: the seeds must be green without the wall alone, and red without the wall and with the bug. --check only looks
whether every one still applies: its old text stands exactly once in its file. Exit codes: 0 all found · 1 one was not,
or one applies no longer · 2 wrong usage.
"""

import argparse
import contextlib
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLE = ROOT / "tests/sim/planted.toml"
FIELDS = {"name", "file", "old", "new", "harm", "found"}
WALL_FIELDS = {"file", "old", "new"}
OPTIONAL = {"walls", "judge"}
SEEDS = 256  # so many, and a bug counts as not found
CHUNK_SECONDS = 60  # for starting a program,
SEED_SECONDS = 10  # and for each of its seeds: more is a seed that does not end
OPTIONS = ["-Dbuildtype=debugoptimized", "-Dcrash_points=false"]


@dataclasses.dataclass(frozen=True)
class Edit:
    file: str
    old: str
    new: str

    def applied_to(self, text):
        return text.replace(self.old, self.new)


@dataclasses.dataclass(frozen=True)
class Bug:
    name: str
    edit: Edit
    harm: str
    found: str
    walls: tuple[Edit, ...] = ()  # to be taken away before it has an effect
    judge: str = ""  # the program that is to find it; empty: any


@dataclasses.dataclass(frozen=True)
class Judge:
    """A program that runs seeds; its words name the first one that is red."""

    target: str
    red: re.Pattern
    most: int  # seeds, whatever is asked for

    def command(self, build, first, last):
        return [str(build / self.target), "--seeds", f"{first}..{last}"]


JUDGES = [
    Judge("tests/sim/holdfast-sim", re.compile(r"(?:FAILED|ended in) seed 0*(\d+)"), 1_000_000),
    Judge("tests/engine/engine_walk_test", re.compile(r"walk again: engine_walk_test --seed (\d+)"), 64),
]


def read_edit(fields):
    return Edit(**{name: fields[name] for name in WALL_FIELDS})


def read_table(path=TABLE):
    table = tomllib.loads(path.read_text())
    bugs = []
    for entry in table["bug"]:
        walls = entry.get("walls", [])
        if set(entry) - OPTIONAL != FIELDS or any(set(wall) != WALL_FIELDS for wall in walls):
            raise SystemExit(f"{path}: {entry.get('name')}: its fields must be {', '.join(sorted(FIELDS))}")
        bugs.append(Bug(entry["name"], read_edit(entry), entry["harm"], entry["found"],
                        tuple(map(read_edit, walls)), entry.get("judge", "")))
    return bugs


def why_not(edit, root=ROOT):
    """Why the edit cannot be made, or None."""
    path = root / edit.file
    if not path.is_file():
        return f"there is no {edit.file}"
    count = path.read_text().count(edit.old)
    if count != 1:
        return f"its old text stands {count} times in {edit.file}"
    return "it changes nothing" if edit.old == edit.new else None


def check(bugs, root=ROOT):
    """What is wrong with the table, a line each."""
    edits = [(bug.name, edit) for bug in bugs for edit in (bug.edit, *bug.walls)]
    wrong = [f"{name}: {why}" for name, edit in edits if (why := why_not(edit, root))]
    names = [bug.name for bug in bugs]
    return wrong + [f"{name}: twice" for name in sorted({n for n in names if names.count(n) > 1})]


# ---- The copy ----


def copy_sources(to):
    """Brings the copy up to what stands in the working tree; leaves alone what is the same."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True, text=True, check=True,
    ).stdout
    wanted = {name for name in listed.split("\0") if name and (ROOT / name).is_file()}
    for path in [path for path in to.rglob("*") if path.is_file()]:
        if str(path.relative_to(to)) not in wanted:
            path.unlink()
    for name in sorted(wanted):
        source, copy = ROOT / name, to / name
        if not copy.is_file() or copy.read_bytes() != source.read_bytes():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, copy)


def built(build, judges):
    """None, or what the compiler said."""
    made = subprocess.run(["ninja", "-C", str(build), *(judge.target for judge in judges)], capture_output=True, text=True)
    if made.returncode == 0:
        return None
    lines = [line for line in made.stdout.splitlines() if "error" in line]
    return "\n".join(lines[:5] or made.stdout.splitlines()[-5:])


def configure(source, build):
    if not (build / "build.ninja").is_file():
        subprocess.run(["meson", "setup", *OPTIONS, str(build), str(source)], check=True, stdout=subprocess.DEVNULL)


def judges_of(build):
    listed = subprocess.run(["ninja", "-C", str(build), "-t", "targets", "all"], capture_output=True, text=True, check=True)
    known = {line.split(":")[0] for line in listed.stdout.splitlines()}
    return [judge for judge in JUDGES if judge.target in known]


# ---- Judging ----


def run_seeds(judge, build, first, last):
    """The first red seed and what was said of it, or None."""
    limit = CHUNK_SECONDS + SEED_SECONDS * (last - first + 1)
    try:
        ran = subprocess.run(judge.command(build, first, last), capture_output=True, text=True, timeout=limit, errors="replace")
    except subprocess.TimeoutExpired:
        return last, "a seed does not end"
    if ran.returncode == 0:
        return None
    words = ran.stdout + ran.stderr
    reds = [match for match in judge.red.finditer(words) if first <= int(match.group(1)) <= last]
    if not reds:
        return (last, f"exit code {ran.returncode}") if ran.returncode < 0 else None
    red = min(reds, key=lambda match: int(match.group(1)))
    said = words[red.start():].splitlines()[0]
    return int(red.group(1)), said.split("):", 1)[-1].strip()


def hunt(judges, build, seeds):
    """(program, seeds taken, what it said), or None."""
    for judge in judges:
        first, most = 1, min(seeds, judge.most)
        while first <= most:
            last = min(most, first * 2)
            red = run_seeds(judge, build, first, last)
            if red:
                return pathlib.Path(judge.target).name, *red
            first = last + 1
    return None


@contextlib.contextmanager
def edited(source, edits):
    """The sources with these edits, until its end."""
    whole = {path: path.read_text() for path in {source / edit.file for edit in edits}}
    try:
        for edit in edits:
            path = source / edit.file
            path.write_text(edit.applied_to(path.read_text()))
        yield
    finally:
        for path, text in whole.items():
            path.write_text(text)


def judged(edits, source, build, judges, seeds):
    """(what the compiler said or None, what hunt said or None)"""
    with edited(source, edits):
        refused = built(build, judges)
        return refused, None if refused else hunt(judges, build, seeds)


def plant(bug, source, build, judges, seeds):
    """A line about the bug, and whether it was found."""
    began = time.monotonic()
    judges = [judge for judge in judges if bug.judge in judge.target]
    if bug.walls:
        refused, red = judged(bug.walls, source, build, judges, seeds)
        if refused or red:
            return f"{bug.name:28} without its walls alone: {refused or red}", False
    refused, red = judged((*bug.walls, bug.edit), source, build, judges, seeds)
    if refused:
        return f"{bug.name:28} does not compile:\n{refused}", False
    if not red:
        return f"{bug.name:28} NOT FOUND in {seeds} seeds ({time.monotonic() - began:.0f} s): {bug.harm}", False
    program, seed, said = red
    return f"{bug.name:28} {seed:5} seeds  {program:16} {said[:120]}", True


def choose(bugs, names):
    unknown = sorted(set(names) - {bug.name for bug in bugs})
    if unknown:
        raise SystemExit(f"planted: there is no {', '.join(unknown)}; see --list")
    return [bug for bug in bugs if not names or bug.name in names]


def hunt_all(bugs, work, seeds):
    source, build = work / "src", work / "build"
    source.mkdir(parents=True, exist_ok=True)
    copy_sources(source)
    configure(source, build)
    judges = judges_of(build)
    refused = built(build, judges)
    if refused:
        print(f"planted: the sources themselves do not compile:\n{refused}")
        return 1
    sound = hunt(judges, build, seeds)
    if sound:
        print(f"planted: the sources themselves are red: {sound[0]}, seed {sound[1]}: {sound[2]}")
        return 1
    missed = 0
    for bug in bugs:
        line, found = plant(bug, source, build, judges, seeds)
        missed += 0 if found else 1
        print(line, flush=True)
    print(f"{len(bugs) - missed} of {len(bugs)} found, within {seeds} seeds each")
    print(f"{len(bugs) - missed} passed, {missed} failed")
    return 1 if missed else 0


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only look whether every bug still applies")
    parser.add_argument("--list", action="store_true", help="what there is to plant")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path(os.environ.get("HOLDFAST_STATE", ROOT / ".dev")) / "planted")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args(arguments)
    bugs = choose(read_table(), options.names)
    wrong = check(bugs)
    for line in wrong:
        print(f"planted: {line}")
    if wrong or options.check:
        return 1 if wrong else 0
    if options.list:
        for bug in bugs:
            files = ", ".join(edit.file for edit in (bug.edit, *bug.walls))
            print(f"{bug.name:28} {files}\n    {bug.harm}\n    found by: {bug.found}")
        return 0
    return hunt_all(bugs, options.work.resolve(), options.seeds)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
