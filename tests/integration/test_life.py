# SPDX-License-Identifier: Apache-2.0
"""create, start, stop, kill, wait, pause, resume, restart, rm: each in every state it may meet."""
import json
import os
import time

import pytest

from support import machine
from support.box import FOREVER, box, refused, running           # noqa: F401

STUBBORN = "trap '' TERM; echo ready; while :; do sleep .05; done"


def create(box, script=FOREVER, *options):
    return box.contexe.out("create", *box.arguments(script, "--name", box.contexe.name(), *options))


# ---- create, start ----

@pytest.mark.v2
def test_create_waits(box, scratch):
    name = create(box, "touch /mnt/ran; exit 3", "--volume", f"{scratch}:/mnt")
    info = box.inspect(name)
    assert info["state"] == "created" and "started" not in info and info["initPid"] > 0
    time.sleep(0.2)
    assert os.listdir(scratch) == []
    assert box.contexe.out("start", name) == name
    assert box.ends(name) == 3 and os.listdir(scratch) == ["ran"]
    assert box.contexe.run("create", "--json", *box.arguments("true", "--name", "j")).stdout == '{"name":"j"}\n'


def test_created_ones_can_be_ended(box):
    for command in (("stop", "-t", "1"), ("rm",), ("rm", "-f"), ("kill",)):
        name = create(box)
        box.contexe.run(*command, name, timeout=20)
        if command[0] == "rm":
            assert name not in box.contexe.containers()
        else:
            assert machine.until(lambda: box.state(name) == "exited"), command


def test_start_of_what_cannot_be_executed(box):
    name = box.contexe.out("create", "--name", "x", "--rootfs", box.rootfs, "--overlay", "--", "/no/such")
    done = box.contexe.run("start", name, check=False)
    assert done.returncode == 127 and "/no/such: command not found" in done.stderr
    assert box.state(name) == "exited"


def test_start_again(box):
    box.sh("date +%N >>/count; wc -l </count; exit 2", "--name", "x", check=False)
    assert box.contexe.out("start", "x") == "x"
    assert box.ends("x") == 2
    assert box.log("x") == "1\n2\n"             # its files stay
    info = box.inspect("x")
    assert info["state"] == "exited" and info["exitCode"] == 2


def test_start_twice(box):
    name = box.start()
    error = box.contexe.run("start", name, check=False)
    assert error.returncode == 0 or "running" in error.stderr
    assert box.state(name) == "running"


# ---- stop, kill ----

@pytest.mark.v2
def test_stop(box):
    name = box.start("trap 'echo bye; exit 8' TERM; echo ready; while :; do sleep .05; done")
    box.says(name, "ready")
    assert box.contexe.out("stop", name) == name
    info = box.inspect(name)
    assert (info["state"], info["exitCode"], info["initPid"]) == ("exited", 8, 0)
    assert box.log(name) == "ready\nbye\n"
    assert box.contexe.run("stop", name, "-q").stdout == ""     # again: nothing to do


@pytest.mark.parametrize("options, command", [((), ("-t", "1")), (("--stop-timeout", "1"), ())])
def test_stop_of_one_that_does_not_listen(box, options, command):
    name = box.start(STUBBORN, *options)
    box.says(name, "ready")
    begin = time.monotonic()
    box.contexe.run("stop", *command, name)
    assert 0.9 < time.monotonic() - begin < 5
    assert box.inspect(name)["exitCode"] == 137


@pytest.mark.v2
def test_stop_at_once(box):
    name = box.start(STUBBORN)
    begin = time.monotonic()
    box.contexe.run("stop", "-t", "0", name)
    assert time.monotonic() - begin < 3 and box.inspect(name)["exitCode"] == 137


@pytest.mark.parametrize("signal", ["USR1", "SIGINT", "12"])
def test_stop_signal(box, signal):
    word = {"12": "USR2", "SIGINT": "INT"}.get(signal, signal)
    name = box.start(f"trap 'exit 21' {word}; echo ready; while :; do sleep .05; done", "--stop-signal", signal)
    box.says(name, "ready")
    box.contexe.run("stop", name)
    assert box.inspect(name)["exitCode"] == 21


