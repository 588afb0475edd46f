# SPDX-License-Identifier: Apache-2.0
"""contexe update, and the restart policies."""
import json
import time

import pytest

from support import machine
from support.box import FOREVER, box, refused                    # noqa: F401


def stats(box, name):
    return box.contexe.json("stats", name)[0]


def config(box, name):
    return json.loads(machine.read(box.file(name, "config.json")))


@pytest.mark.v2
def test_limits_of_a_running_one(box):
    name = box.start(FOREVER, "--memory", "64m", "--pids-limit", "50")
    assert box.contexe.out("update", "--memory", "48m", "--pids-limit", "20", "--cpus", "0.5", name) == name
    assert stats(box, name)["memoryLimit"] == 48 << 20 and stats(box, name)["pidsLimit"] == 20
    box.contexe.run("update", "--memory", "-1", "--pids-limit", "-1", name)
    assert stats(box, name)["memoryLimit"] is None and stats(box, name)["pidsLimit"] is None


@pytest.mark.v2
def test_a_limit_that_was_not_there(box):
    name = box.start("echo ready; " + FOREVER)
    box.contexe.run("update", "--memory", "32m", name)
    assert stats(box, name)["memoryLimit"] == 32 << 20
    done = box.exec(name, "tail /dev/zero", check=False)
    assert done.returncode == 137
    box.contexe.run("rm", "-f", name)


@pytest.mark.v2
def test_the_limit_bites(box):
    name = box.start("sleep 1000", "--pids-limit", "50")
    box.contexe.run("update", "--pids-limit", "5", name)
    done = box.exec(name, "for i in 1 2 3 4 5 6 7 8; do sleep 3 & done", check=False)
    assert done.returncode != 0 and "can't fork" in done.stderr


def test_kept_for_the_next_start(box):
    name = box.start("sleep 1000", "--pids-limit", "50")
    box.contexe.run("update", "--pids-limit", "33", name)
    box.contexe.run("restart", "-t", "1", name)
    assert stats(box, name)["pidsLimit"] == 33
    box.contexe.run("stop", name)
    box.contexe.run("update", "--pids-limit", "44", name)       # one that has ended
    box.contexe.run("start", name)
    assert stats(box, name)["pidsLimit"] == 44


@pytest.mark.parametrize("options", [("--cpuset-cpus", "4000"), ("--memory", "64m", "--cpuset-cpus", "4000"),
                                     ("--hugetlb", "3MB:1m")])
def test_a_refused_one_changes_nothing(box, options):
    name = box.start("sleep 1000", "--memory", "48m", "--pids-limit", "50")
    before = config(box, name), stats(box, name)["memoryLimit"], stats(box, name)["pidsLimit"]
    error = refused(box.contexe, "update", "--pids-limit", "9", *options, name, what="cannot update")
    assert error["why"] and error["object"]
    assert (config(box, name), stats(box, name)["memoryLimit"], stats(box, name)["pidsLimit"]) == before
    assert box.state(name) == "running"


def test_a_limit_that_the_kernel_refuses(box):
    """At the start: nothing is left behind, and the message names the limit."""
    error = refused(box.contexe, "run", *box.arguments("true", "--cpuset-cpus", "4000"))
    assert "4000" in error["object"] + error["why"] or "cpuset" in error["object"] + error["why"]
    assert box.contexe.containers() == []


def test_below_what_is_used(box):
    """Memory in use cannot be taken away: refused, or the kernel ends it, but never a lie."""
    name = box.start("x=$(head -c 20000000 /dev/zero | tr '\\0' x); echo ready; " + FOREVER, "--memory", "256m")
    box.says(name, "ready")
    done = box.contexe.run("update", "--memory", "1m", name, check=False)
    if done.returncode == 0:
        assert box.state(name) == "exited" or stats(box, name)["memoryLimit"] == 1 << 20
    else:
        assert done.stderr.count("\n") == 1 and stats(box, name)["memoryLimit"] == 256 << 20


def test_only_limits(box):
    name = box.start()
    for option in ("--env", "--volume", "--rootfs", "--name"):
        refused(box.contexe, "update", option, "x", name, what="update", why=f"no option {option}")


# ---- restart policies ----

def restarts(box, name):
    return box.inspect(name)["restarts"]


@pytest.mark.v2
def test_no_restart(box):
    for options in ((), ("--restart", "no")):
        name = box.start("exit 1", *options)
        assert box.ends(name) == 1
        time.sleep(0.3)
        assert box.state(name) == "exited" and restarts(box, name) == 0


@pytest.mark.v2
@pytest.mark.parametrize("policy", ["always", "unless-stopped"])
def test_always(box, policy):
    name = box.start("echo life; sleep 0.05; exit 0", "--restart", policy)
    assert machine.until(lambda: box.log(name).count("life") >= 3)
    box.contexe.run("stop", name)
    assert machine.until(lambda: box.state(name) == "exited" and not box.inspect(name)["supervised"])
    n = box.log(name).count("life")
    time.sleep(0.5)
    assert box.log(name).count("life") == n >= 3
    events = [json.loads(x)["type"] for x in box.contexe.run("events", "--json", name).stdout.splitlines()]
    assert events.count("restart") == restarts(box, name) == n - 1


@pytest.mark.v2
def test_on_failure(box):
    name = box.start("echo life; exit 7", "--restart", "on-failure:2")
    assert machine.until(lambda: box.log(name).count("life") == 3)
    assert machine.until(lambda: not box.inspect(name)["supervised"])
    assert box.ends(name) == 7
    assert restarts(box, name) == 2 and box.log(name).count("life") == 3


def test_on_failure_but_it_succeeds(box):
    name = box.start("echo life; exit 0", "--restart", "on-failure")
    assert box.ends(name) == 0
    time.sleep(0.3)
    assert box.log(name) == "life\n" and restarts(box, name) == 0


def test_killed_one_comes_back(box):
    name = box.start("echo life; " + FOREVER, "--restart", "always")
    box.says(name, "life")
    box.contexe.run("kill", name)
    box.says(name, "life\nlife")
    box.contexe.run("rm", "-f", name)
    assert box.contexe.containers() == []


def test_the_wait_for_a_restart_can_be_ended(box):
    """Whoever removes it meanwhile does not wait for the delay, which doubles each time."""
    name = box.start("exit 1", "--restart", "always")
    assert machine.until(lambda: restarts(box, name) >= 4)
    begin = time.monotonic()
    box.contexe.run("stop", name)
    assert time.monotonic() - begin < 2
    assert box.state(name) == "exited"
    box.contexe.run("rm", name)


def test_policy_changed_while_it_runs(box):
    name = box.start("echo life; sleep .1; exit 1", "--restart", "always")
    assert machine.until(lambda: restarts(box, name) >= 1)
    box.contexe.run("update", "--restart", "no", name)
    assert machine.until(lambda: box.state(name) == "exited" and not box.inspect(name)["supervised"])
    assert config(box, name)["contexe"]["restart"] == "no"


def test_update_during_the_restart_delay(box):
    name = box.start("exit 1", "--restart", "always")
    assert machine.until(lambda: restarts(box, name) >= 3)
    box.contexe.run("update", "--pids-limit", "40", name, timeout=10)
    assert config(box, name)["linux"]["resources"]["pids"]["limit"] == 40
    box.contexe.run("rm", "-f", name)
