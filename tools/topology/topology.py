#!/usr/bin/env python3
"""Reads topology.yaml, the one list of topics, and writes what is generated from it.

Only a small, strict subset of YAML is accepted (comments, `key: value`, one list of maps, [a, b]), so that
no library is needed and a typing mistake is an error with a line number, never a guess.
"""

import argparse
import json
import re
import sys

READERS_MAX = 8
NUMBER_MAX = 255
RETENTION_DAYS_MAX = 3650
TOPIC_NAME = re.compile(r"^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)+\.v[1-9][0-9]*$")
SERVICE_NAME = re.compile(r"^[a-z][a-z0-9-]*$")
KINDS = ("lane", "intake", "clock")
TOPIC_KEYS = ("name", "number", "kind", "writer", "readers", "retention_days")


class TopologyError(Exception):
    """A fault in topology.yaml, with the line it is on."""

    def __init__(self, line, text):
        super().__init__(f"line {line}: {text}" if line else text)


def number(line, key, text, low, high):
    if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
        raise TopologyError(line, f"{key} must be a whole number from {low} to {high}, not '{text}'")
    return int(text)


def words(line, key, text):
    match = re.fullmatch(r"\[(.*)\]", text)
    if not match:
        raise TopologyError(line, f"{key} must be a list like [a, b]")
    inner = match.group(1).strip()
    values = [value.strip() for value in inner.split(",")] if inner else []
    for value in values:
        if not SERVICE_NAME.match(value):
            raise TopologyError(line, f"{key}: '{value}' is not a service name")
    if len(set(values)) != len(values):
        raise TopologyError(line, f"{key} names a service twice")
    if len(values) > READERS_MAX:
        raise TopologyError(line, f"{key}: at most {READERS_MAX}")
    return values


def field(line, topic, key, text):
    if key not in TOPIC_KEYS:
        raise TopologyError(line, f"unknown key '{key}'")
    if key in topic:
        raise TopologyError(line, f"'{key}' is given twice")
    if key == "name" and not TOPIC_NAME.match(text):
        raise TopologyError(line, f"'{text}' is not a topic name such as escrow.events.v1")
    if key == "kind" and text not in KINDS:
        raise TopologyError(line, f"kind must be one of {', '.join(KINDS)}, not '{text}'")
    if key == "writer" and not SERVICE_NAME.match(text):
        raise TopologyError(line, f"writer: '{text}' is not a service name")
    if key == "readers":
        topic[key] = words(line, key, text)
    elif key == "number":
        topic[key] = number(line, key, text, 1, NUMBER_MAX)
    elif key == "retention_days":
        topic[key] = number(line, key, text, 1, RETENTION_DAYS_MAX)
    else:
        topic[key] = text


def finish(line, topic, seen):
    for key in TOPIC_KEYS:
        if key not in topic:
            raise TopologyError(line, f"the topic has no '{key}'")
    if topic["name"] in seen:
        raise TopologyError(line, f"'{topic['name']}' is listed twice")
    seen.add(topic["name"])


def parse(text):
    """Returns {'partitions': int, 'topics': [{name, number, kind, writer, readers, retention_days}]}."""
    result = {}
    topics = []
    seen = set()
    topic, topic_line = None, 0
    for line, raw in enumerate(text.splitlines(), start=1):
        content = re.sub(r"(^|\s)#.*$", "", raw).rstrip()
        if not content:
            continue
        top = re.fullmatch(r"([a-z_]+):(?: +(\S.*))?", content)
        item = re.fullmatch(r"(  - |    )([a-z_]+): +(\S.*)", content)
        if top and topic:
            finish(topic_line, topic, seen)
            topic = None
        if top and top.group(1) in result:
            raise TopologyError(line, f"'{top.group(1)}' is given twice")
        if top and top.group(1) == "partitions":
            result["partitions"] = number(line, "partitions", top.group(2) or "", 1, 1024)
        elif top and top.group(1) == "topics" and not top.group(2):
            result["topics"] = topics
        elif item and "topics" in result:
            if item.group(1) == "  - ":
                if topic:
                    finish(topic_line, topic, seen)
                topic, topic_line = {}, line
                topics.append(topic)
            if topic is None:
                raise TopologyError(line, "a topic begins with '  - name:'")
            field(line, topic, item.group(2), item.group(3))
        else:
            raise TopologyError(line, f"not understood: '{content.strip()}'")
    if topic:
        finish(topic_line, topic, seen)
    if "partitions" not in result or not topics:
        raise TopologyError(0, "needs 'partitions' and at least one topic")
    if sorted(topic["number"] for topic in topics) != list(range(1, len(topics) + 1)):
        raise TopologyError(0, f"the numbers of {len(topics)} topics are 1 to {len(topics)}, each once")
    return result


