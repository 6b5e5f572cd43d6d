"""A C file as text: code without comments and strings, the strings, the switches. No parser, just enough of a scanner."""

import re

TOKEN = re.compile(
    r"""(?P<block>/\*.*?\*/)|(?P<line>//[^\n]*)|(?P<string>"(?:\\.|[^"\\\n])*")|(?P<char>'(?:\\.|[^'\\\n])+')""", re.S
)
ENUM = re.compile(r"\benum\b[^;{}()]*\{([^}]*)\}")
CASE_OR_DEFAULT = re.compile(r"\bcase\s+([^:?]+?)\s*:(?!:)|\bdefault\s*:|[{}]")


def blank(text):
    return re.sub(r"[^\n]", " ", text)


class CText:
    """lines: as written; code: comments and contents of literals blanked, same lines and columns;
    without_comments: strings kept; strings: [(line, content)]; line_comments: lines with a // comment."""

    def __init__(self, content):
        self.lines = content.split("\n")
        self.strings = []
        self.line_comments = []
        code, kept = [], []
        position = 0
        for match in TOKEN.finditer(content):
            between = content[position : match.start()]
            literal = match.group()
            line = content.count("\n", 0, match.start()) + 1
            if match.lastgroup == "string":
                self.strings.append((line, literal[1:-1]))
            if match.lastgroup == "line":
                self.line_comments.append(line)
            comment = match.lastgroup in ("block", "line")
            code += [between, blank(literal) if comment else literal[0] + blank(literal[1:-1]) + literal[-1]]
            kept += [between, blank(literal) if comment else literal]
            position = match.end()
        self.code = "".join(code) + content[position:]
        self.without_comments = "".join(kept) + content[position:]


def enum_constants(code):
    names = set()
    for body in ENUM.findall(code):
        names.update(re.findall(r"(?:^|,)\s*([A-Z][A-Z0-9_]*)\b", body))
    return names


def defaults(code):
    """[(line of a default label, the case labels of its switch)]"""
    found = []
    stack = [[[], []]]  # of blocks: [case labels, lines of default]
    for match in CASE_OR_DEFAULT.finditer(code):
        token = match.group()
        if token == "{":
            stack.append([[], []])
        elif token == "}":
            labels, lines = stack.pop() if len(stack) > 1 else stack[0]
            found += [(line, labels) for line in lines]
        elif token.startswith("case"):
            stack[-1][0].append(match.group(1))
        else:
            stack[-1][1].append(code.count("\n", 0, match.start()) + 1)
    return found
