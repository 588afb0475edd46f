# SPDX-License-Identifier: Apache-2.0
"""Every self-checking program of tests/progs/ckpt goes through a checkpoint and a restore and then checks itself.

A program prints "ready", waits for SIGUSR1, checks, and prints "PASS" or "FAIL: why" (tests/progs/ckpt/ckpt.h).
"""
import os
import re

import pytest

from support import engine, machine, need, progs

WORDS = re.findall(r"^\t'([^']+)',$", machine.read(os.path.join(engine.TOP, "tests/progs/ckpt/meson.build")), re.M)
WANTS = {"seccomp_strict": ("--seccomp", "none"), "nested_pidns": ("--privileged",), "sched": ("--privileged",)}               # what a program cannot do without
# What connections that are not accepted yet hold can only be read by ending them.
NOT_RUNNING_ON = {"tcp_waiting", "unix_waiting"}
USERNS = ("--uid-map", "0:100000:65536", "--gid-map", "0:100000:65536")


class Traveller:
    """A program in a container of its own, up to its "ready"."""

    def __init__(self, contexe, rootfs, directory, word, *options):
        need.root()
        self.contexe, self.image = contexe, os.path.join(directory, "image")
        self.name = contexe.name("ckpt")
        contexe.run("run", "-d", "--name", self.name, "--rootfs", rootfs, "--overlay", *progs.MOUNT,
                    *WANTS.get(word, ()), *options, f"/progs/ckpt/ckpt-{word}")
        machine.until(lambda: "\n" in contexe.run("logs", self.name).stdout, timeout=20)
        first = contexe.out("logs", self.name)
        if first.startswith("SKIP"):
            pytest.skip(first)
        assert first == "ready"

    def checkpoint(self, *options):
        self.contexe.run("checkpoint", *options, "-o", self.image, self.name)

    def restore(self):
        name = self.contexe.name("back")
        self.contexe.run("restore", "-d", "--name", name, self.image)
        return name

    def check(self, name):
        """Lets it check itself. After a restore the log has nothing of before."""
        self.contexe.run("kill", "-s", "USR1", name)
        self.contexe.run("wait", name)
        assert self.contexe.out("logs", name).splitlines()[-1] == "PASS"


@pytest.fixture
def traveller(contexe, busybox_rootfs, scratch):
    return lambda word, *options: Traveller(contexe, busybox_rootfs, scratch, word, *options)


def test_there_are_programs():
    assert {"regular", "pipe", "epoll"} <= set(WORDS)


@pytest.mark.parametrize("word", WORDS)
def test_killed_and_restored(traveller, word):
    t = traveller(word)
    t.checkpoint()
    t.check(t.restore())


@pytest.mark.parametrize("word", WORDS)
def test_left_running_and_restored(traveller, word):
    """The original does not notice; the copy does not depend on it."""
    t = traveller(word)
    if word in NOT_RUNNING_ON:
        with pytest.raises(engine.Failed, match="without --leave-running"):
            t.checkpoint("--leave-running")
        t.check(t.name)
        return
    t.checkpoint("--leave-running")
    copy = t.restore()
    t.check(t.name)
    t.check(copy)


@pytest.mark.parametrize("word", WORDS)
def test_in_a_user_namespace(traveller, word):
    t = traveller(word, *USERNS)
    t.checkpoint()
    t.check(t.restore())


@pytest.mark.parametrize("word", ["regular", "pipe", "memfd", "epoll"])
def test_restored_twice(traveller, word):
    t = traveller(word)
    t.checkpoint()
    first, second = t.restore(), t.restore()
    t.check(second)
    t.check(first)


def test_a_second_checkpoint(traveller):
    """What was restored can be written down again."""
    for word in ("regular", "pipe", "epoll", "memfd", "shmem"):
        t = traveller(word)
        t.checkpoint()
        t.name = t.restore()
        t.checkpoint()
        t.check(t.restore())