@pytest.mark.v2
def test_kill(box):
    name = box.start("trap 'echo usr1' USR1; echo ready; while :; do sleep .05; done")
    box.says(name, "ready")
    for s in ("USR1", "SIGUSR1", "10"):
        assert box.contexe.out("kill", "-s", s, name) == name
    assert machine.until(lambda: box.log(name).count("usr1") >= 1)
    assert box.state(name) == "running"
    box.contexe.run("kill", name)
    assert box.ends(name) == 137
    refused(box.contexe, "kill", name, what="cannot send", thing=name, why="not running")


@pytest.mark.v2
def test_kill_all(box):
    name = box.start("sleep 1001 & sleep 1002 & trap 'echo usr1' USR1; echo ready; while :; do wait; done")
    box.says(name, "ready")
    box.contexe.run("kill", "--all", "-s", "USR1", name)
    assert machine.until(lambda: box.contexe.run("exec", name, "pidof", "sleep", check=False).returncode == 1)
    assert box.state(name) == "running"
    box.says(name, "usr1")
    box.contexe.run("kill", "-a", name)
    assert box.ends(name) == 137


def test_many_at_once(box):
    names = [box.start() for _ in range(3)]
    assert box.contexe.out("pause", *names).split() == names
    assert box.contexe.out("resume", *names).split() == names
    done = box.contexe.run("stop", names[0], "nobody", *names[1:], check=False)
    assert done.returncode == 125 and done.stdout.split() == names and "nobody" in done.stderr
    assert {i["state"] for i in box.contexe.json("ls", "-a")} == {"exited"}


# ---- wait ----

def test_two_wait(box):
    name = box.start("read a; exit 5", "-i")
    with running(box.contexe, "wait", name) as a, running(box.contexe, "wait", name) as b:
        assert box.contexe.fails("wait", "--timeout", "100ms", name, code=125)
        with running(box.contexe, "attach", name) as p:
            p.communicate("go\n", timeout=10)
        assert [w.communicate(timeout=10)[0] for w in (a, b)] == ["5\n", "5\n"]
    assert box.contexe.out("wait", name) == "5"


def test_wait_of_one_that_is_removed(box):
    name = box.start()
    with running(box.contexe, "wait", name) as w:
        assert machine.until(lambda: "socket:" in "".join(
            machine.link(f"/proc/{w.pid}/fd/{n}") for n in range(20)))
        box.contexe.run("rm", "-f", name)
        assert w.communicate(timeout=10)[0] == "137\n"


def test_wait_for_several(box):
    names = [box.start(f"exit {n}") for n in (1, 2)]
    assert box.contexe.out("wait", *names).split() == ["1", "2"]


# ---- pause, resume ----

def counter(box):
    name = box.start("i=0; while :; do i=$((i+1)); echo $i >/count; sleep .01; done")
    info = box.inspect(name)
    path = f"/proc/{info['pid']}/root/count"
    assert machine.until(lambda: machine.read(path).strip() not in ("", "1"))
    return name, lambda: machine.read(path)


@pytest.mark.v2
def test_pause_and_resume(box):
    name, count = counter(box)
    assert box.contexe.out("pause", name) == name
    before = count()
    assert box.state(name) == "paused"
    assert "paused" in box.contexe.run("ls").stdout
    time.sleep(0.3)
    assert count() == before
    refused(box.contexe, "exec", name, "true", thing=name, why="paused", hint=f"contexe resume {name}")
    refused(box.contexe, "rm", name, thing=name, why="running")
    assert box.contexe.out("pause", name) == name               # again: nothing to do
    assert box.contexe.out("resume", name) == name
    assert machine.until(lambda: count() not in ("", before))
    assert box.state(name) == "running"
    refused(box.contexe, "resume", name, thing=name, why="not paused")


@pytest.mark.v2
@pytest.mark.parametrize("command, code", [(("kill",), 137), (("stop", "-t", "5"), 143), (("stop", "-t", "0"), 137),
                                           (("rm", "-f"), None)])
