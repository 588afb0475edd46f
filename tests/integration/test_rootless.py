# SPDX-License-Identifier: Apache-2.0
"""Everything the kernel allows to an ordinary user works without root."""
import json
import os
import re
import shutil
import subprocess

import pytest

from support import machine, need


@pytest.fixture
def user(unprivileged, own_rootfs):
    unprivileged.root_of_container = own_rootfs
    return unprivileged


def sh(user, script, *options, **settings):
    return user.engine.run("run", "--rm", *options, "--rootfs", user.root_of_container, "--overlay", "--",
                           "sh", "-c", script, **settings)


def start(user, script="sleep 1000", *options):
    name = user.engine.name()
    user.engine.run("run", "-d", "--name", name, *options, "--rootfs", user.root_of_container, "--overlay", "--",
                    "sh", "-c", script)
    return name


def status(pid, key):
    return {int(n) for n in re.search(rf"^{key}:(.*)$", machine.read(f"/proc/{pid}/status"), re.M)[1].split()}


def test_the_friendly_form(user):
    """contexe run -- bash -c 'ps ax; hostname': no root, no root file system, no image, no configuration."""
    out = user.engine.out("run", "--", "bash", "-c", "ps ax; hostname; id -u").splitlines()
    assert "contexe-init" in out[1] and out[-2] == "cont_1" and out[-1] == "0"


def test_who_is_who(user):
    name = start(user)
    info = json.loads(user.engine.out("inspect", name))
    assert status(info["pid"], "Uid") == {user.uid} == status(info["initPid"], "Uid")
    assert user.engine.out("exec", name, "id", "-u") == "0"


def test_subordinate_ids(user):
    first, count = user.subids
    out = sh(user, "cat /proc/self/uid_map; cat /proc/self/gid_map").stdout.split()
    assert out == ["0", str(user.uid), "1", "1", str(first), str(count)] * 2
    assert sh(user, "id -u; id -g; touch /tmp/x; stat -c %u /tmp/x", "--user", "1000:1000").stdout.split() == [
        "1000", "1000", "1000"]
    assert sh(user, "chown user /tmp && su user -c 'id -un'").stdout == "user\n"


def test_a_single_id_is_enough(user):
    """As where no range is given in /etc/subuid or newuidmap is not installed."""
    out = sh(user, "cat /proc/self/uid_map; id -u; cat /proc/self/setgroups; echo x > /tmp/x && cat /tmp/x",
             "--uid-map", f"0:{user.uid}:1", "--gid-map", f"0:{user.uid}:1").stdout.split()
    assert out == ["0", str(user.uid), "1", "0", "deny", "x"]


def test_life(user):
    """run, ls, ps, pid, exec, logs, pause if it can be, kill, wait, start, stop, rm."""
    name = start(user, "echo hello; trap 'exit 0' TERM; while :; do sleep 0.05; done")
    engine = user.engine
    assert machine.until(lambda: engine.out("logs", name) == "hello")
    assert engine.json("ls")[0]["state"] == "running"
    rows = engine.json("ps", name)
    assert {1, 2} <= {r["vpid"] for r in rows} and {r["uid"] for r in rows} == {user.uid}
    job = next(r["pid"] for r in rows if r["vpid"] == 2)
    assert engine.out("pid", "--in", name, job) == "2"
    assert engine.out("exec", name, "echo", "inside") == "inside"
    engine.run("stop", "-t", "5", name)
    assert engine.json("ls", "--all")[0]["exitCode"] == 0
    engine.run("start", name)
    engine.run("kill", name)
    assert engine.out("wait", name) == "137"
    engine.run("rm", name)
    assert engine.json("ls", "--all") == []


def test_numbers_and_names(user):
    engine = user.engine
    start_args = ["--rootfs", user.root_of_container, "--overlay", "--", "sleep", "1000"]
    assert engine.out("run", "-d", "-j7", *start_args) == "cont_7"
    assert "cont_7" in engine.fails("run", "-d", "-j7", *start_args, code=125)


def test_a_root_that_belongs_to_others(user, busybox_rootfs):
    """Its files are nobody's inside: to be read, and what may be written by all may be written."""
    out = user.engine.out("run", "--rm", "--rootfs", busybox_rootfs, "--overlay", "--", "sh", "-c",
                          "stat -c %u /etc/passwd; cat /etc/hostname; mkdir /etc/x 2>&1; id -u")
    assert out.split()[0] == "65534" and out.split()[-1] == "0" and "Permission denied" in out


