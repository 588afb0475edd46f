# SPDX-License-Identifier: Apache-2.0
"""What is on disk when things go wrong: supervisors killed, machines rebooted, files damaged, disks full."""
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from support import engine, machine, need
from support.box import FOREVER, Box, box, refused, running      # noqa: F401

STATE_DAMAGE = {"cut": b'{"version":1,"id":"12', "garbage": b"\0\xff\xfe{{{", "empty": b"", "wrong": b'{"version":9}',
                "not an object": b"[]", "missing": None}


def kill(pid):
    os.kill(pid, signal.SIGKILL)
    assert machine.until(lambda: machine.state(pid) in ("", "Z", "X"))


def ls(box, name):
    found = [i for i in box.contexe.json("ls", "-a") if i["name"] == name]
    return found[0] if found else None


def damage(box, name, file, data):
    path = box.file(name, file)
    os.unlink(path)
    if data is not None:
        with open(path, "wb") as f:
            f.write(data)


# ---- the supervisor is killed ----

@pytest.mark.v2
def test_supervisor_killed(box):
    name = box.start("trap 'exit 8' TERM; echo ready; while :; do sleep .05; done")
    box.says(name, "ready")
    info = box.inspect(name)
    kill(info["supervisorPid"])
    assert ls(box, name)["state"] == "running" and machine.state(info["pid"]) in "RS"
    assert box.exec(name, "echo in").stdout == "in\n"
    box.contexe.run("pause", name)
    box.contexe.run("resume", name)
    box.contexe.run("stop", name)
    after = ls(box, name)
    assert (after["state"], after["exitCode"], after["initPid"]) == ("exited", 8, 0)
    box.contexe.run("start", name)
    assert box.state(name) == "running" and box.inspect(name)["supervised"]


@pytest.mark.v2
def test_the_end_without_a_supervisor_is_known(box):
    name = box.start("while [ ! -e /go ]; do sleep .02; done; exit 23")
    info = box.inspect(name)
    kill(info["supervisorPid"])
    with open(f"/proc/{info['pid']}/root/go", "w", encoding="utf-8"):
        pass
    assert box.ends(name) == 23
    assert ls(box, name)["state"] == "exited" and ls(box, name)["exitCode"] == 23
    box.contexe.run("rm", name)


def test_ls_tells_that_nobody_supervises(box):
    name = box.start()
    kill(box.inspect(name)["supervisorPid"])
    assert not ls(box, name)["supervised"]
    assert "no supervisor" in box.contexe.run("ls").stdout
    box.contexe.run("rm", "-f", name)
    assert box.contexe.containers() == []


@pytest.mark.v2
@pytest.mark.parametrize("order", [("supervisorPid", "initPid"), ("initPid", "supervisorPid")])
def test_both_killed(box, order):
    name = box.start()
    info = box.inspect(name)
    for who in order:
        try:
            kill(info[who])
        except ProcessLookupError:
            pass                                # the supervisor has gone after its container
    assert machine.until(lambda: ls(box, name)["state"] == "exited")
    assert ls(box, name)["exitCode"] == 137 and box.ends(name) == 137
    box.contexe.run("start", name)
    assert box.state(name) == "running"
    box.contexe.run("rm", "-f", name)


def test_foreground_killed(box):
    with running(box.contexe, "run", *box.arguments("echo ready; " + FOREVER, "--name", "f")) as p:
        assert p.stdout.readline() == "ready\n"
        p.kill()
        p.wait()
        assert ls(box, "f")["state"] == "running"
        box.contexe.run("stop", "f")
        assert ls(box, "f")["state"] == "exited"


def test_wait_without_a_supervisor(box):
    name = box.start("while [ ! -e /go ]; do sleep .02; done; exit 5")
    info = box.inspect(name)
    kill(info["supervisorPid"])
    with running(box.contexe, "wait", name) as w:
        assert machine.until(lambda: any(f"containers/{name}" in machine.link(f"/proc/{w.pid}/fd/{n}") for n in range(9)))
        with open(f"/proc/{info['pid']}/root/go", "w", encoding="utf-8"):
            pass
        assert w.communicate(timeout=10)[0] == "5\n"


