# SPDX-License-Identifier: Apache-2.0
"""The walls: what a job that means harm must not reach. Each test is an attack that was made on somebody."""
import hashlib
import os
import shutil
import stat
import subprocess

import pytest

from support import engine, machine, need
from support.box import box                                 # noqa: F401
from support.progs import MOUNT, prog

INIT = os.path.join(engine.BUILD, "contexe-init")


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def descriptors(text):
    return [int(line.split()[0]) for line in text.splitlines()]


# ---- descriptors ----

@pytest.fixture
def crowded():
    """Descriptors 3 to 20 are open in the caller and would be inherited; returns what Popen needs for it."""
    keep = []
    while not keep or keep[-1] < 20:
        fd = os.open("/etc/passwd", os.O_RDONLY)
        os.set_inheritable(fd, True)
        keep.append(fd)
    yield {"close_fds": False}
    for fd in keep:
        os.close(fd)


def said(process):
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    return out


@pytest.mark.parametrize("options", [[], ["-i"], ["--init", "none"], ["--log", "none"], ["--log", "passthrough"],
                                     ["--privileged"]], ids=" ".join)
def test_the_job_has_three_descriptors(box, crowded, options):      # noqa: F811
    args = ["run", *MOUNT, *options, "--rootfs", box.rootfs, "--overlay", "--", prog("fds")]
    assert descriptors(said(box.contexe.popen(*args, **crowded))) == [0, 1, 2]


def test_so_has_a_detached_one_and_exec(box, crowded):      # noqa: F811
    name = box.contexe.name()
    said(box.contexe.popen("run", "-d", "--name", name, *MOUNT, "--rootfs", box.rootfs, "--overlay", "--", "sh", "-c",
                           f"{prog('fds')}; exec sleep 1000", **{**crowded, "stdout": subprocess.DEVNULL}))
    assert machine.until(lambda: len(box.log(name).splitlines()) == 3), box.log(name)
    assert descriptors(box.log(name)) == [0, 1, 2]
    for options in ([], ["-i"], ["--privileged"]):
        assert descriptors(said(box.contexe.popen("exec", *options, name, prog("fds"), **crowded))) == [0, 1, 2]


def test_on_a_terminal_too(box):                            # noqa: F811
    with box.contexe.terminal("run", "-it", "--rm", *MOUNT, "--rootfs", box.rootfs, "--overlay", "--",
                              prog("fds")) as t:
        assert t.wait() == 0
        assert descriptors(t.output) == [0, 1, 2]
        assert "/dev/" in t.output and "not found" not in t.output


def test_init_holds_no_descriptor_of_the_machine(box, crowded):     # noqa: F811
    name = box.start()
    init = box.inspect(name)["initPid"]
    for fd in os.listdir(f"/proc/{init}/fd"):
        target = machine.link(f"/proc/{init}/fd/{fd}")
        if target == "/dev/fuse":                   # where the container's own /proc files are answered: a device, no way out
            continue
        assert target.startswith(("socket:", "pipe:", "anon_inode:", "/memfd:contexe-views")) or \
            box.contexe.root in target, target


# ---- the runtime's own files ----

def test_the_program_of_init_cannot_be_written(box):        # noqa: F811
    """CVE-2019-5736: through /proc/1/exe, as root with all capabilities."""
    before = digest(INIT)
    script = ("for i in 1 2 3 4 5; do : > /proc/1/exe; echo x >> /proc/1/exe; done; "
              "exec 9< /proc/1/exe && for i in 1 2 3; do echo x > /proc/self/fd/9; done; true")
    for options in ([], ["--privileged"]):
        box.sh(script, *options, check=False)
        assert digest(INIT) == before


def test_nor_that_of_exec(box):                             # noqa: F811
    """A container whose shell is replaced by /proc/self/exe: exec must not run the runtime again inside."""
    binary = digest(box.contexe.binary)
    name = box.start("ln -s /proc/self/exe /bin/trap; while :; do for p in /proc/[0-9]*; do "
                     "[ $p = /proc/1 ] || { : > $p/exe; } 2>/dev/null; done; done")
    for _ in range(10):
        box.contexe.run("exec", name, "/bin/trap", check=False)
        box.contexe.run("exec", "--privileged", name, "/bin/true", check=False)
    assert digest(box.contexe.binary) == binary and digest(INIT) != ""
    box.contexe.run("rm", "-f", name)


def test_a_working_directory_outside(box):                  # noqa: F811
    """CVE-2024-21626: descriptors of the runtime as working directory."""
    for fd in range(3, 24):
        done = box.sh("cd ../../../..; pwd; ls", "--rm", "--workdir", f"/proc/self/fd/{fd}", check=False)
        assert done.returncode in (125, 126, 127) or "work" not in done.stdout, (fd, done)
        assert done.returncode != 0
    name = box.start()
    for fd in range(3, 24):
        assert box.exec(name, "ls ../../..", "--workdir", f"/proc/self/fd/{fd}", check=False).returncode != 0


def test_a_working_directory_that_is_a_link_out(contexe, busybox_rootfs, scratch):
    root = os.path.join(scratch, "root")
    subprocess.run(["cp", "-a", busybox_rootfs, root], check=True)
    os.symlink("/proc/self/fd/7/", os.path.join(root, "link"))
    os.symlink("../../../../../../etc", os.path.join(root, "up"))
    assert contexe.run("run", "--rm", "--rootfs", root, "--workdir", "/link", "--", "ls", check=False).returncode
    assert contexe.out("run", "--rm", "--rootfs", root, "--workdir", "/up", "--", "ls", "passwd") == "passwd"
    assert contexe.out("run", "--rm", "--rootfs", root, "--workdir", "/up", "--", "cat", "hostname") != \
        machine.read("/etc/hostname").strip()


