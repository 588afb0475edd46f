# SPDX-License-Identifier: Apache-2.0
"""Programs of Debian's packages at work, with clients that check every answer, all inside of one container: carried ten times at
instants that nobody chose, they finish with the right result. See tests/carried."""
import os
import random
import time

import pytest

from support import machine, need
from support.carry import Carrier
from support.engine import TOP

ROUNDS = 10
PYTHON = "/usr/bin/python3"
WORK = {
    "redis": (PYTHON, "/carried/redis_load.py"),
    "nginx": (PYTHON, "/carried/nginx_load.py"),
    "python": (PYTHON, "/carried/python_work.py"),
    "node": ("node", "/carried/node_work.js"),
    "bash": (PYTHON, "/carried/bash_jobs.py"),
}
NEEDS = {"redis": "redis-server", "nginx": "nginx", "node": "node"}


class Work:
    """One container at work."""

    def __init__(self, contexe, work):
        need.root()
        need.program(NEEDS.get(work, "bash"))
        self.carrier = Carrier(contexe, None)
        self.name = contexe.name(work)
        contexe.run("run", "-d", "--name", self.name, "--volume", f"{TOP}/tests/carried:/carried:ro",
                    "--env", "PYTHONDONTWRITEBYTECODE=1", "--env", f"CARRIED_TCP={os.environ.get('CARRIED_TCP', 'yes')}",
                    "--host", "--", *WORK[work])

    def ticks(self, name=None):
        log = self.carrier.log(name or self.name)
        assert "WRONG" not in log, log[-2000:]
        return log.count("tick ")

    def goes_on(self, name=None):
        """Until it says that it has got on, twice from now: the first may have been on its way."""
        name, before = name or self.name, self.ticks(name)
        if not machine.until(lambda: self.ticks(name) >= before + 2 or self.carrier.ended(name), 60):
            pytest.fail(f"{name} stands still: {self.carrier.log(name)[-2000:]}", pytrace=False)
        assert not self.carrier.ended(name), self.carrier.log(name)[-2000:]

    def ends_right(self, name=None):
        name = name or self.name
        self.carrier.signal(name)
        assert machine.until(lambda: self.carrier.ended(name), 90), self.carrier.log(name)[-2000:]
        assert self.carrier.log(name).splitlines()[-1] == "RIGHT", self.carrier.log(name)[-2000:]


@pytest.fixture
def work(contexe):
    return lambda what: Work(contexe, what)


def some_instant(chance):
    """Not a time to wait for something: the point is that nothing is waited for."""
    time.sleep(chance.random() * 0.1)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("what", WORK)
def test_carried(work, what):
    w, chance = work(what), random.Random(what)
    w.goes_on()
    for _ in range(ROUNDS):
        some_instant(chance)
        w.carrier.carry(w.name)
        w.goes_on()
    w.ends_right()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("what", WORK)
def test_left_running(work, what, scratch):
    """Looked at again and again, it goes on; the last image goes on as well, twice, side by side."""
    w, chance, image = work(what), random.Random(what), os.path.join(scratch, "image")
    w.goes_on()
    for _ in range(3):
        some_instant(chance)
        w.carrier.checkpoint(w.name, "--leave-running", "-o", image)
        w.goes_on()
    w.ends_right()
    twins = [w.name + "-a", w.name + "-b"]
    for twin in twins:
        w.carrier.restore(image, "--name", twin)
    for twin in twins:
        w.goes_on(twin)
    for twin in twins:
        w.ends_right(twin)
