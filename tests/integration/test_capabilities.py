# SPDX-License-Identifier: Apache-2.0
"""The capability sets of a job, and set-user-id programs."""
import os
import re
import shutil
import subprocess

import pytest

from support import machine, need
from support.box import box, refused                        # noqa: F401

BITS = {"CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "FSETID": 4, "KILL": 5, "SETGID": 6, "SETUID": 7, "SETPCAP": 8,
        "NET_BIND_SERVICE": 10, "SYS_CHROOT": 18, "SETFCAP": 31}
DEFAULT = sum(1 << bit for bit in BITS.values())
NET_RAW, SYS_ADMIN = 1 << 13, 1 << 21


def sets(text):
    return {k: int(v, 16) for k, v in re.findall(r"^Cap(\w+):\s*(\w+)$", text, re.M)}


def caps(box, *options):                                    # noqa: F811
    return sets(box.sh("cat /proc/self/status", *options).stdout)


def all_of_ours():
    """What we can give: a machine may withhold some from its root."""
    return sets(machine.read("/proc/self/status"))["Bnd"]


def test_the_default_is_these_eleven(box):                  # noqa: F811
    assert len(BITS) == 11
    assert caps(box) == {"Inh": 0, "Prm": DEFAULT, "Eff": DEFAULT, "Bnd": DEFAULT, "Amb": 0}


def test_exec_has_the_same(box):                            # noqa: F811
    name = box.start()
    assert sets(box.exec(name, "cat /proc/self/status").stdout)["Bnd"] == DEFAULT
    assert sets(box.exec(name, "cat /proc/self/status").stdout)["Eff"] == DEFAULT
    assert sets(box.exec(name, "cat /proc/self/status", "--privileged").stdout)["Eff"] == all_of_ours()


@pytest.mark.parametrize("options, want", [
    (["--cap-drop", "KILL"], DEFAULT & ~(1 << 5)),
    (["--cap-drop", "CAP_KILL", "--cap-drop", "chown"], DEFAULT & ~(1 << 5) & ~1),
    (["--cap-add", "NET_RAW"], DEFAULT | NET_RAW),
    (["--cap-drop", "ALL"], 0),
    (["--cap-drop", "all", "--cap-add", "NET_RAW"], NET_RAW),
    (["--cap-add", "NET_RAW", "--cap-drop", "ALL"], NET_RAW),
], ids=lambda v: " ".join(v) if isinstance(v, list) else "")
def test_add_and_drop(box, options, want):                  # noqa: F811
    assert caps(box, *options) == {"Inh": 0, "Prm": want, "Eff": want, "Bnd": want, "Amb": 0}


def test_all(box):                                          # noqa: F811
    assert caps(box, "--cap-add", "ALL")["Eff"] == caps(box, "--privileged")["Eff"] == all_of_ours()
    got = caps(box, "--cap-add", "ALL", "--cap-drop", "SYS_ADMIN")["Eff"]
    assert got == all_of_ours() & ~SYS_ADMIN


def test_an_ordinary_user_inside_has_none(box):             # noqa: F811
    got = caps(box, "--user", "user")
    assert (got["Eff"], got["Prm"], got["Amb"], got["Bnd"]) == (0, 0, 0, DEFAULT)


def test_one_that_is_added_for_an_ordinary_user(box):       # noqa: F811
    """It survives execve(2), as nothing else does."""
    for user in ("user", "1000", "1000:1000"):
        got = caps(box, "--user", user, "--cap-add", "NET_RAW")
        assert got == {"Inh": NET_RAW, "Prm": NET_RAW, "Eff": NET_RAW, "Bnd": DEFAULT | NET_RAW, "Amb": NET_RAW}
    for user in ("root", "0", "0:5"):
        got = caps(box, "--user", user, "--cap-add", "NET_RAW")
        assert (got["Eff"], got["Amb"]) == (DEFAULT | NET_RAW, 0)


def test_unknown_ones_are_refused(contexe):
    for option in ("--cap-add", "--cap-drop"):
        refused(contexe, "run", option, "NO_SUCH", "--", "true", thing=option, why="no such capability")


