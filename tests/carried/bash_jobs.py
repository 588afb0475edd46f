# SPDX-License-Identifier: Apache-2.0
"""An interactive bash on a terminal of its own: a pipeline in the background, a job that is stopped, brought back and interrupted."""
import fcntl
import os
import pty
import re
import signal
import struct
import termios
import time

from carried import begin, check, over, right, tick, wrong

begin()
pid, terminal = pty.fork()
if pid == 0:
    os.environ.update(PS1="prompt> ", TERM="dumb", HISTFILE="")
    os.execvp("bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
heard = b""


def expect(pattern):
    """Reads on until the pattern comes; gives the match, and forgets what was before."""
    global heard
    while not (found := re.search(pattern, heard)):
        check(len(heard) < 100000, f"waiting for {pattern}: {heard[-300:]}")
        signal.alarm(60)
        try:
            more = os.read(terminal, 4096)
        except OSError:
            more = b""
        signal.alarm(0)
        check(more, f"bash has gone, waiting for {pattern}: {heard[-300:]}")
        heard += more
    heard = heard[found.end():]
    return found


def command(text):
    os.write(terminal, text.encode() + b"\n")


def until(what, condition):
    for _ in range(60000):
        if condition():
            return
        time.sleep(0.001)
    wrong(f"{what}, after {heard[-300:]}")


def comm(process):
    with open(f"/proc/{process}/comm", encoding="ascii") as f:
        return f.read().strip()


signal.signal(signal.SIGALRM, lambda *_: wrong(f"bash is silent, after {heard[-300:]}"))
expect(rb"prompt> ")
command("stty -echo")
expect(rb"prompt> ")
command("tty; echo self=$$")
expect(rb"/dev/pts/\d+\s+self=")
shell = int(expect(rb"(\d+)\s")[1])
check(shell == pid, "bash is another")
# a pipeline that never ends until it is told so, in the background, of three processes
command("mkfifo /tmp/feed; (while read x; do echo $((x * 2)); done) < /tmp/feed | cat | sed -u 's/^/twice=/' &")
expect(rb"\[1\] \d+")
command("exec 9>/tmp/feed")
n = 0
while not over.is_set():
    n += 1
    command(f"echo {n} >&9")
    expect(b"twice=%d\\s" % (n * 2))
    command("sleep 1000")
    # until the job has the terminal, and default signals
    until("no job", lambda: os.tcgetpgrp(terminal) != shell and comm(os.tcgetpgrp(terminal)) == "sleep")
    job = os.tcgetpgrp(terminal)
    os.write(terminal, b"\x1a")                 # ^Z
    expect(rb"\[2\]\+\s+Stopped\s+sleep 1000")
    check(os.tcgetpgrp(terminal) == shell, "the shell has not got its terminal back")
    command("jobs -l")
    expect(rb"\[1\]-\s+\d+ Running")
    check(int(expect(rb"\[2\]\+\s+(\d+) Stopped")[1]) == job, "the job has another number")
    command("fg %2")
    until("the job does not come back", lambda: os.tcgetpgrp(terminal) == job)
    os.write(terminal, b"\x03")                 # ^C
    expect(rb"prompt> ")
    command("echo status=$?")
    check(expect(rb"status=(\d+)")[1] == b"130", "the job was not interrupted")
    tick(n)
command("stty size")
expect(rb"33 77\s")
command("exec 9>&-; wait; exit 7")
signal.alarm(60)
check(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7, "bash did not end with 7")
right()
