# SPDX-License-Identifier: Apache-2.0
"""What cannot be carried is refused before anything is touched: by name, with its owner and what to do; `probe --checkpoint`
tells the same, and the container goes on."""
import json
import os
import socket
import threading

import pytest

from support import machine, need
from support.carry import carrier               # noqa: F401

PYTHON = "/usr/bin/python3"
# Prints "ready", then "alive" for every SIGUSR1.
ALIVE = """
import os, signal, socket, ctypes, sys, threading, time
signal.signal(signal.SIGUSR1, lambda *_: os.write(1, b"alive\\n"))
libc = ctypes.CDLL(None, use_errno=True)
{setup}
os.write(1, b"ready\\n")
while True:
    signal.pause()
"""
IO_URING = """
params = ctypes.create_string_buffer(120)
ring = libc.syscall(425, 4, params)
if ring < 0: os.write(1, b"SKIP no io_uring\\n"); sys.exit()
"""
PERF = """
attr = ctypes.create_string_buffer(128); attr.raw = b"\\x01\\0\\0\\0\\x80\\0\\0\\0" + bytes(120)
if libc.syscall(298, attr, 0, -1, -1, 0) < 0: os.write(1, b"SKIP no perf events\\n"); sys.exit()
"""
USERFAULT = """
if libc.syscall(323, 1) < 0: os.write(1, b"SKIP no userfaultfd\\n"); sys.exit()
"""
FANOTIFY = """
if libc.fanotify_init(0, 0) < 0: os.write(1, b"SKIP no fanotify\\n"); sys.exit()
"""
LEASE = """
import fcntl
f = open("/tmp/leased", "w"); fcntl.fcntl(f.fileno(), fcntl.F_SETLEASE, fcntl.F_WRLCK)
"""
UNIX = """
s = socket.socket(socket.AF_UNIX); s.connect("/outside/socket")
"""
FIFO = """
f = os.open("/outside/fifo", os.O_WRONLY)
"""
TCP = """
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
"""
MOUNTS = """
child = os.fork()
if child == 0:
    libc.unshare(0x20000)
    libc.mount(b"none", b"/tmp", b"tmpfs", 0, None)
    while True: signal.pause()
while os.readlink(f"/proc/{child}/ns/mnt") == os.readlink("/proc/self/ns/mnt"): pass
"""
NETWORK = """
child = os.fork()
if child == 0:
    libc.unshare(0x40000000)
    while True: signal.pause()
while os.readlink(f"/proc/{child}/ns/net") == os.readlink("/proc/self/ns/net"): pass
"""
TRACED = """
child = os.fork()
if child == 0:
    while True: signal.pause()
if libc.ptrace(0x4206, child, None, None) < 0: os.write(1, b"SKIP no ptrace\\n"); sys.exit()
"""

# name: how it comes about, options of `run`, what the refusal must name
HINDRANCES = {
    "io_uring": (IO_URING, ("--privileged",), "io_uring"),
    "perf": (PERF, ("--privileged",), "perf_event"),
    "userfaultfd": (USERFAULT, ("--privileged",), "userfaultfd"),
    "fanotify": (FANOTIFY, ("--privileged",), "fanotify"),
    "lease": (LEASE, (), "/tmp/leased"),
    "mounts": (MOUNTS, ("--privileged",), "mnt namespace"),
    "network": (NETWORK, ("--privileged",), "net namespace"),
    "unix": (UNIX, (), "socket"),
    "fifo": (FIFO, (), "/outside/fifo"),
    "tcp": (TCP, ("--network", "host"), "127.0.0.1"),
}


class Outside:
    """What a container may reach though it is not in it: a unix server, a reader of a fifo, a TCP server."""

    def __init__(self, directory):
        self.directory = directory
        self.unix = socket.socket(socket.AF_UNIX)
        self.unix.bind(directory + "/socket")
        os.mkfifo(directory + "/fifo")
        self.fifo = os.open(directory + "/fifo", os.O_RDONLY | os.O_NONBLOCK)
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.unix.listen()
        self.taken = []
        for server in (self.unix, self.tcp):
            threading.Thread(target=self.accept, args=(server,), daemon=True).start()

    def accept(self, server):
        try:
            while True:
                self.taken.append(server.accept()[0])
        except OSError:
            pass

    def close(self):
        for s in (self.unix, self.tcp):
            s.shutdown(socket.SHUT_RDWR)
        for s in (self.unix, self.tcp, *self.taken):
            s.close()
        os.close(self.fifo)


