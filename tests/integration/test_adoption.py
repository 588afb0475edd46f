# SPDX-License-Identifier: Apache-2.0
"""A container whose supervisor is killed goes on; the next command that needs one gives it another."""
import os
import signal
import time

import pytest

from support.box import box, running  # noqa: F401

COUNT = "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.05; done"


def kill_supervisor(box, name):  # noqa: F811
    pid = box.inspect(name)["supervisorPid"]
    os.kill(pid, signal.SIGKILL)
    for _ in range(200):
        if not os.path.exists(f"/proc/{pid}") or not box.inspect(name)["supervised"]:
            break
        time.sleep(0.01)
    assert not box.inspect(name)["supervised"] and box.state(name) == "running"
    return pid


def lines(box, name):  # noqa: F811
    return [int(line.split()[1]) for line in box.log(name).splitlines() if line.startswith("line ")]


@pytest.mark.v2
def test_attach_brings_a_supervisor(box):  # noqa: F811
    name = box.start(COUNT)
    box.says(name, "line 2")
    init = box.inspect(name)["initPid"]
    old = kill_supervisor(box, name)
    with running(box.contexe, "attach", "--no-stdin", name) as p:
        p.stdout.readline()
        p.terminate()
        p.wait(10)
    after = box.inspect(name)
    assert after["supervised"] and after["supervisorPid"] not in (0, old) and after["initPid"] == init
    time.sleep(0.3)
    got = lines(box, name)
    assert got == list(range(1, len(got) + 1)), "no line was lost: contexe-init kept the pipes"


@pytest.mark.parametrize("command", ["exec", "attach"])
def test_the_status_is_known(box, command):  # noqa: F811
    name = box.start("while [ ! -e /go ]; do sleep 0.02; done; echo over; exit 7")
    kill_supervisor(box, name)
    if command == "exec":
        box.exec(name, "touch /go")
    else:
        with running(box.contexe, "attach", "--no-stdin", name) as p:
            time.sleep(0.3)
            box.exec(name, "touch /go")
            out, _ = p.communicate(timeout=20)
            assert p.returncode == 7 and "over" in out
    assert box.ends(name) == 7
    assert "over" in box.log(name)


def test_a_terminal_outlives_it(box):  # noqa: F811
    name = box.start("read a; echo got $a; read b; echo got $b; exit 3", "-it")
    kill_supervisor(box, name)
    with box.contexe.terminal("attach", name) as t:
        t.send("one\r")
        t.expect("got one")
        t.send("two\r")
        t.expect("got two")
        assert t.wait() == 3


def test_twice(box):  # noqa: F811
    name = box.start(COUNT)
    for _ in range(3):
        kill_supervisor(box, name)
        box.exec(name, "true")
        assert box.inspect(name)["supervised"]
    box.contexe.run("stop", "-t", "1", name)
    assert box.state(name) == "exited"


def test_without_contexe_init_nobody_takes_over(box):  # noqa: F811
    name = box.start("exec sleep 1000", "--init", "none")
    kill_supervisor(box, name)
    text = box.contexe.fails("attach", name)
    assert "--init none" in text
    assert box.state(name) == "running"
    box.contexe.run("stop", "-t", "0", name)
    assert box.state(name) == "exited"
