#!/usr/bin/env python3
"""What topology.py accepts, refuses and writes. The argument, if any, is the project's own topology.yaml."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import topology  # noqa: E402

GOOD = """# a comment
partitions: 12
topics:
  - name: escrow.commands.v1   # another
    number: 2
    kind: intake
    writer: gateway
    readers: [escrow]
    retention_days: 7
  - name: escrow.events.v1
    number: 1
    kind: lane
    writer: escrow
    readers: []
    retention_days: 90
"""
OWN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "topology.yaml")


class Accepts(unittest.TestCase):
    def test_reads_every_field(self):
        result = topology.parse(GOOD)
        self.assertEqual(result["partitions"], 12)
        self.assertEqual(
            result["topics"][0],
            {
                "name": "escrow.commands.v1",
                "number": 2,
                "kind": "intake",
                "writer": "gateway",
                "readers": ["escrow"],
                "retention_days": 7,
            },
        )
        self.assertEqual(result["topics"][1]["readers"], [])

    def test_the_projects_own_list(self):
        with open(OWN, encoding="utf-8") as file:
            result = topology.parse(file.read())
        self.assertGreater(len(result["topics"]), 1)

    def test_c_names(self):
        result = topology.parse(GOOD)
        header = topology.c_header(result)
        source = topology.c_source(result)
        self.assertIn("#define TOPOLOGY_PARTITIONS 12", header)
        self.assertLess(header.index("TOPIC_NONE = 0"), header.index("TOPIC_ESCROW_EVENTS_V1 = 1"))
        self.assertLess(header.index("TOPIC_ESCROW_COMMANDS_V1 = 2"), header.index("TOPIC_COUNT"))
        self.assertIn('[TOPIC_ESCROW_COMMANDS_V1] = {\n        .name = "escrow.commands.v1"', source)
        self.assertIn(".kind = TOPOLOGY_INTAKE", source)
        self.assertIn(".kind = TOPOLOGY_LANE", source)


class Refuses(unittest.TestCase):
    def refused(self, old, new, text):
        changed = GOOD.replace(old, new, 1)
        self.assertNotEqual(changed, GOOD)
        with self.assertRaises(topology.TopologyError) as caught:
            topology.parse(changed)
        self.assertIn(text, str(caught.exception))

    def test_faults(self):
        for old, new, text in (
            ("partitions: 12", "partitions: 0", "line 2"),
            ("partitions: 12", "partitions: twelve", "line 2"),
            ("partitions: 12\n", "", "partitions"),
            ("partitions: 12", "partitions: 12\npartitions: 13", "twice"),
            ("kind: intake", "kind: both", "line 6"),
            ("number: 2", "number: 0", "line 5"),
            ("number: 2", "number: 1", "each once"),
            ("number: 2", "number: 3", "each once"),
            ("    number: 2\n", "", "no 'number'"),
            ("    kind: intake\n", "", "no 'kind'"),
            ("    retention_days: 90\n", "", "no 'retention_days'"),
            ("    kind: intake", "    kind: intake\n    kind: lane", "twice"),
            ("    kind: intake", "   kind: intake", "not understood"),
            ("writer: gateway", "writer: Gateway", "service name"),
            ("readers: [escrow]", "readers: escrow", "list"),
            ("readers: [escrow]", "readers: [escrow, escrow]", "twice"),
            ("readers: [escrow]", "readers: [a, b, c, d, e, f, g, h, i]", "at most"),
            ("retention_days: 7", "retention_days: -1", "line 9"),
            ("retention_days: 7", "retention: 7", "unknown key"),
            ("escrow.events.v1", "escrow.commands.v1", "listed twice"),
            ("escrow.events.v1", "escrow_events", "topic name"),
        ):
            with self.subTest(new=new):
                self.refused(old, new, text)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
