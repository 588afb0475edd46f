#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# demo.sh - the main job on real input, shown step by step: a redis server of this machine runs in a
# container, is used, limited, paused, entered and stopped. usage: scripts/demo.sh [BUILDDIR]
# Everything happens in a state root of its own, which is gone afterwards.
set -eu

build=$(cd "$(dirname "$0")/.." && pwd)/${1:-build}
PATH=$build:$PATH
CONTEXE_ROOT=$(mktemp -d "${TMPDIR:-/var/tmp}/contexe-demo.XXXXXX")
export PATH CONTEXE_ROOT

clean_up()
{
	contexe rm --force --all --quiet || :
	rm -rf "$CONTEXE_ROOT"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

say()
{
	printf '\n# %s\n' "$1"
}

# show COMMAND: as one would type it
show()
{
	printf '$ %s\n' "$1"
	sh -c "$1" </dev/null
}

wait_for_redis()
{
	i=0
	until contexe exec cache redis-cli ping >/dev/null 2>&1; do
		i=$((i + 1))
		[ $i -lt 100 ] || { echo "redis does not answer" >&2; contexe logs cache >&2; exit 1; }
		sleep 0.1
	done
}

# Makes some process have this number (its last owner has ended): the next one that is forked gets it, if nobody
# is faster.
take_pid()
{
	i=0
	while [ $i -lt 200 ]; do
		echo $(($1 - 1)) >/proc/sys/kernel/ns_last_pid
		sleep 1000 &
		taken=$!
		[ $taken -ne "$1" ] || return 0
		kill $taken
		i=$((i + 1))
	done
	echo "another process has the number $1 already" >&2
	sleep 1000 &
	taken=$!
}

say "No image, no configuration: this machine's own tree, kept safe"
show "contexe run --rm -- bash -c 'ps ax; hostname'"

say "A real server, with limits, in the background"
show "contexe run -d --name cache --memory 128m --cpus 1 --user redis --workdir /tmp -- redis-server --save ''"
wait_for_redis
show "contexe ls"
show "contexe exec cache redis-cli set greeting 'hello from inside'"
show "contexe exec cache redis-cli get greeting"
show "contexe exec cache redis-benchmark --csv -n 20000 -t set,get"
show "contexe stats cache"

say "Its processes have names inside and outside: <pidspace|vpid>"
show "contexe ps cache"
show "contexe pid '<1|2>'                 # its name there, and the number kill(1) takes here"
show "contexe pid self --in cache         # this shell, as the container sees it: not at all"

say "Paused, resumed, given more memory while it runs"
show "contexe pause cache; contexe ls; contexe resume cache"
show "contexe update --memory 256m cache; contexe stats cache"

say "A signal from inside does not reach its first process; one from outside has its ordinary effect"
show "contexe exec --user root cache kill -KILL 1; contexe exec cache redis-cli ping"
show "kill -TERM \$(contexe inspect cache | tr , '\n' | sed -n 's/^\"initPid\"://p'); sleep 0.3; contexe ls --all"

say "A container that counts is written down and ended; its number goes to another process; it goes on counting"
show "contexe run -d --name count -- sh -c 'i=0; while :; do i=\$((i+1)); echo count \$i, I am \$\$; sleep 0.2; done'"
sleep 1
host_pid=$(contexe pid '<count|2>' | sed 's/.* //')
show "contexe checkpoint -o $CONTEXE_ROOT/count.img count"
show "contexe inspect $CONTEXE_ROOT/count.img"
show "contexe logs --tail 1 count; contexe ls --all"
take_pid "$host_pid"
echo "# $host_pid is now: $(tr '\0' ' ' <"/proc/$host_pid/cmdline")"
show "contexe restore -d $CONTEXE_ROOT/count.img; sleep 1; contexe logs --tail 3 count; contexe ps count"
show "contexe restore -d --name again $CONTEXE_ROOT/count.img; sleep 0.5; contexe logs --tail 1 again"
kill "$taken"
show "contexe rm --force count again"

say "What it said, what happened to it, and away with it"
show "contexe logs --tail 3 cache"
show "contexe events cache | cut -c 12-"
show "contexe rm cache; contexe ls --all"
