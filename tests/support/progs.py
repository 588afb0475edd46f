# SPDX-License-Identifier: Apache-2.0
"""The programs of tests/progs, and how they come into a container: contexe.run("run", *MOUNT, ..., prog("call"))."""
import os

from support import engine

DIRECTORY = os.path.join(engine.BUILD, "tests", "progs")
MOUNT = ("--volume", f"{DIRECTORY}:/progs:ro")


def prog(name):
    """Its path inside a container that has MOUNT."""
    return f"/progs/prog-{name}"


def outside(name):
    return os.path.join(DIRECTORY, f"prog-{name}")
