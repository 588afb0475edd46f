# SPDX-License-Identifier: Apache-2.0
"""Why a test cannot run here; see tests/conftest.py for what may be skipped where."""
import os
import shutil

import pytest


def program(*names):
    """Programs of packages that scripts/packages lists."""
    for name in names:
        if not shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            pytest.skip(f"program {name} is missing (scripts/packages lists its package)")


def root():
    if os.geteuid() != 0:
        pytest.skip("needs root")


def kernel(present, what):
    """Something that not every kernel, or not every machine's set-up, has."""
    if not present:
        pytest.skip(f"kernel: no {what}")


def machine(what):
    """A limit of the machine that no package and no privilege cures (nested, no nested KVM, ...)."""
    pytest.skip(f"kernel: {what}")
