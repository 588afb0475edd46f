# SPDX-License-Identifier: Apache-2.0
"""The machine as it stands: processes, mounts, control groups, network namespaces. Used to tell what a
container left behind. Reads only."""
import glob
import os
import re
import time

CGROUP = re.compile(r"contexe-[0-9A-Za-z_.-]+")


def read(path):
    """A file of /proc or /sys as text; "" when it is gone or not ours to read."""
    try:
        with open(path, "rb") as f:
            return f.read().decode(errors="replace")
    except OSError:
        return ""


def link(path):
    try:
        return os.readlink(path)
    except OSError:
        return ""


def pids():
    return [int(p) for p in os.listdir("/proc") if p.isdigit()]


def state(pid):
    """The state letter, "" when it is gone."""
    return read(f"/proc/{pid}/stat").rpartition(")")[2].strip()[:1]


def describe(pid):
    command = read(f"/proc/{pid}/cmdline").replace("\0", " ").strip()
    return f"{pid} ({read(f'/proc/{pid}/comm').strip()}) {command}"


def mounts():
    """Lines of our mountinfo, without the ids that change."""
    return {" ".join(line.split()[2:]) for line in read("/proc/self/mountinfo").splitlines()}


def cgroup_roots():
    return [line.split()[4] for line in read("/proc/self/mountinfo").splitlines()
            if re.search(r" - cgroup2? ", line)]


def cgroups():
    """All groups of ours, in every hierarchy, at any depth."""
    found = set()
    for root in cgroup_roots():
        for directory, names, _ in os.walk(root):
            for name in list(names):
                if CGROUP.fullmatch(name):
                    found.add(os.path.join(directory, name))
                    names.remove(name)          # what is below goes with it
    return found


def netns():
    """Inodes of the network namespaces that processes are in, or that are bound somewhere."""
    inodes = {link(f"/proc/{pid}/ns/net") for pid in pids()} - {""}
    return inodes | set(re.findall(r"net:\[\d+\]", read("/proc/self/mountinfo")))


def container_processes():
    """Living processes of ours: by name, by control group, or because they are in a nested pid namespace."""
    found = set()
    for pid in pids():
        nspid = re.search(r"^NSpid:(.*)$", read(f"/proc/{pid}/status"), re.M)
        nested = nspid and len(nspid[1].split()) > 1
        named = read(f"/proc/{pid}/comm").startswith("contexe")
        if (nested or named or CGROUP.search(read(f"/proc/{pid}/cgroup"))) and state(pid) not in ("", "Z", "X"):
            found.add(pid)
    return found


def users_of(path, ids=()):
    """Processes that have anything to do with a state root: in environment, command line, mounts, working
    directory or open files; or with a control group of one of the container ids."""
    ours, found = os.getpid(), set()
    for pid in pids():
        if pid == ours:
            continue
        proc = f"/proc/{pid}"
        texts = [read(f"{proc}/environ"), read(f"{proc}/cmdline"), read(f"{proc}/mountinfo"), link(f"{proc}/cwd")]
        texts += [link(fd) for fd in glob.glob(f"{proc}/fd/*")]
        if any(path in t for t in texts) or any(f"contexe-{i}" in read(f"{proc}/cgroup") for i in ids):
            if state(pid) not in ("", "Z", "X"):
                found.add(pid)
    return found


class Snapshot:
    """What there is; compare two with left()."""

    def __init__(self):
        self.parts = {
            "process": {describe(p) for p in container_processes()},
            "mount": mounts(),
            "control group": cgroups(),
            "network namespace": netns(),
        }

    def left(self, since):
        """What is there now and was not then, as lines."""
        return [f"{kind}: {thing}" for kind, things in self.parts.items()
                for thing in sorted(things - since.parts[kind])]


def until(condition, timeout=10, step=0.02):
    """Waits for a true value and returns it; the last false one when time is over."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(step)
