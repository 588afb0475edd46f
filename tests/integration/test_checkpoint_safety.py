# SPDX-License-Identifier: Apache-2.0
"""Nothing is harmed: no room for the image, an engine that is killed at any instant, an image that is not whole, a restore that
fails half-way. The container goes on, or nothing is left."""
import os
import random
import signal
import subprocess
import time

import pytest

from support import machine, need
from support.carry import carrier               # noqa: F401

PYTHON = "/usr/bin/python3"
# Threads, a child, a pipe, timers, memory that changes: it says "tick" as long as all of it works.
BUSY = """
import os, signal, threading, time, select
memory = bytearray(os.urandom(8 << 20))
r, w = os.pipe()
if os.fork() == 0:
    n = 0
    while True:
        os.write(w, b"%d\\n" % n)
        n += 1
        time.sleep(0.002)
lock, count = threading.Lock(), [0]
def turn():
    while True:
        with lock:
            count[0] += 1
        time.sleep(0.001)
for _ in range(3):
    threading.Thread(target=turn, daemon=True).start()
e, pipe, want, last = select.epoll(), os.fdopen(r, "rb"), 0, 0
while True:
    line = pipe.readline()
    if int(line) != want:
        os.write(1, b"WRONG %d %s" % (want, line))
        os._exit(1)
    want += 1
    memory[want % len(memory)] ^= 1
    if count[0] > last and want % 20 == 0:
        last = count[0]
        os.write(1, b"tick\\n")
    if e.poll(0.0005):
        os.write(1, b"WRONG epoll\\n")
"""


@pytest.fixture
def busy(carrier):
    need.root()
    name = carrier.contexe.name("busy")
    carrier.contexe.run("run", "-d", "--name", name, "--host", "--", PYTHON, "-c", BUSY)
    carrier.says(name, "tick")
    return name


def goes_on(carrier, name):
    before = carrier.log(name).count("tick")
    assert machine.until(lambda: carrier.log(name).count("tick") >= before + 2 or carrier.ended(name), 30), "it stands still"
    assert "WRONG" not in carrier.log(name) and not carrier.ended(name), carrier.log(name)[-500:]


@pytest.fixture
def little_room(scratch):
    """A file system of one mebibyte: the image has eight and more."""
    need.root()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "little", scratch], check=True)
    yield scratch
    subprocess.run(["umount", scratch], check=True)


@pytest.mark.parametrize("options", [(), ("--leave-running",)])
def test_no_room(carrier, busy, little_room, options):
    image = os.path.join(little_room, "image")
    error = carrier.contexe.fails("checkpoint", *options, "-o", image, busy, code=125)
    assert "No space left" in error, error
    assert os.listdir(little_room) == []
    goes_on(carrier, busy)


def test_no_such_directory(carrier, busy, scratch):
    assert "No such file" in carrier.contexe.fails("checkpoint", "-o", f"{scratch}/no/image", busy, code=125)
    goes_on(carrier, busy)


def test_a_reader_that_goes(carrier, busy):
    """The image on standard output, whose reader has enough after a few bytes."""
    with_reader = carrier.contexe.popen("checkpoint", "-o", "-", busy, text=False)
    assert len(with_reader.stdout.read(1000)) == 1000
    with_reader.stdout.close()
    error = with_reader.stderr.read().decode()
    assert with_reader.wait(30) != 0, error
    with_reader.stdin.close()
    with_reader.stderr.close()
    goes_on(carrier, busy)


@pytest.mark.timeout(200)
@pytest.mark.parametrize("options", [(), ("--leave-running",)])
def test_engine_is_killed(carrier, busy, scratch, options):
    """At any instant, with ^C too: either it was done, or the container goes on as if nothing had been, and no file is left."""
    chance, image = random.Random(7), os.path.join(scratch, "image")
    whole = time.monotonic()
    carrier.checkpoint(busy, "--leave-running", "-o", image)
    whole = time.monotonic() - whole
    ended = 0
    for i in range(25):
        process = carrier.contexe.popen("checkpoint", *options, "-o", f"{image}{i}", busy,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.random() * whole)      # the instant is what is tried out
        process.send_signal(signal.SIGINT if i % 5 == 4 else signal.SIGKILL)
        process.wait()
        if machine.until(lambda: carrier.ended(busy), 0.3):
            ended += 1
            assert not options, "a container that was to be left running has ended"
            carrier.contexe.run("verify", f"{image}{i}")
            carrier.contexe.run("rm", "-f", busy)
            carrier.restore(f"{image}{i}", "--name", busy)
        goes_on(carrier, busy)
        left = [n for n in os.listdir(scratch) if n not in (f"image{i}", "image")]
        for name in left:
            carrier.contexe.run("verify", os.path.join(scratch, name))     # a name is given to what is whole
            os.unlink(os.path.join(scratch, name))
    # and no later one is hindered by what the killed ones have left
    carrier.checkpoint(busy, "--leave-running", "-o", image)
    goes_on(carrier, busy)
    carrier.checkpoint(busy, "-o", image)
    carrier.restore(image, "--name", busy + "-2")
    goes_on(carrier, busy + "-2")


