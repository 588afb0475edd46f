# SPDX-License-Identifier: Apache-2.0
"""contexe exec and contexe attach with pipes. With terminals: test_terminal.py."""
import hashlib
import os
import signal

import pytest

from support import machine
from support.box import FOREVER, box, refused, running           # noqa: F401

MIB = 1 << 20


@pytest.mark.parametrize("script, code", [("exit 0", 0), ("exit 9", 9), ("kill -KILL $$", 137), ("kill -TERM $$", 143)])
def test_exit_code(box, script, code):
    name = box.start()
    done = box.exec(name, f"echo out; echo err >&2; {script}", check=False)
    assert (done.returncode, done.stdout, done.stderr) == (code, "out\n", "err\n")


def test_what_cannot_be_executed(box):
    name = box.start()
    for program, code in (("/no/such", 127), ("no-such", 127), ("/etc/passwd", 126), ("/etc", 126)):
        refused(box.contexe, "exec", name, program, code=code, thing=program)
    refused(box.contexe, "exec", name, what="exec")
    refused(box.contexe, "exec", name, "", what="cannot execute")
    refused(box.contexe, "exec", "--user", "nobody-here", name, "true", why="user")
    refused(box.contexe, "exec", "--workdir", "/no/such", name, "true", thing="/no/such")


def test_it_is_inside(box):
    name = box.start(FOREVER, "--hostname", "inside", "--env", "A=1", "--workdir", "/var")
    out = box.exec(name, "hostname; pwd; echo $A; cat /proc/1/comm").stdout
    assert out.splitlines() == ["inside", "/var", "1", "contexe-init"]
    info = box.inspect(name)
    inode = machine.link(f"/proc/{info['pid']}/ns/pid")
    for ns in ("mnt", "pid", "net", "uts", "ipc", "cgroup", "time"):
        inode = machine.link(f"/proc/{info['pid']}/ns/{ns}")
        assert box.contexe.out("exec", name, "readlink", f"/proc/self/ns/{ns}") == inode
        assert inode != machine.link(f"/proc/self/ns/{ns}") != ""
    assert box.contexe.out("exec", "-e", "A=9", "-eB=2", name, "sh", "-c", "echo $A$B") == "92"
    assert box.contexe.out("exec", "-w", "/tmp", name, "pwd") == "/tmp"
    assert box.contexe.out("exec", "-u", "user:extra", name, "id") .startswith("uid=1000(user) gid=2000(extra)")
    assert box.contexe.out("exec", "-u", "1234:77", name, "id", "-u") == "1234"
    assert box.contexe.out("exec", name, "--", "echo", "--", "-x") == "-- -x"


def test_it_is_bounded_like_the_container(box):
    name = box.start()
    status = box.exec(name, "cat /proc/self/status").stdout
    first = machine.read(f"/proc/{box.inspect(name)['pid']}/status")
    for field in ("CapEff", "CapBnd", "NoNewPrivs", "Seccomp"):
        ours, its = [t.partition(f"\n{field}:")[2].split()[0] for t in (status, first)]
        assert ours == its, field
    status = box.exec(name, "cat /proc/self/status", "--privileged").stdout
    assert "\nSeccomp:\t0" in status and "\nNoNewPrivs:\t0" in status


def test_data_both_ways(box):
    name = box.start()
    data = os.urandom(10 * MIB)
    with running(box.contexe, "exec", "-i", name, "sha256sum", text=False) as p:
        assert p.communicate(data, timeout=60)[0].split()[0].decode() == hashlib.sha256(data).hexdigest()
    with running(box.contexe, "exec", name, "sh", "-c", f"head -c {10 * MIB} /dev/zero; head -c {MIB} /dev/zero >&2",
                 text=False) as p:
        out, err = p.communicate(timeout=60)
        assert (len(out), len(err), p.returncode) == (10 * MIB, MIB, 0)
    assert box.contexe.run("exec", name, "cat", input="unread").stdout == ""


def test_into_a_file(box, scratch):
    """A file of the host's is written by us, never handed in."""
    name = box.start()
    path = os.path.join(scratch, "out")
    with open(path, "w", encoding="utf-8") as f:
        p = box.contexe.popen("exec", name, "sh", "-c", "readlink /proc/self/fd/1; echo end", stdout=f)
        p.communicate(timeout=20)
    lines = machine.read(path).splitlines()
    assert lines[0].startswith("pipe:[") and lines[1] == "end"


def test_signals_are_passed_on(box):
    name = box.start()
    script = "trap 'echo got; exit 6' TERM; echo ready; while :; do sleep .02; done"
    with running(box.contexe, "exec", name, "sh", "-c", script) as p:
        assert p.stdout.readline() == "ready\n"
        p.send_signal(signal.SIGTERM)
        assert p.stdout.readline() == "got\n" and p.wait(10) == 6