def test_what_other_ids_wrote_is_removed_too(user):
    """Files of subordinate ids, which the user himself may not touch."""
    name = user.engine.name()
    user.engine.run("run", "--name", name, "--rootfs", user.root_of_container, "--overlay", "--", "sh", "-c",
                    "mkdir -m 700 /tmp/d; touch /tmp/d/f; chown -R 1000:1000 /tmp/d; mkdir -p /tmp/e/f; chmod 0 /tmp/e")
    user.engine.run("rm", name)
    assert user.engine.containers() == []


def test_root_file_systems(user, scratch):
    engine = user.engine
    assert engine.out("run", "--rm", "--rootfs", user.root_of_container, "--read-only", "--", "cat", "/etc/hostname")
    assert engine.out("run", "--rm", "--host", "--", "sh", "-c", "echo x > /opt/x && cat /opt/x") == "x"
    assert not os.path.exists("/opt/x")
    root = os.path.join(scratch, "root")
    shutil.copytree(user.root_of_container, root, symlinks=True)
    subprocess.run(["chown", "-hR", f"{user.uid}:{user.gid}", root], check=True)
    os.chmod(scratch, 0o755)
    engine.run("run", "--rm", "--rootfs", root, "--", "sh", "-c", "echo mine > /tmp/file")
    assert machine.read(f"{root}/tmp/file") == "mine\n"
    assert os.stat(f"{root}/tmp/file").st_uid == user.uid


def test_secrets_stay_hidden_on_host(user):
    assert user.engine.out("run", "--rm", "--", "sh", "-c", "ls -A /root /home; cat /etc/shadow 2>/dev/null; true") in (
        "/home:\n\n/root:", "")


def test_volumes(user):
    path = os.path.join(user.home, "data")
    user.run("mkdir", path)
    sh(user, "echo mine > /data/file", "-v", f"{path}:/data")
    assert user.run("cat", f"{path}/file").stdout == "mine\n"
    assert "Read-only" in sh(user, "touch /data/x", "-v", f"{path}:/data:ro", check=False).stderr
    assert sh(user, "cat /etc/shadow", "-v", "/etc/shadow:/etc/shadow", check=False).returncode != 0
    assert "size=1024k" in sh(user, "grep ' /t ' /proc/mounts", "--tmpfs", "/t:size=1m").stdout


def test_namespaces_and_walls(user):
    name = start(user)
    pid = json.loads(user.engine.out("inspect", name))["pid"]
    for kind in ("ipc", "mnt", "net", "pid", "time", "user", "uts"):
        assert machine.link(f"/proc/{pid}/ns/{kind}") != machine.link(f"/proc/self/ns/{kind}"), kind
    status_ = user.engine.out("exec", name, "cat", "/proc/self/status")
    assert re.search(r"^Seccomp:\s+2$", status_, re.M) and re.search(r"^NoNewPrivs:\s+1$", status_, re.M)


def test_loopback_terminal_and_devices(user):
    script = "tty && echo up > /dev/tty && head -c 2 /dev/zero | wc -c"
    with user.engine.terminal("run", "-it", "--rm", "--", "sh", "-c", script) as t:
        t.expect("/dev/")
        t.expect("up")
        t.expect("2")
        assert t.wait() == 0
    script = "import socket; s = socket.create_server(('127.0.0.1', 80)); socket.create_connection(('127.0.0.1', 80))"
    user.engine.run("run", "--rm", "--", "/usr/bin/python3", "-c", script)


def test_init_signals(user):
    name = start(user)
    user.engine.run("exec", name, "sh", "-c", "for s in $(seq 64); do kill -$s 1; done")
    assert user.engine.out("exec", name, "echo", "alive") == "alive"
    init = json.loads(user.engine.out("inspect", name))["initPid"]
    user.run("kill", "-TERM", init)
    assert user.engine.out("wait", name) == "143"


@pytest.mark.parametrize("options, word", [
    (["--memory", "64m"], "memory"), (["--share", "user"], "user"), (["--uid-map", "0:0:10"], "map"),
    (["--cpus", "0.5"], "cpu"),
])
def test_what_needs_root_is_told(user, options, word):
    """One line, that names what cannot be and what to do; nothing stays."""
    done = sh(user, "true", *options, check=False)
    assert done.returncode == 125 and done.stderr.count("\n") == 1, done.stderr
    assert word in done.stderr and "; " in done.stderr
    assert user.engine.containers() == []


