# SPDX-License-Identifier: Apache-2.0
"""ls, inspect, stats, top, events, probe, version: what is told, to people and to programs."""
import json
import os
import re
import time

import pytest

from support import machine, need
from support.box import FOREVER, box, refused, running           # noqa: F401

STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z"


# ---- ls ----

def test_ls(box):
    assert box.contexe.run("ls").stdout.split() == ["NUMBER", "NAME", "STATE", "PID", "ROOT", "COMMAND"]
    assert box.contexe.json("ls") == [] and box.contexe.run("ls", "-q").stdout == ""
    box.start(FOREVER, "--name", "b", "-j", "2")
    box.start(FOREVER, "--name", "a", "-j", "10")
    box.sh("exit 3", "--name", "ended", check=False)
    rows = [line.split() for line in box.contexe.run("ls").stdout.splitlines()[1:]]
    assert [(r[0], r[1], r[2]) for r in rows] == [("2", "b", "running"), ("10", "a", "running")]
    assert box.contexe.run("ls", "-q").stdout == "b\na\n"
    assert box.contexe.run("ls", "-aq").stdout == "ended\nb\na\n"
    assert re.search(r"^1 +ended +exited \(3\) +- ", box.contexe.run("ls", "--all").stdout, re.M)


def test_ls_json(box):
    box.start(FOREVER, "--name", "b")
    info, = box.contexe.json("ls")
    assert set(info) == {"number", "name", "id", "state", "image", "command", "initPid", "supervisorPid", "supervised",
                         "created", "started", "finished", "exitCode", "reason", "restarts"}
    assert (info["number"], info["name"], info["state"], info["image"], info["command"], info["supervised"]) == (
        1, "b", "running", box.rootfs, "sh -c " + FOREVER, True)
    assert re.fullmatch(STAMP, info["created"]) and info["created"] <= info["started"]
    assert info["finished"] is None and info["exitCode"] is None
    box.contexe.run("kill", "b")
    box.ends("b")
    assert machine.until(lambda: box.contexe.json("ls", "-a")[0]["state"] == "exited")
    info, = box.contexe.json("ls", "-a")
    assert info["exitCode"] == 137 and info["initPid"] == 0 and info["started"] < info["finished"]


def test_what_a_container_is_called_does_not_spoil_the_table(box):
    box.start("sleep 1000; # \x1b[31m\nred")
    done = box.contexe.run("ls")
    assert "\x1b" not in done.stdout and len(done.stdout.splitlines()) == 2
    assert box.contexe.json("ls")[0]["command"] == "sh -c sleep 1000; # \x1b[31m\nred"


# ---- inspect ----

def test_inspect(box):
    name = box.start(FOREVER, "--env", "A=ü\"\\", "--label", "who=me", "--memory", "64m")
    info = box.inspect(name)
    assert info["name"] == name and re.fullmatch("[0-9a-f]{16}", info["id"])
    assert info["directory"] == box.file(name)
    assert "A=ü\"\\" in info["config"]["process"]["env"]
    assert info["config"]["annotations"]["who"] == "me"
    assert info["config"]["linux"]["resources"]["memory"]["limit"] == 64 << 20
    assert json.loads(machine.read(box.file(name, "config.json"))) == info["config"]
    other = box.start()
    done = box.contexe.run("inspect", name, other)
    assert [json.loads(line)["name"] for line in done.stdout.splitlines()] == [name, other]


# ---- stats, top ----

@pytest.mark.v2
def test_stats(box):
    name = box.start("while :; do :; done", "--memory", "64m", "--pids-limit", "50")
    time.sleep(0.3)
    info, = box.contexe.json("stats", name)
    assert info["name"] == name and info["cpuNs"] > 100_000_000 and info["cpuPercent"] > 5
    assert 0 < info["memory"] < 64 << 20 and info["memoryLimit"] == 64 << 20
    assert info["pids"] == 2 and info["pidsLimit"] == 50
    assert info["oomKills"] == 0 and info["fromProcesses"] in (True, False)
    rows = box.contexe.run("stats", name).stdout.splitlines()
    assert rows[0].split()[:3] == ["NUMBER", "NAME", "CPU%"] and rows[1].split()[1] == name
    assert [i["name"] for i in box.contexe.json("stats")] == [name]


def test_stats_without_limits(box):
    """Counted by a controller, or summed over the processes: both are told."""
    name = box.start()
    info, = box.contexe.json("stats", name)
    assert info["pids"] == 2 and info["memory"] > 0 and info["memoryLimit"] is None


def test_stats_of_none(box):
    assert box.contexe.json("stats") == []
    box.sh("true", "--name", "x")
    refused(box.contexe, "stats", "x", thing="x", why="not running")


def test_stats_stream(box):
    box.start()
    with running(box.contexe, "stats", "--stream", "--interval", "50ms", "--json") as p:
        times = [json.loads(p.stdout.readline()) for _ in range(3)]
    assert all(len(t) == 1 for t in times)


@pytest.mark.v2
def test_oom(box):
    need.kernel(any(f["key"].startswith("cgroup") for f in box.contexe.json("probe")), "control groups")
    done = box.sh("tail /dev/zero", "--name", "hungry", "--memory", "16m", "--memory-swap", "16m", check=False)
    assert done.returncode == 137
    info = box.inspect("hungry")
    assert info["exitCode"] == 137 and info["reason"] == "out of memory"
    assert "exited (137): out of memory" in box.contexe.run("ls", "-a").stdout


