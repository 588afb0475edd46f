# SPDX-License-Identifier: Apache-2.0
"""contexe logs: everything a container wrote, and only that; following, bounds, rotation."""
import json
import os
import re

import pytest

from support import machine
from support.box import box, running                             # noqa: F401

STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z"


def records(box, name, *options):
    done = box.contexe.run("logs", "--json", *options, name)
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_both_streams_apart(box):
    box.sh("echo one; echo two >&2; echo three", "--name", "x")
    done = box.contexe.run("logs", "x")
    assert (done.stdout, done.stderr) == ("one\nthree\n", "two\n")
    got = records(box, "x")
    assert sorted((r["stream"], r["text"]) for r in got) == [("stderr", "two"), ("stdout", "one"), ("stdout", "three")]
    assert all(set(r) == {"time", "stream", "partial", "text"} and not r["partial"] for r in got)
    assert all(re.fullmatch(STAMP, r["time"]) for r in got)
    assert [r["time"] for r in got] == sorted(r["time"] for r in got)


def test_every_byte_is_kept(box):
    """Blanks, tabs, backslashes, quotes, bytes that are no text, empty lines."""
    script = r"""printf '  lead\ttab "q" \\ \001\033[1m\n\n\377\376 end\n'"""
    box.sh(script, "--name", "x", text=False)
    assert box.contexe.run("logs", "x", text=False).stdout == b'  lead\ttab "q" \\ \x01\x1b[1m\n\n\xff\xfe end\n'
    done = box.contexe.run("logs", "--json", "x", text=False)
    lines = done.stdout.decode("utf-8").splitlines()            # JSON is UTF-8, whatever was written
    assert [json.loads(line)["text"] for line in lines][:2] == ['  lead\ttab "q" \\ \x01\x1b[1m', ""]
    assert json.loads(lines[2])["text"] == "\ufffd\ufffd end"


def test_nul_bytes(box):
    box.sh(r"printf 'a\0b\nc\n'", "--name", "x", text=False)
    assert box.contexe.run("logs", "x", text=False).stdout == b"a\0b\nc\n"
    assert [r["text"] for r in records(box, "x")] == ["a\0b", "c"]


def test_unfinished_line(box):
    box.sh("printf start; sleep .3; printf ' end'", "--name", "x")
    assert box.log("x") == "start end"
    assert [(r["text"], r["partial"]) for r in records(box, "x")] == [("start", True), (" end", True)]
    assert re.fullmatch(STAMP + " start end", box.contexe.run("logs", "-t", "x").stdout)


def test_unfinished_lines_of_two_streams(box):
    box.sh("printf a; sleep .1; printf x >&2; sleep .1; echo b; sleep .1; echo y >&2", "--name", "x")
    done = box.contexe.run("logs", "-t", "x")
    assert re.fullmatch(STAMP + " ab\n", done.stdout) and re.fullmatch(STAMP + " xy\n", done.stderr)


def test_a_long_line(box):
    box.sh("head -c 100000 /dev/zero | tr '\\0' x; echo; echo end", "--name", "x")
    assert box.log("x") == "x" * 100000 + "\nend\n"
    assert box.contexe.out("logs", "--tail", "1", "x") == "end"
    assert box.contexe.out("logs", "--tail", "2", "x") == "x" * 100000 + "\nend"


def test_tail(box):
    box.sh("for i in 1 2 3 4 5; do echo $i; done; printf half", "--name", "x")
    for n, want in (("0", "half"), ("2", "4\n5\nhalf"), ("5", "1\n2\n3\n4\n5\nhalf"), ("all", "1\n2\n3\n4\n5\nhalf")):
        assert box.contexe.run("logs", "-n", n, "x").stdout == want, n


def test_since_and_until(box):
    box.sh("echo one; sleep .3; echo two; sleep .3; echo three", "--name", "x")
    times = [r["time"] for r in records(box, "x")]
    assert box.contexe.run("logs", "--since", times[1], "x").stdout == "two\nthree\n"
    assert box.contexe.run("logs", "--until", times[1], "x").stdout == "one\ntwo\n"
    assert box.contexe.run("logs", "--since", times[1], "--until", times[1], "x").stdout == "two\n"
    assert box.contexe.run("logs", "--since", "1h", "x").stdout == "one\ntwo\nthree\n"
    assert box.contexe.run("logs", "--since", "2100-01-01T00:00:00Z", "x").stdout == ""
    assert box.contexe.run("logs", "--until", "1h", "x").stdout == ""
    assert box.contexe.run("logs", "--tail", "1", "--until", times[1], "x").stdout == "two\n"


