# SPDX-License-Identifier: Apache-2.0
"""contexe run: what it runs, how it ends, what it is called; contexe -jN."""
import os
import re

import pytest

from support import machine
from support.box import FOREVER, box, refused, running           # noqa: F401


@pytest.mark.parametrize("options, thing, why", [
    (["--ulimit", "nofile=5", "--ulimit", "foo=1", "--ulimit", "core=1"], "--ulimit foo=1", "RLIMIT_FOO"),
    (["--sysctl", "net.ipv4.ip_forward=1", "--sysctl", "kernel.panic=1"], "--sysctl kernel.panic=1", "machine"),
    (["--uid-map", "0:0:1", "--uid-map", "0:5:1"], "--uid-map 0:5:1", "overlaps"),
    (["--hugetlb", "3kB:5m"], "--hugetlb 3kB:5m", "size of huge pages"),
])
def test_a_refusal_names_the_option(contexe, options, thing, why):
    for command in ("run", "create"):
        refused(contexe, command, *options, "--", "true", thing=thing, why=why)


def test_the_friendly_form(contexe):
    """No root, no image, no configuration: this machine's own tree."""
    out = contexe.run("run", "--", "bash", "-c", "ps ax; hostname").stdout
    assert re.search(r"^ +1 .* contexe-init", out, re.M)
    assert re.search(r"^ +2 .* bash -c ps ax", out, re.M)
    assert out.splitlines()[-1] == "cont_1"
    assert len(out.splitlines()) == 5           # title, init, bash, ps, hostname: nothing of the host's


@pytest.mark.v2
@pytest.mark.parametrize("script, code", [
    ("exit 0", 0), ("exit 7", 7), ("exit 125", 125), ("exit 255", 255), ("kill -KILL $$", 137), ("kill -TERM $$", 143),
    ("kill -SEGV $$", 139), ("trap 'exit 3' USR1; kill -USR1 $$", 3),
])
def test_exit_code(box, script, code):
    done = box.sh(script, "--name", "e", check=False)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")
    assert box.inspect("e")["exitCode"] == code
    assert box.contexe.json("ls", "-a")[0]["exitCode"] == code


@pytest.mark.parametrize("init", ["contexe", "none"])
@pytest.mark.parametrize("program, code, why", [
    ("/no/such", 127, "not found"), ("no-such", 127, "not found"), ("/etc/passwd", 126, "cannot execute"),
    ("/etc", 126, "cannot execute"), ("/bin/wrong-interpreter", 127, "interpreter"),
])
def test_what_cannot_be_executed(contexe, busybox_rootfs, scratch, program, code, why, init):
    script = os.path.join(scratch, "script")
    with open(script, "w", encoding="utf-8") as f:
        f.write("#!/no/such/interpreter\n")
    os.chmod(script, 0o755)
    error = refused(contexe, "run", "--rootfs", busybox_rootfs, "--overlay", "--init", init, "--volume",
                    f"{script}:/bin/wrong-interpreter", "--", program, code=code, thing=program, why=why)
    assert error["what"] == "cannot run the container" and error["hint"]
    assert contexe.containers() == []
    done = contexe.run("run", "-d", "--rootfs", busybox_rootfs, "--overlay", "--init", init, "--volume",
                       f"{script}:/bin/wrong-interpreter", "--", program, check=False)
    assert done.returncode == code and why in done.stderr
    assert contexe.containers() == []


def test_the_command_begins_where_options_end(contexe, busybox_rootfs):
    where = ["--rootfs", busybox_rootfs, "--overlay"]
    for dashes in (["--"], []):
        out = contexe.out("run", *where, *dashes, "echo", "-d", "--rm", "--", "-x", "--help")
        assert out == "-d --rm -- -x --help"
    assert contexe.fails("run", *where, "--", "--", "echo", code=127)
    assert contexe.out("run", "--rootfs=" + busybox_rootfs, "--overlay", "-eA=1", "-e", "B=2", "--env=C=3", "sh",
                       "-c", "echo $A$B$C") == "123"


def test_nothing_to_run(contexe, busybox_rootfs):
    refused(contexe, "run", what="cannot run", why="no command")
    refused(contexe, "run", "--rootfs", busybox_rootfs, why="no command", hint="contexe run -- COMMAND")
    refused(contexe, "run", "--rootfs", busybox_rootfs, "--", "", why="empty")
    refused(contexe, "create", "--rootfs", busybox_rootfs, what="cannot create", why="no command")
    assert contexe.containers() == []


