# SPDX-License-Identifier: Apache-2.0
"""contexe run -it, exec -it, attach on a terminal: size, raw keys, leaving and coming back."""
import os
import signal
import termios
import time

import pytest

from support import machine
from support.box import FOREVER, box                             # noqa: F401

KEYS = "\x10\x11"                               # ctrl-p ctrl-q


def shell(box, *options, **settings):
    return box.contexe.terminal("run", *options, "--rootfs", box.rootfs, "--overlay", "--", "sh", **settings)


def test_a_shell(box):
    with shell(box, "-it", "--name", "t") as t:
        t.expect(r"# ")
        t.send("tty; echo $((40+2)); exit 5\r")
        t.expect(r"/dev/(pts/\d+|console)\r\n42\r\n")
        assert t.wait() == 5
    assert box.inspect("t")["exitCode"] == 5


def test_a_terminal_is_guessed(box):
    """Who sits at a terminal and says nothing gets one; -i alone, or a pipe, does not."""
    with shell(box) as t:
        t.expect(r"# ")
        t.send("test -t 0 && test -t 1 && echo te''rm; exit\r")
        t.expect("term\r\n")
        assert t.wait() == 0
    with box.contexe.terminal("run", *box.arguments("test -t 1 || echo no terminal", "-i")) as t:
        t.expect("no terminal")
        assert t.wait() == 0
    assert box.sh("test -t 1 || echo no terminal").stdout == "no terminal\n"


def test_size_and_its_changes(box):
    script = "trap 'stty size; exit' WINCH; stty size; while :; do sleep .05; done"
    with box.contexe.terminal("run", *box.arguments(script, "-it"), rows=31, columns=101) as t:
        t.expect("31 101\r\n")
        t.resize(44, 133)
        t.expect("44 133\r\n")
        assert t.wait() == 0


def test_keys_are_the_containers(box):
    """^C, ^Z, ^D, ^\\ do there what they do in any terminal, and nothing to us."""
    with box.contexe.terminal("run", *box.arguments("trap 'echo intr' INT; trap 'echo quit' QUIT; echo re''ady; "
                                                    "cat; cat; echo over", "-it")) as t:
        t.expect("ready")
        time.sleep(0.3)
        t.send("\x03")
        t.expect("intr")
        t.send("a\r\x04")
        t.expect("a\r\n.*over")
        assert t.wait() == 0


def test_every_byte_goes_through(box):
    """Raw on both sides: no key is eaten but the ones that detach."""
    script = "stty raw -echo; echo ready; dd bs=1 count=253 2>/dev/null | od -An -v -tu1 | tr -s ' \\n' ' '"
    with box.contexe.terminal("run", *box.arguments(script, "-it")) as t:
        t.expect("ready")
        time.sleep(0.1)
        sent = [b for b in range(256) if b not in (0x10, 0x11, 0xff)]
        os.write(t.master, bytes(sent))
        t.wait()
        numbers = [int(n) for n in t.output.partition("ready")[2].split()]
    assert numbers == sent


def test_the_terminal_is_given_back(box):
    with shell(box, "-it") as t:
        before = termios.tcgetattr(t.master)
        t.expect("# ")
        assert not termios.tcgetattr(t.master)[3] & termios.ICANON
        t.send("exit\r")
        assert t.wait() == 0
        assert termios.tcgetattr(t.master) == before


@pytest.mark.v2
def test_leave_and_come_back(box):
    with shell(box, "-it", "--name", "t") as t:
        before = termios.tcgetattr(t.master)
        t.expect("# ")
        t.send("x=kept\r")
        t.expect("# ")
        t.send(KEYS)
        t.expect("detached")
        assert t.wait() == 0
        assert termios.tcgetattr(t.master) == before
    assert box.state("t") == "running"
    assert machine.until(lambda: box.inspect("t")["supervised"])
    for _ in range(2):
        with box.contexe.terminal("attach", "t", rows=20, columns=70) as t:
            t.send("echo $x, $(stty size)\r")
            t.expect("kept, 20 70\r\n")
            t.send(KEYS)
            t.expect("detached")
            assert t.wait() == 0
    with box.contexe.terminal("attach", "t") as t:
        t.send("exit 6\r")
        assert t.wait() == 6
    assert box.inspect("t")["exitCode"] == 6


def test_half_of_the_keys(box):
    """ctrl-p alone reaches the program when another key follows."""
    with box.contexe.terminal("run", *box.arguments("stty raw -echo; echo ready; dd bs=1 count=2 2>/dev/null | od -An -tx1",
                                                    "-it")) as t:
        t.expect("ready")
        time.sleep(0.1)
        t.send("\x10x")
        t.expect("10 78")
        assert t.wait() == 0


@pytest.mark.parametrize("keys, typed", [("ctrl-a,d", "\x01d"), ("q", "q"), ("ctrl-],ctrl-]", "\x1d\x1d")])
def test_keys_of_ones_own(box, keys, typed):
    with box.contexe.terminal("run", *box.arguments("echo ready; " + FOREVER, "-it", "--name", "t", "--detach-keys",
                                                    keys)) as t:
        t.expect("ready")
        t.send(typed)
        t.expect("detached")
        assert t.wait() == 0
    with box.contexe.terminal("attach", "t") as t:
        t.send(typed)
        t.expect("detached")
    with box.contexe.terminal("attach", "--detach-keys", "ctrl-x", "t") as t:
        t.send(typed + "\x18")
        t.expect("detached")
    assert box.state("t") == "running"


def test_no_keys_that_detach(box):
    with box.contexe.terminal("run", *box.arguments("stty raw -echo; echo ready; dd bs=1 count=2 2>/dev/null | od -An -tx1",
                                                    "-it", "--detach-keys", "")) as t:
        t.expect("ready")
        time.sleep(0.1)
        t.send(KEYS)
        t.expect("10 11")
        assert t.wait() == 0


def test_hangup_while_it_runs(box):
    """The window is closed: the program gets its hangup, as without a container."""
    t = shell(box, "-it", "--name", "t")
    t.expect("# ")
    pid = t.process.pid
    t.process.send_signal(signal.SIGHUP)
    t.process.wait(10)
    t.close()
    assert machine.until(lambda: box.state("t") == "exited"), pid


def test_exec_with_a_terminal(box):
    name = box.start()
    with box.contexe.terminal("exec", "-it", name, "sh", rows=33, columns=99) as t:
        t.expect("# ")
        t.send("stty size; tty; exit 3\r")
        t.expect("33 99\r\n/dev/pts/")
        assert t.wait() == 3
    with box.contexe.terminal("exec", "-it", name, "sh", "-c",
                              "trap 'stty size; exit' WINCH; echo ready; while :; do sleep .05; done") as t:
        t.expect("ready")
        t.resize(50, 60)
        t.expect("50 60\r\n")
        assert t.wait() == 0
    with box.contexe.terminal("exec", "-it", name, "sh", "-c", "echo ready; sleep 100") as t:
        t.expect("ready")
        t.send("\x03")
        assert t.wait() == 130


def test_a_terminal_without_one_of_ours(box):
    """-t from a script: the program has a terminal, we have pipes."""
    done = box.sh("test -t 1 && echo a''b", "-t")
    assert done.stdout == "ab\n"              # \r\n, read as text
    name = box.start("stty size; tty; echo oops >&2; " + FOREVER, "-t")
    box.says(name, "oops")
