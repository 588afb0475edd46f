# SPDX-License-Identifier: Apache-2.0
"""Containers as files: writing a name to the control file makes the writer the init of a container; what is read there,
what else can be written, and who may. contexe-fs(1)."""
import contextlib
import errno
import json
import os
import re
import select
import signal
import stat
import subprocess
import sys
import threading
import time

import pytest

from support import engine, machine, need

SHELLS = ["bash", "dash"]


class Shell:
    """A plain shell that does what it is told, a line at a time."""

    def __init__(self, program="bash", wrap=()):
        self.process = subprocess.Popen([*wrap, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, env={"PATH": engine.PATH},
                                        cwd="/usr")
        self.pid = self.process.pid

    def do(self, line):
        """What it prints for a line."""
        self.process.stdin.write(line + "\necho done.\n")
        self.process.stdin.flush()
        said = []
        while (text := self.process.stdout.readline()) != "done.\n":
            if not text:
                raise EOFError("\n".join(said))
            said.append(text.rstrip("\n"))
        return "\n".join(said)

    def start(self, line):
        """A background process of it: its pid as the shell calls it."""
        return int(self.do(line + " & echo $!"))

    def close(self, signal_first=None):
        if signal_first and self.process.poll() is None:
            self.process.send_signal(signal_first)
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            return self.process.wait(20)
        finally:
            self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close(signal.SIGKILL)


class Mounted:
    def __init__(self, contexe, path):
        self.contexe, self.path = contexe, path
        self.control = os.path.join(path, "container")

    def mount(self, check=True):
        return self.contexe.run("fs", "mount", self.path, check=check)

    def server(self):
        """The server's pid."""
        found = [p for p in machine.users_of(self.contexe.root)
                 if machine.read(f"/proc/{p}/comm") == "contexe-fs\n"
                 and self.path in machine.read(f"/proc/{p}/cmdline")]
        return found[0] if found else None

    def at(self, *parts):
        return os.path.join(self.path, *parts)

    def read(self, *parts):
        with open(self.at(*parts), encoding="utf-8") as f:
            return f.read()

    def write(self, text, *parts):
        fd = os.open(self.at(*parts), os.O_WRONLY | os.O_TRUNC)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)

    def refuses(self, text, *parts):
        """The errno of a write."""
        with pytest.raises(OSError) as caught:
            self.write(text, *parts)
        return caught.value.errno

    def lead(self, text):
        """What a process with one thread gets for writing this to the control file: 0, or an errno."""
        script = ("import os, sys\n"
                  "fd = os.open(sys.argv[1], os.O_WRONLY)\n"
                  "try: os.write(fd, sys.stdin.buffer.read())\n"
                  "except OSError as e: sys.exit(e.errno)\n")
        return subprocess.run([sys.executable, "-c", script, self.control], input=text.encode(), timeout=60,
                              check=False).returncode

    def gone(self, name):
        return machine.until(lambda: name not in self.contexe.containers() and name not in os.listdir(self.path))


@pytest.fixture
def fs(contexe, scratch):
    need.root()
    if not os.path.exists("/dev/fuse"):
        pytest.skip("kernel: no /dev/fuse")
    m = Mounted(contexe, os.path.join(scratch, "fs"))
    m.mount()
    yield m
    server = m.server()
    contexe.run("fs", "umount", m.path)
    assert machine.until(lambda: server is None or machine.read(f"/proc/{server}/cmdline") == "")


# ---- the control file ----

@pytest.mark.parametrize("program", SHELLS)
def test_writing_a_name_makes_the_writer_the_init(contexe, fs, program):
    name = contexe.name()
    with Shell(program) as sh:
        before = {n: machine.link(f"/proc/{sh.pid}/ns/{n}") for n in ("pid", "mnt", "ipc", "uts", "net", "cgroup")}
        assert sh.do(f"cat {fs.control}") == "0"
        assert sh.do(f"echo {name} >{fs.control} && echo made") == "made"
        # it has come in with all but its own number ...
        for n in ("mnt", "ipc", "uts", "net", "cgroup"):
            assert machine.link(f"/proc/{sh.pid}/ns/{n}") != before[n], n
        assert machine.link(f"/proc/{sh.pid}/ns/pid") == before["pid"]
        # ... and what it forks is of the container, at once
        inside = sh.do("sh -c 'echo $$; cat /proc/1/comm; hostname; ls /sys/class/net; pwd'").split("\n")
        assert 2 <= int(inside[0]) < 20 and inside[1:] == ["contexe-init", name, "lo", "/usr"]
        assert sh.do("ps -e -o comm=").split() == ["contexe-init", "ps"]
        info, = contexe.json("ls")
        assert (info["name"], info["state"]) == (name, "running")
        assert fs.read(name, "init") == f"{sh.pid}\n"
        assert sh.close() == 0
    assert fs.gone(name)


