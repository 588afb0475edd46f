# SPDX-License-Identifier: Apache-2.0
"""contexe_hijack() and contexe hijack: a child with all resources of another process.

The source is tests/progs/likeness.c, which takes on unusual resources and reports them row by row; the child of the
library's call (tests/progs/hijack.c) reports the same rows about itself, which must be equal one by one."""
import contextlib
import ctypes
import errno
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from support import engine, machine, need, progs
from support.box import box, refused, running                # noqa: F401

SIGCHLD = 17
NEW = {"user": 0x10000000, "pid": 0x20000000, "net": 0x40000000, "mnt": 0x20000, "cgroup": 0x2000000,
       "uts": 0x4000000, "ipc": 0x8000000}
ALL_NEW = ["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--time", "--fork"]
LOADER = {"LD_LIBRARY_PATH": engine.BUILD}
EXEC = progs.outside("hijack")


def rows_of(lines):
    return dict(line.rstrip().split(" ", 1) if " " in line else (line.rstrip(), "") for line in lines)


class Source:
    """A process that has reported: pid, rows."""

    def __init__(self, *settings, wrap=(), **options):
        self.process = subprocess.Popen([*wrap, progs.outside("likeness"), *settings], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, **options)
        lines = []
        for line in self.process.stdout:
            if line == "ready\n":
                break
            lines.append(line)
        assert line == "ready\n", lines
        self.rows = rows_of(lines)
        self.pid = self.innermost()

    def innermost(self):
        pid = self.process.pid
        while machine.read(f"/proc/{pid}/comm").strip() != "prog-likeness":
            pid = int(machine.read(f"/proc/{pid}/task/{pid}/children").split()[0])
        return pid

    def close(self):
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


@pytest.fixture
def source():
    """A function that starts one."""
    need.root()
    with contextlib.ExitStack() as stack:
        def start(*settings, **options):
            s = Source(*settings, **options)
            stack.callback(s.close)
            return s
        yield start


class Seen:
    """What the program that hijacks has printed. rows; pid, status (as waitpid(2) has it), left (children), caller; or errno."""

    def __init__(self, text):
        *lines, last = text.splitlines()
        self.lines = lines
        self.rows = rows_of(lines)
        word, *numbers = last.split()
        self.errno = self.pid = None
        if word == "errno":
            self.errno, self.left = map(int, numbers)
        else:
            assert word == "parent", text
            self.pid, self.status, self.left, self.caller = map(int, numbers)


def hijack(which, target, flags=SIGCHLD, do="report", **options):
    done = subprocess.run([EXEC, which, str(target), hex(flags), do], text=True, capture_output=True, timeout=30,
                          env={**os.environ, **LOADER}, **options)
    assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
    return Seen(done.stdout)


def alike(s, seen, but=()):
    assert seen.errno is None, os.strerror(seen.errno)
    assert seen.status == 7 << 8 and seen.left == 0
    assert len(s.rows) > 45
    differ = {k: (v, seen.rows.get(k)) for k, v in s.rows.items() if seen.rows.get(k) != v and k not in but}
    assert not differ
    return seen


# ---- each resource, row by row ----

CASES = {
    "nothing": [],
    "limits": ["nofile=77", "nproc=5000"],
    "scheduling": ["nice=5", "cpu=1", "io=0x4006"],
    "batch": ["policy=3"],
    "idle": ["policy=5"],
    "real-time": ["policy=1,5"],
    "reset-on-fork": ["reset"],
    "oom_score_adj": ["oom=333"],
    "umask-personality-slack": ["umask=0137", "personality=0x40000", "slack=70000"],
    "directory": ["cwd=/usr/bin"],
    "chroot": ["chroot=/usr", "cwd=/bin"],
    "ids": ["groups=5,6,7", "gid=10,11,12", "keep", "uid=1,2,3"],
    "saved-root": ["uid=0,0,7", "fsuid=5"],
    "nobody": ["gid=65534,65534,65534", "groups=", "uid=65534,65534,65534"],
    "capabilities": ["bounding-=5", "bounding-=7", "caps=0xffff,0x5f,0x50"],
    "ambient": ["keep", "uid=1000,1000,1000", "caps=0x700,0x500,0x600", "ambient=10", "ambient=9"],
    "securebits": ["securebits=0x2f", "caps=0x1ff,0xf,0"],
    "no_ambient_raise": ["caps=0xfff,0xfff,0xfff", "ambient=3", "securebits=0xc0"],
    "no_new_privs": ["nnp"],
    "filters": ["filter", "filter2"],
    "filter-no-admin": ["filter", "uid=1000,1000,1000"],
    "filter-nnp": ["uid=1000,1000,1000", "nnp", "filter"],
    "not-dumpable": ["nodump"],
    "user-is-dumpable": ["uid=1000,1000,1000", "nnp"],
    "threads": ["thread", "thread", "filter"],
    "all": ["nice=3", "cpu=0", "oom=100", "umask=07", "nofile=64", "groups=1,2", "bounding-=12", "filter", "keep", "uid=7,7,7",
            "caps=0x480,0x480,0x80", "ambient=7", "cwd=/"],
}


