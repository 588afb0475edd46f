# SPDX-License-Identifier: Apache-2.0
"""Namespaces that are not new: --share with the machine, --join with another container."""
import pytest

from support import machine
from support.box import box, refused                        # noqa: F401
from test_namespaces import KINDS, inodes, inside

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


def test_join_user_is_refused(box):                         # noqa: F811
    first = box.start("sleep 1000", "--uid-map", "0:100000:65536")
    text = box.contexe.fails("run", "--join", f"{first}:user", "--", "true")
    assert "user namespace cannot be joined" in str(text)


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
