# SPDX-License-Identifier: Apache-2.0
"""What control groups bound: memory, processes, processors, huge pages, disk. On every layout."""
import os
import time

import pytest

from support import machine, need
from support.box import box, refused                        # noqa: F401
from support.progs import MOUNT, prog


def controllers():
    """As the machine has them, v1 and v2."""
    text = machine.read("/proc/cgroups")
    v2 = next((machine.read(os.path.join(p, "cgroup.controllers")) for p in
               ("/sys/fs/cgroup/unified", "/sys/fs/cgroup") if os.path.exists(f"{p}/cgroup.controllers")), "")
    v1 = [line.split()[0] for line in text.splitlines()[1:] if line.split()[1] != "0"]
    return set(v2.split()) | set(v1)


HAVE = controllers()
memory = pytest.mark.skipif("memory" not in HAVE, reason="kernel: no memory controller")
cpu = pytest.mark.skipif("cpu" not in HAVE, reason="kernel: no cpu controller")
pids = pytest.mark.skipif("pids" not in HAVE, reason="kernel: no pids controller")


def stats(box, name):                                       # noqa: F811
    found, = box.contexe.json("stats", name)
    return found


# ---- memory ----

@memory
@pytest.mark.v2
def test_out_of_memory(box):                                # noqa: F811
    """The job itself is the greedy one: killed, and the reason is told."""
    name = box.contexe.name()
    options = ["--memory", "16m"] + ([] if machine.read("/proc/swaps").count("\n") < 2 else ["--memory-swap", "16m"])
    done = box.sh("exec tail -c 100m /dev/zero", "--name", name, *options, check=False)
    assert done.returncode == 137
    info = box.inspect(name)
    assert (info["state"], info["exitCode"], info["reason"]) == ("exited", 137, "out of memory")
    assert "out of memory" in box.contexe.out("ls", "--all")


@memory
def test_within_the_limit_nothing_happens(box):             # noqa: F811
    assert box.sh("head -c 20m /dev/zero | tail -c 20m | wc -c", "--memory", "64m").stdout.strip() == str(20 << 20)


@memory
@pytest.mark.v2
def test_memory_in_stats(box):                              # noqa: F811
    name = box.start("sleep 1000", "--memory", "32m")
    now = stats(box, name)
    assert now["memoryLimit"] == 32 << 20 and 0 < now["memory"] < 32 << 20 and not now["oomKills"]


@memory
def test_a_child_that_is_killed_for_memory(box):            # noqa: F811
    """The job goes on; stats count it."""
    name = box.start("tail -c 100m /dev/zero; echo child $?; sleep 1000", "--memory", "16m", "--memory-swap", "16m")
    box.says(name, "child 137")
    assert stats(box, name)["oomKills"] >= 1
    assert box.state(name) == "running"


# ---- processes ----

@pids
@pytest.mark.v2
def test_pids_limit(box):                                   # noqa: F811
    """The limit counts all: init, the shell, and what comes."""
    made, why = box.sh(f"exec {prog('crowd')} 100", "--pids-limit", "10", *MOUNT).stdout.split()
    assert (int(made), why) == (8, "EAGAIN")


@pids
def test_pids_limit_by_default(box):                        # noqa: F811
    assert stats(box, box.start())["pidsLimit"] == 4096
    assert stats(box, box.start("sleep 1000", "--pids-limit", "-1"))["pidsLimit"] is None


@pids
def test_exec_counts(box):                                  # noqa: F811
    name = box.start("sleep 1000", "--pids-limit", "5", *MOUNT)
    made, why = box.exec(name, f"exec {prog('crowd')} 100").stdout.split()
    assert int(made) <= 3 and why == "EAGAIN"


@pids
def test_pids_in_stats(box):                                # noqa: F811
    name = box.start("sleep 1000 & sleep 1000 & wait", "--pids-limit", "20")
    assert machine.until(lambda: stats(box, name)["pids"] == 4), stats(box, name)
    assert stats(box, name)["pidsLimit"] == 20


# ---- processors ----

BURN = "while :; do :; done"


def burnt(box, name, seconds):                              # noqa: F811
    """Processors used on the average over so long."""
    one, start = stats(box, name)["cpuNs"], time.monotonic()
    time.sleep(seconds)
    return (stats(box, name)["cpuNs"] - one) / 1e9 / (time.monotonic() - start)


@cpu
@pytest.mark.v2
def test_cpus(box):                                         # noqa: F811
    """A quarter of one: throttling is counted, and the time is bounded (widely, for busy machines)."""
    name = box.start(BURN, "--cpus", "0.25")
    assert burnt(box, name, 1.0) < 0.40
    assert machine.until(lambda: stats(box, name)["cpuThrottledNs"] > 0)
    box.contexe.run("kill", name)


@cpu
def test_cpu_shares_quota_and_period(box):                  # noqa: F811
    name = box.start(BURN, "--cpu-shares", "100", "--cpu-period", "50000", "--cpu-quota", "10000")
    assert burnt(box, name, 1.0) < 0.35
    box.contexe.run("kill", name)


