#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fail when a source is not named in the meson.build that should build it, or lacks its SPDX line.

usage: check-sources.py            (from the top of the tree)

The lists in meson.build are explicit, so that what is built can be read; this tells what was forgotten.
"""
import glob
import os
import re
import sys

# files, the list that must name them, what the list calls a file
LISTS = [
    ("src/checkpoint/kind/**/*.c", "src/checkpoint/kind/meson.build",
     lambda p: re.sub(r"^(?:file|task)/(.*)\.c$", r"\1", os.path.relpath(p, "src/checkpoint/kind"))),
    ("src/**/*.c", "src/meson.build", lambda p: os.path.relpath(p, "src")),
    ("tests/unit/test_*.c", "tests/unit/meson.build", lambda p: os.path.basename(p)[5:-2]),
    ("tests/fuzz/fuzz_*.c", "tests/fuzz/meson.build", lambda p: os.path.basename(p)[5:-2]),
    ("man/*.scd", "man/meson.build", lambda p: os.path.basename(p)[:-4]),
    ("completion/*contexe*", "completion/meson.build", os.path.basename),
]
WITH_SPDX = ["include/**/*.h", "src/**/*.[ch]", "tests/**/*.[ch]", "tests/**/*.py", "tests/**/*.sh",
             "tests/run", "scripts/*", "bench/**/*.[ch]", "bench/**/*.py", "**/meson.build", "Makefile",
             "meson_options.txt", "debian/rules"]
OURS = re.compile(r"^(?!build|\.git/)")


def files(*patterns):
    found = {p for pattern in patterns for p in glob.glob(pattern, recursive=True)}
    return sorted(p for p in found if os.path.isfile(p) and OURS.match(p) and "__pycache__" not in p)


def main():
    bad, n_listed, seen = [], 0, set()
    for pattern, where, name_of in LISTS:
        named = set(re.findall(r"'([^']+)'", open(where, encoding="utf-8").read()))
        for path in files(pattern):
            if path in seen:
                continue
            seen.add(path)
            n_listed += 1
            if name_of(path) not in named:
                bad.append(f"{path}: add '{name_of(path)}' to {where}")
    spdx = files(*WITH_SPDX)
    for path in spdx:
        head = open(path, encoding="utf-8").read(300).splitlines()[:3]
        if not any("SPDX-License-Identifier: Apache-2.0" in line for line in head):
            bad.append(f"{path}: no SPDX-License-Identifier in its first lines")
    print("\n".join(bad) or f"ok: {n_listed} sources are listed, {len(spdx)} files have their SPDX line")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
