#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fail when a C file or a function grew past what one reader holds in mind.

usage: check-sizes.py FILE...

A file past MAX_FILE lines holds two nouns, a function past MAX_FUNCTION lines two verbs: split them.
There is no list of exceptions. A function is found by the house format: its body opens with a brace
alone in the first column and closes with one there; its length is from its name to that brace.
"""
import re
import sys

MAX_FILE = 600
MAX_FUNCTION = 80


def functions(lines):
    """Yields (name, first line number, length) of every function in formatted C."""
    opened = None
    for n, line in enumerate(lines):
        if line == "{" and n and not lines[n - 1].endswith("="):
            opened = n
        elif line.startswith("}") and opened is not None:
            first = opened - 1
            while first > 0 and re.match(r"[\s)]", lines[first]):
                first -= 1              # continuation lines of the parameter list
            name = re.search(r"(\w+)\s*\(", lines[first])
            yield name[1] if name else "?", first + 1, n - first + 1
            opened = None


def main(paths):
    bad, longest_file, longest_function, n_functions = [], (0, ""), (0, ""), 0
    for path in paths:
        with open(path, encoding="utf-8") as f:
            lines = f.read().splitlines()
        longest_file = max(longest_file, (len(lines), path))
        if len(lines) > MAX_FILE:
            bad.append(f"{path}: {len(lines)} lines (at most {MAX_FILE})")
        for name, line, length in functions(lines):
            n_functions += 1
            longest_function = max(longest_function, (length, name))
            if length > MAX_FUNCTION:
                bad.append(f"{path}:{line}: {name}() has {length} lines (at most {MAX_FUNCTION})")
    print("\n".join(bad) or
          f"ok: {len(paths)} files (longest {longest_file[0]}, {longest_file[1]}), "
          f"{n_functions} functions (longest {longest_function[0]}, {longest_function[1]})")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
