#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a flat binary as C: usage: embed.py BINARY HEADER NAME OUTPUT

OUTPUT defines `const unsigned char NAME_code[]` and `const size_t NAME_size`, as HEADER declares them.
"""
import sys


def main(binary, header, name, output):
    with open(binary, "rb") as f:
        data = f.read()
    rows = [", ".join(f"0x{b:02x}" for b in data[i:i + 16]) + "," for i in range(0, len(data), 16)]
    with open(output, "w", encoding="ascii") as f:
        f.write(f'#include "{header}"\n\nconst unsigned char {name}_code[] = {{\n')
        f.write("".join(f"\t{row}\n" for row in rows))
        f.write(f"}};\nconst size_t {name}_size = sizeof({name}_code);\n")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