@pytest.mark.timeout(200)
def test_images_that_are_not_whole(carrier, busy, scratch):
    """Cut off anywhere, a bit turned anywhere: refused, and nothing is made."""
    image, broken = os.path.join(scratch, "image"), os.path.join(scratch, "broken")
    carrier.checkpoint(busy, "-o", image)
    with open(image, "rb") as f:
        good = f.read()
    chance, containers = random.Random(3), carrier.contexe.containers()
    ids = carrier.contexe.ids()
    users = machine.users_of(carrier.contexe.root, ids)
    cut = [good[:chance.randrange(len(good))] for _ in range(12)] + [b"", good[:1], good[:-1], good + b"x"]

    def turned(at):
        return good[:at] + bytes([good[at] ^ 1 << chance.randrange(8)]) + good[at + 1:]

    ends = [turned(at) for at in (chance.randrange(64), len(good) - 1 - chance.randrange(64),
                                    *(len(good) - 1 - chance.randrange(4096) for _ in range(12)))]
    for text in cut + ends + [turned(chance.randrange(len(good))) for _ in range(20)]:
        with open(broken, "wb") as f:
            f.write(text)
        error = carrier.contexe.fails("verify", broken, code=125)
        assert error.startswith("contexe: ") and broken in error, error
        error = carrier.contexe.fails("restore", "-d", "--name", "never", broken, code=125)
        assert error.startswith("contexe: ") and broken in error, error
    assert carrier.contexe.containers() == containers
    assert machine.users_of(carrier.contexe.root, carrier.contexe.ids()) == users
    carrier.restore(image, "--name", "whole")
    goes_on(carrier, "whole")


def test_a_restore_that_fails(carrier, busy, scratch):
    """A file that the program has open is another by now: the restore fails inside of the new container, and leaves nothing."""
    name, image, mine = carrier.contexe.name("file"), os.path.join(scratch, "image"), os.path.join(scratch, "data")
    with open(mine, "wb") as f:
        f.write(b"0123456789")
    carrier.contexe.run("run", "-d", "--name", name, "--volume", f"{scratch}:/data", "--host", "--", PYTHON, "-c",
                        "import os, signal; f = open('/data/data', 'rb'); f.read(5); os.write(1, b'ready\\n'); signal.pause()")
    carrier.says(name, "ready")
    carrier.checkpoint(name, "-o", image)
    os.unlink(mine)
    before, ids = carrier.contexe.containers(), carrier.contexe.ids()
    users, new = machine.users_of(carrier.contexe.root, ids), carrier.contexe.name("never")
    error = carrier.contexe.fails("restore", "-d", "--name", new, image, code=125)
    assert "/data/data" in error, error
    assert carrier.contexe.containers() == before
    assert machine.users_of(carrier.contexe.root, carrier.contexe.ids()) == users
    assert not [g for g in machine.cgroups() if new in g]
    assert not [m for m in machine.mounts() if f"{carrier.contexe.root}/containers/{new}" in m]
    with open(mine, "wb") as f:                 # what was missing is there again
        f.write(b"0123456789")
    goes_on(carrier, busy)


def test_a_name_that_is_taken(carrier, busy, scratch):
    image = os.path.join(scratch, "image")
    carrier.checkpoint(busy, "--leave-running", "-o", image)
    assert busy in carrier.contexe.fails("restore", "-d", image, code=125)
    goes_on(carrier, busy)


def test_a_restore_that_is_killed(carrier, busy, scratch):
    """The engine of a restore dies at any instant: the next one is not hindered."""
    image, chance = os.path.join(scratch, "image"), random.Random(5)
    carrier.checkpoint(busy, "-o", image)
    carrier.contexe.run("rm", "-f", busy)
    for _ in range(10):
        process = carrier.contexe.popen("restore", "-d", "--name", busy, image, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.random() * 0.1)
        os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()
        carrier.contexe.run("rm", "-f", busy, check=False, timeout=60)
        assert machine.until(lambda: busy not in carrier.contexe.containers(), 10)
    carrier.restore(image, "--name", busy)
    goes_on(carrier, busy)
