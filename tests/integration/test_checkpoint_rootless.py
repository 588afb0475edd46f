# SPDX-License-Identifier: Apache-2.0
"""Checkpoint and restore by an ordinary user, with nothing of root's: what is carried, what is refused and how it is told."""
import os
import random
import re
import shutil
import time

import pytest

from support import engine, machine, need, progs
from support.carry import Carrier

WORDS = re.findall(r"^\t'([^']+)',$", machine.read(os.path.join(engine.TOP, "tests/progs/ckpt/meson.build")), re.M)
WANTS = {"seccomp_strict": ("--seccomp", "none"), "nested_pidns": ("--privileged",), "sched": ("--privileged",)}
# These become somebody else, whom a map of a single id does not have.
WANT_IDS = {"caps", "credentials", "dumpable", "groups", "pdeathsig", "unix_credentials"}
# What only root of the machine can carry.
REFUSED = {
    "seccomp": r"a seccomp filter that the program has installed: only root of the machine may read it; "
               r"checkpoint as root, or run the program without its own sandbox",
    "seccomp_strict": r"seccomp's strict mode: only root of the machine can look into such a process; checkpoint as root",
}
NOT_RUNNING_ON = {"tcp_waiting", "unix_waiting"}
# These once more on the stock kernel, where each takes its time.
ON_V2 = {"self", "regular", "shmem", "threads100", "timers", "unix_stream"}
PYTHON = "/usr/bin/python3"
COUNTER = "import time, os\nn = 0\nwhile True:\n n += 1; print(n, os.getpid(), flush=True); time.sleep(0.01)\n"


@pytest.fixture(scope="module")
def his_programs(ordinary_user):
    """The build and the sources may lie where he cannot look."""
    path = os.path.join(ordinary_user.directory, "progs")
    shutil.copytree(progs.DIRECTORY, path, ignore=shutil.ignore_patterns("*.p"))
    shutil.copytree(os.path.join(engine.TOP, "tests/carried"), os.path.join(path, "carried"),
                    ignore=shutil.ignore_patterns("__pycache__"))
    return path


class Him:
    """The ordinary user at work. ids: "one" or "range"."""

    def __init__(self, user, rootfs, programs, ids):
        self.user, self.engine, self.programs = user, user.engine, programs
        self.carrier = Carrier(user.engine, rootfs)
        self.maps = ("--uid-map", f"0:{user.uid}:1", "--gid-map", f"0:{user.gid}:1") if ids == "one" else ()
        self.rootfs = ("--rootfs", rootfs, "--overlay", "--volume", f"{programs}:/progs:ro")
        self.images = 0

    def run(self, *command, options=(), host=False):
        name = self.engine.name()
        self.engine.run("run", "-d", "--name", name, *self.maps, *(("--host",) if host else self.rootfs), *options, "--",
                        *command)
        return name

    def python(self, script, *options):
        return self.run(PYTHON, "-c", script, options=options, host=True)

    def image(self):
        self.images += 1
        return os.path.join(self.user.home, f"image-{self.engine.tag}-{self.images}")

    def checkpoint(self, name, *options):
        image = self.image()
        self.engine.run("checkpoint", *options, "-o", image, name)
        return image

    def restore(self, image):
        name = self.engine.name("back")
        self.engine.run("restore", "-d", "--name", name, image)
        return name

    def carry(self, name):
        return self.restore(self.checkpoint(name))

    def log(self, name):
        return self.engine.run("logs", name).stdout

    def says(self, name, pattern):
        return self.carrier.says(name, pattern)

    def goes_on(self, name):
        """Two lines more, whatever they are."""
        before = self.log(name).count("\n")
        assert machine.until(lambda: self.log(name).count("\n") >= before + 2, 20), f"{name} stands still"

    def cannot(self, name, *options):
        """A checkpoint that fails, and harms nothing."""
        image = self.image()
        error = self.engine.fails("checkpoint", *options, "-o", image, name, code=125)
        assert not os.path.exists(image)
        return error


@pytest.fixture
def one(unprivileged, own_rootfs, his_programs):
    return Him(unprivileged, own_rootfs, his_programs, "one")


@pytest.fixture(params=["one", "range"])
def him(request, unprivileged, own_rootfs, his_programs):
    return Him(unprivileged, own_rootfs, his_programs, request.param)


@pytest.fixture
def ranged(unprivileged, own_rootfs, his_programs):
    return Him(unprivileged, own_rootfs, his_programs, "range")


