# SPDX-License-Identifier: Apache-2.0
"""The namespaces of a container: each is new, and nothing of outside is seen in it."""
import os
import re
import socket
import subprocess

import pytest

from support import machine, need
from support.box import box                                 # noqa: F401

KINDS = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")


def inodes(pid="self"):
    return {kind: machine.link(f"/proc/{pid}/ns/{kind}") for kind in KINDS}


def inside(box, name, *options):                            # noqa: F811
    """As the container's job has them."""
    return inodes(box.inspect(name)["pid"])


@pytest.mark.v2
def test_all_are_new_but_user(box):                         # noqa: F811
    mine, ours = inodes(), inside(box, box.start())
    assert {k for k in KINDS if mine[k] == ours[k]} == {"user"}


def test_with_maps_the_user_namespace_is_new_too(box):      # noqa: F811
    mine, ours = inodes(), inside(box, box.start("sleep 1000", "--uid-map", "0:100000:65536"))
    assert [k for k in KINDS if mine[k] == ours[k]] == []


def test_two_containers_share_nothing(box):                 # noqa: F811
    one, other = inside(box, box.start()), inside(box, box.start())
    assert {k for k in KINDS if one[k] == other[k]} == {"user"}


def test_the_jobs_children_are_in_the_same(box):            # noqa: F811
    """Time above all: its namespace is entered at a fork."""
    said = box.sh("readlink /proc/self/ns/time; sh -c 'readlink /proc/self/ns/time'").stdout.split()
    assert len(said) == 2 and len(set(said)) == 1, said


def test_exec_enters_all_of_them(box):                      # noqa: F811
    name = box.start()
    theirs = inside(box, name)
    said = box.exec(name, "cd /proc/self/ns; for n in *; do echo $n $(readlink $n); done").stdout
    seen = dict(line.split() for line in said.splitlines())
    assert {k: seen[k] for k in KINDS} == theirs
    assert seen["pid_for_children"] == theirs["pid"] and seen["time_for_children"] == theirs["time"]


# ---- each ----

def test_own_loopback_is_up(contexe):
    script = ("import socket; s = socket.socket(); s.bind(('127.0.0.1', 80)); s.listen(); "
              "c = socket.create_connection(('127.0.0.1', 80)); print(s.accept()[1][0])")
    assert contexe.out("run", "--rm", "--", "/usr/bin/python3", "-c", script) == "127.0.0.1"


def test_loopback_is_the_only_device(box):                  # noqa: F811
    lines = box.sh("ls /sys/class/net; cat /proc/net/dev").stdout.split("\n")
    assert lines[0] == "lo" and len(re.findall(r"^ *\w+:", "\n".join(lines), re.M)) == 1


def test_the_machines_ports_cannot_be_reached(box):         # noqa: F811
    with socket.create_server(("127.0.0.1", 0)) as server:
        script = f"nc -w 2 127.0.0.1 {server.getsockname()[1]} -e true"
        assert box.sh(script, check=False).returncode != 0
        assert box.sh(script, "--network", "host").returncode == 0


def test_an_abstract_socket_of_the_machine_cannot_be_reached(contexe):
    name = f"\0contexe-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(name)
        server.listen()
        script = f"import socket; socket.socket(socket.AF_UNIX).connect({name!r})"
        assert "ConnectionRefused" in contexe.fails("run", "--rm", "--", "/usr/bin/python3", "-c", script)
        contexe.run("run", "--rm", "--share", "net", "--", "/usr/bin/python3", "-c", script)


def test_host_name(box):                                    # noqa: F811
    name = box.contexe.name()
    done = box.sh("hostname; cat /etc/hostname; grep -c $HOSTNAME /etc/hosts; hostname other; echo $?",
                  "--name", name, check=False)
    assert done.stdout.split()[:3] == [name, name, "1"] and done.stdout.split()[-1] != "0"
    assert box.sh("hostname", "--hostname", "web.example").stdout == "web.example\n"
    assert box.sh("hostname other && hostname", "--privileged").stdout == "other\n"
    assert socket.gethostname() not in ("other", name, "web.example")


def test_system_v_ipc(contexe):
    shm = subprocess.check_output(["ipcmk", "-M", "4096"], text=True).split()[-1]
    try:
        name = contexe.name()
        contexe.run("run", "-d", "--name", name, "--", "sleep", "1000")
        assert re.findall(r"^0x", contexe.run("exec", name, "ipcs").stdout, re.M) == []
        theirs = contexe.out("exec", name, "sh", "-c", "ipcmk -Q; ipcmk -S 1; ipcmk -M 12345").split()[-1]
        assert "12345" in contexe.run("exec", name, "ipcs", "-m").stdout
        assert "12345" not in subprocess.check_output(["ipcs", "-m"], text=True)
        assert theirs.isdigit()
        assert contexe.run("run", "--rm", "--share", "ipc", "--", "ipcs", "-m", "-i", shm, check=False
                           ).returncode == 0
    finally:
        subprocess.run(["ipcrm", "-m", shm], check=True)


def test_posix_message_queues(box):                         # noqa: F811
    assert box.sh("ls /dev/mqueue; touch /dev/mqueue/ours; ls /dev/mqueue").stdout == "ours\n"
    assert "mqueue" in box.sh("grep mqueue /proc/mounts").stdout
    assert box.sh("ls /dev/mqueue").stdout == ""


