#!/usr/bin/env python3
"""What the strict subset takes and what it refuses."""

import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import openapi  # noqa: E402


def read(text):
    return openapi.Reader(text).document()


class Subset(unittest.TestCase):
    def test_blocks_and_scalars(self):
        text = """# a comment
openapi: 3.1.0
paths:
  /v1/escrows/{id}:
    get:
      tags: ["a", "b"]
      parameters:
        - name: limit
          schema: {"type": "integer", "minimum": 1}
        - plain
      flag: true
      none: null
      minus: -5
      "200":
        description: "It's: fine # here"
"""
        self.assertEqual(
            read(text),
            {
                "openapi": "3.1.0",
                "paths": {
                    "/v1/escrows/{id}": {
                        "get": {
                            "tags": ["a", "b"],
                            "parameters": [{"name": "limit", "schema": {"type": "integer", "minimum": 1}}, "plain"],
                            "flag": True,
                            "none": None,
                            "minus": -5,
                            "200": {"description": "It's: fine # here"},
                        }
                    }
                },
            },
        )

    def test_mistakes_have_a_line(self):
        for text, line in (
            ("a: 1\na: 2", 2),
            ("a:\n   b: 1", 2),
            ("a:\n    b: 1", 2),
            ("a: b: c", 1),
            ("a: 'x'", 1),
            ("a: |", 1),
            ("a: b # c", 1),
            ('a: "x', 1),
            ("a: 1\n  b: 2", 2),
            ("a: 1 ", 1),
            ("- a\nb: 1", 2),
        ):
            with self.subTest(text=text):
                with self.assertRaisesRegex(openapi.YamlError, f"^line {line}: "):
                    read(text)

    def test_the_c_literal_holds_the_same_json(self):
        document = {"text": 'quote " backslash \\ ' * 50 + "\u20ac\n"}
        source = openapi.c_source(document)
        pieces = [line.strip().rstrip(";")[1:-1] for line in source.split("\n") if line.startswith('    "')]
        literal = "".join(pieces)
        self.assertEqual(json.loads(literal.replace('\\"', '"').replace("\\\\", "\\")), document)
        for piece in pieces:
            self.assertRegex(piece, r'^(?:[^"\\]|\\.)*$')


if __name__ == "__main__":
    unittest.main()
