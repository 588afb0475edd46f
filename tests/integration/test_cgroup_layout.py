# SPDX-License-Identifier: Apache-2.0
"""The control groups themselves: where they are, what is seen of them inside, that none is left."""
import os
import re
import time

import pytest

from support import machine
from support.box import box                                 # noqa: F401


def groups(box, name):                                      # noqa: F811
    """Those of one container, in all hierarchies."""
    identity = box.inspect(name)["id"]
    return {g for g in machine.cgroups() if identity[:8] in g}


def members(group):
    return {int(p) for p in machine.read(os.path.join(group, "cgroup.procs")).split()}


def v2_root():
    return next((line.split()[4] for line in machine.read("/proc/self/mountinfo").splitlines()
                 if " - cgroup2 " in line), None)


@pytest.mark.v2
def test_every_process_is_in_every_group(box):              # noqa: F811
    name = box.start("sleep 1000 & sleep 1000 & wait", "--memory", "64m", "--pids-limit", "50")
    assert machine.until(lambda: len(box.contexe.json("ps", name)) == 4)
    found = groups(box, name)
    assert found
    for group in found:
        assert members(group) == {r["pid"] for r in box.contexe.json("ps", name)}, group


@pytest.mark.v2
def test_what_exec_starts_is_too(box):                      # noqa: F811
    name = box.start("sleep 1000", "--memory", "64m")
    box.contexe.run("exec", "-d", name, "sleep", "999")
    pid, = machine.until(lambda: [r["pid"] for r in box.contexe.json("ps", name) if r["command"] == "sleep 999"])
    for group in groups(box, name):
        assert pid in members(group), group


@pytest.mark.v2
def test_no_group_is_left(box):                             # noqa: F811
    before = machine.cgroups()
    names = [box.start("sleep 1000", "--memory", "64m", "--cpus", "0.5") for _ in range(3)]
    assert all(groups(box, n) for n in names)
    box.contexe.run("stop", "-t", "1", names[0])
    box.contexe.run("kill", names[1])
    box.contexe.run("rm", "-f", names[2])
    assert machine.until(lambda: machine.cgroups() <= before), machine.cgroups() - before


def test_the_supervisor_is_not_inside(box):                 # noqa: F811
    name = box.start()
    supervisor = box.inspect(name)["supervisorPid"]
    assert not any(supervisor in members(g) for g in groups(box, name))


def test_only_its_own_is_seen_inside(box):                  # noqa: F811
    name = box.start()
    seen = box.exec(name, "find /sys/fs/cgroup -name '*contexe*'; cat /proc/1/cgroup").stdout
    assert "contexe" not in seen


@pytest.mark.v2
def test_delegation(box):                                   # noqa: F811
    """With --delegate the container may divide its group; without, it may not."""
    root = v2_root()
    if not root:
        pytest.skip("kernel: no v2 tree")
    inside = "/sys/fs/cgroup" + ("/unified" if root.endswith("unified") else "")
    script = f"mkdir {inside}/below && echo $$ > {inside}/below/cgroup.procs && cat /proc/self/cgroup"
    assert re.search(r"^0::/below$", box.sh(script, "--delegate").stdout, re.M)
    assert "Read-only" in box.sh(script, check=False).stderr


@pytest.mark.v2
def test_exec_where_the_group_is_divided(box):              # noqa: F811
    """A group of v2 that gives controllers to groups below may have no processes: exec joins process 1."""
    root = v2_root()
    if not root:
        pytest.skip("kernel: no v2 tree")
    inside = "/sys/fs/cgroup" + ("/unified" if root.endswith("unified") else "")
    name = box.start(f"cd {inside} && mkdir below && for p in 1 $$; do echo $p > below/cgroup.procs; done; "
                     "for c in $(cat cgroup.controllers); do echo +$c > cgroup.subtree_control; done; "
                     "echo divided; exec sleep 1000", "--delegate", "--memory", "64m")
    box.says(name, "divided")
    assert re.search(r"^0::/below$", box.exec(name, "cat /proc/self/cgroup").stdout, re.M)
    with box.contexe.terminal("exec", "-it", name, "cat", "/proc/self/cgroup") as t:
        t.expect("0::/below")
        assert t.wait() == 0


def test_delegated_groups_go_with_the_container(box):       # noqa: F811
    root = v2_root()
    if not root:
        pytest.skip("kernel: no v2 tree")
    inside = "/sys/fs/cgroup" + ("/unified" if root.endswith("unified") else "")
    before = machine.cgroups()
    name = box.start(f"mkdir -p {inside}/a/b/c && echo $$ > {inside}/a/b/c/cgroup.procs; echo done; sleep 1000",
                     "--delegate")
    box.says(name, "done")
    box.contexe.run("rm", "-f", name)
    assert machine.until(lambda: machine.cgroups() <= before)


@pytest.mark.v2
def test_a_path_of_ones_own(box):                           # noqa: F811
    path = f"/contexe-test-{os.getpid()}"
    name = box.start("sleep 1000", "--cgroup-path", f"{path}/one", "--pids-limit", "50")
    root = v2_root()
    pid = box.inspect(name)["pid"]
    lines = machine.read(f"/proc/{pid}/cgroup").splitlines()
    assert any(line.endswith(f"{path}/one") for line in lines), lines
    assert not root or os.path.isdir(root + f"{path}/one")
    box.contexe.run("rm", "-f", name)
    assert machine.until(lambda: not any(os.path.exists(r + path) for r in machine.cgroup_roots()))


@pytest.mark.v2
def test_pause_and_resume(box):                             # noqa: F811
    """By the freezer: the processor time stands still, and the state says so."""
    name = box.start("while :; do :; done")
    pid = box.inspect(name)["pid"]

    def used():
        return sum(int(n) for n in machine.read(f"/proc/{pid}/stat").rpartition(")")[2].split()[11:13])

    box.contexe.run("pause", name)
    assert box.state(name) == "paused"
    before = used()
    time.sleep(0.3)
    assert used() == before
    box.contexe.run("resume", name)
    assert box.state(name) == "running"
    assert machine.until(lambda: used() > before)
    box.contexe.run("pause", name)
    box.contexe.run("rm", "-f", name)


def test_a_group_that_is_frozen_can_be_killed(box):         # noqa: F811
    name = box.start()
    box.contexe.run("pause", name)
    box.contexe.run("kill", name)
    assert box.ends(name) == 137
