#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# demo.sh - the main job on real input, shown step by step. usage: scripts/demo.sh [BUILDDIR]
set -eu

build=$(cd "$(dirname "$0")/.." && pwd)/${1:-build}
PATH=$build:$PATH

# show COMMAND: as one would type it
show()
{
	printf '\n$ %s\n' "$1"
	sh -c "$1" </dev/null
}

show "contexe run -- bash -c 'ps ax; hostname'"
