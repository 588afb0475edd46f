# SPDX-License-Identifier: Apache-2.0
"""contexe ps: every number it shows is the one the kernel has."""
import re

import pytest

from support import machine
from support.box import box                                 # noqa: F401

COLUMNS = "SPACE VPID VPPID VPGRP VSID PID PPID PGRP SID UID S RSS COMMAND".split()
SCRIPT = "sleep 1000 & sh -c 'sleep 1000 & exec setsid sh -c \"sleep 1000; true\"' & wait"    # and init: 6


@pytest.fixture
def busy(box):                                              # noqa: F811
    """A container with a small tree of processes."""
    name = box.start(SCRIPT)
    assert machine.until(lambda: len(box.contexe.json("ps", name)) == 6), box.contexe.out("ps", name)
    return name


def status(pid):
    return dict(re.findall(r"^(\w+):\s*(.*)$", machine.read(f"/proc/{pid}/status"), re.M))


def check(row, level):
    """One process of `contexe ps --json` against its /proc/PID/status."""
    now = status(row["pid"])
    for key, line in (("pid", "NSpid"), ("pgrp", "NSpgid"), ("sid", "NSsid")):
        levels = now[line].split()
        assert row[key] == int(levels[0]), (row, line)
        assert row["v" + key] == int(levels[level]), (row, line)
    assert row["ppid"] == int(now["PPid"])
    assert row["uid"] == int(now["Uid"].split()[0]) and row["threads"] == int(now["Threads"])
    assert row["comm"] == now["Name"] and row["state"] == now["State"][0]
    return now


def test_every_column_is_the_kernels(box, busy):            # noqa: F811
    rows = box.contexe.json("ps", busy)
    number = str(box.inspect(busy)["number"])
    vpids = {row["pid"]: row["vpid"] for row in rows}
    for row in rows:
        check(row, 1)
        assert row["pidspace"] == number
        assert row["vppid"] == (0 if row["vpid"] == 1 else vpids[row["ppid"]])
        command = machine.read(f"/proc/{row['pid']}/cmdline").replace("\0", " ").strip()
        assert row["command"] == command
    inside = {int(p) for p in box.exec(busy, "cd /proc; echo [0-9]*").stdout.split()}
    assert set(vpids.values()) <= inside, "the container has these processes"


def test_the_table_has_the_same_numbers(box, busy):         # noqa: F811
    lines = box.contexe.out("ps", busy).splitlines()
    assert lines[0].split() == COLUMNS
    rows = box.contexe.json("ps", busy)
    assert len(lines) == len(rows) + 1
    for line, row in zip(lines[1:], rows):
        cells = line.split(None, 12)
        assert [int(c) for c in cells[1:10]] == [row[k] for k in (
            "vpid", "vppid", "vpgrp", "vsid", "pid", "ppid", "pgrp", "sid", "uid")]
        assert cells[0] == row["pidspace"] and cells[12] == row["command"][:80]


def test_tree_shows_children_below_their_parents(box, busy):    # noqa: F811
    lines = box.contexe.out("ps", "--tree", busy).splitlines()[1:]
    above, parents = {}, {row["pid"]: row["ppid"] for row in box.contexe.json("ps", busy)}
    at = box.contexe.out("ps", "--tree", busy).splitlines()[0].index("COMMAND")
    assert len(lines) == len(parents)
    for line in lines:
        depth = (len(line[at:]) - len(line[at:].lstrip())) // 2
        pid = int(line.split()[5])
        above[depth] = pid
        if depth:
            assert parents[pid] == above[depth - 1], line


def test_quiet_prints_internal_names(box, busy):            # noqa: F811
    names = box.contexe.out("ps", "--quiet", busy).splitlines()
    assert names == [f"<{r['pidspace']}|{r['vpid']}>" for r in box.contexe.json("ps", busy)]
    for name in names:
        assert box.contexe.json("pid", name)["name"] == name


def test_zero_is_the_global_view(box, busy):                # noqa: F811
    before = set(machine.pids())
    rows = {row["pid"]: row for row in box.contexe.json("ps", "0")}
    alive = {p for p in before if machine.state(p)}
    assert alive <= set(rows), "a process of the machine is missing"
    own = rows[1]
    assert (own["pidspace"], own["vpid"]) == ("0", 1)
    for row in box.contexe.json("ps", busy):
        assert rows[row["pid"]]["pidspace"] == row["pidspace"]
    supervisor = box.inspect(busy)["supervisorPid"]
    assert rows[supervisor]["pidspace"] == "0" and rows[supervisor]["vpid"] == supervisor


def test_without_a_name_the_containers_only(box, busy):     # noqa: F811
    other = box.start()
    shown = box.contexe.json("ps")
    assert "0" not in {row["pidspace"] for row in shown}
    numbers = {str(box.inspect(n)["number"]) for n in (busy, other)}
    assert numbers <= {row["pidspace"] for row in shown}


def test_name_and_number_mean_the_same(box, busy):          # noqa: F811
    assert box.contexe.json("ps", busy) == box.contexe.json("ps", box.inspect(busy)["number"])


def test_a_process_of_an_odd_name(box):                     # noqa: F811
    """Blanks, parentheses and line ends in a name must not shift the columns."""
    name = box.start("cp /bin/busybox '/tmp/a ) R 1 (b\n'; exec -a sleep '/tmp/a ) R 1 (b\n' 1000 || "
                     "cp /bin/busybox /tmp/sleep; exec /tmp/sleep 1000")
    assert machine.until(lambda: [r for r in box.contexe.json("ps", name) if r["vpid"] == 2])
    for row in box.contexe.json("ps", name):
        levels = re.search(r"^NSpid:(.*)$", machine.read(f"/proc/{row['pid']}/status"), re.M)[1].split()
        assert (row["pid"], row["vpid"]) == (int(levels[0]), int(levels[1]))
        assert row["ppid"] == int(status(row["pid"])["PPid"])


def test_digits_are_a_pid(box):                             # noqa: F811
    """A container's number has a name of its own: cont_N."""
    name = box.start("sleep 1000", "--number", "999983")
    pid = str(box.inspect(name)["pid"])
    for context in (name, "cont_999983", "999983|1"):
        assert box.contexe.out("pid", pid, "--in", context) == "2"
    assert "'cont_999983'" in box.contexe.fails("pid", pid, "--in", "999983")
    assert "'cont_" not in box.contexe.fails("pid", pid, "--in", "999979")