def program(him, word):
    name = him.run(f"/progs/ckpt/ckpt-{word}", options=WANTS.get(word, ()))
    machine.until(lambda: "\n" in him.log(name), timeout=20)
    first = him.log(name).strip()
    if first.startswith("SKIP"):
        pytest.skip(first)
    assert first == "ready"
    return name


def check(him, name):
    him.engine.run("kill", "-s", "USR1", name)
    him.engine.run("wait", name)
    assert him.log(name).splitlines()[-1] == "PASS"


# ---- all kinds ----

def test_the_lists_are_of_programs():
    assert WANT_IDS | set(REFUSED) | NOT_RUNNING_ON <= set(WORDS)


@pytest.mark.parametrize("word", [pytest.param(w, marks=[pytest.mark.v2] if w in ON_V2 else []) for w in WORDS
                                  if w not in REFUSED])
def test_killed_and_restored(ranged, word):
    check(ranged, ranged.carry(program(ranged, word)))


@pytest.mark.parametrize("word", [w for w in WORDS if w not in WANT_IDS and w not in REFUSED])
def test_with_a_single_id(one, word):
    check(one, one.carry(program(one, word)))


@pytest.mark.parametrize("word", [w for w in WORDS if w not in REFUSED and w not in NOT_RUNNING_ON])
def test_left_running_and_restored(ranged, word):
    name = program(ranged, word)
    copy = ranged.restore(ranged.checkpoint(name, "--leave-running"))
    check(ranged, name)
    check(ranged, copy)


@pytest.mark.parametrize("word", REFUSED)
def test_what_only_root_can_carry(him, word):
    name = program(him, word)
    assert re.search(REFUSED[word], him.cannot(name))
    assert re.search(REFUSED[word], him.engine.run("probe", "--checkpoint", name, check=False).stdout)
    check(him, name)


# ---- whole programs ----

def test_a_counter(him):
    name = him.python(COUNTER)
    him.says(name, "^5 2$")
    assert "can be checkpointed" in him.engine.run("probe", "--checkpoint", name).stdout + \
        him.engine.run("probe", "--checkpoint", name).stderr
    image = him.checkpoint(name, "--leave-running")
    him.goes_on(name)
    first, second = him.restore(image), him.restore(image)
    him.goes_on(first)
    him.goes_on(second)
    again = him.carry(second)
    him.goes_on(again)
    for n in (first, second, again):
        numbers = [line.split() for line in him.log(n).splitlines()]
        assert [int(a) for a, _ in numbers] == list(range(int(numbers[0][0]), int(numbers[0][0]) + len(numbers)))
        assert {b for _, b in numbers} == {"2"}


def test_under_its_own_name(him):
    """The image lies in the container's directory, and so do its files."""
    name = him.python("import time\nopen('/opt/x', 'w').write('mine')\n"
                      "while True: print(open('/opt/x').read(), flush=True); time.sleep(0.01)\n")
    him.says(name, "mine")
    for _ in range(2):
        him.engine.run("checkpoint", name)
        him.engine.run("restore", "-d", name)
        him.says(name, "mine")


WORKERS = """
import multiprocessing as mp, mmap, time
m, v, q = mmap.mmap(-1, 1 << 20), mp.Value("i", 0), mp.Queue()
def work(i):
    while True:
        with v.get_lock():
            v.value += 1
            m[i] = (m[i] + 1) % 256
            assert sum(m[:4]) % 256 == v.value % 256, (v.value, m[:4])
        q.put(i)
        time.sleep(0.005)
ps = [mp.Process(target=work, args=(i,), daemon=True) for i in range(4)]
for p in ps: p.start()
n = 0
while True:
    q.get(); n += 1
    if n % 20 == 0:
        assert all(p.is_alive() for p in ps)
        print(n, flush=True)
"""


def test_memory_that_only_mappings_know(him):
    """Workers with shared anonymous memory and semaphores without a name: nobody but root can open what they map."""
    name = him.python(WORKERS)
    him.goes_on(name)
    image = him.checkpoint(name, "--leave-running")
    him.goes_on(name)
    copies = [him.restore(image) for _ in range(2)]
    copies.append(him.carry(copies[1]))
    for n in (copies[0], copies[2]):
        him.goes_on(n)
        assert "rror" not in him.log(n)


SPARSE = """
import ctypes, mmap, os, time
m = mmap.mmap(-1, 1 << 30, mmap.MAP_SHARED | mmap.MAP_ANONYMOUS | 0x4000)
m[5 << 20] = m[1000 << 20] = 7
at, pages = ctypes.addressof(ctypes.c_char.from_buffer(m)), (1 << 30) // 4096
resident = (ctypes.c_ubyte * pages)()
print("ready", flush=True)
while True:
    assert ctypes.CDLL(None).mincore(ctypes.c_void_p(at), ctypes.c_size_t(1 << 30), resident) == 0
    print("resident", sum(resident), m[5 << 20], m[1000 << 20], flush=True)
    time.sleep(0.05)
"""