@pytest.mark.parametrize("case", CASES)
def test_each_resource(source, case):
    s = source(*CASES[case])
    alike(s, hijack("pid", s.pid))
    alike(s, hijack("pidfd", s.pid))


def late(source, setting):
    """A source that takes its filter when all else is done."""
    s = source(setting)
    assert machine.until(lambda: "\nSeccomp:\t2" in machine.read(f"/proc/{s.pid}/status"))
    return s.pid


def test_filters_that_forbid_what_comes_after(source):
    """The child makes no call of ours under them: what is killed for any of these is not killed for being born."""
    for nr in (14, 13, 157, 11, 273, 435, 12, 218):   # sigprocmask sigaction prctl munmap robust_list clone3 brk tid_address
        seen = hijack("pid", late(source, f"late:kill={nr}"), do="nothing")
        assert (seen.errno, seen.status) == (None, 7 << 8), nr
    seen = hijack("pid", late(source, "late:kill=231"), do="nothing")       # _exit(2): that of the test's own
    assert seen.errno is None and seen.status & 0x7f == signal.SIGSYS
    assert hijack("pid", late(source, "late:deny=56")).errno == 97          # clone(2), as its filter answers
    assert hijack("pid", late(source, "late:kill=56")).errno == errno.EPERM


# ---- where the source is ----

def namespaces(*words, user=False):
    need.program("unshare")
    return ["unshare", *(("--user", "--map-root-user") if user else ()), *words]


@pytest.mark.parametrize("words", [*([w, "--fork"] for w in ALL_NEW[:-1]), ALL_NEW], ids=lambda w: w[0] if len(w) < 3 else "all")
@pytest.mark.parametrize("user", [False, True], ids=["", "user"])
def test_unshared(source, words, user):
    if words[0] == "--time" or len(words) > 2:
        need.kernel(os.path.exists("/proc/self/ns/time"), "time namespaces")
    mounted = ["--mount-proc"] if "--pid" in words else []
    s = source("umask=031", wrap=namespaces(*words, *mounted, user=user))
    seen = alike(s, hijack("pid", s.pid))
    if "--pid" in words:
        # its own pid is small, its parent is not there, and the caller waits for it by the machine's number
        line = hijack("pid", s.pid, do="pids").lines[0]
        assert re.fullmatch(r"pid [23456] ppid 0", line)
    assert seen.pid > 100 and seen.rows["hostname"] == s.rows["hostname"]


def test_nested(source):
    s = source("nice=2", wrap=[*namespaces(*ALL_NEW, "--mount-proc", user=True),
                               *namespaces(*ALL_NEW, "--mount-proc", user=True)])
    alike(s, hijack("pid", s.pid))


def container_source(box, *options, settings=()):
    name = box.contexe.name()
    words = " ".join([progs.prog("likeness"), *settings])
    box.contexe.run("run", "-d", "-i", "--name", name, "--rootfs", box.rootfs, "--overlay", *progs.MOUNT, *options, "--",
                    "sh", "-c", f"exec {words}")
    box.says(name, "ready")
    s = type("ContainerSource", (), {})()
    s.name, s.pid = name, box.inspect(name)["pid"]
    s.rows = rows_of(box.log(name).splitlines())
    del s.rows["ready"]
    return s