def constant(name):
    return "TOPIC_" + re.sub(r"[.-]", "_", name).upper()


def c_header(topology):
    numbered = sorted(topology["topics"], key=lambda topic: topic["number"])
    constants = "\n".join(f"    {constant(topic['name'])} = {topic['number']}," for topic in numbered)
    return f"""/* Generated from topology.yaml by tools/topology/topology.py. Do not edit. */
#ifndef HOLDFAST_TOPOLOGY_TOPOLOGY_H
#define HOLDFAST_TOPOLOGY_TOPOLOGY_H

#include <stdbool.h>
#include <stdint.h>

/* Partitions of every topic, and so the lanes of every service. */
#define TOPOLOGY_PARTITIONS {topology['partitions']}
#define TOPOLOGY_READERS_MAX {READERS_MAX}

enum topic {{
    TOPIC_NONE = 0,
{constants}
    TOPIC_COUNT,
}};

enum topology_kind {{
    TOPOLOGY_NONE = 0,
    TOPOLOGY_LANE,   /* ordered, every record numbered */
    TOPOLOGY_INTAKE, /* unordered, from outside */
    TOPOLOGY_CLOCK,  /* empty records, written to hear what time the broker has */
    TOPOLOGY_KIND_COUNT,
}};

struct topology_topic {{
    const char *name;   /* as Kafka knows it */
    const char *writer; /* the one service that writes it */
    enum topology_kind kind;
    uint32_t retention_days;
    const char *const readers[TOPOLOGY_READERS_MAX]; /* NULL after the last one */
}};

/* By enum topic; the entry of TOPIC_NONE has empty names. */
extern const struct topology_topic topology_topics[TOPIC_COUNT];

#endif
"""


def c_source(topology):
    rows = []
    for topic in topology["topics"]:
        readers = ", ".join(f'"{reader}"' for reader in topic["readers"]) or "0 /* none */"
        rows.append(
            f"""    [{constant(topic['name'])}] = {{
        .name = "{topic['name']}",
        .writer = "{topic['writer']}",
        .kind = TOPOLOGY_{topic['kind'].upper()},
        .retention_days = {topic['retention_days']},
        .readers = {{{readers}}},
    }},"""
        )
    body = "\n".join(rows)
    return f"""/* Generated from topology.yaml by tools/topology/topology.py. Do not edit. */
#include "topology/topology.h"

const struct topology_topic topology_topics[TOPIC_COUNT] = {{
    [TOPIC_NONE] = {{.name = "", .writer = ""}},
{body}
}};
"""


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("topology", help="topology.yaml")
    parser.add_argument("--header", help="write the C header here")
    parser.add_argument("--source", help="write the C table here")
    parser.add_argument("--json", action="store_true", help="print the list as JSON")
    options = parser.parse_args(arguments)
    try:
        with open(options.topology, encoding="utf-8") as file:
            topology = parse(file.read())
    except (OSError, UnicodeDecodeError, TopologyError) as error:
        print(f"{options.topology}: {error}", file=sys.stderr)
        return 1
    for path, text in ((options.header, c_header), (options.source, c_source)):
        if path:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text(topology))
    if options.json:
        print(json.dumps(topology, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
