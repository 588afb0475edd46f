# SPDX-License-Identifier: Apache-2.0
"""The init of a container and signals, 1 to 64: from inside it gets only what it asks for (nothing); from
outside each one has its ordinary effect. Pid namespaces, 2007; signal(7)."""
import os
import re
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import machine
from support.box import box                                 # noqa: F401
from support.progs import MOUNT, prog

ALL = range(1, 65)
IGNORED = {signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH}
STOPPING = {signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}
ENDING = [s for s in ALL if s not in IGNORED | STOPPING]


def pid1(box, name):                                        # noqa: F811
    return box.inspect(name)["initPid"]


def responsive(box, name):                                  # noqa: F811
    return box.exec(name, "echo yes").stdout == "yes\n"


# ---- from inside ----

def test_from_inside_every_signal_is_dropped(box):          # noqa: F811
    """All 64, each by kill, tgkill, tkill, rt_sigqueueinfo, rt_tgsigqueueinfo and pidfd_send_signal, by root of
    the container with all capabilities and no filter."""
    name = box.start(box_forever(), "--privileged", *MOUNT)
    init = pid1(box, name)
    start = machine.read(f"/proc/{init}/stat").rpartition(")")[2].split()[19]
    said = box.exec(name, f"for s in $(seq 64); do {prog('pid1')} $s || exit; done", "--privileged").stdout
    assert said.count("kill ok\n") >= 2 * 64, "the kernel took them"
    assert len(said.splitlines()) == 6 * 64
    assert machine.state(init) == "S"
    assert machine.read(f"/proc/{init}/stat").rpartition(")")[2].split()[19] == start, "still the same process"
    assert responsive(box, name) and box.state(name) == "running"
    box.contexe.run("stop", "-t", 5, name)


def box_forever():
    return "trap 'exit 0' TERM; while :; do sleep 1000 & wait $!; done"


def test_from_inside_by_kill_one_by_one(box):               # noqa: F811
    """By a shell's kill, and the container is looked at after each."""
    name = box.start()
    script = "for s in $(seq 64); do kill -$s 1; kill -0 1 || exit 1; echo $s; done"
    assert box.exec(name, script).stdout.split() == [str(s) for s in ALL]
    assert responsive(box, name)


def test_from_inside_to_every_process(box):                 # noqa: F811
    """kill -1 reaches all but init and the sender: the job goes, so the container ends with its status."""
    name = box.start()
    box.exec(name, "trap '' TERM; kill -TERM -1", check=False)      # it may go with the container
    assert box.ends(name) == 128 + signal.SIGTERM


def test_from_a_pid_namespace_below(contexe):
    """A namespace below cannot even see it; its own init obeys the kernel's own rules."""
    name = contexe.name()
    contexe.run("run", "-d", "--name", name, "--privileged", "--", "sleep", "1000")
    script = "unshare -p -f --mount-proc sh -c 'kill -KILL 1; kill -TERM 1; echo alive'"
    assert contexe.run("exec", "--privileged", name, "sh", "-c", script).stdout == "alive\n"
    assert contexe.json("inspect", name)["state"] == "running"


# ---- from outside ----

def test_from_outside_what_ends_a_process_ends_the_container(box):      # noqa: F811
    """One container each, ended by kill(2) of its init; its exit code is 128+N."""
    def one(sig):
        name = box.contexe.name(f"s{sig}")
        box.start("exec sleep 1000", "--name", name)
        init = pid1(box, name)
        os.kill(init, sig)
        return sig, box.ends(name), machine.state(init)

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(one, ENDING))
    assert len(results) == 56
    assert [r for r in results if r[1:] != (128 + r[0], "")] == []


@pytest.mark.v2
@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV, 34, 64])
def test_from_outside_in_short(box, sig):                   # noqa: F811
    name = box.start()
    os.kill(pid1(box, name), sig)
    assert box.ends(name) == 128 + sig
    assert box.inspect(name)["state"] == "exited"


@pytest.mark.v2
def test_from_inside_in_short(box):                         # noqa: F811
    name = box.start()
    box.exec(name, "for s in $(seq 64); do kill -$s 1; done")
    assert responsive(box, name)


def test_from_outside_ignored_ones_do_nothing(box):         # noqa: F811
    name = box.start()
    init = pid1(box, name)
    for sig in sorted(IGNORED) * 3:
        os.kill(init, sig)
    assert responsive(box, name) and machine.state(init) == "S"


@pytest.mark.parametrize("sig", sorted(STOPPING))
def test_from_outside_stop_and_continue(box, sig):          # noqa: F811
    name = box.start()
    init = pid1(box, name)
    os.kill(init, sig)
    assert machine.until(lambda: machine.state(init) == "T"), machine.state(init)
    os.kill(init, signal.SIGCONT)
    assert machine.until(lambda: machine.state(init) == "S")
    assert responsive(box, name)


def test_a_stopped_init_can_be_killed(box):                 # noqa: F811
    name = box.start()
    os.kill(pid1(box, name), signal.SIGSTOP)
    os.kill(pid1(box, name), signal.SIGKILL)
    assert box.ends(name) == 128 + signal.SIGKILL