@pytest.mark.parametrize("options", [[], ["--uid-map", "0:100000:65536"], ["--user", "1000:2000"],
                                     ["--uid-map", "0:100000:65536", "--user", "1000:2000"], ["--seccomp", "none"],
                                     ["--memory", "100m", "--pids-limit", "50", "--cpus", "1"],
                                     ["--cap-add", "SYS_PTRACE"], ["--read-only", "--ulimit", "nofile=100:200"]],
                         ids=lambda o: "".join(o[::2])[2:] or "default")
def test_containers(box, options):                              # noqa: F811
    need.root()
    s = container_source(box, *options, settings=("umask=013", "nice=4"))
    alike(s, hijack("pid", s.pid))
    alike(s, hijack("pidfd", s.pid))
    out = box.contexe.run("hijack", s.name, "--", progs.prog("likeness")).stdout
    theirs = rows_of(out.splitlines())
    assert {k: v for k, v in s.rows.items() if theirs[k] != v} == {}


# ---- control groups ----

@pytest.fixture
def groups():
    """A function: a group of its own in every hierarchy that lets us; processes moved in. {mount point: directory}"""
    need.root()
    name = f"contexe-test-hijack-{os.getpid()}"
    made = {}
    for root in machine.cgroup_roots():
        with contextlib.suppress(OSError):
            os.mkdir(os.path.join(root, name))
            made[root] = os.path.join(root, name)
    for directory in made.values():                             # cpuset wants these first
        for file in ("cpuset.cpus", "cpuset.mems"):
            if os.path.exists(f"{directory}/{file}"):
                with open(f"{directory}/{file}", "w", encoding="utf-8") as f:
                    f.write(machine.read(f"{os.path.dirname(directory)}/{file}"))
    yield made
    for directory in made.values():
        assert machine.until(lambda d=directory: not machine.read(f"{d}/cgroup.procs").strip())
        os.rmdir(directory)


def move(pid, directory):
    with open(f"{directory}/cgroup.procs", "w", encoding="utf-8") as f:
        f.write(str(pid))


def test_groups_of_every_hierarchy(source, groups):
    assert groups
    s = source()
    before = machine.read(f"/proc/{s.pid}/cgroup")
    for directory in groups.values():
        move(s.pid, directory)
    after = machine.read(f"/proc/{s.pid}/cgroup")
    assert len(set(after.splitlines()) - set(before.splitlines())) == len(groups)
    seen = hijack("pid", s.pid)
    assert seen.rows["cgroup"] == " ".join(after.split())
    mine = machine.read("/proc/self/cgroup")
    assert mine != after
    s.close()


def test_by_group(source, groups):
    """Every file of every group means its lead: the oldest."""
    s = source("umask=05")
    time.sleep(0.05)
    younger = source("umask=06")
    for directory in groups.values():
        for pid in (younger.pid, s.pid):
            move(pid, directory)
        for file in ("cgroup.procs", "tasks"):
            if os.path.exists(f"{directory}/{file}"):
                seen = hijack("cgroup", f"{directory}/{file}")
                assert seen.rows["umask"] == "5", (directory, file)
    younger.close()
    s.close()


def test_the_lead_is_no_child_of_the_group(box):                # noqa: F811
    """Of a container it is process 1, though all of it began within one tick of the clock."""
    need.root()
    name = box.start()
    info = box.inspect(name)
    directory = next(r + line.split(":", 2)[2] for line in machine.read(f"/proc/{info['initPid']}/cgroup").splitlines()
                     for r in machine.cgroup_roots() if line.startswith("0::/") and os.path.exists(r + "/cgroup.controllers"))
    fd = os.open(f"{directory}/cgroup.procs", os.O_RDONLY)
    assert len(os.read(fd, 1000).split()) == 2                  # and where we have read to does not matter
    seen = hijack("2", fd, pass_fds=[fd])
    assert seen.rows["ns.pid"] == machine.link(f"/proc/{info['pid']}/ns/pid")
    os.close(fd)
    out = box.contexe.run("hijack", "--cgroup", directory, "--", "cat", "/proc/1/comm", "/proc/self/cgroup").stdout
    assert out.splitlines()[0] == "contexe-init"


