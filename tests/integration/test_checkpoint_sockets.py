# SPDX-License-Identifier: Apache-2.0
"""TCP connections that leave the container, and what --tcp makes of them."""
import errno
import os
import resource
import signal
import socket

import pytest

from support import need
from support.carry import carrier                         # noqa: F401
from support.engine import Failed
from support.progs import prog


@pytest.fixture
def outside(carrier):
    """A container of the host's network that is connected to us: its name, our end."""
    need.root()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        name = carrier.start(prog("client"), str(server.getsockname()[1]), options=("--network", "host"))
        end, _ = server.accept()
        with end:
            end.settimeout(20)
            carrier.says(name, "connected")
            yield name, end


def test_refused_by_name(carrier, outside):
    name, end = outside
    with pytest.raises(Failed) as refused:
        carrier.checkpoint(name)
    here, there = end.getsockname(), end.getpeername()
    assert f"{there[0]}:{there[1]} - {here[0]}:{here[1]}" in refused.value.done.stderr
    assert "--tcp close" in refused.value.done.stderr
    end.sendall(b"still here")                            # nothing happened to it
    carrier.signal(name)
    carrier.says(name, "data: still here")


def test_closed(carrier, outside):
    """The other end is reset; the restored program reads what had come, then the reset."""
    name, end = outside
    end.sendall(b"before")
    carrier.checkpoint(name, "--tcp", "close")
    with pytest.raises(ConnectionResetError):
        end.recv(1)
    carrier.restore(name)
    carrier.signal(name)
    carrier.says(name, "data: before")
    carrier.signal(name)
    carrier.says(name, f"error: {os.strerror(errno.ECONNRESET)}")


def test_closed_for_the_copy_only(carrier, outside, scratch):
    name, end = outside
    image = os.path.join(scratch, "image")
    carrier.checkpoint(name, "--tcp", "close", "--leave-running", "-o", image)
    end.sendall(b"on")
    carrier.signal(name)
    carrier.says(name, "data: on")


def test_kept(carrier, outside):
    """Nobody sends while the container is away: then both ends go on."""
    name, end = outside
    end.sendall(b"before")
    carrier.checkpoint(name, "--tcp", "keep")
    carrier.restore(name)
    carrier.signal(name)
    carrier.says(name, "data: before")
    end.sendall(b"after")
    carrier.signal(name)
    carrier.says(name, "data: after")


def test_kept_when_the_image_cannot_end(carrier, outside, scratch):
    """All is written but the image's end: the connection was silenced by then, and speaks again."""
    name, end = outside
    whole, cut = (os.path.join(scratch, word) for word in ("whole", "cut"))
    carrier.checkpoint(name, "--tcp", "keep", "--leave-running", "-o", whole)
    limit = os.path.getsize(whole) - 512

    def limited():
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    p = carrier.contexe.popen("checkpoint", "--tcp", "keep", "-o", cut, name, preexec_fn=limited)
    _, error = p.communicate(timeout=30)
    assert p.returncode == 125 and "File too large" in error, error
    assert os.listdir(scratch) == ["whole"]
    for text in ("one", "two"):
        end.sendall(text.encode())
        carrier.signal(name)
        carrier.says(name, f"data: {text}")
