# SPDX-License-Identifier: Apache-2.0
"""Containers over a reboot of the machine: which come back. A reboot is: all processes gone, another boot id."""
import json
import os
import re
import shutil
import signal
import subprocess

import pytest

from support import engine, machine, need
from support.box import FOREVER, box, refused               # noqa: F401


def crash(box, *names):                                     # noqa: F811
    """The power fails: nobody writes anything down."""
    for name in names:
        info = box.inspect(name)
        for pid in (info["supervisorPid"], info["initPid"]):
            if pid:
                os.kill(pid, signal.SIGKILL)
                assert machine.until(lambda: machine.state(pid) in ("", "Z", "X"))
        path = box.file(name, "state.json")
        with open(path, encoding="utf-8") as f:
            state = json.load(f)
        if "boot" in state:
            state["boot"] = "00000000-0000-0000-0000-000000000000"
        with open(path, "w", encoding="utf-8") as f:
            json.dump(state, f)


def boot(box, **settings):                                  # noqa: F811
    return set(box.contexe.out("start", "--at-boot", **settings).split())


def running(box):                                           # noqa: F811
    return {i["name"] for i in box.contexe.json("ls", "--all") if i["state"] == "running"}


@pytest.fixture
def policies(box):                                          # noqa: F811
    """One of each policy that runs, and one of each that was stopped."""
    names = [box.start(FOREVER, "--name", prefix + policy, "--restart", policy)
             for policy in ("no", "always", "on-failure", "unless-stopped") for prefix in ("", "stopped-")]
    box.contexe.run("stop", "-t", "0", *(n for n in names if n.startswith("stopped")))
    box.contexe.run("create", *box.arguments(FOREVER, "--name", "never-started", "--restart", "always"))
    return [*names, "never-started"]


WANTED = {"always", "stopped-always", "unless-stopped"}


def test_which_come_back(box, policies):                    # noqa: F811
    assert boot(box) == {"stopped-always"}, "those that run are left alone"
    box.contexe.run("stop", "-t", "0", "stopped-always")
    crash(box, *policies)
    assert running(box) == set()
    assert boot(box) == WANTED == running(box)
    assert boot(box) == set()


def test_a_wish_is_written_down(box, policies):             # noqa: F811
    assert {n for n in policies if box.inspect(n).get("stoppedByUser")} == {n for n in policies if "stopped-" in n}
    box.contexe.run("start", "stopped-unless-stopped")
    assert not box.inspect("stopped-unless-stopped").get("stoppedByUser")
    crash(box, *policies)
    assert boot(box) == WANTED | {"stopped-unless-stopped"}


def test_stopped_after_its_end(box):                        # noqa: F811
    """The wish counts also where nothing was left to stop."""
    name = box.start(FOREVER, "--restart", "unless-stopped")
    crash(box, name)
    box.contexe.run("stop", name)
    assert boot(box) == set()
    box.contexe.run("start", name)
    crash(box, name)
    assert boot(box) == {name}


def test_stopped_without_a_supervisor(box):                 # noqa: F811
    name = box.start(FOREVER, "--restart", "unless-stopped")
    os.kill(box.inspect(name)["supervisorPid"], signal.SIGKILL)
    box.contexe.run("stop", "-t", "0", name)
    assert box.inspect(name)["stoppedByUser"] and boot(box) == set()


def test_stopped_while_it_waits_for_its_next_start(box):    # noqa: F811
    name = box.start("exit 1", "--restart", "unless-stopped")
    assert machine.until(lambda: box.inspect(name)["restarts"] > 3)
    box.contexe.run("stop", name)
    assert box.inspect(name)["stoppedByUser"] and boot(box) == set()


