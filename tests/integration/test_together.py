# SPDX-License-Identifier: Apache-2.0
"""Many commands at the same moment, and commands killed in their midst: nothing is ever corrupt or left."""
import json
import os
import random
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import machine
from support.box import FOREVER, box                             # noqa: F401

STATES = {"creating", "created", "running", "paused", "exited"}


def quietly(box, *args):
    """A command that may be refused: what it says must be a refusal, not a crash."""
    done = box.contexe.run(*args, check=False, timeout=60)
    assert 0 <= done.returncode <= 125 or done.returncode in (137, 143), done
    assert done.stderr.count("\n") <= 1, done.stderr
    return done


def storm(seconds, *loops):
    """Runs functions over and over at the same time; what they raise is raised."""
    end = time.monotonic() + seconds

    def over_and_over(fn):
        n = 0
        while time.monotonic() < end:
            fn()
            n += 1
        return n
    with ThreadPoolExecutor(len(loops)) as pool:
        counts = [f.result() for f in [pool.submit(over_and_over, fn) for fn in loops]]
    assert all(counts)
    return counts


@pytest.mark.v2
def test_commands_on_one_container(box):
    """It is always in one of its states, its files can always be read, and in the end it works."""
    name = box.start()

    def look():
        info, = box.contexe.json("ls", "-a")
        assert info["name"] == name and info["state"] in STATES, info
        assert json.loads(box.contexe.out("inspect", name))["config"]["process"]["args"][0] == "sh"
    storm(4, look,
          lambda: quietly(box, "start", name), lambda: quietly(box, "stop", "-t", "0", name),
          lambda: quietly(box, "exec", name, "true"), lambda: quietly(box, "pause", name),
          lambda: quietly(box, "resume", name), lambda: quietly(box, "kill", name),
          lambda: quietly(box, "update", "--pids-limit", str(random.randint(20, 99)), name))
    box.contexe.run("stop", "-t", "0", name)
    assert box.state(name) == "exited"
    box.contexe.run("start", name)
    assert box.exec(name, "echo ok").stdout == "ok\n"


def test_many_want_one_name(box):
    """Each name goes to one at a time."""
    won = []

    def take():
        done = quietly(box, "run", "-d", *box.arguments(FOREVER, "--name", "wanted"))
        if done.returncode == 0:
            won.append(1)
            assert box.contexe.containers() == ["wanted"]
            box.contexe.run("rm", "-f", "wanted")
    storm(2, *[take] * 4)
    assert won and box.contexe.containers() == []
    assert os.listdir(os.path.join(box.contexe.root, "numbers")) == []


def test_many_get_different_numbers(box):
    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(lambda _: box.contexe.out("create", *box.arguments("true")), range(16)))
    assert sorted(names) == sorted(f"cont_{n}" for n in range(1, 17))
    assert [i["number"] for i in box.contexe.json("ls")] == list(range(1, 17))


def test_removed_by_many(box):
    for _ in range(5):
        name = box.start()
        with ThreadPoolExecutor(4) as pool:
            done = list(pool.map(lambda _: quietly(box, "rm", "-f", name), range(4)))
        assert [d.returncode for d in done].count(0) >= 1
        assert all("no such container" in d.stderr or "removed meanwhile" in d.stderr for d in done if d.returncode)
        assert box.contexe.containers() == []


def test_started_by_many(box):
    """One life, not several."""
    box.sh("echo life; sleep .3", "--name", "x")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: quietly(box, "start", "x"), range(4)))
    box.ends("x")
    machine.until(lambda: not box.inspect("x")["supervised"])
    assert box.log("x") == "life\nlife\n"


# ---- killed at any moment ----

KILLED = {
    "run": lambda box, n: ("run", "-d", *box.arguments(FOREVER, "--name", f"k{n}")),
    "run --rm": lambda box, n: ("run", "--rm", *box.arguments("true", "--name", f"k{n}")),
    "create": lambda box, n: ("create", *box.arguments(FOREVER, "--name", f"k{n}")),
    "start": lambda box, n: ("start", f"old{n}"),
    "rm": lambda box, n: ("rm", "-f", f"old{n}"),
    "stop": lambda box, n: ("stop", "-t", "1", f"old{n}"),
}
ROUNDS = 30


@pytest.mark.serial
@pytest.mark.parametrize("command", KILLED)
def test_killed_in_its_midst(leak_check, box, command):
    """kill -9 at a random moment, with the process group or alone: ls goes on to work, rm --force cleans up."""
    random.seed(command)
    for n in range(ROUNDS):
        if command in ("rm", "stop"):
            box.start(FOREVER, "--name", f"old{n}")
        elif command == "start":
            box.sh("sleep .01", "--name", f"old{n}")
        p = box.contexe.popen(*KILLED[command](box, n), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              stdin=subprocess.DEVNULL)
        time.sleep(random.random() * 0.025)
        os.kill(-p.pid if n % 2 else p.pid, 9)
        p.wait()
        if n % 5 == 0:
            assert all(i["state"] in STATES | {"broken"} for i in box.contexe.json("ls", "-a"))
    machine.until(lambda: not any(i["state"] == "creating" for i in box.contexe.json("ls", "-a")), timeout=5)
    for name in box.contexe.containers():
        quietly(box, "rm", "--force", name)
    assert box.contexe.json("ls", "-a") == [] and box.contexe.containers() == []
    assert [os.listdir(os.path.join(box.contexe.root, d)) for d in ("numbers", "trash")] == [[], []]
    leak_check()


@pytest.mark.serial
@pytest.mark.timeout(240)
def test_200_containers_leave_nothing(leak_check, box):
    """In parallel, in all the ways they can end."""
    def one(n):
        name = f"n{n}"
        if n % 4 == 0:
            box.sh("sleep 1000 & echo $$", "--name", name, "--rm")
            return
        box.start("sleep 1000 & exec sleep 1000", "--name", name, "--memory", "64m", "--pids-limit", "20")
        if n % 4 == 1:
            box.contexe.run("stop", name)
            box.contexe.run("rm", name)
        elif n % 4 == 2:
            box.exec(name, "true")
            box.contexe.run("rm", "-f", name)
        else:
            box.contexe.run("pause", name)
            box.contexe.run("kill", name)
            box.contexe.run("wait", name)
            box.contexe.run("rm", "-f", name)
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(one, range(200)))
    assert box.contexe.json("ls", "-a") == []
    assert [os.listdir(os.path.join(box.contexe.root, d)) for d in ("containers", "numbers", "trash")] == [[], [], []]
    leak_check()


@pytest.mark.serial
def test_all_at_once_and_all_removed(leak_check, box):
    """40 alive at the same time, then gone with one command."""
    with ThreadPoolExecutor(20) as pool:
        names = list(pool.map(lambda n: box.start(FOREVER, "--name", f"n{n}"), range(40)))
    assert {i["state"] for i in box.contexe.json("ls")} == {"running"} and len(box.contexe.json("ls")) == 40
    done = box.contexe.run("rm", "--force", "--all")
    assert sorted(done.stdout.split()) == sorted(names)
    assert box.contexe.containers() == []
    leak_check()
