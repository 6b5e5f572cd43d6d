"""The settings of PostgreSQL that ./dev writes are those that operators are told of, with the same values."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Of this machine and this cluster alone.
OWN = {"listen_addresses", "port", "unix_socket_directories", "timezone", "log_timezone", "password_encryption",
       "log_line_prefix"}


def written():
    conf = re.search(r"holdfast\.conf\" >/dev/null <<CONF\n(.*?)^CONF$",
                     (ROOT / "tools/dev/postgres.sh").read_text(), re.S | re.M)[1]
    settings = dict(re.findall(r"^(\w+) = (.+)$", conf, re.M))
    settings["shared_buffers"] = re.search(r":-(\w+)}", settings["shared_buffers"])[1]
    return {name: value for name, value in settings.items() if name not in OWN}


def told():
    page = (ROOT / "docs/operations.md").read_text()
    section = page[page.index("## PostgreSQL\n"):].split("\n## ", 2)[0]
    rows = re.findall(r"^\| (`[^|]+`) \| `([^`]+)`[^|]* \|", section, re.M)
    return {name: value for names, value in rows for name in re.findall(r"`(\w+)`", names)}


def test_operators_are_told_what_dev_sets():
    assert written(), "nothing was found in postgres.sh"
    assert told() == written()
