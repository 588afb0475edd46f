# SPDX-License-Identifier: Apache-2.0
"""What a container costs while it runs: the memory of its supervisor and its init."""
import re

import pytest

from support import machine
from support.box import box                                 # noqa: F401

LIMIT_KIB = 512


def pss(pid):
    """KiB, with shared pages divided among those that share them."""
    return int(re.search(r"^Pss:\s+(\d+) kB", machine.read(f"/proc/{pid}/smaps_rollup"), re.M)[1])


@pytest.mark.parametrize("options", [[], ["-t"], ["--memory", "64m", "--restart", "on-failure"]], ids=" ".join)
def test_supervisor_and_init_together(box, options, capsys):    # noqa: F811
    name = box.start("echo hello; exec sleep 1000", *options)
    box.says(name, "hello")
    info = box.inspect(name)
    both = info["supervisorPid"], info["initPid"]
    machine.until(lambda: sum(map(pss, both)) < LIMIT_KIB, timeout=5)   # it gives back what it took to start
    supervisor, init = map(pss, both)
    with capsys.disabled():
        print(f" supervisor {supervisor} KiB + init {init} KiB", end="")
    assert supervisor + init < LIMIT_KIB


def test_output_does_not_stay_in_memory(box):               # noqa: F811
    name = box.start("head -c 20000000 /dev/zero | tr '\\0' 'x'; echo; echo end; exec sleep 1000", "--log-max", "64k")
    assert machine.until(lambda: box.log(name).endswith("end\n"), timeout=30)
    info = box.inspect(name)
    assert machine.until(lambda: pss(info["supervisorPid"]) < 1024), pss(info["supervisorPid"])
