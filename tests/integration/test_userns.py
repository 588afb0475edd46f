# SPDX-License-Identifier: Apache-2.0
"""User namespaces made by root: --uid-map, --gid-map."""
import os
import re

import pytest

from support import machine
from support.box import box                                 # noqa: F401

MAP = "0:100000:65536"


def status(pid, key):
    return [int(n) for n in re.search(rf"^{key}:(.*)$", machine.read(f"/proc/{pid}/status"), re.M)[1].split()]


@pytest.mark.v2
def test_root_inside_is_nobody_outside(box):                # noqa: F811
    name = box.start("sleep 1000", "--uid-map", MAP)
    info = box.inspect(name)
    for pid in (info["initPid"], info["pid"]):
        assert set(status(pid, "Uid")) == {100000} and set(status(pid, "Gid")) == {100000}
    assert box.exec(name, "id -u; id -g; cat /proc/self/uid_map").stdout.split() == ["0", "0", "0", "100000", "65536"]


def test_host_root(contexe):
    """The machine's tree: files of its root are root's inside, and stay as they are."""
    name = contexe.name()
    out = contexe.out("run", "--name", name, "--uid-map", MAP, "--", "sh", "-c",
                      "touch /tmp/mine; stat -c %u /tmp/mine /etc/passwd; id -u")
    assert out.split() == ["0", "0", "0"]
    upper = os.path.join(contexe.root, "containers", name, "upper", "tmp", "mine")
    assert os.stat(upper).st_uid == 0           # stored with the ids of the inside, shown mapped
    assert os.stat("/etc/passwd").st_uid == 0


def test_gid_map_apart(box):                                # noqa: F811
    name = box.start("sleep 1000", "--uid-map", MAP, "--gid-map", "0:200000:1000")
    assert set(status(box.inspect(name)["pid"], "Gid")) == {200000}


def test_several_ranges(box):                               # noqa: F811
    out = box.sh("cat /proc/self/uid_map; id -u", "--uid-map", "0:100000:1000", "--uid-map", "1000:300000:10",
                 "--user", "1005").stdout.split()
    assert out == ["0", "100000", "1000", "1000", "300000", "10", "1005"]


@pytest.mark.parametrize("value", ["0", "0:1", "0:1:0", "a:b:c", "0:100000:65536:1", "-1:0:1"])
def test_refused(contexe, value):
    assert "INSIDE:OUTSIDE:COUNT" in contexe.fails("run", "--uid-map", value, "--", "true", code=125)


def test_gid_map_alone(contexe):
    assert "--uid-map" in contexe.fails("run", "--gid-map", MAP, "--", "true", code=125)


def test_walls_hold(box):                                   # noqa: F811
    """Capabilities over the namespace only: nothing of the machine's can be set."""
    done = box.sh("mount -t tmpfs x /mnt; mknod /tmp/n c 1 3; echo 1 > /proc/sys/vm/drop_caches; hostname x",
                  "--uid-map", MAP, "--privileged", check=False)
    assert "mknod" in done.stderr and "drop_caches" in done.stderr


def test_exec_and_ps(box):                                  # noqa: F811
    name = box.start("sleep 1000", "--uid-map", MAP)
    assert box.exec(name, "id -u", "--user", "5").stdout == "5\n"
    assert {r["uid"] for r in box.contexe.json("ps", name)} == {100000}


def test_init_signals_and_end(box):                         # noqa: F811
    name = box.start("sleep 1000", "--uid-map", MAP)
    box.exec(name, "for s in $(seq 64); do kill -$s 1; done")
    assert box.exec(name, "echo alive").stdout == "alive\n"
    os.kill(box.inspect(name)["initPid"], 15)
    assert box.ends(name) == 143


def test_oom_score_of_what_is_executed(box):                # noqa: F811
    name = box.start("sleep 1000", "--uid-map", MAP, "--oom-score-adj", "100")
    assert box.exec(name, "cat /proc/self/oom_score_adj").stdout == "100\n"
