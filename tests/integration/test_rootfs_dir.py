# SPDX-License-Identifier: Apache-2.0
"""--rootfs DIR: as it is, read-only, or below a private layer; and the /dev, /proc and /sys of every root."""
import os
import shutil
import stat
import subprocess

import pytest

from support import machine
from support.box import box, refused                        # noqa: F401


@pytest.fixture
def root(busybox_rootfs, scratch):
    """A root of the test's own, to be written to."""
    path = os.path.join(scratch, "root")
    subprocess.run(["cp", "-a", busybox_rootfs, path], check=True)
    return path


def run(contexe, root, script, *options, **settings):
    return contexe.run("run", "--rm", "--rootfs", root, *options, "--", "sh", "-c", script, **settings)


def listing(path):
    return sorted(os.path.relpath(os.path.join(d, n), path) for d, ds, fs in os.walk(path) for n in ds + fs)


def test_writes_go_to_the_directory(contexe, root):
    run(contexe, root, "echo mine > /tmp/file")
    assert machine.read(f"{root}/tmp/file") == "mine\n"


def test_overlay_leaves_the_directory_as_it_is(contexe, root):
    before = listing(root)
    assert run(contexe, root, "echo mine > /tmp/file; rm /etc/group; cat /tmp/file", "--overlay").stdout == "mine\n"
    assert listing(root) == before


@pytest.mark.parametrize("more", [[], ["--overlay"]])
def test_read_only(contexe, root, more):
    before = listing(root)
    done = run(contexe, root, "touch /x /tmp/x; mount -o remount,rw /; touch /y; touch /dev/shm/x && echo shm",
               "--read-only", *more)
    assert done.stdout == "shm\n" and done.stderr.count("Read-only") >= 3
    assert listing(root) == before


def test_read_only_holds_for_a_privileged_one_until_it_remounts(contexe, root):
    """The flag is on the mount, so who may mount may lift it; the file system of outside is not changed."""
    assert run(contexe, root, "touch /x", "--read-only", "--privileged", check=False).returncode != 0
    with open(f"{root}/still-writable", "w", encoding="utf-8"):
        pass


def test_the_machine_is_not_in_it(contexe, root):
    assert run(contexe, root, "ls /").stdout.split() == sorted(os.listdir(root))
    script = "cd ../../../..; ls; ls /proc/self/root/; cd -P /proc/self/cwd/../..; ls"
    assert set(run(contexe, root, script).stdout.split()) == set(os.listdir(root))


def test_chroot_tricks_stay_inside(contexe, root):
    """With CAP_SYS_CHROOT: open a directory, chroot below it, climb out."""
    shutil.copy("/bin/busybox", f"{root}/bin/busybox")
    script = ("mkdir -p /tmp/a/bin; cp /bin/busybox /tmp/a/bin/sh; cd /; "
              "chroot /tmp/a /bin/sh -c 'cd ../../../../..; pwd; for f in *; do echo $f; done'; "
              "cd ../../..; for f in *; do echo $f; done")
    seen = set(run(contexe, root, script).stdout.split())
    assert seen == {"/", *os.listdir(root)}, "the chroot's directory, and the container's root"


@pytest.mark.parametrize("path, why", [
    ("/nonexistent", "No such file"), ("/etc/passwd", "no directory"), ("", "No such file"),
])
def test_refused(contexe, path, why):
    refused(contexe, "run", "--rootfs", path, "--", "true", thing="--rootfs", why=why)


def test_more_than_one_root(contexe, root):
    refused(contexe, "run", "--rootfs", root, "--host", "--", "true", why="more than one root")


def test_a_root_without_the_program(contexe, scratch):
    refused(contexe, "run", "--rootfs", scratch, "--rm", "--", "/bin/sh", code=127)
    assert contexe.containers() == []


def test_missing_mount_points_are_made(contexe, scratch):
    os.mkdir(os.path.join(scratch, "bin"))
    shutil.copy("/bin/busybox", os.path.join(scratch, "bin", "busybox"))
    assert contexe.out("run", "--rm", "--rootfs", scratch, "--", "/bin/busybox", "ls", "/proc/self/comm")


# ---- /dev ----

NODES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1",
         "stderr": "/proc/self/fd/2", "ptmx": "pts/ptmx", "core": "/proc/kcore"}


def device_tree(contexe, name):
    """As the machine sees it, through the job's root: name -> stat."""
    path = f"/proc/{contexe.json('inspect', name)['pid']}/root/dev"
    return {n: os.lstat(os.path.join(path, n)) for n in os.listdir(path)}, path


