# SPDX-License-Identifier: Apache-2.0
"""/proc in a container tells of the container: its processors, memory, load, and how long it runs (sys/viewfs.h)."""
import contextlib
import glob
import os
import re
import shutil
import signal
import subprocess
import threading
import time

import pytest

from support import engine, machine, need
from support.box import FOREVER, box, refused               # noqa: F401
from support.carry import carrier                           # noqa: F401

pytestmark = pytest.mark.skipif(not os.path.exists("/dev/fuse"), reason="kernel: no FUSE")

READER = """
import sys, time
end = time.monotonic() + float(sys.argv[1])
size, rounds = int(sys.argv[2]), 0
names = open("/proc/meminfo").read().split("\\n")
names = [line.split(":")[0] for line in names]
while time.monotonic() < end:
    with open("/proc/meminfo", "rb", buffering=0) as f:
        text = b"".join(iter(lambda: f.read(size), b"")).decode()
    got = text.split("\\n")
    assert got[0].split() == ["MemTotal:", "%d" % (200 << 10), "kB"], text
    assert [line.split(":")[0] for line in got] == names, text
    with open("/proc/stat", "rb", buffering=0) as f:
        text = b"".join(iter(lambda: f.read(size), b"")).decode()
    assert text.startswith("cpu  ") and text.endswith("\\n") and text.count("\\ncpu") == 1, text
    assert text.count("\\nsoftirq ") == 1 and text.count("\\nintr ") == 1, text
    rounds += 1
print("read", rounds)
"""


def kernel(key):
    return int(re.search(rf"^{key}:\s+(\d+)", machine.read("/proc/meminfo"), re.M)[1])


def meminfo(text):
    return {key: int(value) for key, value in re.findall(r"^(\S+):\s+(\d+)", text, re.M)}


def servers(box, name):                                     # noqa: F811
    supervisor = box.inspect(name)["supervisorPid"]
    children = [pid for path in glob.glob(f"/proc/{supervisor}/task/*/children")
                for pid in (machine.read(path) or "").split()]
    return [int(pid) for pid in children if (machine.read(f"/proc/{pid}/comm") or "").strip() == "contexe-procfs"]


def needs_two():
    if os.cpu_count() < 2:
        pytest.skip("kernel: one processor")


# ---- what is shown ----

@pytest.mark.v2
def test_memory(box):                                       # noqa: F811
    got = meminfo(box.sh("cat /proc/meminfo", "--memory", "200m").stdout)
    assert got["MemTotal"] == 200 << 10
    assert 0 < got["MemFree"] <= got["MemAvailable"] <= got["MemTotal"]
    assert got["MemTotal"] - got["MemFree"] < 64 << 10, "what it uses, not what the machine uses"
    assert got["Cached"] + got["AnonPages"] < 64 << 10 and got["SwapTotal"] <= kernel("SwapTotal")
    assert got["HugePages_Total"] == int(re.search(r"HugePages_Total:\s+(\d+)", machine.read("/proc/meminfo"))[1])


@pytest.mark.v2
def test_what_it_fills_is_missing(box):                     # noqa: F811
    script = "cat /proc/meminfo; dd if=/dev/zero of=/dev/shm/x bs=1M count=40 2>&-; echo ==; cat /proc/meminfo /proc/vmstat"
    before, after = box.sh(script, "--memory", "200m").stdout.split("==")
    vmstat = int(re.search(r"^nr_shmem (\d+)", after, re.M)[1]) * 4
    before, after = meminfo(before), meminfo(after)
    for key, sign in (("MemFree", -1), ("Shmem", 1), ("Cached", 1)):
        assert 36 << 10 <= sign * (after[key] - before[key]) <= 48 << 10, key
    assert before["MemTotal"] == after["MemTotal"] and 36 << 10 <= vmstat <= 48 << 10


def test_without_a_limit_memory_is_the_machine_s(box):      # noqa: F811
    assert meminfo(box.sh("cat /proc/meminfo").stdout)["MemTotal"] == kernel("MemTotal")
    more = str((kernel("MemTotal") + 1024) << 10)
    assert meminfo(box.sh("cat /proc/meminfo", "--memory", more).stdout)["MemTotal"] == kernel("MemTotal")