def test_a_great_reservation_stays_empty(him):
    """To read a hole fills it: that is undone."""
    name = him.python(SPARSE)
    him.says(name, "resident 2 7 7")
    image = him.checkpoint(name, "--leave-running")
    assert os.path.getsize(image) < 64 << 20
    for n in (name, him.restore(image)):
        him.goes_on(n)
        _, pages, a, b = him.log(n).splitlines()[-1].split()
        assert int(pages) <= 2 * 256 and a == b == "7"


# By libc: mmap.mmap keeps a descriptor.
MAPPED = """
import ctypes, os, time
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
SHARED, PRIVATE = 1, 2
def mapped(path, keep, flags):
    fd = os.open(path + ".tmp", os.O_RDWR | os.O_CREAT, 0o600)
    os.write(fd, b"old" + bytes(8189))
    at = libc.mmap(None, 8192, 3, flags, fd, 0)
    if keep: os.link(path + ".tmp", path)
    os.unlink(path + ".tmp")
    os.close(fd)
    return at
%s
print("ready", flush=True)
while not os.path.exists("/dev/shm/go"): time.sleep(0.01)
"""


def test_a_mapped_file_with_another_name(him):
    """As sem_open(3) makes it: mapped under a name that is gone; what is written there must reach the file."""
    name = him.python(MAPPED % "a = mapped('/dev/shm/a', True, SHARED); b = mapped('/dev/shm/b', False, SHARED)"
                      + "ctypes.memmove(a, b'new', 3)\n"
                        "print(open('/dev/shm/a').read(3), ctypes.string_at(b, 4), flush=True)\n")
    him.says(name, "ready")
    name = him.carry(name)
    him.engine.run("exec", name, "touch", "/dev/shm/go")
    him.says(name, r"new b'old\\x00'")


def test_a_deleted_file_of_a_disk_that_is_mapped(him):
    """Only root can open it; it is told, and the program goes on."""
    name = him.python(MAPPED % "a = mapped('/opt/a', False, PRIVATE)" + "print('end', ctypes.string_at(a, 3), flush=True)\n")
    him.says(name, "ready")
    error = him.cannot(name)
    assert "/opt/a.tmp (deleted)): its file cannot be opened" in error and "checkpoint as root" in error
    him.engine.run("exec", name, "touch", "/dev/shm/go")
    him.says(name, "end b'old'")


SENT = """
import array, ctypes, os, socket, time
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
a, b = socket.socketpair()
fd = os.memfd_create("sent")
os.truncate(fd, 4096)
at = libc.mmap(None, 4096, 3, 1, fd, ctypes.c_long(0))
a.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
os.close(fd)
print("sent", flush=True)
while not os.path.exists("/dev/shm/go"): time.sleep(0.01)
fd = socket.recv_fds(b, 1, 1)[1][0]
print("received", flush=True)
while not os.path.exists("/dev/shm/on"): time.sleep(0.01)
ctypes.memmove(at, b"same", 4)
print(os.pread(fd, 4, 0), flush=True)
"""


def test_what_is_mapped_and_on_its_way_through_a_socket(him):
    """A copy of it for those that map it would be another file."""
    name = him.python(SENT)
    him.says(name, "sent")
    assert "a descriptor on its way through a socket: its file is mapped" in him.cannot(name)
    him.engine.run("exec", name, "touch", "/dev/shm/go")
    him.says(name, "received")
    name = him.carry(name)
    him.engine.run("exec", name, "touch", "/dev/shm/on")
    him.says(name, "b'same'")


FORKS = """
import os, time
n = 0
while True:
    pid = os.fork()
    if pid == 0:
        if os.fork() == 0:
            os._exit(0 if os.fork() == 0 else os.wait()[1])
        os._exit(os.wait()[1])
    assert os.waitpid(pid, 0)[1] == 0
    n += 1
    if n % 10 == 0: os.write(1, b"%d\\n" % n)
"""


def test_nobody_is_missed_who_forks_meanwhile(him):
    """There is no group that could be frozen: tasks are stopped one by one."""
    name = him.python(FORKS)
    for _ in range(5):
        him.goes_on(name)
        image = him.checkpoint(name, "--leave-running")
    him.goes_on(name)
    him.goes_on(him.restore(image))
    name = him.carry(name)
    him.goes_on(name)