# ---- clone_flags ----

def test_new_namespaces_one_by_one(source):
    s = source(wrap=namespaces(*ALL_NEW, "--mount-proc"))
    for name, flag in NEW.items():
        seen = hijack("pid", s.pid, SIGCHLD | flag)
        assert seen.errno is None, (name, os.strerror(seen.errno))
        assert seen.left == 0 and seen.status == 7 << 8
        differ = {k for k, v in s.rows.items() if seen.rows.get(k) != v}
        expected = {f"ns.{name}"}
        if name == "pid":                       # the /proc that it sees is not of its pid namespace
            assert "ns.pid" in differ
            assert hijack("pid", s.pid, SIGCHLD | flag, do="pids").lines == ["pid 1 ppid 0"]
            continue
        if name == "user":                      # all capabilities in there, and ids without a name
            assert expected < differ
            assert seen.rows["uids"] == "65534 65534 65534 65534"
            assert seen.rows["cap.effective"].split()[1] == "ffffffff"
            continue
        assert expected <= differ <= expected | {"cgroup"}, name


def test_all_new_at_once(source):
    s = source()
    flags = sum(v for k, v in NEW.items() if k != "user")
    seen = hijack("pid", s.pid, SIGCHLD | flags, do="pids")
    assert seen.lines == ["pid 1 ppid 0"] and seen.left == 0
    assert hijack("pid", s.pid, SIGCHLD | sum(NEW.values()), do="pids").lines == ["pid 1 ppid 0"]


def test_new_network_is_empty(source):
    s = source()
    seen = hijack("pid", s.pid, SIGCHLD | NEW["net"])
    assert seen.rows["ns.net"] not in (s.rows["ns.net"], machine.link("/proc/self/ns/net"))


@pytest.mark.parametrize("name, flag", [
    ("VM", 0x100), ("FS", 0x200), ("FILES", 0x400), ("SIGHAND", 0x800), ("PIDFD", 0x1000), ("PTRACE", 0x2000),
    ("VFORK", 0x4000), ("PARENT", 0x8000), ("THREAD", 0x10000), ("SYSVSEM", 0x40000), ("SETTLS", 0x80000),
    ("PARENT_SETTID", 0x100000), ("CHILD_CLEARTID", 0x200000), ("DETACHED", 0x400000), ("UNTRACED", 0x800000),
    ("CHILD_SETTID", 0x1000000), ("IO", 0x80000000), ("CLEAR_SIGHAND", 1 << 32), ("INTO_CGROUP", 1 << 33),
    ("signal 65", 65 - SIGCHLD), ("NEWTIME", 0x80), ("signal 255", 255 - SIGCHLD)])
def test_flags_that_make_no_sense(source, name, flag):
    s = source()
    seen = hijack("pid", s.pid, SIGCHLD + flag)
    assert (seen.errno, seen.left) == (errno.EINVAL, 0), name


@pytest.mark.parametrize("sig", [0, 10, SIGCHLD, 64])
def test_exit_signal(source, sig):
    """With any other than SIGCHLD it takes __WALL to wait, as the program does."""
    seen = hijack("pid", source().pid, sig, do="nothing" if sig != 10 else "pids")
    assert seen.errno is None and seen.status == 7 << 8 and seen.left == 0


# ---- as fork(2) ----

def test_memory_is_a_copy(source):
    for settings in ([], ["filter"], ["uid=1000,1000,1000", "nnp"]):
        seen = hijack("pid", source(*settings).pid, do="memory")
        assert seen.lines == ["memory same", "tid own"] and seen.status == 0 and seen.left == 0


def test_memory_in_another_pid_namespace(source):
    seen = hijack("pid", source(wrap=namespaces(*ALL_NEW, "--mount-proc")).pid, do="memory")
    assert seen.lines == ["memory same", "tid own"]


def test_signals_are_the_callers(source):
    for settings in ([], ["filter"]):
        assert hijack("pid", source(*settings).pid, do="signals").lines == ["blocked 1 0 handled 10"]