@pytest.mark.parametrize("host", [False, True])
def test_dev_holds_what_it_must_and_no_more(contexe, busybox_rootfs, host):
    name = contexe.name()
    contexe.run("run", "-d", "--name", name, *([] if host else ["--rootfs", busybox_rootfs, "--overlay"]), "--",
                "sleep", "1000")
    found, path = device_tree(contexe, name)
    assert set(found) == {*NODES, *LINKS, "pts", "shm", "mqueue"}
    for node, (major, minor) in NODES.items():
        st = found[node]
        assert stat.S_ISCHR(st.st_mode) and stat.S_IMODE(st.st_mode) == 0o666, node
        assert (os.major(st.st_rdev), os.minor(st.st_rdev), st.st_uid) == (major, minor, 0), node
    for link, target in LINKS.items():
        assert os.readlink(os.path.join(path, link)) == target
    assert stat.S_IMODE(found["shm"].st_mode) == 0o1777
    assert sorted(os.listdir(f"{path}/pts")) == ["ptmx"]


def test_devices_work(box):                                 # noqa: F811
    script = ("head -c 4 /dev/zero | od -An -tx1; cat /dev/null; head -c 8 /dev/urandom | wc -c; "
              "echo x > /dev/full || echo full; echo a | cat /dev/stdin; echo b > /dev/stdout; echo c > /dev/fd/1")
    assert box.sh(script).stdout.split() == ["00"] * 4 + ["8", "full", "a", "b", "c"]


def test_dev_as_a_symlink_of_the_image(contexe, root):
    """CVE-2025-31133 and its kin: /dev, /dev/pts, /proc or /sys of a hostile root lead elsewhere. They must end
    inside or be refused; nothing may appear at the target outside."""
    for name in ("dev", "proc", "sys"):
        outside = os.path.join(os.path.dirname(root), "outside")
        os.makedirs(outside, exist_ok=True)
        os.rmdir(os.path.join(root, name))
        os.symlink("../../../../../../../.." + outside, os.path.join(root, name))
        run(contexe, root, "true", check=False)
        assert os.listdir(outside) == [], name
        os.unlink(os.path.join(root, name))
        os.mkdir(os.path.join(root, name))


# ---- masks ----

MASKED = ("/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/interrupts", "/sys/firmware", "/proc/acpi",
          "/proc/scsi", "/proc/asound", "/proc/sched_debug")


def test_masked_paths_are_empty(box):                       # noqa: F811
    script = "for p in %s; do [ -d $p ] && ls -A $p || cat $p 2>/dev/null; done; true" % " ".join(MASKED)
    assert box.sh(script).stdout == ""
    assert any(os.path.exists(p) for p in MASKED)
    assert box.sh("head -c 100 /proc/interrupts", "--unmask", "/proc/interrupts").stdout != ""
    assert box.sh("head -c 100 /proc/interrupts", "--security-opt", "unmask=ALL").stdout != ""


def test_more_can_be_masked(box):                           # noqa: F811
    assert box.sh("cat /etc/passwd; ls -A /usr", "--mask", "/etc/passwd", "--mask", "/usr").stdout == ""


def test_read_only_paths_of_proc(box):                      # noqa: F811
    for path in ("/proc/sys/kernel/hostname", "/proc/sys/vm/drop_caches", "/proc/sysrq-trigger",
                 "/proc/sys/kernel/core_pattern", "/proc/irq/default_smp_affinity"):
        done = box.sh(f"[ ! -e {path} ] || echo 1 > {path}", check=False)
        assert done.returncode == 0 and not os.path.exists(path) or "Read-only" in done.stderr, (path, done)


def test_sysctl_of_the_containers_namespaces(box):          # noqa: F811
    assert box.sh("cat /proc/sys/kernel/shmmni", "--sysctl", "kernel.shmmni=77").stdout == "77\n"
    assert machine.read("/proc/sys/kernel/shmmni") != "77\n"


@pytest.mark.parametrize("key", ["kernel.core_pattern", "vm.swappiness", "kernel.panic"])
def test_sysctl_of_the_machine_is_refused(box, key):        # noqa: F811
    before = machine.read("/proc/sys/" + key.replace(".", "/"))
    assert key in box.contexe.fails("run", *box.arguments("true", "--sysctl", f"{key}=1"), code=125)
    assert machine.read("/proc/sys/" + key.replace(".", "/")) == before


def test_sys_is_read_only(box):                             # noqa: F811
    done = box.sh("mkdir /sys/fs/cgroup/x; echo 1 > /sys/kernel/uevent_seqnum; echo x > /sys/power/state",
                  check=False)
    assert done.returncode != 0 and os.path.exists("/sys/kernel")
    for line in box.sh("grep ' /sys' /proc/mounts").stdout.splitlines():
        assert line.split()[3].split(",")[0] == "ro", line