@pytest.mark.v2
@pytest.mark.parametrize("cpus,seen", [("0.5", 1), ("1", 1), ("1.5", 2), (None, os.cpu_count())])
def test_processors(box, cpus, seen):                       # noqa: F811
    needs_two()
    script = ("grep -c '^processor' /proc/cpuinfo; grep -c '^cpu[0-9]' /proc/stat; cat /sys/devices/system/cpu/online "
              "/sys/devices/system/cpu/present")
    options = ("--cpus", cpus) if cpus else ()
    online = "0" if seen == 1 else f"0-{seen - 1}"
    assert box.sh(script, *options).stdout.split() == [str(seen), str(seen), online, online]


@pytest.mark.v2
def test_a_set_of_processors_keeps_its_numbers(box):        # noqa: F811
    """Those that sched_setaffinity(2) takes."""
    needs_two()
    script = "grep '^processor' /proc/cpuinfo; grep -o '^cpu[0-9]*' /proc/stat; cat /sys/devices/system/cpu/online; nproc"
    out = box.sh(script, "--cpuset-cpus", "1").stdout.split()
    assert out == ["processor", ":", "1", "cpu", "cpu1", "1", "1"]


def of_host(contexe, script, *options):
    return contexe.out("run", "--rm", *options, "--", "sh", "-c", script)


def test_programs_of_the_machine_see_it(contexe):
    need.root()
    needs_two()
    limits = ("--memory", "200m", "--cpus", "1")
    assert of_host(contexe, "free -b", *limits).split("\n")[1].split()[1] == str(200 << 20)
    assert "200.0 total" in of_host(contexe, "top -bn1", *limits)
    assert " up 0 min" in of_host(contexe, "uptime", *limits)
    assert of_host(contexe, "python3 -c 'import os; print(os.cpu_count())'", *limits) == "1"
    assert of_host(contexe, "nproc; python3 -c 'import os; print(len(os.sched_getaffinity(0)))'",
                   "--cpuset-cpus", "0").split() == ["1", "1"]
    assert of_host(contexe, "getconf _NPROCESSORS_ONLN; vmstat -s | head -1", *limits).split()[:2] == ["1", "204800"]


def test_node_and_java_see_it(contexe):
    need.root()
    needs_two()
    limits = ("--memory", "300m", "--cpus", "1")
    if not shutil.which("node"):
        need.program("node")
    script = "node -e 'const os = require(\"os\"); console.log(os.totalmem(), os.cpus().length, os.uptime() < 30)'"
    assert of_host(contexe, script, *limits) == f"{300 << 20} 1 true"
    if shutil.which("java"):
        out = of_host(contexe, "java -XshowSettings:system -version 2>&1", *limits)
        assert "Memory Limit: 300.00M" in out


@pytest.mark.v2
def test_uptime(box):                                       # noqa: F811
    name = box.start()
    time.sleep(1.2)
    up, idle = map(float, box.exec(name, "cat /proc/uptime").stdout.split())
    assert 1.2 <= up < 30 and 0 < idle <= up * os.cpu_count() + 0.1
    btime = int(re.search(r"^btime (\d+)", box.exec(name, "cat /proc/stat").stdout, re.M)[1])
    assert abs(time.time() - up - btime) < 5
    again = float(box.exec(name, "cat /proc/uptime").stdout.split()[0])
    assert again > up


def test_its_own_processor_time(box):                       # noqa: F811
    """Of what the machine does, nothing; of what it did, all. The sum over time is the number of processors."""
    script = ("cat /proc/stat; timeout 1 sh -c 'while :; do :; done'; sleep 0.5; echo ==; cat /proc/stat")
    with machine_is_busy():
        before, after = (list(map(int, re.search(r"^cpu +(.*)$", part, re.M)[1].split()))
                         for part in box.sh(script, "--cpus", "1", timeout=60).stdout.split("=="))
    used = sum(after[:3]) - sum(before[:3])
    assert 20 <= used <= 160, (before, after)
    assert after[3] > before[3] and sum(after[:4]) - sum(before[:4]) >= 140


@contextlib.contextmanager
def machine_is_busy():
    with subprocess.Popen(["sh", "-c", "while :; do :; done"]) as p:
        try:
            yield
        finally:
            p.kill()


