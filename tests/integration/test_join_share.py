# SPDX-License-Identifier: Apache-2.0
"""Namespaces that are not new: --share with the machine, --join with another container."""
import fcntl
import json
import os
import re

import pytest

from support import machine
from support.box import box, refused                        # noqa: F401
from test_namespaces import KINDS, inodes, inside

MAP = "0:100000:65536"
SHARED = {"pid": "pid", "net": "net", "ipc": "ipc", "uts": "uts", "cgroup": "cgroup", "network": "net"}


@pytest.mark.parametrize("word", SHARED)
def test_share(box, word):                                  # noqa: F811
    ours = inside(box, box.start("sleep 1000", "--share", word))
    assert {k for k in KINDS if ours[k] == inodes()[k]} == {"user", SHARED[word]}


def test_share_all_that_can_be(box):                        # noqa: F811
    options = [o for w in ("pid", "net", "ipc", "uts", "cgroup") for o in ("--share", w)]
    ours = inside(box, box.start("sleep 1000", *options))
    assert {k for k in KINDS if ours[k] != inodes()[k]} == {"mnt", "time"}


@pytest.mark.parametrize("word", ["mnt", "mount", "time", "user", "nonsense", ""])
def test_share_of_what_cannot_be(contexe, word):
    refused(contexe, "run", "--share", word, "--", "true", what="run", thing="--share")


def test_a_shared_pid_space_is_left_clean(box):             # noqa: F811
    """Without a pid namespace to die, the group takes what the job leaves."""
    name = box.start("setsid sleep 1001 & echo up; sleep 1000", "--share", "pid")
    box.says(name, "up")
    box.contexe.run("rm", "-f", name)
    assert not [p for p in machine.pids() if machine.read(f"/proc/{p}/cmdline") == "sleep\0" "1001\0"]


@pytest.mark.parametrize("word", ["pid", "net", "ipc", "uts", "cgroup", "time"])
def test_join(box, word):                                   # noqa: F811
    first = box.start()
    second = box.start("sleep 1000", "--join", f"{first}:{word}")
    one, other = inside(box, first), inside(box, second)
    assert {k for k in KINDS if one[k] == other[k]} == {"user", word}
    assert {k for k in KINDS if other[k] == inodes()[k]} == {"user"}


def test_join_several(box):                                 # noqa: F811
    first = box.start()
    second = box.start("sleep 1000", "--join", f"{first}:net", "--join", f"{first}:ipc", "--join", f"{first}:uts")
    one, other = inside(box, first), inside(box, second)
    assert {k for k in KINDS if one[k] == other[k]} == {"user", "net", "ipc", "uts"}


# ---- a user namespace: joined before the others are made, which then belong to it ----

NS_GET_USERNS = 0xb701


def owner(pid, kind):
    """The user namespace that a namespace belongs to."""
    with open(f"/proc/{pid}/ns/{kind}", "rb") as ns:
        fd = fcntl.ioctl(ns, NS_GET_USERNS)
    try:
        return machine.link(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)


def mapped(box, *options):                                  # noqa: F811
    return box.start("sleep 1000", "--uid-map", MAP, *options)


@pytest.mark.v2
@pytest.mark.parametrize("words", [(), ("net",), ("pid",), ("pid", "net", "ipc", "uts", "cgroup", "time")])
def test_join_user(box, words):                             # noqa: F811
    first = mapped(box)
    options = [o for w in ("user", *words) for o in ("--join", f"{first}:{w}")]
    second = box.start("id -u; id -G; touch /new; sleep 1000", *options)
    box.says(second, "0\n0\n")
    one, other = inside(box, first), inside(box, second)
    assert {k for k in KINDS if one[k] == other[k]} == {"user", *words}
    info = box.inspect(second)
    assert {owner(info["pid"], k) for k in set(KINDS) - {"user"}} == {one["user"]}
    assert re.search(r"^Uid:(\s+100000){4}$", machine.read(f"/proc/{info['pid']}/status"), re.M)
    assert machine.until(lambda: os.path.exists(box.file(second, "upper", "new")))
    mapped_root = info["config"]["contexe"].get("idmap")            # stored with the ids of the inside, where the kernel can
    assert os.stat(box.file(second, "upper", "new")).st_uid == (0 if mapped_root else 100000)
    assert box.exec(second, "id -u; cat /proc/self/uid_map").stdout.split() == ["0", *MAP.replace(":", " ").split()]
    assert info["supervisorPid"] == int(
        re.search(r"^PPid:\s+(\d+)$", machine.read(f"/proc/{info['initPid']}/status"), re.M)[1])


@pytest.mark.parametrize("options", [("--share", "net", "--share", "pid"), ("--init", "none"),
                                     ("--user", "1000"), ("--oom-score-adj", "100")])
def test_join_user_and(box, options):                       # noqa: F811
    said = box.sh("cat /proc/self/uid_map", "--join", f"{mapped(box)}:user", *options).stdout.split()
    assert said == MAP.replace(":", " ").split()


def test_join_user_and_the_network_of_a_third(box):         # noqa: F811
    """That one belongs to the machine's user namespace: it is joined before the power over it is gone."""
    first, third = mapped(box), box.start()
    second = box.start("sleep 1000", "--join", f"{first}:user", "--join", f"{third}:net")
    assert inside(box, second)["user"] == inside(box, first)["user"]
    assert inside(box, second)["net"] == inside(box, third)["net"]


def test_join_user_and_pid_with_an_oom_score(box):          # noqa: F811
    first = mapped(box)
    assert box.sh("cat /proc/self/oom_score_adj", "--join", f"{first}:user", "--join", f"{first}:pid",
                  "--oom-score-adj", "100").stdout == "100\n"