def test_top(box):
    name = box.start("sleep 1001 & while :; do :; done")
    rows = box.contexe.run("top", "--interval", "200ms", name).stdout.splitlines()
    assert rows[0].split() == ["SPACE", "VPID", "PID", "UID", "S", "CPU%", "TIME", "RSS", "COMMAND"]
    assert "while" in rows[1] and len(rows) == 4          # the busiest first
    found = box.contexe.json("top", "--interval", "100ms", name)
    assert found[0]["vpid"] == 2 and found[0]["cpuPercent"] > 10
    assert {"pidspace", "vpid", "pid", "cpuPercent", "rss", "command"} == set(found[0])
    assert found[0]["pid"] == box.inspect(name)["pid"]


# ---- events ----

def kinds(box, *args):
    return [json.loads(line)["type"] for line in box.contexe.run("events", "--json", *args).stdout.splitlines()]


def test_events_of_a_whole_life(box):
    name = box.contexe.out("create", *box.arguments("read a; exit 4", "--name", "x", "-i"))
    box.contexe.run("start", name)
    box.exec(name, "true")
    box.contexe.run("update", "--pids-limit", "77", name)
    box.contexe.run("pause", name)
    box.contexe.run("resume", name)
    box.contexe.run("kill", "-s", "WINCH", name)
    with running(box.contexe, "attach", name) as p:
        p.communicate("go\n", timeout=10)
    box.ends(name)
    assert machine.until(lambda: box.state(name) == "exited")
    box.contexe.run("start", name)
    box.contexe.run("stop", name)
    box.contexe.run("rm", name)
    assert kinds(box) == ["create", "start", "exec", "update", "pause", "resume", "kill", "attach", "die",
                          "start", "stop", "die", "remove"]
    lines = [json.loads(line) for line in box.contexe.run("events", "--json", name).stdout.splitlines()]
    assert all(e["name"] == name and e["number"] == 1 and re.fullmatch(STAMP, e["time"]) for e in lines)
    assert len({e["id"] for e in lines}) == 1
    assert [e["time"] for e in lines] == sorted(e["time"] for e in lines)
    assert lines[8]["exitCode"] == 4 and lines[6]["signal"] in ("WINCH", "SIGWINCH")
    text = box.contexe.run("events", name).stdout.splitlines()
    assert re.fullmatch(STAMP + r"  die       x \(4\)", text[8])


def test_events_of_one_and_since_when(box):
    box.sh("true", "--name", "a")
    box.sh("true", "--name", "b")
    assert kinds(box, "a") == kinds(box, "b") == ["create", "start", "die"]
    assert kinds(box, "1") == kinds(box, "a") and kinds(box, "nobody") == []
    last = json.loads(box.contexe.run("events", "--json", "b").stdout.splitlines()[0])["time"]
    assert kinds(box, "--since", last) == ["create", "start", "die"]
    assert kinds(box, "--until", last) == ["create", "start", "die", "create"]
    assert kinds(box, "--since", "1h") == kinds(box) and kinds(box, "--until", "1h") == []


def test_events_followed(box):
    with running(box.contexe, "events", "-f", "--json") as p:
        machine.until(lambda: any("inotify" in machine.link(f"/proc/{p.pid}/fd/{n}") for n in range(12)))
        box.sh("true", "--name", "a", "--rm")
        got = [json.loads(p.stdout.readline())["type"] for _ in range(4)]
    assert got == ["create", "start", "die", "remove"]


def test_events_of_a_failed_start(box):
    """What could not be started is gone again, and the journal says so."""
    box.contexe.run("run", "--name", "x", "--rootfs", box.rootfs, "--", "/no/such", check=False)
    assert kinds(box)[:1] == ["create"] and kinds(box)[-1] == "remove" and "start" not in kinds(box)


def test_a_damaged_journal(box):
    box.sh("true", "--name", "a")
    with open(os.path.join(box.contexe.root, "events"), "ab") as f:
        f.write(b"garbage\n\xff\xfe\n\n")
    box.sh("true", "--name", "b")
    assert kinds(box, "b") == ["create", "start", "die"]


# ---- probe, version ----

def test_probe(contexe):
    features = contexe.json("probe")
    assert len(features) > 20
    keys = [f["key"] for f in features]
    assert len(set(keys)) == len(keys)
    for f in features:
        assert set(f) == {"key", "title", "state", "present", "errno", "usedFor", "without", "since"}
        assert f["state"] in ("yes", "no", "denied", "unknown")
        assert f["present"] == (f["state"] == "yes") and f["usedFor"] and f["without"]
    text = contexe.run("probe").stdout
    assert re.match(r"control groups: (v1|hybrid|v2)\n", text)
    assert all(re.search(rf"^{re.escape(k)} ", text, re.M) for k in keys)
    assert [f["key"] for f in contexe.json("probe", keys[3], keys[1])] == [keys[1], keys[3]]


def test_version(contexe):
    version = contexe.json("version")
    assert re.fullmatch(r"\d+\.\d+(\.\d+)?", version["version"])
    assert version["cgroups"] in ("v1", "hybrid", "v2", "none")
    assert contexe.run("version").stdout == f"contexe {version['version']}\n"
