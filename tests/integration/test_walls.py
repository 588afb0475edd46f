# SPDX-License-Identifier: Apache-2.0
"""The walls: what a job that means harm must not reach. Each test is an attack that was made on somebody."""
import glob
import hashlib
import os
import re
import shutil
import stat
import subprocess

import pytest

from conftest import finish, make_directory, make_tag
from support import engine, machine, need
from support.box import box                                 # noqa: F401
from support.progs import MOUNT, prog
from support.victims import Victims

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
    assert machine.until(lambda: machine.read(f"/proc/{init}/cmdline").startswith("contexe-init"))  # has executed
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


# ---- the table of attacks: tests/progs/walls ----

ATTACKS = {name: flags for source in sorted(glob.glob(os.path.join(engine.TOP, "tests/progs/walls/*.c")))
           for name, flags in re.findall(r'^\t\{ "([a-z0-9-]+)", attack_\w+, ([A-Z0| ]+) \},$', machine.read(source), re.M)}
WALLS = os.path.join(engine.BUILD, "tests", "progs", "walls")
# how the container is made; which rows are no attack there: FILTER where the filter of system calls was taken away, OWN
# with all capabilities over one's own user namespace
KINDS = {
    "root": ((), ()),
    "exec": ((), ()),
    "user": (("--user", "1000:1000"), ()),
    "map": (("--uid-map", "0:100000:65536"), ()),
    "auto": (("--auto-userns",), ()),
    "map-user": (("--uid-map", "0:100000:65536", "--user", "1000:1000"), ()),
    "read-only": (("--read-only",), ()),
    "host": (("--host",), ()),
    "unfiltered": (("--seccomp", "none"), ("FILTER",)),
    "map-unfiltered": (("--uid-map", "0:100000:65536", "--seccomp", "none"), ("FILTER",)),
    "map-privileged": (("--uid-map", "0:100000:65536", "--privileged"), ("FILTER", "OWN")),
    "rootless": ((), ()),
    "rootless-unfiltered": (("--seccomp", "none"), ("FILTER",)),
    "rootless-privileged": (("--privileged",), ("FILTER", "OWN")),
}
CASES = [(kind, attack) for kind, (_, without) in KINDS.items() for attack, flags in ATTACKS.items()
         if not set(flags.split(" | ")) & set(without)]


def test_the_table_is_read():
    assert len(ATTACKS) > 250 and {"fd-leak", "uevents", "cgroup-release-agent"} <= set(ATTACKS)


class Siege:
    """Containers of each kind with all attacks made in them, once a kind; result: name -> verdict."""

    def __init__(self, contexe, victims, rootfs, user):
        self.contexe, self.victims, self.rootfs, self.user, self.done = contexe, victims, rootfs, user, {}

    def result(self, kind):
        if kind not in self.done:
            out = (self.rootless if kind.startswith("rootless") else self.inside)(kind, KINDS[kind][0])
            verdicts = dict(line.split(" ", 1) for line in out.splitlines() if " " in line)
            self.done[kind] = verdicts, self.victims.harm()
        return self.done[kind]

    def inside(self, kind, options):
        root = () if "--host" in options else ("--rootfs", self.rootfs, "--overlay")
        args = ("-v", f"{WALLS}:/mnt:ro", *options, *root)
        attack = ("/mnt/prog-walls", *self.victims.arguments())
        if kind != "exec":
            return self.contexe.run("run", "--rm", *args, "--", *attack, check=False, timeout=90).stdout
        name = self.contexe.name("siege")
        self.contexe.run("run", "-d", "--name", name, *args, "--", "sleep", "1000")
        return self.contexe.run("exec", name, *attack, check=False, timeout=90).stdout

    def rootless(self, _, options):
        programs = os.path.join(self.user.directory, "walls")
        if not os.path.exists(programs):
            os.mkdir(programs, 0o755)
            shutil.copy(os.path.join(WALLS, "prog-walls"), programs)
        root = make_directory("root")
        os.chown(root, self.user.uid, self.user.gid)
        his = self.user.contexe(root, make_tag())
        try:
            return his.run("run", "--rm", "-v", f"{programs}:/mnt:ro", *options, "--", "/mnt/prog-walls",
                           *self.victims.arguments(), check=False, timeout=90).stdout
        finally:
            finish(his)


@pytest.fixture(scope="module")
def siege(ordinary_user, busybox_rootfs):
    contexe = engine.Contexe(make_directory("root"), make_tag())
    directory = make_directory("victims")
    with Victims(contexe, busybox_rootfs, directory) as victims:
        yield Siege(contexe, victims, busybox_rootfs, ordinary_user)
    shutil.rmtree(directory)
    finish(contexe)


@pytest.mark.parametrize("kind, attack", CASES, ids=[f"{k}-{a}" for k, a in CASES])
def test_attack(siege, kind, attack):
    verdicts, _ = siege.result(kind)
    assert verdicts.get(attack, "was not made").startswith("held"), f"{attack} from {kind}: {verdicts.get(attack)}"


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_outside_was_harmed(siege, kind):
    assert siege.result(kind)[1] == []


@pytest.mark.parametrize("options", [(), ("--uid-map", "0:100000:65536", "--privileged"), ("--auto-userns", "--privileged")],
                         ids=["root", "map-privileged", "auto-privileged"])
def test_process_1_before_it_is_itself(box, options):       # noqa: F811
    """The job begins while process 1 is still on its way to execve(2): it sees nothing of the engine even then."""
    for _ in range(25):
        done = box.contexe.run("run", "--rm", "-v", f"{WALLS}:/mnt:ro", *options, "--rootfs", box.rootfs, "--overlay",
                               "--", "/mnt/prog-walls", "init-early")
        assert done.stdout.startswith("init-early held"), done.stdout


def test_the_terminal_of_the_caller(box):                   # noqa: F811
    """Handed in as it is (--log passthrough): nothing can be typed into it, and it is not to be had as one's own."""
    with box.contexe.terminal("run", "--rm", "--tty=false", "--log", "passthrough", "-v", f"{WALLS}:/mnt:ro", "--rootfs",
                              box.rootfs, "--overlay", "--", "/mnt/prog-walls", "tty-inject", "tty-linux", "tty-steal") as t:
        assert t.wait() == 0
        assert re.findall(r"^(\S+) (held|OPEN|hung)", t.output, re.M) == [
            ("tty-inject", "held"), ("tty-linux", "held"), ("tty-steal", "held")], t.output
