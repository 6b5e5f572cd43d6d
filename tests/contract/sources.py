"""Reads enums and CHECKs out of C headers, .proto files and migrations: as much as our own style needs, and strictly."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def read(path):
    return (ROOT / path).read_text()


def c_code(path):
    """A C file without comments."""
    return re.sub(r"/\*.*?\*/", " ", read(path), flags=re.S)


def c_enum(path, name):
    """Number to constant of `enum name`, without the zero and the count. Our enums give no numbers but 0."""
    bodies = re.findall(rf"\benum {name} \{{(.*?)\}};", c_code(path), re.S)
    assert len(bodies) == 1, f"{path} has {len(bodies)} enum {name}"
    constants = [constant.strip() for constant in bodies[0].split(",") if constant.strip()]
    zero, *rest, count = constants
    assert zero.endswith(" = 0"), f"enum {name} does not begin with its zero"
    assert count.endswith("_COUNT"), f"enum {name} has no count"
    assert not [constant for constant in rest if "=" in constant], f"enum {name} gives numbers by hand"
    return dict(enumerate(rest, start=1))


def without(prefix, numbers):
    """The constants without their common prefix."""
    assert all(constant.startswith(prefix) for constant in numbers.values())
    return {number: constant[len(prefix) :] for number, constant in numbers.items()}


def proto(path):
    return re.sub(r"//[^\n]*", "", read(f"proto/holdfast/{path}"))


def block(text, kind, name):
    """The inside of `kind name { … }`, by counting braces."""
    start = re.search(rf"\b{kind}\s+{name}\s*\{{", text)
    assert start, f"no {kind} {name}"
    depth, at = 1, start.end()
    while depth:
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        at += 1
    return text[start.end() : at - 1]


def proto_enum(text, name, prefix):
    """Number to value of an enum, without its zero."""
    return {
        int(number): value[len(prefix) :]
        for value, number in re.findall(r"(\w+)\s*=\s*(\d+);", block(text, "enum", name))
        if int(number) != 0
    }


def oneof(text, message):
    """Field number to type name of `oneof body`."""
    body = block(block(text, "message", message), "oneof", "body")
    return {int(number): kind for kind, number in re.findall(r"(\w+)\s+\w+\s*=\s*(\d+);", body)}


def snake(name):
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper()


def table(migration, name):
    match = re.search(rf"CREATE TABLE {name} \((.*?)^\)", migration, re.S | re.M)
    assert match, f"no table {name}"
    return match.group(1)


def schema(service):
    """All that the migrations of a service do, in their order, without how they are undone."""
    files = sorted((ROOT / "migrations" / service).glob("*.sql"))
    return "".join(file.read_text().split("-- migrate:down")[0] for file in files)


def column_check(migration, table_name, column):
    """The numbers that a column's own CHECK lets pass: by the last migration that says so."""
    line = re.search(rf"^  {column} [^\n]*?CHECK \(([^\n]*)", table(migration, table_name), re.M)
    assert line, f"{table_name}.{column} has no CHECK"
    later = re.findall(rf"ADD CONSTRAINT {table_name}_{column}_check CHECK \(([^\n]*)", migration)
    rule = later[-1] if later else line.group(1)
    listed = re.search(r"IN \(([\d, ]+)\)", rule)
    if listed:
        return {int(n) for n in listed.group(1).split(",")}
    low, high = re.search(r"BETWEEN (\d+) AND (\d+)", rule).groups()
    return set(range(int(low), int(high) + 1))
