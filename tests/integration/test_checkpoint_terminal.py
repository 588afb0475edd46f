# SPDX-License-Identifier: Apache-2.0
"""The container's own terminal over a checkpoint: what was typed ahead, and the user's terminal again."""
import os

import pytest

from support import machine, need

# Reads nothing until it is told to; then a line, and what is there of the next one.
LATE = """
import os, time, sys
print('up', flush=True)
while not os.path.exists('/tmp/go'): time.sleep(.05)
print('line', repr(input()), flush=True)
import termios
t = termios.tcgetattr(0); t[3] &= ~termios.ICANON; t[6][termios.VMIN] = 0; t[6][termios.VTIME] = 1
termios.tcsetattr(0, termios.TCSANOW, t)
print('rest', repr(os.read(0, 100).decode()), flush=True)
"""


def typed_ahead(contexe, name, options=()):
    need.root()
    t = contexe.terminal("run", "-it", "--name", name, *options, "--", "/usr/bin/python3", "-c", LATE)
    t.__enter__()
    t.expect("up")
    t.send("typed ahead\rand half a li")
    t.expect("half a li")                                  # the echo: it has arrived
    return t


def reads_it(contexe, name):
    contexe.run("exec", name, "touch", "/tmp/go")
    contexe.run("wait", name)
    log = contexe.run("logs", name).stdout
    assert "line 'typed ahead'" in log and "rest 'and half a li'" in log, log


@pytest.mark.parametrize("options", [(), ("--uid-map", "0:100000:65536")], ids=["root", "mapped"])
def test_typed_ahead(contexe, scratch, options):
    name, image = contexe.name("typed"), os.path.join(scratch, "image")
    t = typed_ahead(contexe, name, options)
    try:
        contexe.run("checkpoint", "-o", image, name)
        t.wait()
    finally:
        t.close()
    back = contexe.name("back")
    contexe.run("restore", "-d", "--name", back, image)
    reads_it(contexe, back)


def test_left_running(contexe, scratch):
    """The original has it, too, once."""
    name, image = contexe.name("typed"), os.path.join(scratch, "image")
    t = typed_ahead(contexe, name)
    try:
        for _ in range(3):
            contexe.run("checkpoint", "--leave-running", "-o", image, name)
        reads_it(contexe, name)
    finally:
        t.close()
    back = contexe.name("back")
    contexe.run("restore", "-d", "--name", back, image)
    reads_it(contexe, back)


def test_into_the_users_terminal(contexe, scratch):
    name, image = contexe.name("typed"), os.path.join(scratch, "image")
    t = typed_ahead(contexe, name)
    try:
        contexe.run("checkpoint", "-o", image, name)
    finally:
        t.close()
    back = contexe.name("back")
    with contexe.terminal("restore", "--name", back, image) as t:
        assert machine.until(lambda: back in contexe.containers() and contexe.json("inspect", back)["state"] == "running", 10)
        contexe.run("exec", back, "touch", "/tmp/go")
        t.expect("line 'typed ahead'")
        t.expect("rest 'and half a li'")