def test_load(box):                                         # noqa: F811
    """Averages of its own tasks: rising where it works, zero where it does not, whatever the machine does."""
    busy = box.start("while :; do :; done")
    idle = box.start()
    assert box.exec(idle, "cat /proc/loadavg").stdout.split()[0] == "0.00"
    box.exec(busy, "cat /proc/loadavg")

    def loads():
        return [float(box.exec(name, "cat /proc/loadavg").stdout.split()[0]) for name in (busy, idle)]
    assert machine.until(lambda: loads()[0] >= 0.1, 40), loads()
    one, none = loads()
    assert one < 3 and none < 0.1
    fields = box.exec(idle, "cat /proc/loadavg").stdout.split()
    running, tasks = map(int, fields[3].split("/"))
    assert 1 <= running <= 2 and 3 <= tasks <= 6 and 2 <= int(fields[4]) < 1000


def test_the_rest(box):                                     # noqa: F811
    out = box.sh("cat /proc/slabinfo | wc -l; head -1 /proc/slabinfo; cat /proc/sys/kernel/threads-max; "
                 "cat /proc/swaps | wc -l", "--pids-limit", "77", "--memory", "64m", "--unmask", "/proc/slabinfo").stdout.splitlines()
    assert out[0] == "2" and out[1].startswith("slabinfo - version") and out[2] == "77"
    assert out[3] == "1" or kernel("SwapTotal")
    if os.path.exists("/proc/pressure/cpu"):
        out = box.sh("cat /proc/pressure/cpu /proc/pressure/memory /proc/pressure/io").stdout
        assert out.count("some avg10=") == 3
    out = box.sh("cat /proc/diskstats").stdout
    assert out.count("\n") <= machine.read("/proc/diskstats").count("\n")


def test_it_cannot_be_written(box):                         # noqa: F811
    done = box.sh("for f in /proc/meminfo /proc/stat /sys/devices/system/cpu/online; do "
                  "(echo 1 > $f) 2>&1; chmod 666 $f 2>&1; rm -f $f 2>&1; done; stat -c %a%U /proc/meminfo /proc/slabinfo",
                  "--cap-add", "ALL", "--unmask", "/proc/slabinfo", check=False)
    assert done.stdout.count("Read-only file system") >= 6, done.stdout
    assert done.stdout.split()[-2:] == ["444root", "400root"]
    done = box.sh("cat /proc/slabinfo", "--user", "1000", "--unmask", "/proc/slabinfo", check=False)
    assert done.returncode != 0 and "Permission denied" in done.stderr


def test_what_is_masked_or_mounted_stays(box):              # noqa: F811
    out = box.sh("cat /proc/slabinfo /proc/loadavg | wc -c; grep -c ' /proc/loadavg ' /proc/self/mountinfo; cat /proc/uptime",
                 "--mask", "/proc/loadavg", "--volume", "/etc/hostname:/proc/uptime:ro").stdout.splitlines()
    assert out == ["0", "1", machine.read("/etc/hostname").strip()]


# ---- limits that change ----

@pytest.mark.v2
def test_update(box):                                       # noqa: F811
    needs_two()
    name = box.start(FOREVER, "--memory", "200m", "--cpus", "1")
    script = "grep MemTotal /proc/meminfo; grep -c ^processor /proc/cpuinfo"
    assert box.exec(name, script).stdout.split() == ["MemTotal:", str(200 << 10), "kB", "1"]
    box.contexe.run("update", "--memory", "300m", "--cpus", "2", name)
    assert box.exec(name, script).stdout.split() == ["MemTotal:", str(300 << 10), "kB", "2"]


@pytest.mark.v2
def test_a_limit_that_was_not_there(box):                   # noqa: F811
    """On v1 its group is made only now."""
    name = box.start()
    script = "grep MemTotal /proc/meminfo"
    assert box.exec(name, script).stdout.split()[1] == str(kernel("MemTotal"))
    box.contexe.run("update", "--memory", "100m", name)
    assert box.exec(name, script).stdout.split()[1] == str(100 << 10)


# ---- on and off ----

@pytest.mark.v2
def test_off(box):                                          # noqa: F811
    name = box.start(FOREVER, "--memory", "200m", "--proc-view", "off")
    assert "fuse" not in box.exec(name, "cat /proc/self/mountinfo").stdout
    assert meminfo(box.exec(name, "cat /proc/meminfo").stdout)["MemTotal"] == kernel("MemTotal")
    assert box.inspect(name)["procView"] is False
    assert box.inspect(box.start())["procView"] is True


