# SPDX-License-Identifier: Apache-2.0
"""Every self-checking program of tests/progs/ckpt: what it has set up must be as it was after checkpoint and restore.

A program added to tests/progs/ckpt/meson.build is tested here without further words.
"""
import os

import pytest

from support import need
from support.carry import PROGRAMS, carrier               # noqa: F401
from support.engine import Failed

OPTIONS = {}
# Data of connections that are not accepted yet can only be read by ending them.
NOT_RUNNING_ON = {"tcp_waiting", "unix_waiting"}


@pytest.fixture
def ready(carrier):
    """ready(program): a container whose program has set itself up."""
    need.root()

    def begin(program):
        name = carrier.start(f"/progs/ckpt/ckpt-{program}", options=OPTIONS.get(program, ()), word=program)
        said = carrier.says(name, "^(ready|SETUP.*|SKIP.*)$")[0]
        need.kernel(not said.startswith("SKIP"), said)
        assert said == "ready", said
        return name

    return begin


def test_there_are_programs():
    assert len(PROGRAMS) >= 17


@pytest.mark.v2
@pytest.mark.parametrize("program", PROGRAMS)
def test_carried_twice(carrier, ready, program):
    name = ready(program)
    carrier.carry(name)
    carrier.carry(name)
    carrier.finish(name, 0)


@pytest.mark.parametrize("program", PROGRAMS)
def test_left_running_and_copied(carrier, ready, program, scratch):
    """The original goes on unharmed; a copy from the file, under another name, passes too."""
    name, image = ready(program), os.path.join(scratch, "image")
    if program in NOT_RUNNING_ON:
        with pytest.raises(Failed, match="without --leave-running"):
            carrier.checkpoint(name, "--leave-running", "-o", image)
        carrier.finish(name, 0)
        return
    carrier.checkpoint(name, "--leave-running", "-o", image)
    carrier.restore(image, "--name", name + "-copy")
    carrier.finish(name, 0)
    carrier.finish(name + "-copy", 1)