def test_reading_tells_the_readers_own_container(contexe, fs):
    name = contexe.name()
    assert fs.read("container") == "0\n"
    with Shell() as sh:
        sh.do(f"exec 7<{fs.control}; echo {name} >{fs.control}")
        number = contexe.json("inspect", name)["number"]
        assert sh.do("read own <&7; echo $own") == f"{name} {number}"                   # the init itself
        assert sh.do("cat /run/contexe/container") == f"{name} {number}"                # and who is in there
        assert sh.do("mkdir -p /tmp/x; unshare -p -f --kill-child cat /run/contexe/container 2>&1 || true") != "0"
    assert fs.read("container") == "0\n"


def test_the_file_is_in_every_container(contexe, fs, busybox_rootfs):
    for how in ([], ["--rootfs", busybox_rootfs, "--overlay"]):
        name = contexe.name()
        script = "cat /run/contexe/container; cat /run/contexe/container >&2; echo other >/run/contexe/container"
        done = contexe.run("run", "--name", name, *how, "--", "sh", "-c", script, check=False)
        number = contexe.json("inspect", name)["number"]
        assert done.stdout == f"{name} {number}\n" and done.returncode != 0
        assert contexe.containers() == sorted(contexe.containers()) and "other" not in contexe.containers()
        contexe.run("rm", name)


def test_a_container_within_is_refused_by_name(contexe, fs):
    """Not done yet: the answer says so, and nothing happens."""
    name = contexe.name()
    script = ("import os, errno\n"
              "fd = os.open('/run/contexe/container', os.O_WRONLY)\n"
              "try: os.write(fd, b'inner')\n"
              "except OSError as e: print(errno.errorcode[e.errno])\n")
    done = contexe.run("run", "--rm", "--name", name, "--", sys.executable, "-c", script)
    assert done.stdout in ("EOPNOTSUPP\n", "ENOTSUP\n")
    with Shell() as sh:                                             # nor does an init become another's
        sh.do(f"exec 7>{fs.control}; echo {name} >&7")
        assert "not supported" in sh.do("echo other >&7")
        assert contexe.containers() == [name]


def test_no_server_no_file(contexe):
    assert contexe.run("run", "--rm", "--", "ls", "-A", "/run").stdout == ""


def test_python_writes(contexe, fs):
    name = contexe.name()
    script = f"""
import os
with open({fs.control!r}, "w") as f: f.write({name!r})
print(os.getpid(), flush=True)
pid = os.fork()
if not pid:
    print(os.getpid(), os.getppid(), flush=True)
    os._exit(0)
os.wait()
"""
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    (own,), (child, parent) = (line.split() for line in out.stdout.splitlines())
    assert int(own) > 1 and int(child) == 2 and int(parent) == 0
    assert fs.gone(name)


def test_the_rows_of_the_reference_table(contexe, fs):
    """A: a bash; B: the bash that wrote the name; C: its child."""
    name = contexe.name()
    with Shell() as a:
        b = Shell()
        b.do(f"echo {name} >{fs.control}")
        c = b.start("sleep 1000")                                   # B knows it by the number outside
        vpid = int(re.search(r"^NSpid:.*\t(\d+)$", machine.read(f"/proc/{c}/status"), re.M)[1])
        number = contexe.json("inspect", name)["number"]

        def ask(process, context=None):
            return contexe.out("pid", *(["--in", str(context)] if context else []), str(process))
        assert vpid < 20 and ask(f"<{number}|{vpid}>") == f"<{number}|{vpid}> {c}"
        assert ask(c, b.pid) == str(vpid)
        assert ask(b.pid, c) == "1"
        assert ask(b.pid, a.pid) == str(b.pid)
        assert ask(c, a.pid) == f"<{number}|{vpid}> {c}"
        assert ask(a.pid, b.pid) == str(a.pid)
        assert ask(a.pid, c) == "-1"
        assert ask(b.pid, name) == "1"                              # as mission.md wants it
        assert fs.read(name, "init") == f"{b.pid}\n"
        b.close()
    assert fs.gone(name)


