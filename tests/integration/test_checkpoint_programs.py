# SPDX-License-Identifier: Apache-2.0
"""Every self-checking program of tests/progs/ckpt, carried twice in a row: what a restore has made can be written down as what
the program itself had made. (test_checkpoint_kinds.py carries each once, in more ways.)

A program added to tests/progs/ckpt/meson.build is tested here without further words.
"""
import pytest

from support import need
from support.carry import PROGRAMS, carrier               # noqa: F401

OPTIONS = {}


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
    for _ in range(2):
        carrier.carry(name)
    carrier.finish(name, 0)
