# SPDX-License-Identifier: Apache-2.0
"""Devices: which may be opened, and --device."""
import os

import pytest

from support import machine, need
from support.box import box, refused                        # noqa: F401
from support.progs import MOUNT, prog

ALLOWED = ["c:1:3", "c:1:5", "c:1:7", "c:1:8", "c:1:9"]
MEM, KMSG, DISK, LOOP, FUSE, TUN, KVM = "c:1:1", "c:1:11", "b:254:0", "b:7:0", "c:10:229", "c:10:200", "c:10:232"


def probe(box, devices, *options):                          # noqa: F811
    """device -> (mknod, open)"""
    script = f"cp {prog('devices')} /tmp/d; /tmp/d /tmp {' '.join(devices)}"
    lines = box.sh(script, "--cap-add", "MKNOD", *MOUNT, *options).stdout.splitlines()
    return {line.split()[0]: (line.split()[2], line.split()[4]) for line in lines}


@pytest.mark.v2
def test_nodes_can_be_made_but_only_these_opened(box):      # noqa: F811
    """A node that cannot be opened harms nobody; packages unpack such things."""
    got = probe(box, ALLOWED + [MEM, KMSG, DISK, LOOP, FUSE, TUN, KVM])
    assert {d: got[d] for d in ALLOWED} == {d: ("ok", "ok") for d in ALLOWED}
    for device in (MEM, KMSG, DISK, LOOP, FUSE, TUN, KVM):
        assert got[device] == ("ok", "EPERM"), device


def test_without_the_capability_no_node_is_made(box):       # noqa: F811
    assert "Operation not permitted" in box.sh("mknod /tmp/n c 1 3", check=False).stderr


def test_exec_is_bound_too(box):                            # noqa: F811
    name = box.start("sleep 1000", *MOUNT, "--cap-add", "MKNOD")
    assert box.exec(name, f"{prog('devices')} /dev/shm {KMSG} c:1:3").stdout.splitlines() == \
        [f"{KMSG} mknod ok open EPERM", "c:1:3 mknod ok open EPERM"] or "open EPERM" in box.exec(
            name, f"{prog('devices')} /tmp {KMSG}").stdout


def test_a_device_that_is_given(box):                       # noqa: F811
    need.kernel(os.path.exists("/dev/fuse"), "/dev/fuse")
    script = "ls -l /dev/other | cut -c1; (exec 9</dev/other) && echo opened; exec 9>>/dev/other"
    done = box.sh(script, "--device", "/dev/fuse:/dev/other:r", check=False)
    assert done.stdout.split() == ["c", "opened"] and "Operation not permitted" in done.stderr
    assert probe(box, [FUSE, KMSG], "--device", "/dev/fuse") == {FUSE: ("ok", "ok"), KMSG: ("ok", "EPERM")}


def test_privileged_opens_what_there_is(box):               # noqa: F811
    assert probe(box, [KMSG], "--privileged")[KMSG] == ("ok", "ok")


@pytest.mark.parametrize("value, why", [
    ("/dev/nonexistent", "No such file"), ("/etc/passwd", "no device"), ("/dev/null:x", "r, w and m"),
])
def test_refused(contexe, value, why):
    refused(contexe, "run", "--device", value, "--", "true", thing="--device", why=why)


def test_the_programs_of_ended_containers_do_not_stay(box):     # noqa: F811
    """On v2 the rules are an eBPF program on the group: gone with it. On v1 the group is."""
    before = machine.cgroups()
    probe(box, ALLOWED)
    assert machine.until(lambda: machine.cgroups() <= before), machine.cgroups() - before
