# SPDX-License-Identifier: Apache-2.0
"""--volume, --tmpfs, --shm-size: what is shown inside beside the root."""
import os
import subprocess

import pytest

from support import machine
from support.box import box, refused                        # noqa: F401


@pytest.fixture
def data(scratch):
    path = os.path.join(scratch, "data")
    os.makedirs(os.path.join(path, "below"))
    with open(os.path.join(path, "file"), "w", encoding="utf-8") as f:
        f.write("from outside\n")
    return path


def test_read_and_write(box, data):                         # noqa: F811
    assert box.sh("cat /data/file; echo inside > /data/new", "-v", f"{data}:/data").stdout == "from outside\n"
    assert machine.read(f"{data}/new") == "inside\n"


def test_read_only(box, data):                              # noqa: F811
    done = box.sh("cat /data/file; touch /data/new; rm /data/file; touch /data/below/x", "-v", f"{data}:/data:ro",
                  check=False)
    assert done.stdout == "from outside\n" and done.stderr.count("Read-only") == 3
    assert sorted(os.listdir(data)) == ["below", "file"]


def test_read_only_holds_for_mounts_below(contexe, busybox_rootfs, data):
    script = (f"mount -t tmpfs t {data}/below && {contexe.binary} run --rm -v {data}:/data:ro --rootfs "
              f"{busybox_rootfs} --overlay -- touch /data/below/x")
    done = subprocess.run(["unshare", "-m", "sh", "-ec", script], env=contexe.environment(None), text=True,
                          capture_output=True, timeout=60)
    assert done.returncode == 1 and "Read-only" in done.stderr


def test_a_file(box, data):                                 # noqa: F811
    assert box.sh("cat /etc/passwd; echo more >> /etc/passwd", "-v", f"{data}/file:/etc/passwd").stdout == \
        "from outside\n"
    assert machine.read(f"{data}/file") == "from outside\nmore\n"


def test_a_source_beside_us(box, data):                     # noqa: F811
    """Relative to where the command is called, as a shell would take it."""
    for source in ("data", "./data", "data/../data", "."):
        options = ("-v", f"{source}:/data")
        done = box.sh("ls /data", *options, cwd=os.path.dirname(data))
        assert done.stdout == ("data\n" if source == "." else "below\nfile\n")


def test_nested_in_any_order(box, data, scratch):           # noqa: F811
    """The outer one first, however they were given."""
    inner = os.path.join(scratch, "inner")
    os.mkdir(inner)
    volumes = [f"{data}:/data", f"{inner}:/data/below"]
    for order in (volumes, volumes[::-1]):
        box.sh("echo x > /data/below/x; ls /data/file", *[o for v in order for o in ("-v", v)])
        assert os.listdir(inner) == ["x"] and os.listdir(f"{data}/below") == []


def test_missing_destinations_are_made(box, data):          # noqa: F811
    assert box.sh("cat /a/b/c/file /x/y", "-v", f"{data}:/a/b/c", "-v", f"{data}/file:/x/y").stdout == \
        "from outside\n" * 2
    assert not os.path.exists(os.path.join(box.rootfs, "a"))


@pytest.mark.parametrize("target", ["{out}", "../../../../../../../..{out}", "/proc/self/root{out}"])
def test_a_symlink_in_the_destination_stays_inside(box, data, scratch, target):     # noqa: F811
    """The root holds /link -> a directory of the machine. The volume must not land there."""
    out = os.path.join(scratch, "out")
    root = os.path.join(scratch, "root")
    os.mkdir(out)
    subprocess.run(["cp", "-a", box.rootfs, root], check=True)
    os.symlink(target.format(out=out), os.path.join(root, "link"))
    box.contexe.run("run", "--rm", "--rootfs", root, "-v", f"{data}:/link/v", "--", "true", check=False)
    assert os.listdir(out) == []


def test_options_of_a_volume(box, data):                    # noqa: F811
    line = box.sh("grep ' /data ' /proc/mounts", "-v", f"{data}:/data:nosuid,nodev,noexec,ro").stdout
    assert {"ro", "nosuid", "nodev", "noexec"} <= set(line.split()[3].split(","))


@pytest.mark.parametrize("value, why", [
    ("/nonexistent:/x", "No such file"), ("/etc", "SRC:DST"), ("/etc:relative", "SRC:DST"), (":/x", "SRC:DST"),
    ("/etc:/x:nonsense", "nonsense"),
])
def test_refused(contexe, value, why):
    line = contexe.fails("run", "-v", value, "--", "true", code=125)
    assert why in line and line.count("\n") == 1
    assert contexe.containers() == []


def test_tmpfs(box):                                        # noqa: F811
    line = box.sh("touch /scratch/x; grep ' /scratch ' /proc/mounts; mkdir /scratch/d",
                  "--tmpfs", "/scratch:size=1m,mode=700").stdout
    assert line.startswith("tmpfs /scratch tmpfs ") and {"size=1024k", "mode=700", "nosuid", "nodev"} <= set(
        line.split()[3].split(","))
    assert box.sh("head -c 2000000 /dev/zero > /scratch/x", "--tmpfs", "/scratch:size=1m", check=False
                  ).returncode != 0


def test_shm_size(box):                                     # noqa: F811
    assert "size=65536k" in box.sh("grep ' /dev/shm ' /proc/mounts").stdout
    assert "size=8192k" in box.sh("grep ' /dev/shm ' /proc/mounts", "--shm-size", "8m").stdout
    refused(box.contexe, "run", "--shm-size", "1", "--", "true", why="4k")


def test_a_volume_takes_the_place_of_a_default(box, data):  # noqa: F811
    assert box.sh("ls /dev/shm", "-v", f"{data}:/dev/shm").stdout == "below\nfile\n"
    assert box.sh("cat /etc/hosts", "-v", f"{data}/file:/etc/hosts").stdout == "from outside\n"