@pytest.mark.skipif("cpuset" not in HAVE, reason="kernel: no cpuset controller")
@pytest.mark.v2
def test_cpuset(box):                                       # noqa: F811
    cpus = sorted(os.sched_getaffinity(0))
    text = box.sh("grep Cpus_allowed_list /proc/self/status", "--cpuset-cpus", str(cpus[-1])).stdout
    assert text.split()[1] == str(cpus[-1])
    if len(cpus) > 1:
        name = box.start("sleep 1000", "--cpuset-cpus", f"{cpus[0]},{cpus[1]}")
        box.contexe.run("update", "--cpuset-cpus", str(cpus[0]), name)
        assert box.exec(name, "grep Cpus_allowed_list /proc/self/status").stdout.split()[1] == str(cpus[0])
    refused(box.contexe, "run", *box.arguments("true", "--cpuset-cpus", "4095"), why="4095")


# ---- the rest: taken, or refused with the reason ----

@pytest.mark.parametrize("options", [
    ["--hugetlb", "2MB:64m"], ["--io-weight", "200"], ["--cpuset-mems", "0"], ["--memory-reservation", "8m"],
    ["--unified", "cgroup.max.depth=5"],
], ids=lambda o: o[0])
def test_taken_or_refused_clearly(box, options):            # noqa: F811
    done = box.sh("echo yes", "--rm", *options, check=False)
    if done.returncode == 0:
        assert done.stdout == "yes\n"
    else:
        assert done.returncode == 125 and done.stderr.count("\n") == 1 and done.stdout == ""
        assert "contexe: " in done.stderr and ";" in done.stderr, "what to do is told"
    assert box.contexe.containers() == []


def test_disk_rates(box):                                   # noqa: F811
    disk = next((f"/dev/{n}" for n in sorted(os.listdir("/sys/block")) if os.path.exists(f"/dev/{n}") and
                 not n.startswith(("loop", "ram"))), None)
    need.kernel(disk, "disk")
    done = box.sh("echo yes", "--device-read-bps", f"{disk}:1m", "--device-write-iops", f"{disk}:100", check=False)
    assert done.stdout == "yes\n" or done.returncode == 125 and done.stderr.count("\n") == 1
    refused(box.contexe, "run", "--device-read-bps", "/dev/null:1m", "--", "true", why="no disk")


@pytest.mark.parametrize("option, value", [
    ("--memory", "1k"), ("--memory", "x"), ("--cpus", "0"), ("--cpus", "abc"), ("--pids-limit", "0"),
    ("--cpu-shares", "1"), ("--cpuset-cpus", "a-b"), ("--io-weight", "9"), ("--hugetlb", "2MB"),
    ("--cpu-period", "1"), ("--unified", "memory.high"), ("--unified", "../x=1"),
])
def test_refused(contexe, option, value):
    refused(contexe, "run", option, value, "--", "true", thing=f"{option} {value}")


# ---- update ----

@memory
@pids
@pytest.mark.v2
def test_update_while_it_runs(box):                         # noqa: F811
    name = box.start("sleep 1000", "--memory", "64m", *MOUNT)
    box.contexe.run("update", "--memory", "32m", "--pids-limit", "9", name)
    now = stats(box, name)
    assert (now["memoryLimit"], now["pidsLimit"]) == (32 << 20, 9)
    assert box.exec(name, f"exec {prog('crowd')} 100").stdout.split()[1] == "EAGAIN"
    box.contexe.run("update", "--pids-limit", "-1", name)
    assert box.exec(name, f"exec {prog('crowd')} 100").stdout == "100 ok\n"


@cpu
def test_update_brings_a_limit_that_was_not_there(box):     # noqa: F811
    name = box.start(BURN)
    assert burnt(box, name, 0.5) > 0.35 or len(os.sched_getaffinity(0)) < 2
    box.contexe.run("update", "--cpus", "0.1", name)
    assert burnt(box, name, 1.0) < 0.25
    box.contexe.run("kill", name)


@memory
def test_a_refused_update_changes_nothing(box):             # noqa: F811
    name = box.start("sleep 1000", "--memory", "64m")
    assert box.contexe.fails("update", "--memory", "32m", "--cpuset-cpus", "4095", name, code=125)
    assert stats(box, name)["memoryLimit"] == 64 << 20
    assert box.state(name) == "running"


@memory
def test_an_update_is_kept_for_the_next_start(box):         # noqa: F811
    name = box.start("sleep 1000", "--memory", "64m")
    box.contexe.run("update", "--memory", "32m", name)
    box.contexe.run("kill", name)
    box.contexe.run("wait", name)
    box.contexe.run("start", name)
    assert stats(box, name)["memoryLimit"] == 32 << 20


def test_ulimits(box):                                      # noqa: F811
    assert box.sh("ulimit -n; ulimit -c; ulimit -Hc", "--ulimit", "nofile=77", "--ulimit", "core=0:1024"
                  ).stdout.split() == ["77", "0", "2"]
    for value in ("nofile", "nofile=x", "nofile=9:8", "nonsense=1"):
        assert box.contexe.fails("run", "--ulimit", value, "--", "true", code=125)


def test_oom_score_adj(box):                                # noqa: F811
    assert box.sh("cat /proc/self/oom_score_adj", "--oom-score-adj", "321").stdout == "321\n"