@pytest.mark.v2
def test_background(box):
    name = box.contexe.name()
    assert box.start(FOREVER, "--name", name) == name
    assert box.state(name) == "running"
    assert box.contexe.run("run", "-d", "--json", "--name", "j", "--rootfs", box.rootfs, "--overlay", "--",
                           "true").stdout == '{"name":"j"}\n'
    assert [i["name"] for i in box.contexe.json("ls")][0] == name
    info = box.inspect(name)
    assert machine.read(f"/proc/{info['initPid']}/comm") == "contexe-init\n"
    assert machine.read(f"/proc/{info['pid']}/cmdline") == "sleep\0001000\0"
    assert machine.read(f"/proc/{info['supervisorPid']}/comm").startswith("contexe-super")


def test_background_leaves_our_descriptors_alone(box):
    """A script that waits for its pipes to close is not held up."""
    with running(box.contexe, "run", *box.arguments(FOREVER, "-d", "--name", "d")) as p:
        out, err = p.communicate(timeout=10)
    assert (p.returncode, out, err) == (0, "d\n", "")


def test_remove_at_the_end(box):
    assert box.sh("echo hello", "--rm").stdout == "hello\n"
    assert box.contexe.containers() == []
    assert box.sh("exit 9", "--rm", check=False).returncode == 9
    assert box.contexe.containers() == []
    name = box.start("sleep 0.2", "--rm")
    assert name in box.contexe.containers()
    assert box.ends(name) == 0
    assert machine.until(lambda: box.contexe.containers() == [])
    assert os.listdir(os.path.join(box.contexe.root, "numbers")) == []


def test_kept_without_rm(box):
    box.sh("echo hello", "--name", "kept")
    assert box.state("kept") == "exited" and box.log("kept") == "hello\n"
    assert box.contexe.json("ls") == []
    assert [i["name"] for i in box.contexe.json("ls", "--all")] == ["kept"]


def test_name_taken(box):
    box.start(FOREVER, "--name", "web")
    refused(box.contexe, "run", *box.arguments("true", "--name", "web"), what="cannot run", thing="web",
            why="taken by container 1, which is running", hint="contexe rm web")
    refused(box.contexe, "create", *box.arguments("true", "--name", "web"), what="cannot create", thing="web",
            why="taken")
    refused(box.contexe, "run", *box.arguments("true", "-j1"), thing="1", why="taken by container web")
    assert box.contexe.containers() == ["web"] and box.state("web") == "running"
    assert os.listdir(os.path.join(box.contexe.root, "numbers")) == ["1"]


@pytest.mark.parametrize("name", ["", "-x", ".x", "a/b", "a b", "x" * 129, "..", "ä"])
def test_name_that_is_none(box, name):
    refused(box.contexe, "run", *box.arguments("true", f"--name={name}"), why="not a name")
    assert box.contexe.containers() == []


def test_numbers(box):
    assert box.start(FOREVER, "--name", "a", "-j", "7") == "a"
    assert box.contexe.out("run", "-d", *box.arguments(FOREVER)) == "cont_1"
    assert box.contexe.out("run", "-d", *box.arguments(FOREVER, "-j5")) == "cont_5"
    assert box.contexe.out("run", "-d", *box.arguments(FOREVER)) == "cont_2"
    assert [i["number"] for i in box.contexe.json("ls")] == [1, 2, 5, 7]
    assert box.contexe.out("inspect", "7") == box.contexe.out("inspect", "a")
    assert box.state("cont_5") == box.state("5") == "running"
    box.contexe.run("rm", "-f", "1")
    assert box.contexe.out("run", "-d", *box.arguments(FOREVER)) == "cont_1"
    for number in ("0", "-1", "1000000", "x"):
        refused(box.contexe, "run", *box.arguments("true", f"--number={number}"), why="not a number")


def test_a_name_that_is_another_ones_number(box):
    """A name goes before a number: nothing is ambiguous."""
    box.start(FOREVER, "--name", "2", "-j", "9")
    box.start(FOREVER, "--name", "b", "-j", "2")
    assert box.inspect("2")["number"] == 9
    box.start(FOREVER, "--name", "cont_3", "-j", "20")
    assert box.contexe.out("run", "-d", *box.arguments(FOREVER)) == "cont_1"
    assert box.contexe.out("run", "-d", *box.arguments(FOREVER)) == "cont_4"
    refused(box.contexe, "run", *box.arguments("true", "-j3"), thing="cont_3", why="taken")


