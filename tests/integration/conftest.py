# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the integration tests.

contexe         the built command with a private state root; removed afterwards, and nothing may be left
unprivileged    an ordinary user with subordinate ids; .contexe drives the command as him
busybox_rootfs  a small root file system, read by all, written by none
scratch         an empty directory that everybody may enter
leak_check      compares the machine before and after a test (serial tests only)
"""
import itertools
import os
import shutil
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import engine, machine, need                   # noqa: E402
from support.user import User                               # noqa: E402

# In the virtual machine /tmp is an overlay, which cannot carry another one's upper layer; /run is a tmpfs.
BASE = "/run" if os.environ.get("VMRUN") else os.environ.get("TMPDIR", "/tmp")
serial_numbers = itertools.count(1)


def make_directory(word):
    """Short (a unix socket's path has 107 bytes) and open to every user."""
    path = tempfile.mkdtemp(prefix=f"cxt-{word}-", dir=BASE)
    os.chmod(path, 0o755)
    return path


def make_tag():
    return f"{os.getpid()}-{next(serial_numbers)}"


def finish(contexe):
    problems = contexe.close()
    if problems:
        pytest.fail("left behind:\n" + "\n".join(problems), pytrace=False)


@pytest.fixture
def contexe():
    if not os.access(os.path.join(engine.BUILD, "contexe"), os.X_OK):
        pytest.fail(f"{engine.BUILD}/contexe is not built: make", pytrace=False)
    c = engine.Contexe(make_directory("root"), make_tag())
    yield c
    finish(c)


@pytest.fixture(scope="session")
def ordinary_user():
    need.root()
    need.program("setpriv", "nsenter", "newuidmap")
    directory = make_directory("user")
    user = User(directory)
    yield user
    user.close()
    shutil.rmtree(directory)


@pytest.fixture
def unprivileged(ordinary_user):
    root = make_directory("root")
    os.chown(root, ordinary_user.uid, ordinary_user.gid)
    ordinary_user.engine = ordinary_user.contexe(root, make_tag())
    yield ordinary_user
    finish(ordinary_user.engine)


@pytest.fixture(scope="session")
def busybox_rootfs():
    need.program("busybox")
    root = make_directory("busybox")
    for name in ("bin", "sbin", "usr/bin", "usr/sbin", "etc", "proc", "sys", "dev", "tmp", "root", "home",
                 "run", "var/tmp", "mnt"):
        os.makedirs(os.path.join(root, name))
    os.chmod(os.path.join(root, "tmp"), 0o1777)
    busybox = os.path.join(root, "bin", "busybox")
    shutil.copy(shutil.which("busybox"), busybox)
    for applet in subprocess.check_output([busybox, "--list"], text=True).split():
        if applet != "busybox":
            os.symlink("/bin/busybox", os.path.join(root, "bin", applet))
    for name, text in {
        "passwd": "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home:/bin/sh\n"
                  "nobody:x:65534:65534:nobody:/:/bin/false\n",
        "group": "root:x:0:\nuser:x:1000:\nextra:x:2000:user\nnogroup:x:65534:\n",
        "hostname": "busybox\n",
    }.items():
        with open(os.path.join(root, "etc", name), "w", encoding="utf-8") as f:
            f.write(text)
    yield root
    shutil.rmtree(root)


@pytest.fixture(scope="session")
def own_rootfs(ordinary_user, busybox_rootfs):
    """The busybox root once more, the ordinary user's own, as an image that he unpacked would be."""
    path = os.path.join(ordinary_user.directory, "rootfs")
    subprocess.run(["cp", "-a", busybox_rootfs, path], check=True)
    subprocess.run(["chown", "-hR", f"{ordinary_user.uid}:{ordinary_user.gid}", path], check=True)
    return path


@pytest.fixture
def scratch():
    path = make_directory("scratch")
    yield path
    shutil.rmtree(path)


@pytest.fixture
def leak_check():
    """A function that fails the test when the machine holds more than at the test's beginning; it is
    called at the end in any case (after the containers of a `contexe` that was asked for later)."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        pytest.fail("a test that uses leak_check must be marked serial", pytrace=False)
    before = machine.Snapshot()

    def check(grace=5):
        machine.until(lambda: not machine.Snapshot().left(before), timeout=grace)
        left = machine.Snapshot().left(before)
        if left:
            pytest.fail("left behind:\n" + "\n".join(left), pytrace=False)

    yield check
    check()
