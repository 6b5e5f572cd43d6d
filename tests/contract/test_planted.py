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
    edit = planted.Edit(file="a.c", old="one", new="1")
    bug = planted.Bug(name="b", edit=edit, harm="", found="")
    assert planted.check([bug], tmp_path) == []
    assert edit.applied_to("one\ntwo\n") == "1\ntwo\n"
    for change, why in [
        ({"old": "three"}, "b: its old text stands 0 times in a.c"),
        ({"old": "two"}, "b: its old text stands 2 times in a.c"),
        ({"file": "b.c"}, "b: there is no b.c"),
        ({"new": "one"}, "b: it changes nothing"),
    ]:
        wrong = planted.dataclasses.replace(edit, **change)
        assert planted.check([planted.dataclasses.replace(bug, edit=wrong)], tmp_path) == [why]
        assert planted.check([planted.dataclasses.replace(bug, walls=(wrong,))], tmp_path) == [why]
    assert planted.check([bug, bug], tmp_path) == ["b: twice"]


def test_edits_are_taken_back(tmp_path):
    (tmp_path / "a.c").write_text("one\ntwo\n")
    edits = (planted.Edit("a.c", "one", "1"), planted.Edit("a.c", "two", "2"))
    with planted.edited(tmp_path, edits):
        assert (tmp_path / "a.c").read_text() == "1\n2\n"
    assert (tmp_path / "a.c").read_text() == "one\ntwo\n"


def test_a_bug_whose_walls_are_red_alone_is_not_found(tmp_path, monkeypatch):
    (tmp_path / "a.c").write_text("one\ntwo\n")
    text = (tmp_path / "a.c").read_text
    monkeypatch.setattr(planted, "built", lambda build, judges: None)
    bug = planted.Bug("b", planted.Edit("a.c", "one", "1"), "", "", (planted.Edit("a.c", "two", "2"),))
    for red, found in [("1\n2\n", True), ("one\n2\n", False), ("none", False)]:
        reds = {red, "1\n2\n"} if "2" in red else set()
        monkeypatch.setattr(planted, "hunt", lambda *_, reds=reds: ("sim", 3, "said") if text() in reds else None)
        line, was_found = planted.plant(bug, tmp_path, tmp_path, [], 64)
        assert was_found == found, line


def test_the_words_of_the_judges_are_understood():
    program, walk = planted.JUDGES
    assert program.red.search("FAILED seed 17 (commit abc): INV6 paid twice").group(1) == "17"
    assert program.red.search("holdfast-sim: the program ended in seed 00000000000000000042").group(1) == "42"
    assert walk.red.search("walk again: engine_walk_test --seed 9").group(1) == "9"
