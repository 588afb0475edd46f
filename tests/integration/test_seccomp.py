# SPDX-License-Identifier: Apache-2.0
"""The filter of system calls, by the calls themselves (tests/progs/call.c)."""
import json
import os
import platform
import re

import pytest

from support import need
from support.box import box, refused                                 # noqa: F401
from support.progs import MOUNT, prog

CLONE_NEWUSER = 0x10000000
CLONE_NEWPID, CLONE_NEWNS, SIGCHLD = 0x20000000, 0x20000, 17

# x86-64: name -> number, arguments
REFUSED = {
    "unshare(CLONE_NEWUSER)": (272, CLONE_NEWUSER), "clone(CLONE_NEWUSER)": (56, CLONE_NEWUSER | SIGCHLD),
    "clone(CLONE_NEWPID)": (56, CLONE_NEWPID | SIGCHLD), "setns": (308, 0, 0),
    "mount": (165, "s:a", "s:/mnt", "s:tmpfs", 0, 0), "umount2": (166, "s:/proc", 0),
    "pivot_root": (155, "s:/", "s:/"), "open_tree": (428, -100, "s:/", 1),
    "move_mount": (429, -1, "s:", -100, "s:/mnt", 4), "fsopen": (430, "s:tmpfs", 0),
    "fsmount": (432, 0, 0, 0), "mount_setattr": (442, -100, "s:/", 0, "z:32", 32),
    "keyctl": (250, 0, -3, 0), "add_key": (248, "s:user", "s:a", "s:b", 1, -3),
    "request_key": (249, "s:user", "s:a", 0, 0), "bpf": (321, 0, "z:128", 128),
    "io_uring_setup": (425, 4, "z:120"), "perf_event_open": (298, "z:128", 0, -1, -1, 0),
    "userfaultfd": (323, 0), "kexec_load": (246, 0, 0, 0, 0), "kexec_file_load": (320, -1, -1, 0, 0, 0),
    "init_module": (175, "z:8", 8, "s:"), "finit_module": (313, 0, "s:", 0),
    "delete_module": (176, "s:x", 0), "reboot": (169, 0xfee1dead, 0x28121969, 0),
    "swapon": (167, "s:/x", 0), "acct": (163, "s:/x"), "settimeofday": (164, "z:16", 0),
    "clock_settime": (227, 0, "z:16"), "sethostname": (170, "s:x", 1),
    "open_by_handle_at": (304, 0, "z:16", 0), "iopl": (172, 3), "ioperm": (173, 0, 1, 1),
    "quotactl": (179, 0, 0, 0, 0), "syslog": (103, 3, "z:64", 64), "lookup_dcookie": (212, 0, 0, 0),
    "personality(ADDR_NO_RANDOMIZE)": (135, 0x40000), "vhangup": (153,), "nfsservctl": (180,),
    "move_pages": (279, 0, 0, 0, 0, 0), "kcmp": (312, 1, 1, 0, 0, 0), "fanotify_init": (300, 0, 0),
    "pidfd_getfd": (438, -1, 0, 0), "clone3": (435, "z:88", 0), "socket(AF_VSOCK)": (41, 40, 1, 0),
    "socket(NETLINK_AUDIT)": (41, 16, 3, 9),
}
ANSWERS = {"clone3": {"ENOSYS"}, "socket(AF_VSOCK)": {"EPERM", "EAFNOSUPPORT"},
           "socket(NETLINK_AUDIT)": {"EINVAL"}, "nfsservctl": {"EPERM", "ENOSYS"},
           "lookup_dcookie": {"EPERM", "ENOSYS"}}


@pytest.fixture(scope="module", autouse=True)
def x86_64():
    need.kernel(platform.machine() == "x86_64", "x86-64 here, whose numbers these are")


def calls(box, table, *options):                            # noqa: F811
    """Makes all calls in one container, each in a process of its own: name -> answer."""
    script = "\n".join(f"{prog('call')} " + " ".join(f"'{a}'" for a in call) for call in table.values())
    said = box.sh(script, *MOUNT, *options).stdout.split("\n")
    return dict(zip(table, said))


@pytest.mark.v2
def test_mode_is_filter(box):                               # noqa: F811
    assert re.search(r"Seccomp:\s(\d)", box.sh("cat /proc/self/status").stdout)[1] == "2"


def test_dangerous_calls_are_refused_even_with_all_capabilities(box):       # noqa: F811
    """The filter alone: capabilities would let them."""
    table = {k: v for k, v in REFUSED.items() if k not in ("reboot",)}
    got = calls(box, table, "--cap-drop", "ALL")
    wrong = {k: v for k, v in got.items() if v not in ANSWERS.get(k, {"EPERM"})}
    assert not wrong


def test_without_the_filter_the_kernel_answers_otherwise(box):      # noqa: F811
    """So the test above does test something."""
    table = {k: REFUSED[k] for k in ("unshare(CLONE_NEWUSER)", "keyctl", "clone3",
                                     "personality(ADDR_NO_RANDOMIZE)")}
    got = calls(box, table, "--seccomp", "none")
    assert "EPERM" not in got.values() and "ENOSYS" not in got.values(), got