def test_an_orderly_shutdown(box, policies):                # noqa: F811
    """Each gets its stop signal, all at the same time; that is no user's wish."""
    term = box.start("trap 'sleep 1; echo bye; exit 0' TERM; echo up; while :; do sleep 1; done", "--restart", "always",
                     "--name", "term")
    box.says(term, "up")
    assert running(box) == {"no", "always", "on-failure", "unless-stopped", "term"}
    told = set(box.contexe.out("stop", "--at-shutdown", "--time", "3").split())
    assert told == {"no", "always", "on-failure", "unless-stopped", "term", "never-started"}
    assert running(box) == set() and "bye" in box.log(term) and box.inspect(term)["exitCode"] == 0
    assert boot(box) == WANTED | {"term"}


def test_shutdown_while_one_waits_for_its_next_start(box):  # noqa: F811
    name = box.start("exit 1", "--restart", "always")
    assert machine.until(lambda: box.inspect(name)["restarts"] > 3)
    box.contexe.run("stop", "--at-shutdown")
    assert not box.inspect(name)["supervised"] and not box.inspect(name).get("stoppedByUser")


def test_who_joins_comes_after_whom_it_joins(box):          # noqa: F811
    box.sh("true", "--name", "place")
    last = box.start(FOREVER, "--name", "last", "--restart", "always")
    box.contexe.run("rm", "place")
    names = ["first", "middle"]                             # first gets number 1
    box.start(FOREVER, "--name", "first", "--restart", "always", "--join", f"{last}:net")
    box.start(FOREVER, "--name", "middle", "--restart", "always", "--join", "first:ipc")
    assert [box.inspect(n)["number"] for n in (*names, last)] == [1, 3, 2]
    crash(box, *names, last)
    assert boot(box) == {*names, last} == running(box)


def test_one_that_cannot_start_is_told(box):                # noqa: F811
    names = [box.start(FOREVER, "--restart", "always") for _ in range(3)]
    crash(box, *names)
    os.rename(box.file(names[1], "config.json"), box.file(names[1], "kept"))
    assert boot(box) == {names[0], names[2]}, "one without a configuration has no policy"
    os.rename(box.file(names[1], "kept"), box.file(names[1], "config.json"))
    with open(box.file(names[1], "config.json"), encoding="utf-8") as f:
        spec = json.load(f)
    spec["root"]["path"] = "/no/such/root"
    with open(box.file(names[1], "config.json"), "w", encoding="utf-8") as f:
        json.dump(spec, f)
    done = box.contexe.run("start", "--at-boot", check=False)
    assert done.returncode == 125 and done.stdout == "" and done.stderr.count("\n") == 1
    assert names[1] in done.stderr or "/no/such/root" in done.stderr


def test_usage(contexe):
    for words in (["start", "--at-boot", "x"], ["start", "--at-boot", "--attach"], ["stop", "--at-shutdown", "x"]):
        refused(contexe, *words, why=words[1])
    assert boot_is_quiet(contexe)


def boot_is_quiet(contexe):
    return contexe.out("start", "--at-boot") == contexe.out("stop", "--at-shutdown") == ""


# ---- the unit ----

@pytest.fixture
def unit():
    path = os.path.join(engine.BUILD, "systemd", "contexe-restart.service")
    if not os.path.exists(path):
        pytest.skip("kernel: built without systemd")
    return path


def test_what_the_unit_calls(box, policies, unit):          # noqa: F811
    text = machine.read(unit)
    calls = dict(re.findall(r"^(ExecSt\w+)=-?\S+/bin/contexe (.*)$", text, re.M))
    box.contexe.run(*calls["ExecStop"].split(), "-t", "0")
    assert running(box) == set()
    box.contexe.run(*calls["ExecStart"].split())
    assert running(box) == WANTED


def test_the_unit_is_one(unit, tmp_path):
    need.program("systemd-analyze")
    text = re.sub(r"=-?\S+/bin/contexe", "=/bin/true", machine.read(unit))
    copy = tmp_path / "contexe-restart.service"
    copy.write_text(text)
    done = subprocess.run([shutil.which("systemd-analyze"), "verify", "--man=no", copy], text=True,
                          capture_output=True, timeout=60)
    assert "contexe-restart" not in done.stdout + done.stderr, done.stderr