@pytest.mark.timeout(200)
@pytest.mark.parametrize("work", ["redis", "bash", "python"])
def test_at_work(ranged, work):
    """Programs with clients that check every answer, carried at instants that nobody chose."""
    need.program("redis-server" if work == "redis" else "bash")
    script = {"redis": "redis_load.py", "bash": "bash_jobs.py", "python": "python_work.py"}[work]
    name = ranged.run(PYTHON, f"/carried/{script}", host=True,
                      options=("--volume", f"{ranged.programs}/carried:/carried:ro", "--env", "PYTHONDONTWRITEBYTECODE=1"))
    for _ in range(3):
        ranged.goes_on(name)
        ranged.engine.run("checkpoint", name)
        ranged.engine.run("restore", "-d", name)
    ranged.goes_on(name)
    ranged.carrier.signal(name)
    assert machine.until(lambda: ranged.carrier.ended(name), 90), ranged.log(name)[-2000:]
    assert ranged.log(name).splitlines()[-1] == "RIGHT", ranged.log(name)[-2000:]


def test_a_shell_on_a_terminal(him):
    name, image = him.engine.name(), him.image()
    with him.engine.terminal("run", "-it", "--name", name, *him.maps, "--host", "--", "bash", "--norc") as t:
        t.send("x=42; echo has-$((x - 1))\r")
        t.expect("has-41")
        him.engine.run("checkpoint", "-o", image, name)
        t.wait()
    with him.engine.terminal("restore", "--name", him.engine.name("back"), image) as t:
        t.send("echo still-$x; tty\r")
        t.expect("still-42")
        t.expect("/dev/")
        t.send("exit 3\r")
        assert t.wait() == 3


# ---- other ids ----

def test_processes_of_other_ids(ranged):
    """To the user himself they are strangers."""
    name = ranged.run(PYTHON, "-c", COUNTER, options=("--user", "1000:1000"), host=True)
    ranged.goes_on(name)
    image = ranged.checkpoint(name, "--leave-running")
    ranged.goes_on(name)
    copy = ranged.restore(image)
    ranged.goes_on(copy)
    assert ranged.engine.out("exec", copy, "stat", "-c", "%u", "/proc/2") == "1000"


def test_the_private_layer_has_files_of_all_ids(ranged):
    script = ("umask 077; mkdir /tmp/d /tmp/d/e; echo secret >/tmp/d/e/f; chown -R 1000:2000 /tmp/d; echo mine >/tmp/g; "
              "rm /etc/hostname; rm -r /var; mkdir -p /var/new; exec 3</tmp/d/e/f; echo ready; while :; do sleep 0.05; done")
    look = "stat -c '%u %g %a' /tmp/d/e /tmp/d/e/f; cat /tmp/d/e/f /tmp/g /proc/2/fd/3; ls /var; ls /etc"
    name = ranged.run("sh", "-c", script)
    ranged.says(name, "ready")
    before = ranged.engine.out("exec", name, "sh", "-c", look)
    assert "1000 2000 600" in before and "secret" in before
    image = ranged.checkpoint(name, "--leave-running")
    first, second = ranged.restore(image), ranged.restore(image)
    for n in (name, first, second):
        assert ranged.engine.out("exec", n, "sh", "-c", look) == before
    ranged.engine.run("exec", first, "sh", "-c", "echo other >/tmp/d/e/f")
    assert ranged.engine.out("exec", second, "sh", "-c", look) == before
    ranged.engine.run("checkpoint", "--rootfs-diff", second)
    ranged.engine.run("restore", "-d", second)
    assert ranged.engine.out("exec", second, "sh", "-c", look) == before


def test_files_in_memory_of_all_ids(ranged):
    script = "umask 077; mkdir /t/d; echo in-memory >/t/d/f; chown -R 1000:1000 /t/d; echo ready; sleep 1000"
    look = "stat -c '%u %a' /t/d /t/d/f; cat /t/d/f"
    name = ranged.run("sh", "-c", script, options=("--tmpfs", "/t"))
    ranged.says(name, "ready")
    before = ranged.engine.out("exec", name, "sh", "-c", look)
    assert before.split() == ["1000", "700", "1000", "600", "in-memory"]
    assert ranged.engine.out("exec", ranged.carry(name), "sh", "-c", look) == before


# ---- what cannot be ----

