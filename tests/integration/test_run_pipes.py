# SPDX-License-Identifier: Apache-2.0
"""contexe run in the foreground on pipes: input, output, a reader that is slow or gone, signals."""
import hashlib
import os
import signal
import subprocess
import threading
import time

import pytest

from support import machine
from support.box import FOREVER, box, running                    # noqa: F401

MIB = 1 << 20


def binary(box, *args, **settings):
    """running() with pipes of bytes."""
    return running(box.contexe, "run", *args, text=False, **settings)


def test_input_of_10_mib(box):
    data = os.urandom(10 * MIB)
    with binary(box, *box.arguments("sha256sum; echo end >&2", "-i", "--rm")) as p:
        out, err = p.communicate(data, timeout=60)
    assert p.returncode == 0
    assert out.split()[0].decode() == hashlib.sha256(data).hexdigest() and err == b"end\n"


def test_input_comes_back(box):
    """Both ways at once, more than any buffer holds."""
    data = os.urandom(4 * MIB)
    with binary(box, *box.arguments("cat", "-i", "--log", "none")) as p:
        out, err = p.communicate(data, timeout=60)
    assert (p.returncode, err) == (0, b"") and out == data


def test_no_input_without_i(box):
    done = box.sh("cat; echo over", input="unread\n")
    assert done.stdout == "over\n"


def test_input_left_unread(box):
    with binary(box, *box.arguments("head -c 5; exit 3", "-i")) as p:
        out, _ = p.communicate(b"x" * MIB, timeout=30)
    assert (p.returncode, out) == (3, b"xxxxx")


def test_input_stays_open_until_its_end(box):
    with binary(box, *box.arguments("read a; echo got $a; cat; echo eof", "-i")) as p:
        p.stdin.write(b"one\n")
        p.stdin.flush()
        assert p.stdout.readline() == b"got one\n"
        p.stdin.write(b"two\n")
        p.stdin.close()
        assert p.stdout.read() == b"two\neof\n" and p.wait(10) == 0


WRITER = r"""
for i in 0 1 2 3 4 5 6 7 8 9; do
    head -c 1048576 /dev/zero | tr '\0' o &
    head -c 1048576 /dev/zero | tr '\0' e >&2 &
    wait
done
"""


@pytest.mark.parametrize("log", ["none", "file"])
def test_output_of_10_mib_each(box, log):
    with binary(box, *box.arguments(WRITER, "--name", "w", "--log", log, "--log-max", "64m")) as p:
        out, err = p.communicate(timeout=90)
    assert p.returncode == 0
    assert len(out) == 10 * MIB and out.count(b"o") == 10 * MIB
    assert len(err) == 10 * MIB and err.count(b"e") == 10 * MIB
    if log == "file":
        done = box.contexe.run("logs", "w", text=False)
        assert done.stdout.replace(b"\n", b"") == out and done.stderr.replace(b"\n", b"") == err


def test_slow_reader_holds_it_back(box, scratch):
    """Nothing is lost, and nothing piles up in the supervisor."""
    script = ("i=0; while [ $i -lt 64 ]; do head -c 131072 /dev/zero | tr '\\0' x; i=$((i+1)); "
              "echo $i >/mnt/count; done")
    with binary(box, *box.arguments(script, "--log", "none", "--volume", f"{scratch}:/mnt")) as p:
        def count():
            return int(machine.read(os.path.join(scratch, "count")).strip() or 0)
        assert machine.until(lambda: count() > 0)
        last = [-1]

        def stands():
            before, last[0] = last[0], count()
            time.sleep(0.3)
            return before == last[0]
        assert machine.until(stands)
        assert count() < 16                     # 2 MiB of the 8: pipes and RELAY_MAX_PENDING
        rss = int(machine.read(f"/proc/{p.pid}/statm").split()[1]) * 4096
        assert rss < 16 * MIB
        out, err = p.communicate(timeout=60)
    assert (p.returncode, len(out), err) == (0, 8 * MIB, b"")


def test_reader_gone(box):
    """As in any pipeline: the program ends, nothing hangs, no message of ours."""
    with binary(box, *box.arguments("yes", "--name", "y")) as p:
        assert p.stdout.read(10) == b"y\ny\ny\ny\ny\n"
        p.stdout.close()
        assert p.wait(20) != 0
        assert p.stderr.read() in (b"", b"yes: standard output: Broken pipe\n")
    assert machine.until(lambda: box.state("y") == "exited")


def test_output_closed_from_the_start(box):
    done = subprocess.run(["sh", "-c", 'exec "$@" >&-', "-", *box.contexe.command(
        "run", *box.arguments("echo lost; echo told >&2; exit 5", "--rm"))], env=box.contexe.env,
        capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
    assert done.returncode == 5 and "told\n" in done.stderr


def test_stderr_in_stdout(box):
    """2>&1 keeps the order in which a program writes to the two, when it leaves time between."""
    p = box.contexe.popen("run", *box.arguments("echo a; sleep .1; echo b >&2; sleep .1; echo c"),
                          stderr=subprocess.STDOUT)
    assert p.communicate(timeout=30)[0] == "a\nb\nc\n"


def test_daemon_that_keeps_the_output_open(box):
    """The container ends with its program, whoever still has the pipe."""
    assert box.sh("sleep 1000 & echo here", timeout=20).stdout == "here\n"


@pytest.mark.parametrize("name", ["INT", "TERM", "HUP", "QUIT", "USR1", "USR2"])
def test_signals_are_passed_on(box, name):
    script = f"trap 'echo got {name}; exit 6' {name}; echo ready; while :; do sleep .02; done"
    with running(box.contexe, "run", *box.arguments(script)) as p:
        assert p.stdout.readline() == "ready\n"
        p.send_signal(getattr(signal, f"SIG{name}"))
        assert p.stdout.readline() == f"got {name}\n" and p.wait(10) == 6


def test_signal_that_ends_it(box):
    for sig, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        with running(box.contexe, "run", *box.arguments("echo ready; exec " + FOREVER)) as p:
            assert p.stdout.readline() == "ready\n"
            p.send_signal(sig)
            assert p.wait(10) == code


def test_passthrough(box, scratch):
    """--log passthrough hands our own descriptors in: no copy, no log."""
    path = os.path.join(scratch, "out")
    with open(path, "w", encoding="utf-8") as f:
        p = box.contexe.popen("run", *box.arguments("echo hello; echo oops >&2", "--name", "p", "--log",
                                                    "passthrough"), stdout=f)
        assert p.communicate(timeout=30)[1] == "oops\n"
    assert machine.read(path) == "hello\n"
    assert box.log("p") == "" and not os.path.exists(box.file("p", "log"))


def test_two_at_once(box):
    """Each has its own pipes."""
    outs = {}

    def one(word):
        outs[word] = box.sh(f"i=0; while [ $i -lt 200 ]; do echo {word}; i=$((i+1)); done", "--rm").stdout
    threads = [threading.Thread(target=one, args=(w,)) for w in ("red", "blue", "green")]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert outs == {w: f"{w}\n" * 200 for w in ("red", "blue", "green")}