def test_it_is_the_callers_child(source):
    seen = hijack("pid", source().pid, do="pids")
    assert seen.lines == [f"pid {seen.pid} ppid {seen.caller}"]
    assert hijack("pid", source().pid, do="kill").status == signal.SIGKILL


def test_descriptors_are_the_callers_and_no_others(source):
    s = source(wrap=namespaces(*ALL_NEW, "--mount-proc"))
    before = subprocess.run(["sh", "-c", "ls /proc/self/fd"], capture_output=True, text=True).stdout
    assert before
    seen = hijack("pid", s.pid, do="fds")
    assert seen.lines == ["fd 0", "fd 1", "fd 2"]
    seen = hijack("pidfd", s.pid, do="fds")                     # it opened one itself
    assert seen.lines == ["fd 0", "fd 1", "fd 2", "fd 3"]


def test_the_caller_itself(source):
    """Its own pid: plain fork."""
    script = "import ctypes, os\nlib = ctypes.CDLL('libcontexe.so.0', use_errno=True)\n" \
             "f = lambda w, i: lib.contexe_hijack(ctypes.c_ulong(17), w, i)\n" \
             "p = f(1, os.getpid())\nif p == 0: os._exit(9)\nprint(os.waitpid(p, 0)[1], p > 0)\n"
    assert source()                                             # root is needed for nothing but this fixture
    done = subprocess.run(["python3", "-c", script], text=True, capture_output=True, timeout=20, env={**os.environ, **LOADER})
    assert done.stdout == f"{9 << 8} True\n", done


def test_the_source_does_not_notice(source):
    """A program that waits in a call that any stop makes fail, and counts its errors."""
    script = ("import select, sys\ne = select.epoll(); n = 0\nprint('ready', flush=True)\n"
              "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nbuf = ctypes.create_string_buffer(64)\n"
              "r = libc.epoll_wait(e.fileno(), buf, 1, 2000)\nprint(r, ctypes.get_errno() if r < 0 else 0)\n")
    assert source()
    p = subprocess.Popen(["python3", "-c", script], stdout=subprocess.PIPE, text=True)
    assert p.stdout.readline() == "ready\n"
    time.sleep(0.3)
    for _ in range(20):
        assert hijack("pid", p.pid, do="nothing").errno is None
    assert p.communicate(timeout=20)[0] == "0 0\n"


# ---- what is refused ----

def zombie():
    p = subprocess.Popen(["true"])
    assert machine.until(lambda: machine.state(p.pid) == "Z")
    return p


def test_no_such_source(source):
    p = zombie()
    assert hijack("pid", p.pid).errno == errno.ESRCH
    fd = os.pidfd_open(p.pid)
    assert hijack("3", fd, pass_fds=[fd]).errno == errno.ESRCH
    p.wait()
    assert hijack("pid", p.pid).errno == errno.ESRCH
    seen = hijack("3", fd, pass_fds=[fd])
    assert (seen.errno, seen.left) == (errno.ESRCH, 0)
    os.close(fd)
    assert source()


def test_bad_numbers(source):
    s = source("thread")
    for pid in (0, -1, -2147483648):
        assert hijack("pid", pid).errno == errno.EINVAL
    assert hijack("pid", 2147483647).errno == errno.ESRCH
    thread = max(map(int, os.listdir(f"/proc/{s.pid}/task")))
    assert thread != s.pid and hijack("pid", thread).errno == errno.EINVAL
    for which in (0, 4, -1, 99):
        assert hijack(str(which), s.pid).errno == errno.EINVAL


def test_kernel_threads(source):
    kthread = next((p for p in machine.pids() if not machine.link(f"/proc/{p}/exe") and machine.state(p) in "SI"
                    and re.search(r"\) \S (\d+)", machine.read(f"/proc/{p}/stat"))[1] == "2"), None)
    need.kernel(kthread, "thread of its own to be seen")
    assert source() and hijack("pid", kthread).errno == errno.EPERM