def test_a_filter_that_nobody_knows_any_more(him):
    """Who came in with other filters may have left children, whose only filter need not be the container's."""
    name = him.python(COUNTER)
    him.engine.run("exec", name, "true")
    him.checkpoint(name, "--leave-running")
    him.engine.run("exec", "--privileged", name, "true")
    error = him.cannot(name)
    assert "it is not written down which one the container was started with" in error and "start the container anew" in error
    him.goes_on(name)
    him.engine.run("restart", "-t", "0", name)
    him.goes_on(name)
    him.checkpoint(name, "--leave-running")


@pytest.mark.parametrize("action, refused", [("SCMP_ACT_ERRNO", True), ("SCMP_ACT_KILL_PROCESS", True)])
def test_a_profile_that_forbids_our_questions(him, action, refused):
    """Asked all the same, the process would be killed."""
    profile = os.path.join(him.user.home, "profile.json")
    text = ('{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getresuid"], "action": "%s"}]}' % action)
    him.user.run("sh", "-c", f"cat >{profile}", input=text)
    name = him.python(COUNTER, "--seccomp", profile)
    him.goes_on(name)
    assert "it forbids what a checkpoint asks of its processes; checkpoint as root" in him.cannot(name)
    him.goes_on(name)


def test_an_image_that_cannot_be_written(him):
    name = him.python(COUNTER)
    him.goes_on(name)
    assert "Permission denied" in him.engine.fails("checkpoint", "-o", "/etc/image", name, code=125)
    him.goes_on(name)


@pytest.mark.parametrize("wrap, told", [
    (("prlimit", "--nofile=128:128"), "RLIMIT_NOFILE"), (("nice", "-n", "7"), "nice"),
])
def test_what_a_restore_may_not_raise(him, wrap, told):
    """It is told by name, and nothing of the restore is left; where it may, it goes on."""
    need.program(wrap[0])
    name = him.python(COUNTER)
    him.goes_on(name)
    image = him.checkpoint(name)
    done = him.user.run(*wrap, him.engine.binary, "--root", him.engine.root, "restore", "-d", "--name", "not-to-be", image,
                        check=False)
    assert done.returncode == 125 and told in done.stderr and "; the " in done.stderr, done.stderr
    assert "not-to-be" not in him.engine.containers()
    him.goes_on(him.restore(image))


def test_what_a_restore_may_lower_again(him):
    name = him.python(COUNTER)
    him.goes_on(name)
    image, back = him.checkpoint(name), him.engine.name()
    him.user.run("choom", "-n", "700", "--", him.engine.binary, "--root", him.engine.root, "restore", "-d", "--name", back,
                 image)
    him.goes_on(back)
    assert him.engine.out("exec", back, "cat", "/proc/2/oom_score_adj") == "0"


def test_an_engine_that_is_killed(him):
    """At any instant: the container goes on, and can be checkpointed after all."""
    name, chance = him.python(WORKERS), random.Random(7)
    him.goes_on(name)
    for _ in range(12):
        process = him.engine.popen("checkpoint", "--leave-running", "-o", him.image(), name)
        time.sleep(chance.random() * 0.12)
        process.kill()
        process.communicate()
        him.goes_on(name)
    him.goes_on(him.restore(him.checkpoint(name)))


# ---- between root and him ----

def test_roots_image_and_his(contexe, ranged, scratch):
    """What root wrote down of a container with the user's map, he restores, and writes down again; root restores that."""
    user, image = ranged.user, os.path.join(scratch, "image")
    maps = [f"--{k}-map={m}" for k in ("uid", "gid")
            for m in (f"0:{user.uid}:1", f"1:{user.subids[0]}:{user.subids[1]}")]
    script = "umask 077; echo mine >/tmp/f; chown 1000:1000 /tmp/f; while :; do cat /tmp/f; sleep 0.02; done"
    name = contexe.name()
    contexe.run("run", "-d", "--name", name, *maps, "--pids-limit", "-1", "--rootfs", ranged.rootfs[1], "--overlay", "--", "sh", "-c", script)
    assert machine.until(lambda: "mine" in contexe.out("logs", name))
    contexe.run("checkpoint", "-o", image, name)
    os.chmod(image, 0o644)
    his = ranged.restore(image)
    ranged.goes_on(his)
    assert ranged.engine.out("exec", his, "stat", "-c", "%u", "/tmp/f") == "1000"
    again = ranged.checkpoint(his)
    back = contexe.name()
    contexe.run("restore", "-d", "--name", back, again)
    assert machine.until(lambda: contexe.out("logs", back).count("mine") > 2)
    assert contexe.out("exec", back, "stat", "-c", "%u", "/tmp/f") == "1000"