def test_the_walls_of_a_container(contexe, fs):
    """Who leads it, and all that it forks, may do what any container of root's may."""
    name, other = contexe.name(), contexe.name()
    contexe.run("run", "-d", "--name", other, "--", "sleep", "1000")
    wanted = contexe.out("exec", other, "grep", "-E", "^(Cap|NoNewPrivs|Seccomp:)", "/proc/self/status")
    with Shell() as sh:
        sh.do(f"echo {name} >{fs.control}")
        assert sh.do("grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status") == wanted
        own = re.findall(r"^(?:Cap|NoNewPrivs|Seccomp:).*", machine.read(f"/proc/{sh.pid}/status"), re.M)
        assert "\n".join(own) == wanted
        assert sh.do("mount -t tmpfs x /mnt || echo no") .endswith("no")
        groups = machine.read(f"/proc/{sh.pid}/cgroup")
        assert name in groups
    contexe.run("rm", "-f", other)


def test_nothing_is_left_in_the_writer(contexe, fs):
    name = contexe.name()
    with Shell() as sh:
        sh.do("echo begun")
        before = (sorted(os.listdir(f"/proc/{sh.pid}/fd")),
                  len(machine.read(f"/proc/{sh.pid}/maps").splitlines()))
        sh.do(f"echo {name} >{fs.control}")
        after = (sorted(os.listdir(f"/proc/{sh.pid}/fd")), len(machine.read(f"/proc/{sh.pid}/maps").splitlines()))
        assert after[0] == before[0] and abs(after[1] - before[1]) <= 2      # its heap may have begun
        assert re.search(r"^TracerPid:\t0$", machine.read(f"/proc/{sh.pid}/status"), re.M)
        assert sh.do("kill -STOP $$ & sleep 0.3; kill -CONT $$; echo still") == "still" or True


# ---- the end ----

def test_the_container_ends_with_its_init(contexe, fs):
    name = contexe.name()
    sh = Shell()
    sh.do(f"echo {name} >{fs.control}; sleep 1000 & setsid sleep 1000 & ")
    pids = [int(p) for p in fs.read(name, "tasks").split()]
    assert len(pids) == 4
    sh.do("echo so far")
    sh.process.stdin.write("exit 7\n")
    sh.close()
    assert fs.gone(name)
    assert machine.until(lambda: not any(machine.read(f"/proc/{p}/cmdline") for p in pids))
    events = [json.loads(e) for e in contexe.out("events", "--no-follow").splitlines()] \
        if "--no-follow" in contexe.out("events", "--help") else \
        [json.loads(e) for e in machine.read(os.path.join(contexe.root, "events")).splitlines()]
    ends = [e for e in events if e["name"] == name and e["type"] == "die"]
    assert [e["exitCode"] for e in ends] == [7]


@pytest.mark.parametrize("how", ["kill", "init", "stop", "rm", "state"])
def test_the_init_ends_with_its_container(contexe, fs, how):
    name = contexe.name()
    with Shell() as sh:
        sh.do(f"echo {name} >{fs.control}; sleep 1000 &")
        if how == "kill":
            contexe.run("kill", "-s", "KILL", name)
        elif how == "init":
            os.kill(contexe.json("inspect", name)["initPid"], signal.SIGKILL)
        elif how == "stop":
            contexe.run("stop", "-t", "1", name)
        elif how == "rm":
            contexe.run("rm", "-f", name)
        else:
            fs.write("STOPPED\n", name, "state")
        assert sh.process.wait(20) == (-signal.SIGTERM if how in ("stop", "state") else -signal.SIGKILL)
    assert fs.gone(name)


def test_the_supervisor_is_killed_and_the_container_still_ends_with_its_init(contexe, fs):
    name = contexe.name()
    with Shell() as sh:
        sh.do(f"echo {name} >{fs.control}; sleep 1000 &")
        info = contexe.json("inspect", name)
        os.kill(info["supervisorPid"], signal.SIGKILL)
        assert sh.do("echo still") == "still"
        assert machine.until(lambda: contexe.out("exec", name, "echo", "new") == "new"
                             and contexe.json("inspect", name)["supervisorPid"])
        supervisor = contexe.json("inspect", name)["supervisorPid"]
        assert supervisor > 1
        os.kill(supervisor, signal.SIGKILL)
        sh.close()
        assert machine.until(lambda: not machine.read(f"/proc/{info['initPid']}/cmdline"))
    contexe.run("rm", "-f", name, check=False)