def test_what_the_caller_does_not_have(contexe):
    """By name it is an error; ALL is what there is; in a user namespace there are all."""
    def without(*options, **settings):
        command = ["setpriv", "--bounding-set=-sys_time", *contexe.command("run", *options, "--", "true")]
        return subprocess.run(command, env=contexe.environment({}), stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, timeout=60, **settings)
    need.program("setpriv")
    done = without("--cap-add", "NET_RAW", "--cap-add", "sys_time")
    assert done.returncode == 125 and contexe.containers() == []
    assert "--cap-add sys_time: this system cannot give CAP_SYS_TIME: the caller does not have it" in done.stderr
    for options in (["--cap-add", "ALL"], ["--uid-map", "0:100000:65536", "--cap-add", "SYS_TIME"]):
        assert without("--rm", *options).returncode == 0


def test_init_has_no_more_than_the_job(box):                # noqa: F811
    """contexe-init needs none at all beyond what it was born with; its bounding set is no way out."""
    init = box.inspect(box.start())["initPid"]
    assert "NoNewPrivs" in machine.read(f"/proc/{init}/status")


# ---- no_new_privs ----

@pytest.fixture
def suid(scratch):
    """A copy of id(1) that belongs to root, with the set-user-id bit."""
    path = os.path.join(scratch, "id")
    shutil.copy("/usr/bin/id", path)
    os.chmod(path, 0o4755)
    return path


def test_a_set_uid_program_gains_nothing(contexe, suid):
    mount = ["-v", f"{suid}:/opt/id", "--user", "1000:1000"]
    assert contexe.out("run", "--rm", *mount, "--", "/opt/id", "-u") == "1000"
    assert contexe.out("run", "--rm", *mount, "--new-privileges", "--", "/opt/id", "-u") == "0"
    assert contexe.out("run", "--rm", *mount, "--security-opt", "no-new-privileges=false", "--", "/opt/id", "-u"
                       ) == "0"


def test_no_new_privs_is_set(box):                          # noqa: F811
    for options, want in (([], "1"), (["--new-privileges"], "0"),
                          (["--privileged", "--security-opt", "no-new-privileges"], "1")):
        assert re.search(r"NoNewPrivs:\s(\d)", box.sh("cat /proc/self/status", *options).stdout)[1] == want


def test_exec_keeps_no_new_privs(contexe, suid):
    name = contexe.name()
    contexe.run("run", "-d", "--name", name, "-v", f"{suid}:/opt/id", "--", "sleep", "1000")
    assert contexe.out("exec", "--user", "1000", name, "/opt/id", "-u") == "1000"


def test_file_capabilities_gain_nothing(contexe, scratch):
    """Not even one of the bounding set: CAP_SETUID here."""
    need.program("setcap")
    path = os.path.join(scratch, "cat")
    shutil.copy("/bin/cat", path)
    subprocess.run(["/sbin/setcap", "cap_setuid+ep", path], check=True)
    run = ["run", "--rm", "-v", f"{path}:/opt/cat", "--user", "1000"]
    assert sets(contexe.out(*run, "--", "/opt/cat", "/proc/self/status"))["Eff"] == 0
    assert sets(contexe.out(*run, "--new-privileges", "--", "/opt/cat", "/proc/self/status"))["Eff"] == 1 << 7


# ---- what is left of root ----

def test_what_eleven_are_good_for(box):                     # noqa: F811
    script = "chown user /tmp && su user -c 'id -u' && chroot / true && nc -l -p 80 -w 1; echo done"
    assert box.sh(script).stdout.split() == ["1000", "done"]


@pytest.mark.parametrize("script", [
    "mount -t tmpfs x /mnt", "umount /proc", "mknod /tmp/n c 1 3", "hostname x",
    "ip link add x type dummy", "ip addr add 10.9.9.9/8 dev lo", "swapoff -a", "dmesg -c", "reboot -f",
    "nice -n -5 true", "insmod /x.ko", "ping -c 1 127.0.0.1", "pivot_root / /mnt", "losetup /dev/loop0 /bin/busybox",
])
def test_what_they_are_not_good_for(box, script):           # noqa: F811
    assert box.sh(script + " || exit 9", check=False).returncode == 9
