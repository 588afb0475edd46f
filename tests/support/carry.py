# SPDX-License-Identifier: Apache-2.0
"""Containers that are written down and go on: what the tests of checkpoint and restore share.

from support.carry import carrier    the fixture; see Carrier
"""
import glob
import os
import re

import pytest

from support import machine
from support.progs import DIRECTORY, MOUNT

PROGRAMS = sorted(os.path.basename(p)[len("ckpt-"):] for p in glob.glob(os.path.join(DIRECTORY, "ckpt", "ckpt-*"))
                  if not p.endswith(".p"))


class Carrier:
    """contexe: as the fixture of that name; rootfs: the busybox root."""

    def __init__(self, contexe, rootfs):
        self.contexe, self.rootfs = contexe, rootfs

    def start(self, *command, options=(), word="c"):
        name = self.contexe.name(word)
        self.contexe.run("run", "-d", "--name", name, *MOUNT, "--rootfs", self.rootfs, "--overlay", *options, "--",
                         *command)
        return name

    def log(self, name):
        return self.contexe.run("logs", name).stdout

    def ended(self, name):
        """Whether its end is written down: then all that it said is in the log."""
        return "finished" in self.contexe.json("inspect", name)

    def says(self, name, pattern, timeout=30):
        """Waits until a line of the log matches; gives what matched. A container that ends without having
        said it fails the test at once."""
        found = None

        def look():
            nonlocal found
            ended = self.ended(name)
            log = self.log(name)
            found = re.search(pattern, log, re.MULTILINE)
            if not found and ended:
                pytest.fail(f"{name} has ended, and has not said {pattern!r} but:\n{log}", pytrace=False)
            return found

        if not machine.until(look, timeout):
            pytest.fail(f"{name} does not say {pattern!r} but:\n{self.log(name)}", pytrace=False)
        return found

    def checkpoint(self, name, *options):
        return self.contexe.run("checkpoint", *options, name)

    def restore(self, what, *options):
        self.contexe.run("restore", "-d", *options, what)

    def carry(self, name):
        """Written down, ended, and on again."""
        self.checkpoint(name)
        self.restore(name)

    def signal(self, name, signal="USR1"):
        self.contexe.run("kill", "-s", signal, name)

    def finish(self, name, ready=1):
        """For self-checking programs (tests/progs/ckpt/ckpt.h): one signal for every "ready", until it has judged. `ready`:
        how often it has said so before this log began."""
        result = None

        def judged():
            nonlocal result
            ended = self.ended(name)
            log = self.log(name)
            lines = log.splitlines()
            result = next((line for line in lines if re.match("PASS|FAIL|SETUP|SKIP", line)), None)
            if not result and ended:
                result = f"ended with {self.contexe.json('inspect', name).get('exitCode')}: {log}"
            return result

        sent = 0
        while not result:
            count = self.log(name).count("ready\n") + ready
            if sent < count:
                self.signal(name)
                sent += 1
            elif not machine.until(lambda: judged() or self.log(name).count("ready\n") + ready > count, 30):
                pytest.fail(f"{name} does not judge: {self.log(name)}", pytrace=False)
            judged()
        if result != "PASS":
            pytest.fail(f"{name}: {result}", pytrace=False)


@pytest.fixture
def carrier(contexe, busybox_rootfs):
    return Carrier(contexe, busybox_rootfs)