def test_a_bare_proc_is_left_alone(box):                    # noqa: F811
    """Without masks a container is one to make others in: the kernel gives them a /proc only where nothing lies over it."""
    script = "grep -c fuse /proc/self/mountinfo"
    assert box.sh(script, "--unmask", "ALL", check=False).stdout.strip() == "0"
    assert box.sh(script, "--privileged", check=False).stdout.strip() == "0"
    assert int(box.sh(script, "--unmask", "ALL", "--proc-view", "on").stdout) > 10


def test_an_unknown_way(box):                               # noqa: F811
    refused(box.contexe, "run", "--proc-view", "maybe", "--rootfs", box.rootfs, "--", "true", thing="--proc-view",
            hint="auto, on or off")


@pytest.fixture
def without_fuse(contexe):
    """The command where /dev/fuse is not what it should be."""
    need.root()
    need.program("unshare")
    return engine.Contexe(contexe.root, contexe.tag, wrap=lambda command: [
        "unshare", "-m", "sh", "-c", 'mount --bind /dev/null /dev/fuse && exec "$@"', "sh", *command])


def test_without_fuse(without_fuse, busybox_rootfs):
    script = ("run", "--rm", "--memory", "200m", "--rootfs", busybox_rootfs, "--overlay")
    tail = ("--", "sh", "-c", "grep MemTotal /proc/meminfo; grep -c fuse /proc/self/mountinfo || true")
    assert without_fuse.out(*script, *tail).split()[1::2] == [str(kernel("MemTotal")), "0"]
    done = without_fuse.run(*script, "--proc-view", "on", *tail, check=False)
    assert done.returncode == 125 and "/dev/fuse" in done.stderr and "--proc-view off" in done.stderr


def test_probe_tells(contexe):
    assert "/proc" in next(line for line in contexe.out("probe").splitlines() if line.startswith("fuse "))


# ---- who answers ----

def test_nothing_runs_until_it_is_read(box):                # noqa: F811
    name = box.start()
    assert servers(box, name) == []
    box.exec(name, "cat /proc/uptime")
    assert len(servers(box, name)) == 1
    assert "fuse.contexe-proc" not in machine.read("/proc/self/mountinfo"), "no mount is seen on the machine"


def test_it_goes_when_nothing_is_read(box):                 # noqa: F811
    name = box.start()
    box.exec(name, "cat /proc/uptime")
    assert servers(box, name)
    assert machine.until(lambda: not servers(box, name), 50)
    assert float(box.exec(name, "cat /proc/uptime").stdout.split()[0]) > 25


def reader(contexe, name, seconds, size):
    return contexe.popen("exec", name, "python3", "-c", READER, str(seconds), str(size))


@pytest.fixture
def limited(contexe):
    """A container on the machine's own tree with Python in it."""
    need.root()
    name = contexe.name()
    contexe.run("run", "-d", "--name", name, "--memory", "200m", "--cpus", "1", "--", "sleep", "1000")
    return name


def finish(p):
    out, errors = p.communicate(timeout=60)
    assert p.returncode == 0, errors[-2000:]
    return int(out.split()[1])


def test_servers_that_are_killed(contexe, box, limited):    # noqa: F811
    """In a loop, under readers of all sizes: nobody waits for ever, nobody reads what is not so."""
    readers = [reader(contexe, limited, 4, size) for size in (1 << 16, 4096, 100)]
    killed = 0
    while any(p.poll() is None for p in readers):
        for pid in servers(box, limited):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed += 1
        time.sleep(0.005)
    rounds = [finish(p) for p in readers]
    assert killed > 20 and min(rounds) > 0, (killed, rounds)


def test_a_server_that_cannot_be_had(contexe, box, busybox_rootfs, scratch):        # noqa: F811
    """The kernel's files, then."""
    for program in ("contexe", "contexe-init"):
        shutil.copy(os.path.join(engine.BUILD, program), scratch)
    with open(os.path.join(scratch, "contexe-procfs"), "w", encoding="utf-8") as f:
        f.write("#!/bin/sh\nexit 3\n")
    os.chmod(f.name, 0o755)
    own = engine.Contexe(contexe.root, contexe.tag, binary=os.path.join(scratch, "contexe"))
    own.run("run", "-d", "--name", contexe.name("plain"), "--memory", "200m", "--rootfs", busybox_rootfs, "--overlay",
            "--", "sleep", "1000", env={"CONTEXE_LIBEXECDIR": scratch})
    name = contexe.containers()[0]
    name = name if isinstance(name, str) else name["name"]
    for _ in range(3):
        got = meminfo(contexe.run("exec", name, "cat", "/proc/meminfo").stdout)
        assert got["MemTotal"] == kernel("MemTotal")