def test_join_user_on_a_terminal(box):                      # noqa: F811
    first = mapped(box)
    with box.contexe.terminal("run", "-it", *box.arguments("tty; stat -c owner-%u $(tty)", "--join",
                                                           f"{first}:user")) as t:
        t.expect("/dev/(pts/0|console)")
        t.expect("owner-0")
        assert t.wait() == 0


def test_join_user_again_after_its_end(box):                # noqa: F811
    first = mapped(box)
    second = box.start("true", "--join", f"{first}:user")
    assert box.ends(second) == 0
    box.contexe.run("start", second)
    assert box.ends(second) == 0
    box.contexe.run("rm", "-f", first)
    assert "no such container" in box.contexe.fails("start", second)
    box.start("sleep 1000", "--name", first, "--uid-map", "0:300000:65536")
    assert "maps other ids" in box.contexe.fails("start", second)
    box.contexe.run("rm", "-f", first)
    box.start("sleep 1000", "--name", first)
    assert "maps other ids" in box.contexe.fails("start", second)


def test_join_user_of_one_that_has_no_maps(box):            # noqa: F811
    """It is in the machine's user namespace, and so are we."""
    assert box.sh("cat /proc/self/uid_map", "--join", f"{box.start()}:user").stdout.split() == \
        machine.read("/proc/self/uid_map").split()


def test_join_user_has_its_maps(box):                       # noqa: F811
    first = mapped(box)
    refused(box.contexe, "run", "--join", f"{first}:user", "--uid-map", MAP, "--", "true", why="has its maps")


@pytest.mark.parametrize("with_maps", [True, False])
def test_user_namespace_by_path(box, with_maps):            # noqa: F811
    """A configuration as other engines write it: linux.namespaces has the path, with the maps or without."""
    first = mapped(box)
    second = box.start("cat /proc/self/uid_map; touch /new")
    assert box.ends(second) == 0
    with open(box.file(second, "config.json"), encoding="utf-8") as f:
        spec = json.load(f)
    namespace = f"/proc/{box.inspect(first)['initPid']}/ns/user"
    spec["linux"]["namespaces"].append({"type": "user", "path": namespace})
    if with_maps:
        ids = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        spec["linux"].update(uidMappings=ids, gidMappings=ids)
    del spec["linux"]["resources"]["devices"]
    for name in ("upper", "work"):
        for directory, _, files in os.walk(box.file(second, name)):
            for path in (directory, *(os.path.join(directory, f) for f in files)):
                os.chown(path, 100000, 100000)
    with open(box.file(second, "config.json"), "w", encoding="utf-8") as f:
        json.dump(spec, f)
    box.contexe.run("start", second)
    assert box.ends(second) == 0
    assert MAP.replace(":", " ").split() == box.log(second).split()[-3:]


def test_joined_user_namespace_rootless(unprivileged, busybox_rootfs):
    user = unprivileged.engine
    words = ("--rootfs", busybox_rootfs, "--overlay")
    first = user.out("run", "-d", *words, "--", "sleep", "1000")
    for more in ((), ("--join", f"{first}:net"), ("--join", f"{first}:pid", "--oom-score-adj", "100")):
        done = user.run("run", "--rm", *words, "--join", f"{first}:user", *more, "--", "sh", "-c",
                        "id -u; touch /new; readlink /proc/self/ns/user")
        pid = user.json("inspect", first)["pid"]
        assert done.stdout.split() == ["0", machine.link(f"/proc/{pid}/ns/user")]


def test_nobody_of_the_joined_sees_the_builder(box):        # noqa: F811
    """While it is made, a container has the machine's files open: all that a privileged neighbour in the same user
    and pid namespace may see of it is its own root."""
    first = box.start("while :; do for d in /proc/[0-9]*; do ls -l $d/fd $d/root 2>/dev/null; done; done",
                      "--uid-map", MAP, "--privileged", "--log-max", "8m")
    for _ in range(10):
        box.sh("true", "--rm", "--join", f"{first}:user", "--join", f"{first}:pid")
    seen = {line for line in box.log(first).splitlines() if box.contexe.root in line}
    assert not [line for line in seen if not line.endswith("/status")], "contexe-init's own, open for writing"


def test_joined_network_connects(box):                      # noqa: F811
    server = box.start("nc -l -p 7000 -e echo hello")
    other = box.contexe.name()
    done = machine.until(lambda: box.sh("nc -w 2 127.0.0.1 7000 </dev/null", "--rm", "--name", other, "--network",
                                        f"container:{server}", check=False).stdout)
    assert done == "hello\n"


def test_joined_pid_space_is_seen(box):                     # noqa: F811
    first = box.start("sleep 12345")
    assert "sleep 12345" in box.sh("ps", "--join", f"{first}:pid").stdout
    assert box.state(first) == "running", "the end of the second is not the first's"


def test_the_end_of_the_joined_one_takes_its_pid_space_with_it(box):    # noqa: F811
    first = box.start()
    second = box.start("sleep 1000", "--join", f"{first}:pid")
    box.contexe.run("kill", first)
    assert machine.until(lambda: box.state(second) == "exited")


@pytest.mark.parametrize("value, why", [
    ("nobody:net", "no such container"), ("web", "CONTAINER:NAMESPACE"), (":net", "CONTAINER:NAMESPACE"),
    ("x:mnt", "--volume"), ("x:nonsense", "CONTAINER:NAMESPACE"),
])
def test_join_refused(contexe, value, why):
    assert why in contexe.fails("run", "--join", value, "--", "true", code=125)


def test_join_of_one_that_has_ended(box):                   # noqa: F811
    name = box.contexe.name()
    box.sh("true", "--name", name)
    assert box.contexe.fails("run", "--join", f"{name}:net", "--", "true", code=125)
