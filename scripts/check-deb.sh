#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# check-deb.sh - build the packages, unpack them into a directory of their own, and use what is in them:
# the command, its helpers, man pages and completions, the library through pkg-config.
# Prints a line "ok ..." or "not ok ..." for each check; the exit code counts the failures.
set -u
cd "$(dirname "$0")/.."
failed=0
ok()
{
	local name=$1
	shift
	if "$@" >"$tmp/out" 2>&1; then
		echo "ok - $name"
	else
		echo "not ok - $name"
		sed 's/^/#   /' "$tmp/out"
		failed=$((failed + 1))
	fi
}

tmp=$(mktemp -d /tmp/contexe-deb.XXXXXX) || exit 1
trap 'rm -rf "$tmp"' EXIT
root=$tmp/root

ok "make deb" scripts/make-deb.sh
[ $failed = 0 ] || exit 1
for p in contexe libcontexe0 libcontexe-dev; do
	ok "$p unpacks" dpkg -x build-deb/"$p"_*.deb "$root"
done
lib=$(dirname "$(find "$root/usr/lib" -name 'libcontexe.so.0')")

ok "contexe is a static executable" bash -c "! ldd '$root/usr/bin/contexe'"
ok "contexe runs" "$root/usr/bin/contexe" version
for helper in contexe-fs contexe-init contexe-procfs contexe-seed contexe-unpack; do
	ok "$helper is there" test -x "$root/usr/libexec/contexe/$helper"
done
ok "contexe has its man page" test -s "$root/usr/share/man/man1/contexe.1.gz"
for f in bash-completion/completions/contexe zsh/site-functions/_contexe \
	fish/vendor_completions.d/contexe.fish; do
	ok "completion: ${f%%/*}" test -s "$root/usr/share/$f"
done

for kind in system user; do
	ok "contexe-restart.service ($kind)" grep -q '^ExecStart=-/usr/bin/contexe start' \
		"$(find "$root" -path "*systemd/$kind/contexe-restart.service")"
done

ok "contexe-fs.service" grep -q '^ExecStart=/usr/bin/contexe fs' \
	"$(find "$root" -path "*systemd/system/contexe-fs.service")"

ok "nothing is enabled or started by installing" bash -c \
	"! dpkg-deb --ctrl-tarfile build-deb/contexe_*.deb | tar xO ./postinst 2>/dev/null | grep -q 'was-enabled defaults to true\|invoke.*start'"

# A user's program, compiled and linked as contexe.pc says.
printf '#include <contexe.h>\nint main(void) { return 0; }\n' >"$tmp/user.c"
export PKG_CONFIG_PATH=$lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root
ok "a program compiles against the package" bash -c \
	"cc -o '$tmp/user' '$tmp/user.c' \$(pkg-config --cflags --libs contexe)"
ok "it runs with libcontexe.so.0" env LD_LIBRARY_PATH="$lib" "$tmp/user"
# What is not API must not be seen: other programs have an error_set() of their own.
ok "only contexe_* is exported" bash -c \
	"! nm -D --defined-only '$lib/libcontexe.so.0' | awk '{ print \$3 }' | grep -v '^contexe_'"
ok "something is exported" bash -c \
	"nm -D --defined-only '$lib/libcontexe.so.0' | grep -q ' contexe_'"
exit $((failed > 0))