def kill(pid):
    os.kill(pid, signal.SIGKILL)
    machine.until(lambda: machine.state(pid) in (None, "Z"), 5)


@pytest.mark.v2
@pytest.mark.parametrize("both", [False, True])
def test_a_supervisor_that_is_killed(box, both):            # noqa: F811
    """Whoever reads meanwhile gets the kernel's file, at once; with the next supervisor its own again. Open files go on."""
    name = box.start("exec 7</proc/meminfo; while :; do date +%s; head -1 /proc/meminfo; cat <&7 >/dev/null; sleep 0.05; "
                     "done > /out", "--memory", "200m")
    box.exec(name, "head -1 /proc/meminfo")
    victims = [*servers(box, name), box.inspect(name)["supervisorPid"]] if both else [box.inspect(name)["supervisorPid"]]
    for pid in victims:
        kill(pid)
    init = box.inspect(name)["initPid"]
    out = f"/proc/{init}/root/out"
    start = len(machine.read(out))
    assert machine.until(lambda: str(kernel("MemTotal")) in machine.read(out)[start:], 10), machine.read(out)[-300:]
    size = len(machine.read(out))
    assert machine.until(lambda: len(machine.read(out)) > size + 200, 5), "it does not wait"
    assert meminfo(box.exec(name, "cat /proc/meminfo").stdout)["MemTotal"] in (200 << 10, kernel("MemTotal"))
    with box.contexe.popen("attach", "--no-stdin", name) as p:
        assert machine.until(lambda: box.inspect(name)["supervised"], 10)
        p.terminate()
        p.communicate()
    assert meminfo(box.exec(name, "cat /proc/meminfo").stdout)["MemTotal"] == 200 << 10
    lines = [line for line in machine.read(out).splitlines() if "MemTotal" in line]
    assert {int(line.split()[1]) for line in lines} == {200 << 10, kernel("MemTotal")}


def test_without_init_readers_do_not_wait(box):             # noqa: F811
    """Nobody keeps the connection then: an error."""
    name = box.start("i=0; while :; do cat /proc/meminfo >/dev/null 2>&1; i=$((i+1)); echo $i > /beat; sleep 0.02; done",
                     "--init", "none", "--memory", "200m")
    beat = f"/proc/{box.inspect(name)['initPid']}/root/beat"
    assert machine.until(lambda: machine.read(beat), 5)
    kill(box.inspect(name)["supervisorPid"])
    before = machine.read(beat)
    assert machine.until(lambda: machine.read(beat) not in (before, ""), 5)


# ---- users and namespaces ----

@pytest.mark.v2
def test_in_a_user_namespace(box):                          # noqa: F811
    name = box.start(FOREVER, "--memory", "200m", "--uid-map", "0:100000:65536")
    got = meminfo(box.exec(name, "cat /proc/meminfo").stdout)
    assert got["MemTotal"] == 200 << 10
    assert box.inspect(name)["procView"] is True
    assert box.exec(name, "cat /proc/meminfo", "--user", "1000").stdout.startswith("MemTotal")


def test_without_root(unprivileged, busybox_rootfs):
    user = unprivileged
    name = user.engine.name()
    user.engine.run("run", "-d", "--name", name, "--", "sleep", "1000")
    out = user.engine.run("exec", name, "sh", "-c", "cat /proc/uptime; cat /proc/loadavg; cat /proc/meminfo").stdout
    assert float(out.split()[0]) < 60 and meminfo(out)["MemTotal"] == kernel("MemTotal")
    assert user.engine.json("inspect", name)["procView"] is True


def test_with_the_machine_s_processes(box):                 # noqa: F811
    up = box.sh("cat /proc/uptime", "--share", "pid").stdout.split()[0]
    assert float(up) < 30


# ---- checkpoint ----