@pytest.fixture
def outside(scratch):
    o = Outside(scratch)
    yield o
    o.close()


def still_alive(carrier, name):
    before = carrier.log(name).count("alive")
    carrier.signal(name)
    assert machine.until(lambda: carrier.log(name).count("alive") > before, 20), carrier.log(name)
    assert not carrier.ended(name)


@pytest.mark.parametrize("what", HINDRANCES)
def test_refused(carrier, outside, what):
    need.root()
    setup, options, word = HINDRANCES[what]
    name = carrier.contexe.name(what)
    port = str(outside.tcp.getsockname()[1])
    carrier.contexe.run("run", "-d", "--name", name, "--volume", f"{outside.directory}:/outside", *options, "--host", "--",
                        PYTHON, "-c", ALIVE.format(setup=setup), port)
    said = carrier.says(name, "^(ready|SKIP.*|.*Error.*)$")[0]
    need.kernel(not said.startswith("SKIP"), said)
    assert said == "ready"

    image = outside.directory + "/image"
    for options in (("-o", image), ("-o", image, "--leave-running")):
        error = carrier.contexe.fails("checkpoint", *options, name, code=125)
        assert word in error and "pid " in error and "(python3)" in error, error
        assert not os.path.exists(image)
        still_alive(carrier, name)

    for command in (("probe", "--checkpoint", name), ("checkpoint", "--dry-run", name)):
        done = carrier.contexe.run(*command, check=False)
        assert done.returncode == 1 and word in done.stdout, (done.stdout, done.stderr)
        for line in done.stdout.splitlines():
            assert line.count(": ") >= 2 and "; " in line, f"no owner, reason or remedy: {line}"
        done = carrier.contexe.run(command[0], "--json", *command[1:], check=False)
        assert done.returncode == 1 and not json.loads(done.stdout)["possible"], done.stdout
    still_alive(carrier, name)


def test_a_debugger_is_in_the_way(carrier):
    need.root()
    name = carrier.contexe.name("traced")
    carrier.contexe.run("run", "-d", "--name", name, "--privileged", "--host", "--", PYTHON, "-c",
                        ALIVE.format(setup=TRACED))
    carrier.says(name, "ready")
    for command in (("checkpoint", name), ("probe", "--checkpoint", name)):
        error = carrier.contexe.fails(*command, code=125)
        assert "traces it" in error and "end that debugger" in error, error
        still_alive(carrier, name)


def test_an_exec_from_outside(carrier):
    """What was started with `exec` has its parent outside."""
    need.root()
    name = carrier.contexe.name("exec")
    carrier.contexe.run("run", "-d", "--name", name, "--host", "--", PYTHON, "-c", ALIVE.format(setup=""))
    carrier.says(name, "ready")
    with_exec = carrier.contexe.popen("exec", "-i", name, "sh", "-c", "echo in; read x; echo $x")
    try:
        assert with_exec.stdout.readline() == "in\n"
        error = carrier.contexe.fails("checkpoint", name, code=125)
        assert "(sh)" in error and "exec" in error, error
        still_alive(carrier, name)
        assert with_exec.communicate("out\n", 20)[0] == "out\n"
    finally:
        with_exec.kill()
        with_exec.wait()
    carrier.carry(name)                         # without it nothing stands in the way
    still_alive(carrier, name)


def test_nothing_in_the_way(carrier):
    need.root()
    name = carrier.contexe.name("free")
    carrier.contexe.run("run", "-d", "--name", name, "--host", "--", PYTHON, "-c", ALIVE.format(setup=""))
    carrier.says(name, "ready")
    assert carrier.contexe.json("probe", "--checkpoint", name)["possible"] is True
    assert carrier.contexe.json("checkpoint", "--dry-run", name)["possible"] is True
    still_alive(carrier, name)