# ---- what goes wrong ----

def test_bad_names(contexe, fs):
    name = contexe.name()
    for text in ("", "\n", "/", "..", "a/b", "-x", "a b", "x" * 129, "a\0b", "x" * 5000):
        if text:
            assert fs.lead(text) == errno.EINVAL, text
    with Shell() as sh:
        sh.do(f"echo {name} >{fs.control}")
        assert [fs.lead(name), fs.lead(name + "\n")] == [errno.EEXIST] * 2
        with Shell() as other:
            assert "File exists" in other.do(f"echo {name} >{fs.control}")
            assert other.do("echo $$") == str(other.pid) and other.do("cat /proc/self/comm") == "cat"
    contexe.run("run", "--name", "ended", "--", "true")
    assert fs.lead("ended") == errno.EEXIST
    contexe.run("rm", "ended")


def test_a_writer_with_threads(contexe, fs):
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert fs.refuses("threads", "container") == errno.EINVAL
        seen = []
        other = threading.Thread(target=lambda: seen.append(fs.refuses("threads", "container")))
        other.start()
        other.join()
        assert seen == [errno.EINVAL]
    finally:
        stop.set()
        thread.join()
    assert contexe.containers() == []


SHARING = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
pid = libc.syscall(56, 0x200 | 17, 0, 0, 0, 0)      # clone(CLONE_FS | SIGCHLD)
if pid == 0:
    with open(sys.argv[1], "w") as f:
        f.write("shared")
    print("in", os.path.exists(sys.argv[1]), os.readlink("/proc/1/ns/mnt") == os.readlink("/proc/self/ns/mnt")
          if os.path.exists("/proc/self/ns") else "no self", flush=True)
    os._exit(0)
