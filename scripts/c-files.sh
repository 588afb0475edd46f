#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# c-files.sh - all C files of ours, one a line: what the format and size checks look at.
set -eu
cd "$(dirname "$0")/.."
for d in include src tests bench examples; do
	[ ! -d $d ] || find $d -type f -name '*.[ch]'
done | LC_ALL=C sort