def test_terminals_are_numbered_anew(contexe):
    """An own devpts: the first terminal is pts/0 whatever the machine has."""
    masters = [os.openpty() for _ in range(2)]
    with contexe.terminal("run", "-it", "--rm", "--", "sh", "-c", "tty; ls /dev/pts; ls -l /dev/console") as t:
        t.expect(r"/dev/(pts/0|console)")
        t.expect(r"0\s+ptmx")
        assert t.wait() == 0
    for pair in masters:
        for fd in pair:
            os.close(fd)


def test_own_proc(box):                                     # noqa: F811
    name = box.start()
    said = box.exec(name, "echo /proc/[0-9]*; cat /proc/1/comm").stdout.split()
    assert {"/proc/1", "/proc/2"} <= set(said) and len(said) <= 5 and said[-1] == "contexe-init"


def test_own_control_group(box):                            # noqa: F811
    """Its group is the root of what it sees."""
    for line in box.sh("cat /proc/self/cgroup").stdout.splitlines():
        assert line.endswith(":/"), line


# ---- mounts ----

OWN = {"/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys", "/run", "/etc/hostname", "/etc/hosts", "/"}
DEVICES = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"}


def parse(text):
    """mount point -> (root, type, source, super options), by mountinfo(5)."""
    found = []
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        fields, tail = left.split(), right.split()
        found.append((fields[4], fields[3], tail[0], tail[1], tail[2]))
    return found


def check_mounts(text, contexe, root):
    """Every entry must be one of the container's own: one "/", its defaults, masks, its control groups. In a
    user namespace the machine's tree is laid together from one overlay a directory, and devices are bound."""
    entries = parse(text)
    layers = [e for e in entries if e[2] == "overlay"]
    assert all(f"upperdir={contexe.root}/containers/" in e[4] for e in layers) or "ro" in layers[0][4]
    assert [e[0] for e in entries].count("/") == 1
    for point, source_root, kind, source, _ in entries:
        if point == "/":
            assert kind == "overlay" or source_root.startswith(root) or root.startswith(source_root)
        elif kind == "overlay":
            assert point.count("/") == 1, point
        elif point in DEVICES:
            assert (source_root, kind) == (point[len("/dev"):], "devtmpfs")
        elif point.startswith("/sys/fs/cgroup"):
            assert kind in ("tmpfs", "cgroup", "cgroup2")
        elif kind == "proc":
            assert point == "/proc" or point in ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                                 "/proc/sysrq-trigger")
        elif point in OWN:
            assert kind in ("tmpfs", "devpts", "mqueue", "sysfs") or contexe.root in source_root
        elif kind == "fuse.contexe-proc":                    # a view of its own
            assert point.startswith(("/proc/", "/sys/devices/system/cpu/")) and source == "contexe", point
        else:                                               # a mask: null over a file, empty over a directory
            assert point.startswith(("/proc/", "/sys/")), point
            assert source_root == "/null" or kind == "tmpfs", (point, kind, source)
    assert len(entries) == len({e[0] for e in entries}), "a mount upon a mount"


def shapes(rootfs):
    return {
        "host": [],
        "host read-only": ["--read-only"],
        "rootfs": ["--rootfs", rootfs, "--overlay"],
        "rootfs read-only": ["--rootfs", rootfs, "--read-only"],
        "rootfs overlay read-only": ["--rootfs", rootfs, "--overlay", "--read-only"],
        "privileged": ["--rootfs", rootfs, "--overlay", "--privileged"],
        "user namespace": ["--uid-map", "0:100000:65536"],
    }


@pytest.mark.parametrize("shape", list(shapes("")))
def test_no_mount_of_the_machine_is_in_the_table(contexe, busybox_rootfs, shape):
    text = contexe.run("run", "--rm", *shapes(busybox_rootfs)[shape], "--", "cat", "/proc/self/mountinfo").stdout
    check_mounts(text, contexe, busybox_rootfs)


def test_nor_is_one_in_the_writable_rootfs(contexe, scratch):
    need.program("busybox")
    for name in ("bin", "proc", "sys", "dev", "etc", "tmp"):
        os.mkdir(os.path.join(scratch, name))
    subprocess.run(["cp", "/bin/busybox", os.path.join(scratch, "bin", "cat")], check=True)
    text = contexe.run("run", "--rm", "--rootfs", scratch, "--", "cat", "/proc/self/mountinfo").stdout
    check_mounts(text, contexe, scratch)


def test_nor_in_exec(box):                                  # noqa: F811
    name = box.start()
    check_mounts(box.exec(name, "cat /proc/self/mountinfo").stdout, box.contexe, box.rootfs)


def test_what_is_mounted_inside_does_not_show_outside(box):     # noqa: F811
    before = machine.mounts()
    name = box.start("mount -t tmpfs inner /mnt && echo done; sleep 1000", "--privileged")
    box.says(name, "done")
    assert machine.until(lambda: machine.mounts() <= before), machine.mounts() - before
    assert "inner" in box.exec(name, "cat /proc/mounts").stdout


def test_what_is_mounted_outside_does_not_show_inside(box, scratch):    # noqa: F811
    name = box.start()
    host = box.contexe.name("h")
    box.contexe.run("run", "-d", "--name", host, "--", "sleep", "1000")
    subprocess.run(["mount", "-t", "tmpfs", "later", scratch], check=True)
    try:
        for one in (name, host):
            assert scratch not in box.contexe.run("exec", one, "cat", "/proc/self/mountinfo").stdout
    finally:
        subprocess.run(["umount", scratch], check=True)