def test_follow_to_the_end(box):
    name = box.start("echo first; read a; echo $a; read b; echo $b >&2", "-i")
    with running(box.contexe, "logs", "-f", name) as p:
        assert p.stdout.readline() == "first\n"
        with running(box.contexe, "attach", name) as a:
            a.stdin.write("second\n")
            a.stdin.flush()
            assert p.stdout.readline() == "second\n"
            a.stdin.write("third\n")
            a.stdin.flush()
            assert p.stderr.readline() == "third\n"
        assert p.wait(10) == 0 and p.stdout.read() == ""


def test_follow_one_that_has_ended(box):
    box.sh("echo over", "--name", "x")
    assert box.contexe.run("logs", "-f", "x", timeout=10).stdout == "over\n"


def test_follow_until_a_reader_is_gone(box):
    name = box.start("while :; do echo tick; sleep .05; done")
    with running(box.contexe, "logs", "-f", name) as p:
        assert p.stdout.readline() == "tick\n"
        p.stdout.close()
        assert p.wait(10) != 0
        p.stdout = None


def test_follow_loses_nothing_in_a_rush(box):
    """Rotation included: the follower sees each line once, in order."""
    name = box.start("read go; i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done", "-i", "--log-max", "512k")
    with running(box.contexe, "logs", "-f", name) as p:
        assert machine.until(lambda: "inotify" in "".join(
            machine.link(f"/proc/{p.pid}/fd/{n}") for n in os.listdir(f"/proc/{p.pid}/fd")))
        with running(box.contexe, "attach", name) as a:
            a.communicate("go\n", timeout=60)
        out = p.communicate(timeout=60)[0]
    assert out == "".join(f"line {i}\n" for i in range(20000))


def test_rotation(box):
    """--log-max bounds what is kept: one file of that size, and the one before it."""
    box.sh("i=0; while [ $i -lt 3000 ]; do echo line $i of the log; i=$((i+1)); done", "--name", "x", "--log-max", "16k")
    sizes = [os.path.getsize(box.file("x", f)) for f in ("log", "log.1")]
    assert all(s <= (16 + 17) << 10 for s in sizes), sizes
    lines = box.log("x").splitlines()
    assert lines[-1] == "line 2999 of the log" and 100 < len(lines) < 3000
    first = int(lines[0].split()[1])
    assert lines == [f"line {i} of the log" for i in range(first, 3000)]


def test_no_log(box):
    done = box.sh("echo seen", "--name", "x", "--log", "none")
    assert done.stdout == "seen\n"
    assert not os.path.exists(box.file("x", "log")) and box.log("x") == ""


def test_log_of_a_terminal(box):
    box.sh("echo a; echo b >&2", "--name", "x", "-t")
    done = box.contexe.run("logs", "x", text=False)
    assert (done.stdout, done.stderr) == (b"a\r\nb\r\n", b"")


def test_log_goes_on_after_a_restart(box):
    box.sh("echo life", "--name", "x")
    box.contexe.run("start", "x")
    box.ends("x")
    assert box.log("x") == "life\nlife\n"


def test_log_belongs_to_the_owner_alone(box):
    box.sh("echo secret", "--name", "x")
    assert os.stat(box.file("x", "log")).st_mode & 0o777 == 0o600


def test_a_damaged_log(box):
    """What is no record is left out; the rest is shown."""
    box.sh("echo good", "--name", "x")
    with open(box.file("x", "log"), "ab") as f:
        f.write(b"garbage\n\n \n2026 stdout\n\xff\xff\xff\n" + b"no newline")
    assert box.log("x") == "good\n"


@pytest.mark.v2
def test_all_of_a_loud_container(box):
    name = box.start("i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i+1)); done")
    assert box.ends(name) == 0
    assert box.log(name) == "".join(f"{i}\n" for i in range(20000))