# ---- the machine was rebooted ----

def test_rebooted(box):
    """Another boot id: the pids in there belong to strangers now."""
    name = box.start(FOREVER, "--restart", "always")
    info = box.inspect(name)
    kill(info["supervisorPid"])
    kill(info["initPid"])
    path = box.file(name, "state.json")
    state = json.loads(machine.read(path))
    assert state["boot"] == machine.read("/proc/sys/kernel/random/boot_id").strip()
    stranger = subprocess.Popen(["sleep", "1000"])
    try:
        state.update(boot="00000000-0000-0000-0000-000000000000", initPid=stranger.pid, jobPid=stranger.pid,
                     supervisorPid=stranger.pid)
        with open(path, "w", encoding="utf-8") as f:
            json.dump(state, f)
        seen = ls(box, name)
        assert (seen["state"], seen["reason"], seen["initPid"], seen["exitCode"]) == (
            "exited", "the machine was rebooted", 0, 137)
        assert "rebooted" in box.contexe.run("ls", "-a").stdout
        refused(box.contexe, "exec", name, "true", why="not running")
        box.contexe.run("start", name)
        assert box.state(name) == "running" and "reason" not in box.inspect(name)
        box.contexe.run("rm", "-f", name)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_pid_that_was_given_to_another(box):
    """The start time tells them apart."""
    name = box.start()
    info = box.inspect(name)
    kill(info["supervisorPid"])
    kill(info["initPid"])
    path = box.file(name, "state.json")
    state = json.loads(machine.read(path))
    stranger = subprocess.Popen(["sleep", "1000"])
    try:
        state.update(initPid=stranger.pid, jobPid=stranger.pid, supervisorPid=stranger.pid)
        with open(path, "w", encoding="utf-8") as f:
            json.dump(state, f)
        assert ls(box, name)["state"] == "exited"
        box.contexe.run("stop", name)
        box.contexe.run("rm", "-f", name)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


# ---- damaged files ----

@pytest.mark.parametrize("how", STATE_DAMAGE)
def test_damaged_state_of_an_ended_one(box, how):
    box.sh("true", "--name", "x", "-j", "4")
    damage(box, "x", "state.json", STATE_DAMAGE[how])
    assert ls(box, "x")["state"] == "broken"
    assert "broken" in box.contexe.run("ls").stdout
    for command in (("start", "x"), ("exec", "x", "true"), ("stop", "x"), ("pause", "x"), ("kill", "x"), ("attach", "x"),
                    ("update", "--memory", "64m", "x")):
        refused(box.contexe, *command, thing="x", why="cannot be read", hint="contexe rm --force x")
    assert json.loads(box.contexe.out("inspect", "x"))["state"] == "broken"
    refused(box.contexe, "run", *box.arguments("true", "--name", "x"), why="broken")
    box.contexe.run("rm", "x") if how == "cut" else box.contexe.run("rm", "--force", "x")
    assert box.contexe.containers() == [] and os.listdir(os.path.join(box.contexe.root, "numbers")) == []


@pytest.mark.parametrize("how", ["cut", "missing"])
def test_damaged_state_of_a_running_one(box, how):
    """Its processes go, too, though nothing says any more which they are."""
    name = box.start()
    info = box.inspect(name)
    damage(box, name, "state.json", STATE_DAMAGE[how])
    assert ls(box, name)["state"] == "broken"
    box.contexe.run("rm", "--force", name)
    assert machine.until(lambda: machine.state(info["pid"]) in ("", "Z", "X"), timeout=3)
    assert box.contexe.containers() == []


