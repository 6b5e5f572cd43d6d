"""Every bug of tests/sim/planted.toml can still be planted. Finding them takes longer: ./dev sim --planted."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/sim"))

import planted  # noqa: E402

LEAST = 30


def test_every_bug_applies_once():
    bugs = planted.read_table()
    assert planted.check(bugs) == []
    assert len(bugs) >= LEAST


def test_what_applies_no_longer_is_told(tmp_path):
    (tmp_path / "a.c").write_text("one\ntwo\ntwo\n")
    bug = planted.Bug(name="b", file="a.c", old="one", new="1", harm="", found="")
    assert planted.check([bug], tmp_path) == []
    assert bug.applied_to("one\ntwo\n") == "1\ntwo\n"
    for change, why in [
        ({"old": "three"}, "b: its old text stands 0 times in a.c"),
        ({"old": "two"}, "b: its old text stands 2 times in a.c"),
        ({"file": "b.c"}, "b: there is no b.c"),
        ({"new": "one"}, "b: it changes nothing"),
    ]:
        assert planted.check([planted.dataclasses.replace(bug, **change)], tmp_path) == [why]
    assert planted.check([bug, bug], tmp_path) == ["b: twice"]


def test_the_words_of_the_judges_are_understood():
    program, walk = planted.JUDGES
    assert program.red.search("FAILED seed 17 (commit abc): INV6 paid twice").group(1) == "17"
    assert program.red.search("holdfast-sim: the program ended in seed 00000000000000000042").group(1) == "42"
    assert walk.red.search("walk again: engine_walk_test --seed 9").group(1) == "9"