def test_detached(box):
    name = box.start()
    done = box.contexe.run("exec", "-d", name, "sh", "-c", "echo $$ >/tmp/pid; sleep 1000", timeout=10)
    assert (done.stdout, done.stderr) == ("", "")
    assert machine.until(lambda: box.exec(name, "kill -0 $(cat /tmp/pid)", check=False).returncode == 0)
    box.contexe.run("rm", "-f", name)


def test_ends_with_the_container(box):
    name = box.start()
    with running(box.contexe, "exec", name, "sh", "-c", "echo ready; sleep 1000") as p:
        assert p.stdout.readline() == "ready\n"
        box.contexe.run("kill", name)
        assert p.wait(10) == 137


def test_only_where_something_runs(box):
    name = box.start("true")
    box.ends(name)
    for command in (("exec", name, "true"), ("attach", name)):
        refused(box.contexe, *command, thing=name, why="not running", hint=f"contexe start {name}")
    box.contexe.run("create", *box.arguments(FOREVER, "--name", "made"))
    refused(box.contexe, "exec", "made", "true", thing="made")


def test_no_pids_left(box):
    """The limit of the container holds for exec, too, and says so."""
    name = box.start("sleep 1000", "--pids-limit", "2")
    done = box.exec(name, "true & true & wait", check=False)
    assert done.returncode != 0 and "can't fork" in done.stderr
    assert box.state(name) == "running"


# ---- attach ----

def test_attach_sees_and_feeds(box):
    name = box.start("while read a; do echo got $a; echo err $a >&2; done; echo over; exit 4", "-i")
    with running(box.contexe, "attach", name) as p:
        out, err = p.communicate("one\ntwo\n", timeout=20)
    assert (p.returncode, out, err) == (4, "got one\ngot two\nover\n", "err one\nerr two\n")


def test_two_at_once_see_the_same(box):
    name = box.start("read go; i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i+1)); done; exit 2", "-i")
    with running(box.contexe, "attach", name) as a, running(box.contexe, "attach", "--no-stdin", name) as b:
        def attached():
            return box.contexe.run("events", name).stdout.count("  attach ") == 2
        assert machine.until(attached)
        b.stdin.close()
        b.stdin = None
        outs = [a.communicate("go\n", timeout=30)[0], b.communicate(timeout=30)[0]]
    assert outs == ["".join(f"line {i}\n" for i in range(5000))] * 2
    assert (a.returncode, b.returncode) == (2, 2)


def test_attach_only_looks(box):
    name = box.start("cat; echo end of input; " + FOREVER, "-i")
    box.contexe.popen("attach", "--no-stdin", name, stdin=-3).kill()
    with running(box.contexe, "attach", "--no-stdin", name) as p:
        p.stdin.write("unseen\n")
        p.stdin.close()
        box.contexe.run("kill", name)
        assert p.stdout.read() == "" and p.wait(10) == 137
        p.stdin = None


def test_a_slow_one_holds_only_itself_back_for_a_while(box):
    """Nothing is lost for one that does not read; when it goes away the others go on."""
    name = box.start("read go; head -c 4194304 /dev/zero | tr '\\0' x; echo done >&2; exit 3", "-i", "--log", "none")
    slow = box.contexe.popen("attach", "--no-stdin", name)
    try:
        assert machine.until(lambda: box.contexe.run("events", name).stdout.count("  attach ") == 1)
        with running(box.contexe, "attach", name) as p:
            p.stdin.write("go\n")
            p.stdin.flush()
            assert p.stdout.read(65536) == "x" * 65536
            slow.kill()
            out, err = p.communicate(timeout=30)
        assert (len(out), err, p.returncode) == (4194304 - 65536, "done\n", 3)
    finally:
        slow.kill()
        slow.communicate()


def test_start_attach(box):
    box.contexe.run("create", *box.arguments("echo hello; exit 5", "--name", "x"))
    done = box.contexe.run("start", "--attach", "x", check=False)
    assert (done.returncode, done.stdout) == (5, "hello\n")


def test_signals_reach_the_job_through_attach(box):
    name = box.start("trap 'echo got; exit 6' TERM; echo ready; while :; do sleep .02; done")
    box.says(name, "ready")
    with running(box.contexe, "attach", name) as p:
        assert machine.until(lambda: box.contexe.run("events", name).stdout.count("  attach ") == 1)
        p.send_signal(signal.SIGTERM)
        assert p.stdout.readline() == "got\n" and p.wait(10) == 6
