#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Doxygen's input filter: makes the plain comments of a C header the ones that Doxygen reads.

A comment at the top of the file describes the file; one behind a member, on its line, describes that member; any other
what comes after it. Where an example is indented by four blanks more, it is shown as code.
"""

import re
import sys
from pathlib import Path

COMMENT = re.compile(r"/\*.*?\*/", re.S)

# Members of a table that stand for functions of Wasmtime, which documents them itself.
OF_WASMTIME = re.compile(r"\(\*(wasm(?:time)?_\w+)\)\([^;]*;")


def is_behind_code(text, start):
    line = text[text.rfind("\n", 0, start) + 1 : start].strip()
    return bool(line) and not line.startswith("#")


def with_code(comment):
    """Lines that are indented by four blanks more than the text are code."""
    lines, inside = [], False
    for line in comment.split("\n"):
        is_code = line.startswith(" *     ") or (inside and line.strip() == "*")
        if is_code != inside:
            lines.append(" * @code{.c}" if is_code else " * @endcode")
            inside = is_code
        lines.append(line)
    return "\n".join(lines)


def converted(text):
    def convert(match):
        comment = with_code(match.group()).replace("\\", "\\\\")
        if "----" in comment:
            return comment
        if match.start() == 0:
            return "/** @file\n *" + comment[2:]
        return ("/**<" if is_behind_code(text, match.start()) else "/**") + comment[2:]

    return OF_WASMTIME.sub(r"\g<0> /**< Wasmtime's \1. */", COMMENT.sub(convert, text))


def main():
    path = Path(sys.argv[1])
    sys.stdout.write(converted(path.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