def test_bad_descriptors(source, tmp_path):
    s = source()
    file = tmp_path / "tasks"
    file.write_text(f"{s.pid}\n")
    fd = os.open(file, os.O_RDONLY)
    other = next(os.path.join(r, n) for r in machine.cgroup_roots() for n in ("cgroup.clone_children", "cgroup.max.depth",
                                                                              "cgroup.controllers", "notify_on_release")
                 if os.path.exists(os.path.join(r, n)))
    wrong = os.open(other, os.O_RDONLY)
    pidfd = os.pidfd_open(s.pid)
    try:
        for which, number, want in (("2", fd, errno.EINVAL), ("2", wrong, errno.EINVAL), ("2", pidfd, errno.EINVAL),
                                    ("2", 999, errno.EBADF), ("2", -1, errno.EBADF), ("3", fd, errno.EINVAL),
                                    ("3", 999, errno.EBADF), ("3", -1, errno.EBADF)):
            seen = hijack(which, number, pass_fds=[fd, wrong, pidfd])
            assert (seen.errno, seen.left) == (want, 0), (which, number)
    finally:
        for x in (fd, wrong, pidfd):
            os.close(x)


def test_an_empty_group(groups):
    for directory in groups.values():
        for file in ("cgroup.procs", "tasks"):
            if os.path.exists(f"{directory}/{file}"):
                seen = hijack("cgroup", f"{directory}/{file}")
                assert (seen.errno, seen.left) == (errno.ESRCH, 0)


def test_a_group_that_is_full(source, groups):
    directory = next((d for d in groups.values() if os.path.exists(f"{d}/pids.max")), None)
    need.kernel(directory, "pids controller")
    s = source()
    move(s.pid, directory)
    with open(f"{directory}/pids.max", "w", encoding="utf-8") as f:
        f.write("1")
    seen = hijack("pid", s.pid)
    assert (seen.errno, seen.left) == (errno.EAGAIN, 0)
    s.close()


def test_a_user_that_is_full(source):
    """RLIMIT_NPROC of the source's, for a user who has one process."""
    s = source("nproc=1", "gid=60123,60123,60123", "uid=60123,60123,60123")
    seen = hijack("pid", s.pid)
    assert (seen.errno, seen.left) == (errno.EAGAIN, 0)


def test_a_group_that_is_frozen(source, groups):
    s = source()
    frozen = [(f"{d}/{file}", on, off) for d in groups.values()
              for file, on, off in (("cgroup.freeze", "1", "0"), ("freezer.state", "FROZEN", "THAWED"))
              if os.path.exists(f"{d}/{file}")]
    assert frozen
    for path, on, off in frozen:
        move(s.pid, os.path.dirname(path))
        with open(path, "w", encoding="utf-8") as f:
            f.write(on)
        try:
            seen = hijack("pid", s.pid)
            assert (seen.errno, seen.left) == (errno.EBUSY, 0), path
        finally:
            with open(path, "w", encoding="utf-8") as f:
                f.write(off)
        assert hijack("pid", s.pid, do="nothing").errno is None
    s.close()


def test_a_stopped_source_stays_stopped(source):
    s = source("umask=021")
    os.kill(s.pid, signal.SIGSTOP)
    assert machine.until(lambda: machine.state(s.pid) == "T")
    alike(s, hijack("pid", s.pid))
    assert machine.until(lambda: machine.state(s.pid) == "T")


def test_the_caller_is_killed(source):
    """At any instant: nothing is left, and the source goes on."""
    s = source(wrap=namespaces(*ALL_NEW, "--mount-proc"))
    def others():
        space = machine.link(f"/proc/{s.pid}/ns/net")
        return {p for p in machine.pids() if machine.link(f"/proc/{p}/ns/net") == space and p != s.pid
                and machine.state(p) not in ("", "Z", "X")}
    before = others()
    for i in range(60):
        p = subprocess.Popen([EXEC, "pid", str(s.pid), hex(SIGCHLD), "nothing"], env={**os.environ, **LOADER},
                             stdout=subprocess.DEVNULL)
        time.sleep(0.0002 * i)
        p.kill()
        p.wait()
    assert machine.until(lambda: others() == before)
    assert machine.until(lambda: machine.state(s.pid) == "S")
    alike(s, hijack("pid", s.pid))