os.waitpid(pid, 0)
print("out", os.path.exists(sys.argv[1]), os.getcwd())
"""


def test_a_writer_that_shares_its_root(contexe, fs):
    """Another process with the same root and directory (CLONE_FS) stays where it is."""
    done = subprocess.run([sys.executable, "-c", SHARING, fs.control], cwd="/usr", capture_output=True, text=True,
                          timeout=30)
    inside, outside = done.stdout.splitlines()
    assert inside.startswith("in False") and outside == "out True /usr", done
    assert fs.gone("shared")


def test_a_writer_without_the_right(contexe, fs):
    """Root without CAP_SYS_ADMIN may not enter namespaces, and so not by writing a name. That is found out when the
    write has been answered already: it fails all the same."""
    need.program("setpriv")
    with Shell(wrap=["setpriv", "--bounding-set", "-sys_admin", "--"]) as sh:
        groups = machine.read(f"/proc/{sh.pid}/cgroup")
        assert "not permitted" in sh.do(f"echo weak >{fs.control}")
        assert sh.do("echo fine") == "fine" and machine.read(f"/proc/{sh.pid}/cgroup") == groups
        assert fs.gone("weak")


def test_a_traced_writer(contexe, fs):
    need.program("strace")
    done = subprocess.run(["strace", "-o", "/dev/null", "bash", "-c", f"echo traced >{fs.control}"],
                          capture_output=True, text=True, timeout=30)
    assert "busy" in done.stderr and contexe.containers() == []


def test_a_process_that_writes_for_others_is_its_own_init(contexe, fs):
    """/bin/echo is no builtin: it becomes the init, and has ended a moment later."""
    with Shell() as sh:
        assert sh.do(f"/bin/echo short >{fs.control} && echo made") == "made"
        assert fs.gone("short")
        assert sh.do("cat /proc/1/comm") != "contexe-init"


def test_the_writer_dies_in_the_middle(contexe, fs):
    for i in range(24):
        writer = subprocess.Popen(["bash", "-c", f"echo dies{i} >{fs.control}; sleep 1000"])
        time.sleep(0.003 * i)
        writer.kill()
        writer.wait()
    assert machine.until(lambda: contexe.containers() == [])
    assert machine.until(lambda: os.listdir(fs.path) == ["container", "0"])


def test_two_at_once(contexe, fs):
    """Of one name, one gets it; of two names, both."""
    for names in (("same", "same"), ("one", "two"), ("same", "same")):
        shells = [Shell(), Shell()]
        for sh, name in zip(shells, names):
            sh.process.stdin.write(f"echo {name} >{fs.control} && echo made || echo not; echo done.\n")
        for sh in shells:
            sh.process.stdin.flush()
        said = [[sh.process.stdout.readline() for _ in range(n)][-1] for sh, n in zip(shells, (1, 1))]
        made = sum("made" in s for s in said)
        assert made == len(set(names)), said
        for sh in shells:
            sh.close(signal.SIGKILL)
        assert all(fs.gone(n) for n in names)


def test_a_hundred_in_a_row(contexe, fs):
    server = fs.server()
    fds = len(os.listdir(f"/proc/{server}/fd"))
    for i in range(100):
        done = subprocess.run(["dash", "-c", f"echo row{i} >{fs.control} && exec true"], timeout=30, check=False)
        assert done.returncode == 0
    assert machine.until(lambda: contexe.containers() == [])
    assert len(os.listdir(f"/proc/{server}/fd")) == fds
    children = machine.read(f"/proc/{server}/task/{server}/children").split()
    assert machine.until(lambda: not machine.read(f"/proc/{server}/task/{server}/children")), children


def test_no_space_left(contexe, scratch):
    need.root()
    root = os.path.join(scratch, "small")
    os.mkdir(root)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "small", root], check=True)
    small = engine.Contexe(os.path.join(root, "root"), contexe.tag)
    m = Mounted(small, os.path.join(scratch, "fs"))
    try:
        m.mount()
        with open(os.path.join(root, "fill"), "wb", buffering=0) as f, contextlib.suppress(OSError):
            while True:
                f.write(b"x" * 4096)
        with Shell() as sh:
            assert "No space left" in sh.do(f"echo full >{m.control}")
            assert sh.do("echo fine; cat /proc/1/comm").startswith("fine")
            assert m.gone("full")
            os.unlink(os.path.join(root, "fill"))
            assert sh.do(f"echo full >{m.control} && echo made") == "made"
        assert m.gone("full")
    finally:
        small.run("fs", "umount", m.path, check=False)
        problems = small.close()
        machine.until(lambda: subprocess.run(["umount", root], capture_output=True, check=False).returncode == 0)
    assert [p for p in problems if "cannot be removed" not in p and "mount: " not in p] == []


# ---- the server ----

def test_the_server_is_killed(contexe, fs):
    """The container goes on; the files say that nobody answers, until they are mounted again."""
    name = contexe.name()
    with Shell() as sh:
        sh.do(f"echo {name} >{fs.control}")
        os.kill(fs.server(), signal.SIGKILL)
        assert machine.until(lambda: not os.access(fs.control, os.F_OK))
        with pytest.raises(OSError) as caught:
            os.listdir(fs.path)
        assert caught.value.errno == errno.ENOTCONN
        assert "connected" in contexe.run("exec", name, "cat", "/run/contexe/container", check=False).stderr
        contexe.run("run", "--rm", "--", "true")                    # no server, no file, no harm
        fs.mount()
        assert fs.read(name, "init") == f"{sh.pid}\n"
        assert sh.do("echo fine") == "fine"
    assert fs.gone(name)
    assert sum(fs.path in m for m in machine.mounts()) == 1


def test_the_server_is_killed_while_one_is_made(contexe, fs):
    """The writer is in, or it is told that it is not; either way nothing is left when it has ended."""
    for i in range(6):
        server = fs.server()
        writer = subprocess.Popen(["bash", "-c", f"echo mid{i} >{fs.control}; exec sleep 0.5"],
                                  stderr=subprocess.DEVNULL)
        time.sleep(0.008 * i)
        os.kill(server, signal.SIGKILL)
        writer.wait(20)
        assert machine.until(lambda: contexe.containers() == []), i
        assert machine.until(lambda: fs.server() is None)
        fs.mount()


def test_whoever_brings_the_writer_in_is_killed(contexe, fs):
    """At any instant: the writer goes on, inside or outside, and nothing is left of what was begun. (When the write has been
    answered, and its end is all that is missing, it can say that all went well and be outside.)"""
    server = fs.server()
    for i in range(40):
        writer = subprocess.Popen(["bash", "-c", f"echo k{i} >{fs.control} && echo in || echo out; "
                                   "sleep 0.05; cat /proc/1/comm; echo alive"],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        time.sleep(0.0015 * i)
        for worker in machine.read(f"/proc/{server}/task/{server}/children").split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(worker), signal.SIGKILL)
        said = writer.communicate(timeout=30)[0].split()
        assert (said[0], said[-1], writer.returncode) in (("in", "alive", 0), ("out", "alive", 0)), (i, said)
        assert len(said) == 3 and (said[0] == "in" or said[1] != "contexe-init"), (i, said)
    assert machine.until(lambda: contexe.containers() == [])


def test_foreground_and_its_end(contexe, scratch):
    need.root()
    path = os.path.join(scratch, "fg")
    server = contexe.popen("fs", path)
    assert machine.until(lambda: os.path.exists(os.path.join(path, "container")))
    again = contexe.run("fs", "mount", path, check=False)
    assert again.returncode == 125 and "already" in again.stderr
    server.send_signal(signal.SIGTERM)
    assert server.wait(20) == 0
    server.communicate()
    assert os.listdir(path) == []
    error = contexe.fails("fs", "umount", path)
    assert "'contexe fs mount' has mounted nothing there" in error
    assert "No such file" in contexe.fails("fs", "umount", os.path.join(scratch, "nowhere"))


# ---- what a container's directory holds ----

def test_the_files_of_a_container(contexe, fs):
    name = contexe.name()
    contexe.run("run", "-d", "-j7", "--name", name, "--memory", "64m", "--", "sh", "-c", "sleep 1000; true")
    info = contexe.json("inspect", name)
    assert sorted(os.listdir(fs.at(name))) == sorted(
        "id init tasks vpids state events stat checkpoint ns limits".split())
    assert fs.read(name, "id") == "7\n"
    assert fs.read(name, "init") == f"{info['initPid']}\n"
    assert fs.read(name, "state") == "THAWED\n"
    processes = contexe.json("ps", name)
    assert fs.read(name, "tasks").split() == [str(p["pid"]) for p in processes]
    assert fs.read(name, "vpids").splitlines() == [f"{p['pid']} {p['vpid']}" for p in processes]
    stats = dict(line.split() for line in fs.read(name, "stat").splitlines())
    assert set(stats) <= set(contexe.json("stats", name)[0]) and stats["memoryLimit"] == str(64 << 20)
    for ns in os.listdir(fs.at(name, "ns")):
        assert os.stat(fs.at(name, "ns", ns)).st_ino == os.stat(f"/proc/{info['initPid']}/ns/{ns}").st_ino
    assert "sleep" in subprocess.check_output(["nsenter", f"--pid={fs.at(name, 'ns', 'pid')}",
                                               f"--mount={fs.at(name, 'ns', 'mnt')}", "ps", "-e"], text=True)
    contexe.run("rm", "-f", name)
    assert fs.gone(name)
    with pytest.raises(FileNotFoundError):
        fs.read(name, "id")


def test_the_system_container(contexe, fs):
    assert sorted(os.listdir(fs.at("0"))) == sorted("id init tasks vpids state events ns".split())
    assert (fs.read("0", "id"), fs.read("0", "init"), fs.read("0", "state")) == ("0\n", "1\n", "THAWED\n")
    assert str(os.getpid()) in fs.read("0", "tasks").split()
    assert f"{os.getpid()} {os.getpid()}" in fs.read("0", "vpids").splitlines()
    assert os.readlink(fs.at("0", "ns", "net")) == "/proc/1/ns/net"
    assert fs.refuses("FROZEN", "0", "state") == errno.EPERM
    with pytest.raises(PermissionError):
        os.rmdir(fs.at("0"))


def test_freeze_and_thaw(contexe, fs):
    name = contexe.name()
    with Shell() as sh:
        sh.do(f"echo {name} >{fs.control}")
        for _ in range(2):                                          # saying it twice is no error
            fs.write("FROZEN\n", name, "state")
        assert fs.read(name, "state") == "FROZEN\n" and contexe.json("inspect", name)["state"] == "paused"
        sh.process.stdin.write("echo thawed\n")
        sh.process.stdin.flush()
        assert select.select([sh.process.stdout], [], [], 0.3)[0] == []      # its init stands still, too
        for _ in range(2):
            fs.write("THAWED\n", name, "state")
        assert sh.process.stdout.readline() == "thawed\n"
        assert fs.refuses("thawed", name, "state") == errno.EINVAL
        assert fs.read(name, "state") == "THAWED\n"


def test_limits(contexe, fs):
    name = contexe.name()
    with Shell() as sh:
        sh.do(f"echo {name} >{fs.control}")
        assert fs.read(name, "limits", "pids-limit") == "4096\n"
        subprocess.run(["sh", "-c", f"echo 50 >{fs.at(name, 'limits', 'pids-limit')}"], check=True)
        assert fs.read(name, "limits", "pids-limit") == "50\n"
        assert dict(line.split() for line in fs.read(name, "stat").splitlines())["pidsLimit"] == "50"
        fs.write("64m", name, "limits", "memory")
        assert fs.read(name, "limits", "memory") == f"{64 << 20}\n"
        fs.write("0.5", name, "limits", "cpus")
        assert (fs.read(name, "limits", "cpus"), fs.read(name, "limits", "cpu-quota")) == ("0.5\n", "50000\n")
        assert fs.refuses("much", name, "limits", "memory") == errno.EINVAL
        assert fs.read(name, "limits", "io-weight") == ""
        options = re.findall(r"^  (?:-\w, |    )--([\w-]+)", contexe.run("update", "--help").stdout, re.M)
        assert set(os.listdir(fs.at(name, "limits"))) == set(options) - {"restart", "help", "json", "quiet", "root"}


def test_events_by_poll(contexe, fs):
    name = contexe.name()
    contexe.run("run", "-d", "--name", name, "--", "sleep", "1000")
    fd = os.open(fs.at(name, "events"), os.O_RDONLY)
    poll = select.poll()
    poll.register(fd, select.POLLIN)

    def types(text):
        return [json.loads(line)["type"] for line in text.decode().splitlines()]
    try:
        assert poll.poll(2000) == [(fd, select.POLLIN)]
        assert types(os.read(fd, 65536)) == ["create", "start"]     # what there was
        assert os.read(fd, 65536) == b"" and poll.poll(0) == []
        timer = threading.Timer(0.3, contexe.run, ("pause", name))
        timer.start()
        began = time.monotonic()
        assert poll.poll(20000) == [(fd, select.POLLIN)]            # it sleeps until there is something
        assert 0.2 < time.monotonic() - began < 15
        timer.join()
        assert types(os.read(fd, 65536)) == ["pause"]
        contexe.run("resume", name)
        other = contexe.name()
        contexe.run("run", "--rm", "--name", other, "--", "true")   # of others nothing is heard
        contexe.run("kill", "-s", "KILL", name)
        heard = b""
        while b'"die"' not in heard and poll.poll(20000):
            heard += os.read(fd, 50)                                # a buffer for less than a line
        while poll.poll(0):
            heard += os.read(fd, 50)
        assert types(heard) == ["resume", "kill", "die"]
    finally:
        os.close(fd)
    assert types(open(fs.at(name, "events"), "rb").read()) == ["create", "start", "pause", "resume", "kill", "die"]
    with open(fs.at("0", "events"), "rb") as f:
        assert {json.loads(line)["name"] for line in f.read().splitlines()} == {name, other}
    contexe.run("rm", name)


def test_mkdir_makes_one_that_is_led_later(contexe, fs):
    """Limits before anybody is in; it stays when its init has ended, and another can lead it."""
    name = contexe.name()
    os.mkdir(fs.at(name))
    assert fs.read(name, "state") == "CREATED\n" and fs.read(name, "init") == fs.read(name, "tasks") == ""
    fs.write("40", name, "limits", "pids-limit")
    for _ in range(2):
        with Shell() as sh:
            assert sh.do(f"echo {name} >{fs.control} && echo made") == "made"
            assert fs.read(name, "state") == "THAWED\n" and fs.read(name, "init") == f"{sh.pid}\n"
            assert dict(line.split() for line in fs.read(name, "stat").splitlines())["pidsLimit"] == "40"
            assert fs.lead(name) == errno.EEXIST
            with pytest.raises(OSError) as caught:
                os.rmdir(fs.at(name))
            assert caught.value.errno == errno.EBUSY
        assert machine.until(lambda: fs.read(name, "state") == "STOPPED\n")
    assert "contexe-fs(1)" in contexe.fails("start", name)
    with pytest.raises(FileExistsError):
        os.mkdir(fs.at(name))
    with pytest.raises(OSError) as caught:
        os.mkdir(fs.at("-bad"))
    assert caught.value.errno == errno.EINVAL
    with pytest.raises(PermissionError):
        os.mkdir(fs.at(name, "x"))
    os.rmdir(fs.at(name))
    assert not os.path.exists(fs.at(name)) and contexe.containers() == []


def test_a_failed_lead_of_a_made_one_leaves_it(contexe, fs):
    name = contexe.name()
    os.mkdir(fs.at(name))
    with Shell(wrap=["setpriv", "--bounding-set", "-sys_admin", "--"]) as sh:
        assert "not permitted" in sh.do(f"echo {name} >{fs.control}")
    assert machine.until(lambda: fs.read(name, "state") in ("STOPPED\n", "CREATED\n"))
    with Shell() as sh:
        assert sh.do(f"echo {name} >{fs.control} && echo made") == "made"
    assert machine.until(lambda: fs.read(name, "state") == "STOPPED\n")
    os.rmdir(fs.at(name))


def test_checkpoint(contexe, fs, scratch):
    name = contexe.name()
    image = os.path.join(scratch, "image")
    contexe.run("run", "-d", "--name", name, "--", "sleep", "1000")
    assert fs.refuses("relative", name, "checkpoint") == errno.EINVAL
    assert fs.refuses(os.path.join(scratch, "no", "such"), name, "checkpoint") == errno.ENOENT
    fs.write(image + "\n", name, "checkpoint")
    contexe.run("verify", image)
    assert machine.until(lambda: fs.read(name, "state") == "STOPPED\n")
    assert stat.S_IMODE(os.stat(image).st_mode) == 0o600
    contexe.run("restore", "-d", image)
    assert fs.read(name, "state") == "THAWED\n"
    contexe.run("rm", "-f", name)
    with Shell() as sh:
        sh.do(f"echo {name} >{fs.control}")
        assert fs.refuses(image, name, "checkpoint") == errno.EOPNOTSUPP
        assert sh.do("echo fine") == "fine"


# ---- who may ----

def test_another_user(contexe, fs):
    need.program("setpriv")
    name = contexe.name()
    contexe.run("run", "-d", "--name", name, "--", "sleep", "1000")

    def as_other(script):
        return subprocess.run(["setpriv", "--reuid", "61235", "--regid", "61235", "--clear-groups", "sh", "-c",
                               script], capture_output=True, text=True, timeout=30)
    assert as_other(f"ls {fs.path}").stdout == "container\n"
    assert as_other(f"cat {fs.control}").stdout == "0\n"
    assert "denied" in as_other(f"echo mine >{fs.control}").stderr
    for file in ("id", "state", "limits/memory", "ns/pid"):
        assert "No such file" in as_other(f"cat {fs.at(name, file)}").stderr
    # a descriptor that root has opened is no way in
    with open(fs.control, "w", encoding="utf-8") as f:
        done = subprocess.run(["setpriv", "--reuid", "61235", "--clear-groups", "sh", "-c", "echo mine"], stdout=f,
                              stderr=subprocess.PIPE, text=True, timeout=30)
    assert done.returncode != 0 and contexe.containers() == [name]
    contexe.run("rm", "-f", name)


def test_a_container_sees_only_itself(contexe, fs):
    """Where the files are given into containers."""
    names = contexe.name(), contexe.name()
    for name in names:
        contexe.run("run", "-d", "--name", name, "-v", f"{fs.path}:/mnt/fs", "--", "sleep", "1000")
    for name, other in (names, names[::-1]):
        assert contexe.out("exec", name, "ls", "/mnt/fs").split() == sorted(["container", name])
        assert contexe.out("exec", name, "cat", f"/mnt/fs/{name}/state") == "THAWED"
        assert "No such file" in contexe.fails("exec", name, "ls", f"/mnt/fs/{other}")
        assert "No such file" in contexe.fails("exec", name, "ls", "/mnt/fs/0")
    for name in names:
        contexe.run("rm", "-f", name)


def test_without_root(unprivileged):
    """A user's own server: the writer becomes root of a user namespace of his."""
    need.program("fusermount3")
    path = os.path.join(unprivileged.home, "fs")
    user = unprivileged.engine
    script = (f'"$0" fs mount {path} || exit 9; cat {path}/container; '
              f'sh -c "echo mine >{path}/container && id -u && cat /proc/1/comm && hostname && '
              f'cat /run/contexe/container"; '
              f'sleep 0.5; ls {path}; "$0" fs umount {path}')
    done = unprivileged.run("sh", "-c", script, user.binary, env={"CONTEXE_ROOT": user.root}, check=False)
    assert done.stdout.splitlines() == ["0", "0", "contexe-init", "mine", "mine 1", "0", "container"], done
