#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# deps.sh - install the Debian packages of the named sections of scripts/packages that are missing.
# usage: scripts/deps.sh SECTION...        (build test deb bench)
# With nothing missing it does nothing and needs no root.
set -eu

list=$(dirname "$0")/packages
[ $# -gt 0 ] || { sed -n '3,5s/^# //p' "$0" >&2; exit 2; }

if ! command -v dpkg-query >/dev/null 2>&1; then
	echo "deps: not a Debian system: install the like of the packages in $list yourself" >&2
	exit 0
fi

# section NAME: the packages listed under [NAME]
section()
{
	grep -qxF "[$1]" "$list" || { echo "deps: no section [$1] in $list" >&2; exit 2; }
	awk -v want="[$1]" '/^\[/ { on = $0 == want; next } on && NF && !/^#/ { print $1 }' "$list"
}

installed()
{
	case $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) in
	installed) return 0 ;;
	*) return 1 ;;
	esac
}

# Debian starts a service when its package is installed; our tests want the programs, not the services.
# invoke-rc.d asks policy-rc.d first: one that refuses stands there for as long as apt runs.
policy=/usr/sbin/policy-rc.d
our_policy=
forbid_services()
{
	[ ! -e $policy ] || return 0
	our_policy=$policy
	trap 'rm -f "$our_policy"' EXIT
	trap 'exit 130' INT TERM HUP
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod 755 $policy
}

wanted=$(for s in "$@"; do section "$s"; done)
missing=
for p in $wanted; do
	installed "$p" || missing="$missing $p"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
	echo "deps: missing packages; as root: apt-get install --no-install-recommends$missing" >&2
	exit 1
fi

echo "deps: installing$missing"
forbid_services
export DEBIAN_FRONTEND=noninteractive
apt="apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3"
# Lists that are missing or old name files that are not there (any more): then look again, once.
if ! $apt install --dry-run --no-install-recommends $missing >/dev/null 2>&1; then
	$apt update </dev/null
fi
$apt install --no-install-recommends $missing </dev/null ||
	{ $apt update </dev/null && $apt install --no-install-recommends $missing </dev/null; }