def test_queued_signals_prove_no_origin(box):               # noqa: F811
    """What sigqueue(3) sends looks the same from inside and outside: dropped from both (src/init/signals.c)."""
    name = box.start()
    subprocess.run(["/bin/kill", "-q", "5", "-USR1", str(pid1(box, name))], check=True)
    assert responsive(box, name)


# ---- without contexe-init: the kernel's own rules ----

def test_init_none_from_inside(box):                        # noqa: F811
    """A program without handlers as pid 1: nothing from inside touches it."""
    name = box.start("exec sleep 1000", "--init", "none")
    assert machine.read(f"/proc/{pid1(box, name)}/cmdline") == "sleep\0" "1000\0"
    box.exec(name, "for s in $(seq 64); do kill -$s 1; done")
    assert responsive(box, name)


def test_init_none_gets_what_it_has_a_handler_for(box):     # noqa: F811
    name = box.start("trap 'echo got it; exit 7' USR1; echo ready; while :; do sleep 0.05; done", "--init", "none")
    box.says(name, "ready")
    box.exec(name, "kill -USR1 1")
    assert box.ends(name) == 7 and "got it" in box.log(name)


def test_init_none_from_outside(box):                       # noqa: F811
    """The kernel drops even from the parent what has no handler, but KILL."""
    name = box.start("exec sleep 1000", "--init", "none")
    os.kill(pid1(box, name), signal.SIGTERM)
    assert responsive(box, name)
    os.kill(pid1(box, name), signal.SIGKILL)
    assert box.ends(name) == 128 + signal.SIGKILL


# ---- what init is for ----

def test_a_thousand_orphans_are_reaped(box):                # noqa: F811
    done = box.sh(f"{prog('orphans')} 1000 41", *MOUNT, check=False)
    assert (done.stdout, done.returncode) == ("1000 reaped\n", 41)


def test_no_zombies_stay(box):                              # noqa: F811
    name = box.start("for i in $(seq 50); do (sleep 0.01 &); done; exec sleep 1000")

    def states():
        return [r["state"] for r in box.contexe.json("ps", name)]

    assert machine.until(lambda: len(states()) == 2), states()
    assert "Z" not in states()


@pytest.mark.parametrize("status", [0, 1, 42, 125, 126, 127, 128, 255])
def test_the_jobs_own_exit_status(box, status):             # noqa: F811
    assert box.sh(f"exit {status}", check=False).returncode == status


def test_the_jobs_end_ends_everything(box):                 # noqa: F811
    """Others in the container go with it, and keep nobody waiting."""
    name = box.start("setsid sleep 1000 & nohup sleep 1000 & sleep 0.2; exit 3")
    assert box.ends(name) == 3
    assert not machine.users_of(os.path.join(box.contexe.root, "containers", name))


# ---- the pseudo init outside ----

HANDLERS = "for s in HUP INT QUIT TERM USR1 USR2 ALRM PWR; do trap \"echo got $s\" $s; done; " \
           "echo ready; while :; do sleep 0.02; done"


def test_signals_to_the_foreground_command_reach_the_job(box):      # noqa: F811
    process = box.contexe.popen("run", *box.arguments(HANDLERS, "--name", "front"))
    assert process.stdout.readline() == "ready\n"
    for sig in ("HUP", "INT", "QUIT", "TERM", "USR1", "USR2", "ALRM", "PWR"):
        process.send_signal(getattr(signal, f"SIG{sig}"))
        assert process.stdout.readline() == f"got {sig}\n"
    assert process.poll() is None
    box.contexe.run("kill", "front")
    process.communicate(timeout=20)
    assert process.returncode == 128 + signal.SIGKILL


def test_term_to_the_foreground_command_ends_a_plain_job(box):      # noqa: F811
    process = box.contexe.popen("run", *box.arguments("echo ready; exec sleep 1000"))
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    process.communicate(timeout=20)
    assert process.returncode == 128 + signal.SIGTERM


def test_a_signal_by_name_and_number(box):                  # noqa: F811
    name = box.start(HANDLERS)
    box.says(name, "ready")
    for sig in ("USR1", "SIGUSR2", "1"):
        box.contexe.run("kill", "--signal", sig, name)
    for word in ("USR1", "USR2", "HUP"):
        box.says(name, f"got {word}")


def test_the_job_starts_with_default_signals(contexe):
    """Blocked or ignored by whoever called us: no matter inside."""
    def spoil():
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, 40})
        for sig in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM, signal.SIGPIPE):
            signal.signal(sig, signal.SIG_IGN)

    process = contexe.popen("run", "--", "cat", "/proc/self/status", preexec_fn=spoil)
    masks = dict(re.findall(r"^(Sig(?:Blk|Ign|Cgt)):\s*(\w+)$", process.communicate(timeout=20)[0], re.M))
    assert masks == {"SigBlk": "0" * 16, "SigIgn": "0" * 16, "SigCgt": "0" * 16}
