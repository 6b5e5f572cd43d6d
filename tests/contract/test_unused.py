"""What a header of the product offers, some program uses; what only tests want says so."""

import subprocess
import sys

from harness import paths

TOOL = paths.ROOT / "tools" / "lint" / "unused.py"


def unused(root):
    return subprocess.run([sys.executable, TOOL, root], capture_output=True, text=True, check=False, timeout=60)


def test_nothing_is_unused():
    done = unused(paths.ROOT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_is_unused_would_be_found(tmp_path):
    """A function that nobody calls, one that only a test calls, a table; not one that is used, nor one for tests."""
    for folder in ("libs/base", "services", "tools"):
        (tmp_path / folder).mkdir(parents=True)
    base = tmp_path / "libs" / "base"
    (base / "box.h").write_text(
        "int box_used(int a);\nint box_dead(int a,\n             int b);\n/* box_dead */\nextern const int box_table[3];\n\n"
        "/* For tests: all of it. */\nint box_shown(void);\n")
    (base / "box.c").write_text(
        "int box_used(int a)\n{\n    return a;\n}\n\nint box_dead(int a,\n             int b)\n{\n    return box_used(a) + b;\n}\n\n"
        "const int box_table[3] = {0};\n\nint box_shown(void)\n{\n    return 0;\n}\n")
    (base / "box_test.c").write_text("int main(void)\n{\n    return box_dead(1, 2) + box_shown() + box_table[0];\n}\n")
    done = unused(tmp_path)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "libs/base/box.h:2: no program uses box_dead", "libs/base/box.h:5: no program uses box_table"]
