# SPDX-License-Identifier: Apache-2.0
"""Short words for the containers of the tests: the busybox root under a private layer, and a shell in it.

from support.box import box      the fixture: box.sh("echo hello"), box.start("sleep 100")
"""
import contextlib
import json
import os
import re

import pytest

from support import machine

FOREVER = "sleep 1000"


class Box:
    """contexe: as the fixture of that name; rootfs: the busybox root."""

    def __init__(self, contexe, rootfs):
        self.contexe, self.rootfs = contexe, rootfs

    def arguments(self, script, *options):
        return [*options, "--rootfs", self.rootfs, "--overlay", "--", "sh", "-c", script]

    def sh(self, script, *options, **settings):
        """Runs a script to its end, in the foreground."""
        return self.contexe.run("run", *self.arguments(script, *options), **settings)

    def start(self, script=FOREVER, *options, **settings):
        """Runs it in the background; the container's name."""
        if "--name" not in options:
            options = ("--name", self.contexe.name(), *options)
        return self.contexe.out("run", "-d", *self.arguments(script, *options), **settings)

    def exec(self, name, script, *options, **settings):
        return self.contexe.run("exec", *options, name, "sh", "-c", script, **settings)

    def inspect(self, name):
        return json.loads(self.contexe.out("inspect", name))

    def state(self, name):
        return self.inspect(name)["state"]

    def ends(self, name, timeout=20):
        """Waits for its end; the exit status."""
        return int(self.contexe.out("wait", name, timeout=timeout))

    def log(self, name):
        return self.contexe.run("logs", name).stdout

    def says(self, name, word, timeout=10):
        """Waits until the container has written this."""
        assert machine.until(lambda: word in self.log(name), timeout), self.log(name)

    def file(self, name, *path):
        """A path in the container's directory."""
        return os.path.join(self.contexe.root, "containers", name, *path)


@contextlib.contextmanager
def running(contexe, *args, **settings):
    """with running(contexe, "run", ...) as p: a Popen as contexe.popen() gives it, killed at the block's end if
    it has not ended by then, so that a test that fails does not hang."""
    p = contexe.popen(*args, **settings)
    try:
        yield p
    finally:
        p.kill()
        for pipe in (p.stdin, p.stdout, p.stderr):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        p.wait()


@pytest.fixture
def box(contexe, busybox_rootfs):
    return Box(contexe, busybox_rootfs)


def refused(contexe, *args, code=125, what="", thing="", why="", hint="", **settings):
    """A command that must be refused, for people in one line and for programs in one object, which agree;
    each given text must be in its part. Returns the object."""
    done = contexe.run(args[0], "--json", *args[1:], check=False, **settings)
    assert done.returncode == code, (done.returncode, done.stderr)
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    error = json.loads(done.stderr)["error"]
    assert set(error) == {"what", "object", "why", "hint", "errno", "exitCode"}
    assert error["exitCode"] == code and error["errno"] > 0
    assert error["what"] and error["why"]
    for part, want in (("what", what), ("object", thing), ("why", why), ("hint", hint)):
        assert want in error[part], error
    done = contexe.run(*args, check=False, **settings)
    assert done.returncode == code, (done.returncode, done.stderr)
    assert done.stdout == ""
    def plain(text):
        return re.sub(r"-[0-9a-f]{8}\b", "-ID", text)          # names of control groups, never twice the same
    line = f"contexe: {error['what']}: " + (f"{error['object']}: " if error["object"] else "") + error["why"]
    assert plain(done.stderr) == plain(line) + (f"; {error['hint']}" if error["hint"] else "") + "\n"
    return error