# ---- processes ----

def test_process_1_cannot_be_traced_or_looked_into(box):    # noqa: F811
    """It belongs to the runtime: not dumpable, whoever asks inside."""
    name = box.start("sleep 1000", *MOUNT)
    said_ = box.exec(name, f"{prog('call')} 101 16 1 0 0; {prog('call')} 101 0x4206 1 0 0; ls /proc/1/fd; "
                     "cat /proc/1/mem; ls -l /proc/1/root; ls -l /proc/1/exe", check=False)
    assert said_.stdout.split()[:2] == ["EPERM", "EPERM"]       # PTRACE_ATTACH, PTRACE_SEIZE
    assert said_.stdout.count("\n") == 2 or "->" not in said_.stdout
    assert said_.stderr.count("Permission denied") >= 3
    assert box.exec(name, f"{prog('call')} 438 1 3 0", check=False).stdout == "EPERM\n"     # pidfd_getfd


def test_the_job_can_trace_its_own(contexe):
    need.program("strace")
    done = contexe.run("run", "--rm", "--", "strace", "-e", "trace=getppid", "sh", "-c", ":", check=False)
    assert "+++ exited with 0 +++" in done.stderr


def test_processes_outside_cannot_be_named(box):            # noqa: F811
    """A sleep of ours: not in its /proc, and no number reaches it."""
    ours = subprocess.Popen(["sleep", "1000"])
    try:
        box.sh(f"ls -d /proc/{ours.pid}; for p in $(seq 3 {min(ours.pid + 10, 40000)}); do kill -9 $p; done "
               "2>/dev/null; kill -9 -1", check=False)
        assert ours.poll() is None
        count = len(box.sh("ls -d /proc/[0-9]*").stdout.split())
        assert count <= 4
    finally:
        ours.kill()
        ours.wait()


def test_the_supervisor_cannot_be_signalled(box):           # noqa: F811
    """PPid of init is 0: there is nobody above."""
    name = box.start()
    supervisor = box.inspect(name)["supervisorPid"]
    assert "PPid:\t0" in box.exec(name, "cat /proc/1/status").stdout
    assert box.exec(name, f"kill -9 {supervisor}; kill -9 0 -1", check=False).returncode != 0
    assert machine.state(supervisor) in ("S", "")


# ---- a hostile root ----

def test_a_fifo_for_a_password_file(contexe, busybox_rootfs, scratch):
    """Files that the runtime reads in the root: none may stop it."""
    root = os.path.join(scratch, "root")
    subprocess.run(["cp", "-a", busybox_rootfs, root], check=True)
    for name in ("passwd", "group"):
        path = os.path.join(root, "etc", name)
        os.unlink(path)
        os.mkfifo(path)
    assert contexe.fails("run", "--rm", "--rootfs", root, "--user", "user", "--", "true", timeout=10)
    assert contexe.out("run", "--rm", "--rootfs", root, "--user", "7:8", "--", "grep", "-c", "^Uid:.7",
                       "/proc/self/status", timeout=10) == "1"
    for name in ("passwd", "group"):
        path = os.path.join(root, "etc", name)
        os.unlink(path)
        os.symlink("/dev/zero", path)
    assert contexe.fails("run", "--rm", "--rootfs", root, "--user", "user", "--", "true", timeout=20)


def test_a_program_that_is_a_fifo_or_a_directory(contexe, busybox_rootfs, scratch):
    root = os.path.join(scratch, "root")
    subprocess.run(["cp", "-a", busybox_rootfs, root], check=True)
    os.mkfifo(os.path.join(root, "bin", "fifo"), 0o777)
    for program in ("/bin/fifo", "/bin", "/etc/passwd"):
        contexe.fails("run", "--rm", "--rootfs", root, "--", program, code=126, timeout=10)
    contexe.fails("run", "--rm", "--rootfs", root, "--", "/bin/none", code=127)


def test_proc_of_the_root_is_not_believed(contexe, busybox_rootfs, scratch):
    """CVE-2025-52881: /proc of the image as a link, a file, or full of files."""
    root = os.path.join(scratch, "root")
    subprocess.run(["cp", "-a", busybox_rootfs, root], check=True)
    os.makedirs(os.path.join(root, "proc", "self", "attr"))
    with open(os.path.join(root, "proc", "self", "attr", "exec"), "w", encoding="utf-8"):
        pass
    assert contexe.out("run", "--rm", "--rootfs", root, "--", "cat", "/proc/1/comm") == "contexe-init"
    shutil.rmtree(os.path.join(root, "proc"))
    os.symlink("tmp", os.path.join(root, "proc"))
    done = contexe.run("run", "--rm", "--rootfs", root, "--", "cat", "/proc/1/comm", check=False)
    assert done.returncode == 125 or done.stdout == "contexe-init\n"
    assert not os.listdir(os.path.join(root, "tmp"))


def test_the_state_directory_is_for_the_owner_only(box):    # noqa: F811
    name = box.start()
    for directory in ("", "containers", f"containers/{name}"):
        mode = stat.S_IMODE(os.stat(os.path.join(box.contexe.root, directory)).st_mode)
        assert not mode & 0o022, directory
    done = subprocess.run(["setpriv", "--reuid=65533", "--clear-groups", "cat", box.file(name, "config.json")],
                          capture_output=True)
    assert done.returncode != 0, "config.json holds the environment: not for everybody"