def test_the_end_of_a_paused_one(box, command, code):
    name = box.start()
    box.contexe.run("pause", name)
    begin = time.monotonic()
    box.contexe.run(*command, name, timeout=20)
    if code:
        assert box.ends(name) == code and box.state(name) == "exited"
    else:
        assert box.contexe.containers() == []
    assert time.monotonic() - begin < 4


@pytest.mark.v2
def test_a_paused_one_is_killed_from_outside(box):
    """kill -9 of its pid 1, by whoever may."""
    name = box.start()
    box.contexe.run("pause", name)
    os.kill(box.inspect(name)["initPid"], 9)
    assert machine.until(lambda: box.state(name) == "exited")
    assert box.inspect(name)["exitCode"] == 137


def test_a_signal_waits_for_the_resume(box):
    name = box.start("trap 'exit 7' USR1; echo ready; while :; do sleep .05; done")
    box.says(name, "ready")
    box.contexe.run("pause", name)
    box.contexe.run("kill", "-s", "USR1", name)
    time.sleep(0.2)
    assert box.state(name) == "paused"
    box.contexe.run("resume", name)
    assert box.ends(name) == 7


def test_pause_of_what_does_not_run(box):
    name = box.start("true")
    box.ends(name)
    for command in ("pause", "resume"):
        refused(box.contexe, command, name, what=f"cannot {command}", thing=name, why="not running")


# ---- rm ----

@pytest.mark.v2
def test_rm(box):
    name = box.start()
    refused(box.contexe, "rm", name, what="cannot remove", thing=name, why="running", hint=f"contexe stop {name}")
    assert box.state(name) == "running"
    assert box.contexe.out("rm", "-f", name) == name
    assert box.contexe.containers() == []
    refused(box.contexe, "rm", name, thing=name, why="no such container")
    name = box.start("true")
    box.ends(name)
    machine.until(lambda: box.state(name) == "exited")
    box.contexe.run("rm", name)
    assert [os.listdir(os.path.join(box.contexe.root, d)) for d in ("containers", "numbers", "trash")] == [[], [], []]


def test_rm_all(box):
    box.sh("true", "--name", "ended")
    box.start(FOREVER, "--name", "runs")
    create(box)
    assert box.contexe.out("rm", "--all") == "ended"
    assert "runs" in box.contexe.containers()
    box.contexe.run("rm", "--all", "--force")
    assert box.contexe.containers() == []
    assert box.contexe.run("rm", "--all").stdout == ""


@pytest.mark.v2
def test_rm_takes_daemons_along(box):
    name = box.start("sleep 1001 & (setsid sleep 1002 &) ; echo ready; " + FOREVER)
    box.says(name, "ready")
    box.contexe.run("rm", "-f", name)
    assert not [p for p in machine.pids() if machine.read(f"/proc/{p}/cmdline") in ("sleep\0001001\0", "sleep\0001002\0")]


def test_restart_command(box):
    name = box.start("echo life; " + FOREVER)
    box.says(name, "life")
    before = box.inspect(name)["initPid"]
    assert box.contexe.out("restart", "-t", "1", name) == name
    box.says(name, "life\nlife")
    info = box.inspect(name)
    assert info["state"] == "running" and info["initPid"] != before


def test_wait_tells_programs_who_it_was(box):
    names = [box.start(f"exit {n}", "--name", f"w{n}") for n in (3, 0)]
    ids = [box.inspect(n)["id"] for n in names]
    lines = [json.loads(line) for line in box.contexe.run("wait", "--json", names[0], "2").stdout.splitlines()]
    assert lines == [{"id": ids[0], "number": 1, "name": "w3", "exitCode": 3},
                     {"id": ids[1], "number": 2, "name": "w0", "exitCode": 0}]


def test_wait_for_one_that_is_removed_at_its_end(box):
    name = box.start("sleep 1; exit 5", "--rm")
    assert json.loads(box.contexe.out("wait", "--json", name))["exitCode"] == 5