def test_a_checkpoint_carries_it(carrier):                  # noqa: F811
    """Its clock goes on; limits are still shown; the one who held it open goes on reading (ckpt-procview)."""
    name = carrier.start("sh", "-c", "exec 7</proc/stat; head -c 10 <&7 >/dev/null; sleep 1000", options=(
        "--memory", "200m"))
    time.sleep(1.5)

    def uptime():
        return float(carrier.contexe.run("exec", name, "cat", "/proc/uptime").stdout.split()[0])
    before = uptime()
    carrier.checkpoint(name)
    time.sleep(1)
    carrier.restore(name)
    after = uptime()
    assert before <= after < before + 20 and before > 1
    got = meminfo(carrier.contexe.run("exec", name, "cat", "/proc/meminfo").stdout)
    assert got["MemTotal"] == 200 << 10
    assert carrier.contexe.json("inspect", name)["procView"] is True


def test_while_it_is_read(carrier):                         # noqa: F811
    """The dump waits for no reader, and no reader for the dump."""
    name = carrier.start("sh", "-c", "while :; do cat /proc/stat /proc/meminfo >/dev/null || echo BAD; echo x; done",
                         options=("--memory", "200m", "--log-max", "1m"))
    carrier.says(name, "^x")
    for _ in range(3):
        carrier.carry(name)
        carrier.says(name, "^x")
    assert "BAD" not in carrier.log(name)


def test_a_supervisor_dies_after_a_restore(carrier, box):   # noqa: F811
    name = carrier.start("sh", "-c", "while :; do head -1 /proc/meminfo; sleep 0.05; done", options=("--memory", "200m"))
    carrier.says(name, str(200 << 10))
    carrier.carry(name)
    carrier.says(name, str(200 << 10))
    kill(box.inspect(name)["supervisorPid"])
    assert machine.until(lambda: str(kernel("MemTotal")) in box.exec(name, "head -1 /proc/meminfo").stdout or
                         box.inspect(name)["supervised"], 10)
    assert machine.until(lambda: str(200 << 10) in box.exec(name, "head -1 /proc/meminfo").stdout, 10)


def test_a_mapping_is_refused_by_name(contexe):
    need.root()
    name = contexe.name()
    script = ("import mmap, os, time; f = os.open('/proc/meminfo', os.O_RDONLY); "
              "m = mmap.mmap(f, 100, mmap.MAP_PRIVATE, mmap.PROT_READ); print('mapped', flush=True); time.sleep(1000)")
    contexe.run("run", "-d", "--name", name, "--", "python3", "-c", script)
    assert machine.until(lambda: contexe.run("logs", name).stdout, 10)
    if "mapped" not in contexe.run("logs", name).stdout:
        pytest.skip("kernel: such a file cannot be mapped")
    done = contexe.run("checkpoint", name, check=False)
    assert done.returncode != 0 and "/proc/meminfo" in done.stderr and "unmap" in done.stderr
    assert contexe.json("inspect", name)["state"] == "running"


# ---- many at once ----

def test_many_readers(box):                                 # noqa: F811
    name = box.start(FOREVER, "--memory", "200m")
    wrong = []

    def read():
        for _ in range(10):
            got = meminfo(box.exec(name, "cat /proc/meminfo").stdout)
            if got.get("MemTotal") != 200 << 10:
                wrong.append(got)
    threads = [threading.Thread(target=read) for _ in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong and len(servers(box, name)) == 1


@pytest.mark.serial
@pytest.mark.parametrize("answer", [1, 2, 3])
def test_a_supervisor_that_dies_with_a_question(leak_check, box, answer):    # noqa: F811
    """It has taken what the builder asks, and is killed before it can answer: nobody waits for that for ever, past all signals."""
    need.program("strace")
    name = box.contexe.name()
    done = subprocess.run(["strace", "-o", "/dev/null", "-P", "/dev/fuse", "-e", f"inject=write:signal=KILL:when={answer}",
                           *box.contexe.command("run", "--name", name, *box.arguments("true"))],
                          env=box.contexe.environment({}), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, timeout=30, check=False)
    assert done.returncode != 0, "it was to be killed"
    assert machine.until(lambda: not machine.users_of(box.contexe.root, box.contexe.ids()), timeout=5)
    box.contexe.run("rm", "--force", name)
    leak_check()
