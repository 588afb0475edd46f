# SPDX-License-Identifier: Apache-2.0
"""A container that was written down on another kernel, and on another processor, goes on here.

There: Debian's own kernel in an emulated machine (tests/vmrun.sh), with a vdso of its own, without what later kernels
have. The emulated processor has nothing that this one may lack.
"""
import os
import re
import shutil
import subprocess
import tempfile

import pytest

from support import engine, machine, need, progs

WORDS = ("timers", "itimers", "sigpending", "rseq", "shmem", "tcp_pair", "unix_stream", "pty_session", "sessions", "seccomp")
# What counts by the clocks of the vdso, for ever.
CLOCKS = """
import time
while True:
    time.sleep(.1)
    print(time.time_ns(), time.monotonic(), flush=True)
"""
THERE = r"""
set -e
export CONTEXE_ROOT=/mnt/root
say() { until "$CONTEXE" logs "$1" | grep -q .; do sleep .1; done; }
for word in $WORDS; do
	"$CONTEXE" run -d --name "$word" --rootfs "$ROOTFS" --overlay $MOUNT "/progs/ckpt/ckpt-$word" >/dev/null
	say "$word"
	"$CONTEXE" checkpoint -o "$OUT/$word.img" "$word" >/dev/null
done
"$CONTEXE" run -d --name clocks -- /usr/bin/python3 -c "$CLOCKS" >/dev/null
say clocks
"$CONTEXE" checkpoint -o "$OUT/clocks.img" clocks >/dev/null
"$CONTEXE" logs clocks >"$OUT/clocks.log"
uname -r >"$OUT/kernel"
"""

pytestmark = [pytest.mark.serial, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def images(busybox_rootfs):
    need.root()
    need.program("qemu-system-x86_64")
    out = tempfile.mkdtemp(prefix="cxt-kernels-")
    there = {"CONTEXE": os.path.join(engine.BUILD, "contexe"), "ROOTFS": busybox_rootfs, "MOUNT": " ".join(progs.MOUNT),
             "WORDS": " ".join(WORDS), "CLOCKS": CLOCKS, "OUT": out}
    here = dict(os.environ, VMRUN_CPU="max,-mpx,-pku", VMRUN_CACHE=out)
    p = subprocess.run([os.path.join(engine.TOP, "tests/vmrun.sh"), "-g", "v2", "-m", "2048", "-t", "300", "-w", out, "--",
                        "env", *(f"{k}={v}" for k, v in there.items()), "sh", "-c", THERE], env=here, capture_output=True, text=True, check=False)
    assert p.returncode == 0, p.stdout + p.stderr
    yield out
    shutil.rmtree(out)


def test_it_was_another_kernel(images):
    there = machine.read(os.path.join(images, "kernel")).strip()
    if there == os.uname().release:
        need.machine(f"this machine runs Debian's own kernel {there}")
    assert re.match(r"\d+\.\d+", there)


@pytest.mark.parametrize("word", WORDS)
def test_goes_on_here(contexe, images, word):
    name = contexe.name("here")
    contexe.run("restore", "-d", "--name", name, os.path.join(images, f"{word}.img"))
    contexe.run("kill", "-s", "USR1", name)
    contexe.run("wait", name)
    assert contexe.out("logs", name).splitlines()[-1] == "PASS"


def test_its_clocks_go_on(contexe, images):
    """The old vdso's code reads this kernel's clocks; the container's own clock does not jump."""
    name = contexe.name("clocks")
    before = [float(line.split()[1]) for line in machine.read(os.path.join(images, "clocks.log")).splitlines()]
    contexe.run("restore", "-d", "--name", name, os.path.join(images, "clocks.img"))
    assert machine.until(lambda: len(contexe.out("logs", name).splitlines()) > 20, timeout=20)
    after = [float(line.split()[1]) for line in contexe.out("logs", name).splitlines()]
    contexe.run("rm", "-f", name)
    assert after == sorted(after) and 0 < after[0] - before[-1] < 30
    assert all(b - a < 5 for a, b in zip(after, after[1:]))