@pytest.mark.parametrize("how", ["cut", "garbage", "empty", "missing"])
def test_damaged_configuration(box, how):
    name = box.start()
    damage(box, name, "config.json", STATE_DAMAGE[how])
    assert ls(box, name)["state"] == "running"
    done = box.contexe.run("exec", name, "true", check=False)
    assert done.returncode == 125 and "configuration" in done.stderr and done.stderr.count("\n") == 1
    box.contexe.run("stop", name)
    done = box.contexe.run("start", name, check=False)
    assert done.returncode == 125 and "configuration" in done.stderr and done.stderr.count("\n") == 1
    box.contexe.run("rm", "--force", name)


def test_a_directory_half_made(box):
    """Its maker died right after mkdir."""
    box.sh("true", "--name", "other")
    os.mkdir(box.file("half"))
    os.symlink("half", os.path.join(box.contexe.root, "numbers", "2"))
    assert ls(box, "half")["state"] == "broken"
    refused(box.contexe, "run", *box.arguments("true", "--name", "half"), thing="half", why="taken",
            hint="contexe rm half")
    box.contexe.run("rm", "--force", "half")
    assert box.sh("echo ok", "--name", "half").stdout == "ok\n"
    assert box.inspect("half")["number"] == 2


def test_one_that_is_being_made(box):
    """Its maker holds the lock, and has not written anything yet."""
    box.contexe.run("ls")
    os.mkdir(box.file("half"))
    os.symlink("half:0123456789abcdef", os.path.join(box.contexe.root, "numbers", "7"))
    lock = os.open(box.file("half"), os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert (ls(box, "half")["state"], ls(box, "half")["number"]) == ("creating", 7)
        assert re.search(r"^7 +half +creating ", box.contexe.out("ls", "--all"), re.M)
        os.unlink(os.path.join(box.contexe.root, "numbers", "7"))
        assert re.search(r"^- +half +creating ", box.contexe.out("ls", "--all"), re.M)
    finally:
        os.close(lock)
    box.contexe.run("rm", "--force", "half")


def test_a_number_without_a_container(box):
    """Its maker died between the two: nobody is kept from the number for ever."""
    box.sh("true", "--name", "first")
    link = os.path.join(box.contexe.root, "numbers", "2")
    os.symlink("gone", link)
    os.utime(link, (1, 1), follow_symlinks=False)               # long ago: nobody is about to make it
    refused(box.contexe, "inspect", "2", thing="2", why="no such container")
    assert box.sh("echo ok", "--name", "x", "-j", "2").stdout == "ok\n"
    box.contexe.run("rm", "-fa")
    assert os.listdir(os.path.join(box.contexe.root, "numbers")) == []


def test_strange_things_in_the_root(box):
    """Files that are not ours are left alone and do no harm."""
    where = os.path.join(box.contexe.root, "containers")
    box.sh("true", "--name", "x")
    open(os.path.join(where, "file"), "w", encoding="utf-8").close()
    os.symlink("/etc", os.path.join(where, "link"))
    os.mkdir(os.path.join(where, ".hidden"))
    assert [i["name"] for i in box.contexe.json("ls", "-a")] == ["x"]
    for name in ("file", "link"):
        box.contexe.fails("rm", "-f", name, code=125)
        box.contexe.fails("inspect", name, code=125)
    assert os.path.isdir("/etc") and os.path.exists("/etc/passwd")
    for name in ("file", "link"):
        os.unlink(os.path.join(where, name))
    os.rmdir(os.path.join(where, ".hidden"))


def test_trash_of_one_that_died(box):
    box.sh("true", "--name", "x")
    os.makedirs(os.path.join(box.contexe.root, "trash", "123-4", "upper", "deep"))
    box.contexe.run("rm", "x")
    assert os.listdir(os.path.join(box.contexe.root, "trash")) == []


def test_number_of_one_whose_removal_died(box):
    """Killed between the renaming of the directory and the giving back of the number."""
    box.sh("true", "--name", "x")
    box.sh("true", "--name", "y")
    numbers = os.path.join(box.contexe.root, "numbers")
    claims = {os.readlink(os.path.join(numbers, n)): n for n in os.listdir(numbers)}
    claim = next(c for c in claims if c.startswith("x:"))
    os.rename(os.path.join(box.contexe.root, "containers", "x"), os.path.join(box.contexe.root, "trash", claim))
    os.makedirs(os.path.join(box.contexe.root, "trash", f"y:{'0' * 16}"))  # an earlier y: not this one's number
    box.sh("true", "--name", "w")
    box.contexe.run("rm", "w")
    assert os.listdir(os.path.join(box.contexe.root, "trash")) == []
    assert os.listdir(numbers) == [claims[next(c for c in claims if c.startswith("y:"))]]


# ---- no room, no right ----

@pytest.fixture
def tiny(scratch, busybox_rootfs):
    """A Box whose state root is on a file system of 2 MiB; fill() and empty() it."""
    need.root()
    mount = os.path.join(scratch, "tiny")
    os.mkdir(mount)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", mount], check=True)
    c = engine.Contexe(os.path.join(mount, "root"), f"tiny{os.getpid()}")
    b = Box(c, busybox_rootfs)
    ballast = os.path.join(mount, "ballast")

    def fill():
        with open(ballast, "ab", buffering=0) as f:
            for size in (65536, 4096, 1):
                try:
                    while f.write(b"x" * size) == size:
                        pass
                except OSError:
                    pass
    b.fill, b.empty = fill, lambda: os.unlink(ballast)
    yield b
    problems = c.close()
    subprocess.run(["umount", mount], check=True)
    assert problems == []


def test_full_disk(tiny):
    assert tiny.sh("echo fits", "--rm").stdout == "fits\n"
    tiny.fill()
    for command in (("run", *tiny.arguments("true", "--name", "x")), ("create", *tiny.arguments("true", "--name", "x")),
                    ("run", "-d", *tiny.arguments("true", "--name", "x"))):
        refused(tiny.contexe, *command, why="No space left on device")
        assert tiny.contexe.containers() == []
        assert os.listdir(os.path.join(tiny.contexe.root, "numbers")) == []
    tiny.empty()
    assert tiny.sh("echo fits", "--rm").stdout == "fits\n"


def test_disk_full_from_the_start(scratch, busybox_rootfs):
    """Not even the state root can be made."""
    need.root()
    mount = os.path.join(scratch, "none")
    os.mkdir(mount)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k,nr_inodes=2", "tmpfs", mount], check=True)
    try:
        c = engine.Contexe(os.path.join(mount, "root"), "none")
        refused(c, "run", "--rootfs", busybox_rootfs, "--", "true", why="No space left on device", hint="--root")
        refused(c, "ls", why="No space left on device")
    finally:
        subprocess.run(["umount", mount], check=True)


def test_disk_becomes_full_while_it_runs(tiny):
    """Output still reaches who watches; the log notes the loss; the end is known; rm works."""
    name = tiny.start("while read a; do echo $a; done; exit 9", "-i")
    tiny.fill()
    with running(tiny.contexe, "attach", name) as p:
        lines = "".join(f"line {i} {'x' * 200}\n" for i in range(200))
        out, _ = p.communicate(lines, timeout=20)
    assert out == lines and p.returncode == 9
    assert tiny.ends(name) == 9 and tiny.state(name) == "exited"
    tiny.contexe.run("rm", name)
    tiny.empty()
    assert tiny.sh("echo fits", "--rm").stdout == "fits\n"


def test_a_loss_is_noted_in_the_log(tiny):
    name = tiny.start("x=$(head -c 3000 /dev/zero | tr '\\0' x); while :; do echo tick $x; sleep .02; done")
    tiny.says(name, "tick")
    tiny.fill()
    time.sleep(0.3)
    tiny.fill()
    time.sleep(0.3)
    tiny.empty()
    assert machine.until(lambda: "of the log were lost" in tiny.contexe.run("logs", name).stderr)


def test_stop_and_update_on_a_full_disk(tiny):
    name = tiny.start()
    before = tiny.inspect(name)["config"]
    tiny.fill()
    refused(tiny.contexe, "update", "--pids-limit", "33", name, what="cannot update", why="No space left")
    assert tiny.inspect(name)["config"] == before
    tiny.contexe.run("stop", name)
    assert tiny.state(name) == "exited" and tiny.ends(name) in (137, 143)
    tiny.contexe.run("rm", name)


def test_image_import_on_a_full_disk(tiny, scratch, busybox_rootfs):
    from support.image import Image, tree
    layout = Image(Cmd=["true"]).layer(tree(busybox_rootfs)).write(os.path.join(scratch, "layout"))
    tiny.sh("true", "--rm")
    tiny.fill()
    refused(tiny.contexe, "image", "import", layout, "--name", "x", what="cannot import", why="No space left")
    tiny.empty()
    assert tiny.contexe.json("image", "ls") == []


def test_read_only_root(scratch, busybox_rootfs):
    need.root()
    mount = os.path.join(scratch, "ro")
    os.mkdir(mount)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", mount], check=True)
    try:
        c = engine.Contexe(os.path.join(mount, "root"), "ro")
        refused(c, "run", "--rootfs", busybox_rootfs, "--", "true", why="Read-only file system", hint="--root")
    finally:
        subprocess.run(["umount", mount], check=True)


def test_a_root_that_is_none(contexe, scratch):
    path = os.path.join(scratch, "file")
    open(path, "w", encoding="utf-8").close()
    refused(contexe, "ls", "--root", path, thing=path, why="Not a directory", hint="CONTEXE_ROOT")
    refused(contexe, "ls", "--root", path + "/below", thing=path, why="Not a directory")


# ---- an ordinary user ----

def test_an_ordinary_user(unprivileged, busybox_rootfs):
    c = unprivileged.engine
    box = Box(c, busybox_rootfs)
    done = box.sh("id -u; hostname; exit 3", "--name", "mine", check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, "0\nmine\n", "")
    assert c.json("ls", "-a")[0]["exitCode"] == 3
    name = box.start("trap 'exit 4' TERM; echo ready; while :; do sleep .05; done")
    box.says(name, "ready")
    assert box.exec(name, "echo in").stdout == "in\n"
    c.run("stop", name)
    assert box.ends(name) == 4


def test_no_privilege(unprivileged, contexe, busybox_rootfs):
    """What the kernel does not allow him is refused with a word about it; others' containers are not his."""
    c = unprivileged.engine
    for options in (("--device", "/dev/kmsg"), ("--network", "host", "--sysctl", "net.ipv4.ip_forward=1")):
        done = c.run("run", "--rm", *options, "--rootfs", busybox_rootfs, "--overlay", "--", "true", check=False)
        assert done.returncode in (0, 125) and done.stderr.count("\n") <= 1
    refused(c, "ls", "--root", contexe.root, why="Permission denied", hint="--root")
    refused(c, "run", "--root", "/proc/none", "--rootfs", busybox_rootfs, "--", "true")
    refused(c, "run", "--root", "/no-such-place/root", "--rootfs", busybox_rootfs, "--", "true", why="Permission denied")
    assert c.containers() == []


def test_a_root_of_ones_own(unprivileged):
    """Nothing said: $XDG_DATA_HOME or ~/.local/share."""
    c = unprivileged.engine
    assert c.run("ls", "--json", env={"CONTEXE_ROOT": None}).stdout == "[]\n"
    assert os.path.isdir(os.path.join(unprivileged.home, ".local/share/contexe/containers"))
    assert os.stat(os.path.join(unprivileged.home, ".local/share/contexe")).st_mode & 0o77 == 0
    where = os.path.join(unprivileged.home, "data")
    c.run("ls", env={"CONTEXE_ROOT": None, "XDG_DATA_HOME": where})
    assert os.path.isdir(os.path.join(where, "contexe/containers"))
    shutil.rmtree(where)
