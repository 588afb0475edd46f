# SPDX-License-Identifier: Apache-2.0
"""A command on a pseudo terminal, as a person would sit before it."""
import errno
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import time


class Terminal:
    """with contexe.terminal("run", "-it", ...) as t: t.send("ls\\r"); t.expect("usr"); t.wait()

    output  everything it has shown so far, as text
    """

    def __init__(self, command, env, rows=24, columns=80, cwd=None):
        self.master, slave = os.openpty()
        self.resize(rows, columns)
        self.output, self.seen = "", 0
        self.process = subprocess.Popen(command, env=env, cwd=cwd, stdin=slave, stdout=slave, stderr=slave,
                                        start_new_session=True, preexec_fn=_take_terminal)
        os.close(slave)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def send(self, text):
        os.write(self.master, text.encode())

    def read(self, timeout):
        """Reads what is there, waiting at most so long for anything. False: nothing, or the end."""
        if not select.select([self.master], [], [], timeout)[0]:
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError as e:
            if e.errno == errno.EIO:            # nobody has the other side open
                return False
            raise
        self.output += data.decode(errors="replace")
        return bool(data)

    def expect(self, pattern, timeout=20):
        """Waits until a regular expression matches what was shown since the last match; returns the match."""
        end = time.monotonic() + timeout
        while True:
            match = re.search(pattern, self.output[self.seen:])
            if match:
                self.seen += match.end()
                return match
            left = end - time.monotonic()
            if left <= 0 or not self.read(left) and self.process.poll() is not None:
                raise AssertionError(f"{pattern!r} was not shown; the terminal has:\n{self.output}")

    def wait(self, timeout=20):
        """Reads on to the command's end; its exit code."""
        end = time.monotonic() + timeout
        while self.process.poll() is None:
            if time.monotonic() > end:
                raise AssertionError(f"still runs after {timeout} s; the terminal has:\n{self.output}")
            self.read(0.05)
        while self.read(0):
            pass
        return self.process.returncode

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        if self.master >= 0:
            os.close(self.master)
            self.master = -1


def _take_terminal():
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