def test_ordinary_calls_are_allowed(box):                   # noqa: F811
    table = {"getpid": (39,), "openat": (257, -100, "s:/", 0), "memfd_create": (319, "s:x", 0), "epoll": (291, 0),
             "pidfd_open": (434, 1, 0), "getrandom": (318, "z:8", 8, 0), "eventfd": (290, 0, 0),
             "socket": (41, 2, 1, 0), "faccessat2": (439, -100, "s:/", 0, 0), "close_range": (436, 50, 60, 0),
             "statx": (332, -100, "s:/", 0, 0x7ff, "z:256"), "mlock": (149, "z:8", 8), "inotify": (294, 0),
             "personality(get)": (135, 0xffffffff), "io_setup": (206, 1, "z:8"), "landlock": (444, 0, 0, 1)}
    got = calls(box, table)
    wrong = {k: v for k, v in got.items() if not v.lstrip("-").isdigit()}
    assert set(wrong) <= {"landlock"}, got
    assert got["landlock"] != "EPERM"


@pytest.mark.parametrize("number", [600, 1000, 0x3fffffff])
def test_an_unknown_number_is_not_implemented(box, number):     # noqa: F811
    """Programs try a new call and fall back at ENOSYS; EPERM would stop them."""
    assert calls(box, {"new": (number,)}) == {"new": "ENOSYS"}


def test_threads_run_without_clone3(contexe):
    script = "import threading; t = [threading.Thread(target=print, args=('x',)) for _ in range(8)]; " \
             "[x.start() for x in t]; [x.join() for x in t]"
    assert contexe.out("run", "--rm", "--", "/usr/bin/python3", "-c", script).split() == ["x"] * 8


def test_exec_is_filtered_too(box):                         # noqa: F811
    name = box.start("sleep 1000", *MOUNT)
    assert box.exec(name, f"{prog('call')} 272 {CLONE_NEWUSER}").stdout == "EPERM\n"
    assert re.search(r"Seccomp:\s(\d)", box.exec(name, "cat /proc/self/status").stdout)[1] == "2"
    assert re.search(r"Seccomp:\s(\d)", box.exec(name, "cat /proc/self/status", "--privileged").stdout)[1] == "0"


@pytest.mark.parametrize("options", [["--seccomp", "none"], ["--privileged"], ["--security-opt", "seccomp=unconfined"]])
def test_none(box, options):                                # noqa: F811
    assert re.search(r"Seccomp:\s(\d)", box.sh("cat /proc/self/status", *options).stdout)[1] == "0"


def profile(scratch, **changes):
    path = os.path.join(scratch, "profile.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}], **changes}, f)
    return path


def test_a_profile_of_ones_own(box, scratch):               # noqa: F811
    done = box.sh("mkdir /tmp/x; touch /tmp/y && echo touched", "--seccomp", profile(scratch))
    assert done.stdout == "touched\n" and "No space left" in done.stderr


def test_a_profile_that_kills(box, scratch):                # noqa: F811
    path = profile(scratch, syscalls=[{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_KILL_PROCESS"}])
    assert box.sh("exec mkdir /tmp/x", "--seccomp", path, check=False).returncode == 128 + 31


@pytest.mark.parametrize("text, why", [("{", ""), ("[]", ""), ('{"defaultAction": "SCMP_ACT_NO"}', "SCMP_ACT_NO")])
def test_a_broken_profile(contexe, scratch, text, why):
    path = os.path.join(scratch, "broken.json")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    line = contexe.fails("run", "--seccomp", path, "--", "true", code=125)
    assert (why or path) in line and line.count("\n") == 1
    assert "No such file" in contexe.fails("run", "--seccomp", "/nonexistent", "--", "true", code=125)


def test_the_compiled_filter_is_cached(box):                # noqa: F811
    cache = os.path.join(box.contexe.root, "cache")
    box.sh("true")
    first = {n: os.stat(os.path.join(cache, n)).st_mtime_ns for n in os.listdir(cache)}
    box.sh("true")
    assert first and {n: os.stat(os.path.join(cache, n)).st_mtime_ns for n in os.listdir(cache)} == first
    for n in first:                                         # a damaged one is made again, not used
        with open(os.path.join(cache, n), "r+b") as f:
            f.truncate(3)
    assert re.search(r"Seccomp:\s(\d)", box.sh("cat /proc/self/status").stdout)[1] == "2"


@pytest.mark.parametrize("action, why", [("SCMP_ACT_FOO", "no seccomp action"), ("SCMP_ACT_NOTIFY", "nobody listens")])
def test_a_refused_profile_is_named(contexe, tmp_path, action, why):
    profile = tmp_path / "profile.json"
    profile.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW",
                                   "syscalls": [{"names": ["read"], "action": action}]}))
    for option, value in (("--seccomp", profile), ("--security-opt", f"seccomp={profile}")):
        refused(contexe, "run", option, value, "--", "true", thing=str(profile), why=why)