def test_roots_containers_are_not_ours(user, contexe):
    name = contexe.name()
    contexe.run("run", "-d", "--name", name, "--", "sleep", "1000")
    done = user.run(user.engine.binary, "--root", contexe.root, "kill", name, check=False)
    assert done.returncode == 125 and done.stderr.count("\n") == 1
    assert contexe.json("inspect", name)["state"] == "running"


# ---- control groups: those that root delegated to the user, as systemd does for a login ----

@pytest.fixture
def delegated(user):
    """A group of his, with his shell's group below: his commands run in that one."""
    need.root()
    need.kernel(re.search(r"\bmemory\b.*\bpids\b", machine.read("/sys/fs/cgroup/cgroup.controllers")),
                "cgroup v2 with all controllers")
    base = f"/sys/fs/cgroup/cxt-user-{os.getpid()}"
    shell = os.path.join(base, "shell")
    for directory in (base, shell):
        os.mkdir(directory)
        for name in ("", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control"):
            os.chown(os.path.join(directory, name), user.uid, user.gid)
    plain = user.engine.wrap
    user.engine.wrap = lambda command: ["sh", "-c", f'echo $$ >{shell}/cgroup.procs; exec "$@"', "sh", *plain(command)]
    user.group = base
    yield user
    user.engine.wrap = plain
    for name in user.engine.containers():
        user.engine.run("rm", "-f", name)
    machine.until(lambda: not machine.read(f"{shell}/cgroup.procs"))
    assert os.listdir(base) and [d for d in os.listdir(base) if d.startswith("contexe")] == []
    os.rmdir(shell)
    os.rmdir(base)


@pytest.mark.v2
def test_a_container_has_a_group_below_his(delegated):
    name = start(delegated, "sleep 1000", "--memory", "64m", "--pids-limit", "20")
    info = json.loads(delegated.engine.out("inspect", name))
    line = machine.read(f"/proc/{info['pid']}/cgroup").strip()
    assert line.startswith(f"0::{delegated.group.removeprefix('/sys/fs/cgroup')}/contexe-{name}-")
    group = "/sys/fs/cgroup" + line[3:]
    assert machine.read(f"{group}/memory.max").strip() == str(64 << 20)
    assert machine.read(f"{group}/pids.max").strip() == "20"
    assert delegated.engine.out("exec", name, "cat", "/proc/self/cgroup") == "0::/"
    stats = delegated.engine.json("stats", "--once", name)[0]
    assert (stats["memoryLimit"], stats["pidsLimit"]) == (64 << 20, 20) and stats["pids"] == 2
    delegated.engine.run("update", "--memory", "128m", "--pids-limit", "30", name)
    assert machine.read(f"{group}/memory.max").strip() == str(128 << 20)
    delegated.engine.run("pause", name)
    assert "frozen 1" in machine.read(f"{group}/cgroup.events")
    delegated.engine.run("resume", name)
    delegated.engine.run("kill", "--all", name)
    assert delegated.engine.out("wait", name) == "137"
    assert machine.until(lambda: not os.path.exists(group))


@pytest.mark.v2
def test_his_limits_bite(delegated):
    done = sh(delegated, "for i in $(seq 50); do sleep 20 & done; echo all", "--pids-limit", "20", check=False)
    assert "fork" in done.stderr and "all" not in done.stdout
    name = delegated.engine.name()
    done = delegated.engine.run("run", "--name", name, "--memory", "32m", "--rootfs", delegated.root_of_container,
                                "--overlay", "--", "sh", "-c", "head -c 200m /dev/zero | tail | wc -c; exit 3",
                                check=False)
    assert "200" not in done.stdout and done.returncode in (3, 137)
    assert json.loads(delegated.engine.out("inspect", name))["reason"] == "out of memory"


@pytest.mark.v2
def test_joining_and_restarting_below_his_group(delegated):
    first = start(delegated, "sleep 1000", "--pids-limit", "20")
    assert "0\n" in sh(delegated, "id -u", "--join", f"{first}:user", "--join", f"{first}:pid", "--memory", "64m").stdout
    delegated.engine.run("restart", "-t", "0", first)
    assert json.loads(delegated.engine.out("inspect", first))["state"] == "running"