def test_traced_by_another(source):
    libc = ctypes.CDLL(None, use_errno=True)
    s = source()
    assert libc.ptrace(0x4206, s.pid, None, None) == 0          # PTRACE_SEIZE, by this thread
    seen = hijack("pid", s.pid)
    assert (seen.errno, seen.left) == (errno.EBUSY, 0)


def test_strict_mode(source):
    seen = hijack("pid", source("strict").pid)
    assert (seen.errno, seen.left) == (errno.EPERM, 0)


def test_more_than_the_caller_has(source):
    """A bounding set that is larger, a filter and no_new_privs of the caller's."""
    need.program("setpriv")
    s = source()
    for words in (["--bounding-set", "-sys_time"], ["--no-new-privs"]):
        done = subprocess.run(["setpriv", *words, EXEC, "pid", str(s.pid), hex(SIGCHLD)], text=True, capture_output=True,
                              env={**os.environ, **LOADER}, timeout=20)
        seen = Seen(done.stdout)
        assert (seen.errno, seen.left) == (errno.EPERM, 0), words


def copy_program(user):
    path = os.path.join(user.programs, "prog-hijack")
    shutil.copy(EXEC, path)
    for lib in ("libcontexe.so.0",):
        shutil.copy(os.path.join(engine.BUILD, lib), user.programs)
    return path


def as_user(user, *argv, **options):
    need.program("setpriv")
    return subprocess.run(["setpriv", "--reuid", str(user.uid), "--regid", str(user.gid), "--clear-groups", "--inh-caps=-all",
                           *argv], text=True, capture_output=True, timeout=30,
                          env={**os.environ, "LD_LIBRARY_PATH": user.programs}, **options)