def test_seed_form(contexe):
    """contexe -j2 PROGRAM: number 2, name cont_2, our input, gone afterwards."""
    done = contexe.run("-j2", "/bin/bash", input="hostname; echo $$; cat /proc/1/comm; exit 4\n", check=False)
    assert (done.returncode, done.stdout, done.stderr) == (4, "cont_2\n2\ncontexe-init\n", "")
    assert contexe.containers() == []
    with running(contexe, "-j", "3", "sleep", "1000") as p:
        assert machine.until(lambda: contexe.run("ls").stdout.count("running") == 1)
        info = contexe.json("ls")[0]
        assert (info["number"], info["name"], info["state"]) == (3, "cont_3", "running")
        assert "taken" in contexe.fails("-j3", "true", code=125)
        contexe.run("kill", "cont_3")
        assert p.wait(10) == 137
    assert contexe.containers() == []


def test_dry_run_does_nothing(contexe, busybox_rootfs):
    text = contexe.run("run", "--dry-run", "--name", "x", "--memory", "64m", "--rootfs", busybox_rootfs, "--",
                       "sh", "-c", "echo hello").stdout
    assert busybox_rootfs in text and "echo hello" in text
    assert contexe.json("run", "--dry-run", "--rootfs", busybox_rootfs, "--", "sh")["plan"]
    assert contexe.containers() == [] and contexe.run("events").stdout == ""


def test_rootfs_that_is_not_there(contexe, scratch):
    refused(contexe, "run", "--rootfs", "/no/such/root", "--", "true", what="run", thing="--rootfs /no/such/root",
            why="No such file or directory")
    path = os.path.join(scratch, "file")
    open(path, "w", encoding="utf-8").close()
    refused(contexe, "run", "--rootfs", path, "--", "true", thing=path, why="directory")
    refused(contexe, "run", "--rootfs", scratch, "--", "/bin/true", code=127, thing="/bin/true", why="not found")
    refused(contexe, "run", "--image", "nothing", "--", "true", thing="nothing", why="no such image")
    assert contexe.containers() == []


@pytest.mark.parametrize("options, thing", [
    (("--memory", "1k"), "--memory 1k"), (("--memory", "lots"), "--memory lots"), (("--cpus", "0"), "--cpus 0"),
    (("--cpus", "-1"), "--cpus -1"), (("--pids-limit", "0"), "--pids-limit 0"), (("--env", "=x"), "--env =x"),
    (("--cpuset-cpus", "a-b"), "--cpuset-cpus a-b"), (("--restart", "sometimes"), "sometimes"),
    (("--stop-signal", "NO"), "--stop-signal NO"), (("--log", "syslog"), "--log syslog"),
    (("--log-max", "1"), "--log-max 1"), (("--init", "systemd"), "--init systemd"),
    (("--ulimit", "nofile"), "--ulimit nofile"), (("--ulimit", "nofile=9:1"), "--ulimit nofile=9:1"),
    (("--workdir", "here"), "--workdir here"), (("--user", "a:b:c"), "--user a:b:c"),
    (("--detach-keys", "ctrl-"), "ctrl-"), (("--volume", "/tmp"), "--volume /tmp"),
    (("--tmpfs", "here"), "--tmpfs here"), (("--share", "everything"), "--share everything"),
    (("--label", "x"), "--label x"), (("--sysctl", "x"), "--sysctl x"), (("--cap-add", "CAP_NO"), "--cap-add CAP_NO"),
    (("--env-file", "/no/such/file"), "--env-file /no/such/file"), (("--stop-timeout", "x"), "--stop-timeout x"),
    (("--device", "/no/such/device"), "/no/such/device"),
    (("--uid-map", "0:0"), "--uid-map 0:0"), (("--io-weight", "5"), "--io-weight 5"),
    (("--device-read-bps", "/dev/null:1m"), "/dev/null"), (("--hugetlb", "2MB"), "--hugetlb 2MB"),
    (("--shm-size", "x"), "--shm-size x"), (("--network", "moon"), "--network moon"),
    (("--oom-score-adj", "2000"), "--oom-score-adj 2000"), (("--seccomp", "/no/such/file"), "/no/such/file"),
    (("--join", "nobody:net"), "nobody"), (("--volume", "/no/such/source:/mnt"), "/no/such/source"),
], ids=" ".join)
def test_option_with_a_wrong_value(box, options, thing):
    refused(box.contexe, "run", *box.arguments("true", *options), thing=thing)
    assert box.contexe.containers() == []