def test_without_privilege(unprivileged, source):
    """One's own process, and one in a user namespace of one's own; nobody else's."""
    program = copy_program(unprivileged)
    likeness = os.path.join(unprivileged.programs, "prog-likeness")
    shutil.copy(progs.outside("likeness"), likeness)
    drop = ["setpriv", "--reuid", str(unprivileged.uid), "--regid", str(unprivileged.gid), "--clear-groups", "--inh-caps=-all"]

    def mine(*wrap):
        p = subprocess.Popen([*drop, *wrap, likeness, "umask=017", "nice=3"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             text=True)
        lines = []
        for line in p.stdout:
            if line == "ready\n":
                break
            lines.append(line)
        s = type("Mine", (), {"rows": rows_of(lines), "process": p})()
        s.pid = Source.innermost(s)
        return s

    for wrap in ([], ["unshare", "--user", "--map-root-user", *ALL_NEW, "--mount-proc"]):
        s = mine(*wrap)
        try:
            alike(s, Seen(as_user(unprivileged, program, "pid", str(s.pid), hex(SIGCHLD)).stdout))
        finally:
            os.kill(s.pid, signal.SIGKILL)
            s.process.communicate()
    others = source()
    for pid in (others.pid, 1):
        seen = Seen(as_user(unprivileged, program, "pid", str(pid), hex(SIGCHLD)).stdout)
        assert (seen.errno, seen.left) == (errno.EPERM, 0)


# ---- the command ----

@pytest.mark.parametrize("script, code", [("exit 0", 0), ("exit 9", 9), ("kill -KILL $$", 137), ("kill -TERM $$", 143)])
def test_exit_code(contexe, source, script, code):
    s = source()
    done = contexe.run("hijack", "--pid", s.pid, "--", "sh", "-c", f"echo out; echo err >&2; {script}", check=False)
    assert (done.returncode, done.stdout, done.stderr) == (code, "out\n", "err\n")


def test_what_cannot_be_executed(contexe, source):
    s = source()
    for program, code in (("/no/such", 127), ("no-such", 127), ("/etc/passwd", 126), ("/etc", 126)):
        refused(contexe, "hijack", "--pid", s.pid, program, code=code, thing=program, what="cannot hijack")
    refused(contexe, "hijack", "--pid", s.pid, what="cannot hijack", why="no command")
    refused(contexe, "hijack", "--pid", 2147483647, "true", what="cannot hijack", thing="process 2147483647")
    refused(contexe, "hijack", "--cgroup", "/no/such", "true", what="cannot hijack", thing="/no/such")
    refused(contexe, "hijack", "--cgroup", "/tmp", "true", what="cannot hijack", thing="/tmp")
    refused(contexe, "hijack", "no-such-container", "true", what="cannot hijack", thing="no-such-container")


def test_the_program_has_three_descriptors_and_the_sources_environment(contexe, source):
    s = source(env={"COLOUR": "green", "PATH": "/usr/bin:/bin"})
    fd = os.open("/etc/passwd", os.O_RDONLY)
    out = subprocess.run(contexe.command("hijack", "--pid", s.pid, "--", "sh", "-c", "for n in $(seq 0 255); do [ -e /proc/$$/fd/$n ] && echo -n $n; done; echo; echo $COLOUR.$CONTEXE_ROOT"),
                         env=contexe.env, pass_fds=[fd], text=True, capture_output=True, timeout=20, stdin=subprocess.DEVNULL).stdout
    os.close(fd)
    assert out.splitlines()[0] == "012"
    assert out.splitlines()[1] == "green."


def test_signals_are_passed_on(contexe, source):
    s = source()
    script = "trap 'echo got; exit 6' TERM; echo ready; while :; do sleep .02; done"
    with running(contexe, "hijack", "--pid", s.pid, "--", "sh", "-c", script) as p:
        assert p.stdout.readline() == "ready\n"
        p.send_signal(signal.SIGTERM)
        assert p.stdout.readline() == "got\n" and p.wait(10) == 6


def test_containers_by_name(box):                               # noqa: F811
    need.root()
    name = box.start(FOREVER_ENV, "--env", "A=17", "--hostname", "inside", "--workdir", "/var")
    out = box.contexe.run("hijack", name, "sh", "-c", "hostname; pwd; echo $A; cat /proc/1/comm").stdout
    assert out.splitlines() == ["inside", "/var", "17", "contexe-init"]
    box.contexe.run("pause", name)
    refused(box.contexe, "hijack", name, "true", what="cannot hijack", thing=name, why="paused")
    box.contexe.run("resume", name)
    box.contexe.run("kill", name)
    box.ends(name)
    refused(box.contexe, "hijack", name, "true", what="cannot hijack", thing=name, why="not running")


FOREVER_ENV = "sleep 1000"


# ---- the window ----

def peek(box, *options):                                        # noqa: F811
    """A container whose root looks for what comes in, as fast as it can, until it is told to stop."""
    name = box.contexe.name()
    box.contexe.run("run", "-d", "-i", "--name", name, "--rootfs", box.rootfs, "--overlay", *progs.MOUNT, "--proc-view", "off", *options, "--",
                    progs.prog("peek"), "/bin/busybox")
    box.says(name, "ready")
    return name


@pytest.mark.parametrize("options, power", [
    ([], False), (["--seccomp", "none"], False), (["--uid-map", "0:100000:65536", "--seccomp", "none"], False),
    (["--uid-map", "0:100000:65536", "--seccomp", "none", "--cap-add", "ALL"], False),
    (["--cap-add", "SYS_PTRACE", "--seccomp", "none"], True)],
    ids=["default", "unfiltered", "user", "user-all", "ptrace"])
def test_nobody_looks_into_it_half_way(box, options, power):    # noqa: F811
    """By ptrace, /proc/PID/fd, exe, root, cwd, mem. What has CAP_SYS_PTRACE in the user namespace that we are in may look,
    and sees a process that is all the container's, without a descriptor, and whose file nobody can write to."""
    need.root()
    name = peek(box, *options)
    deadline = time.monotonic() + 4
    n = 0
    while time.monotonic() < deadline or n < 30:
        box.contexe.run("hijack", name, "/bin/busybox", "usleep", "2000")
        n += 1
    box.contexe.run("kill", "--signal", "TERM", name)
    box.ends(name)
    said = rows_of(box.log(name).splitlines()[1:])
    assert int(said["processes"]) >= 10, said                   # it has seen them come; not all, on a busy machine
    assert int(said["breaches"]) == 0, box.log(name)
    if not power:
        assert int(said["early"]) == 0, box.log(name)
