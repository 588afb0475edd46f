# SPDX-License-Identifier: Apache-2.0
"""Who is measured, and how each is told to do the same work; and the directory in which all of it happens."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
CGROUPS = "/sys/fs/cgroup"
FLOOR = "floor"
BARE = "fork+exec"
APPLETS = ("true", "sh", "sleep", "cat", "ls")
# The process that is looked for: nobody else sleeps for just that long.
SLEEP = ["/bin/sleep", str(10**8 + os.getpid())]
CONTEXE_SHARE_NET = ["--share", "net"]


class Failed(Exception):
    """A contestant cannot take part; the text says why."""


def run(argv, **kw):
    """Runs a command and returns its standard output; Failed with what it said if it fails."""
    p = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, **kw)
    if p.returncode:
        raise Failed(f"{os.path.basename(argv[0])}: exit {p.returncode}: {last_line(p.stderr)}")
    return p.stdout


def last_line(text):
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it said nothing"


def is_static(path):
    """Whether an ELF program needs no loader; None: no telling."""
    try:
        return "INTERP" not in run(["readelf", "-lW", path])
    except (Failed, OSError):
        return None                             # no binutils, or a script


# ---- processes ----

def processes():
    """{pid: (parent, arguments)} of everything."""
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/cmdline", "rb") as f:
                argv = f.read().decode(errors="replace").rstrip("\0").split("\0")
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as f:
                found[int(name)] = (int(f.read().rpartition(")")[2].split()[1]), argv)
        except (OSError, IndexError):
            pass                                # gone meanwhile
    return found


def find_sleepers():
    return {pid for pid, (_, argv) in processes().items() if argv == SLEEP}


# ---- the workplace ----

class Workplace:
    """One temporary directory with everything in it, gone at the end."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="contexe-bench-")
        os.chmod(self.dir, 0o755)
        self.tag = f"cxb{os.getpid()}"          # begins the name of all containers that we make
        self.rootfs = self.path("rootfs")

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def mkdir(self, *parts):
        os.makedirs(self.path(*parts), exist_ok=True)
        return self.path(*parts)

    def compile(self):
        for name in ("floor", "floor-setns", "timer", "load"):
            run([os.environ.get("CC", "cc"), "-std=gnu17", "-D_GNU_SOURCE", "-O2", "-static",
                 "-o", self.path(name), os.path.join(HERE, name + ".c")])

    def make_rootfs(self, busybox):
        for name in ("bin", "dev", "etc", "proc", "sys", "tmp", "root", "run"):
            self.mkdir("rootfs", name)
        shutil.copy(busybox, self.path("rootfs", "bin", "busybox"))
        for name in APPLETS:
            os.symlink("busybox", self.path("rootfs", "bin", name))

    def close(self):
        for parent, names, _ in os.walk(CGROUPS, topdown=False):
            for name in names:
                if self.tag in name:
                    try:
                        os.rmdir(os.path.join(parent, name))
                    except OSError:
                        pass                    # not empty: told by leftovers()
        shutil.rmtree(self.dir, ignore_errors=True)

    def leftovers(self):
        left = [os.path.join(d, n) for d, names, _ in os.walk(CGROUPS) for n in names if self.tag in n]
        return left + ([self.dir] if os.path.exists(self.dir) else [])


# ---- the contestants ----

class Contestant:
    """How to do each kind of work with one program. None where it cannot. %n: a number unique to the run."""

    def __init__(self, name, path, place):
        self.name, self.path, self.place = name, path, place
        self.background = None                  # Popen of a container that runs in the foreground
        self.about = describe(path)

    def prepare(self):
        pass

    def life(self, own_net):
        return None

    def start(self):
        """Starts a container that sleeps."""
        raise Failed("does not keep containers running")

    def exec_argv(self):
        """Executes `true` in what start() started."""
        return None

    def stop(self):
        if self.background:
            for pid in find_sleepers() - self.before:
                os.kill(pid, signal.SIGKILL)
            self.background.wait(timeout=10)
            self.background.stderr.close()
            self.background = None

    def start_foreground(self, argv):
        self.before = find_sleepers()
        self.background = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                           stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 10
        while not find_sleepers() - self.before:
            if self.background.poll() is not None:
                why = last_line(self.background.stderr.read())
                self.background = None
                raise Failed(why)
            if time.monotonic() > deadline:
                self.background.kill()
                raise Failed("the container did not start in ten seconds")
            time.sleep(0.005)


class Bare(Contestant):
    """No container: what starting any program costs here."""

    def life(self, own_net):
        return [os.path.join(self.place.rootfs, "bin", "true")]


class Floor(Contestant):
    def life(self, own_net):
        return [self.path] + ([] if own_net else ["-n"]) + [self.place.rootfs, "/bin/true"]

    def start(self):
        self.start_foreground([self.path, self.place.rootfs] + SLEEP)

    def exec_argv(self):
        pid = min(find_sleepers() - self.before)
        return [self.place.path("floor-setns"), str(pid), "/bin/true"]


class Bubblewrap(Contestant):
    def argv(self, own_net):
        namespaces = ["ipc", "pid", "uts", "cgroup"] + (["net"] if own_net else [])
        return [self.path] + [f"--unshare-{n}" for n in namespaces] + [
            "--bind", self.place.rootfs, "/", "--proc", "/proc", "--dev", "/dev"]

    def life(self, own_net):
        return self.argv(own_net) + ["/bin/true"]

    def start(self):
        self.start_foreground(self.argv(True) + SLEEP)


class Oci(Contestant):
    """A runtime with runc's command line: its own default configuration, without a terminal."""

    def prepare(self):
        self.state = self.place.mkdir(self.name, "state")
        self.write_bundles(device_rules=True)
        trial = self.argv("run", "--bundle", self.place.path(self.name, "life"), f"{self.place.tag}-{self.name}")
        try:
            run(trial)
        except Failed as why:
            # The eBPF program of the default device rules needs locked memory, which some runtimes raise
            # the limit for even where they may not. Without the rules they can still be measured.
            self.write_bundles(device_rules=False)
            run(trial)
            self.about += f"; without its device rules ({why})"

    def write_bundles(self, device_rules):
        for bundle, argv, own_net in (("life", ["/bin/true"], True), ("life-host", ["/bin/true"], False),
                                      ("sleep", SLEEP, True)):
            directory = self.place.mkdir(self.name, bundle)
            path = os.path.join(directory, "config.json")
            if not os.path.exists(path):
                run([self.path, "spec"], cwd=directory)
            with open(path, encoding="utf-8") as f:
                config = json.load(f)
            config["process"].update(terminal=False, args=argv)
            config["root"] = {"path": self.place.rootfs, "readonly": False}
            if not own_net:
                spaces = config["linux"]["namespaces"]
                config["linux"]["namespaces"] = [n for n in spaces if n["type"] != "network"]
            if not device_rules:
                config["linux"].pop("resources", None)
            with open(path, "w", encoding="utf-8") as f:
                json.dump(config, f)

    def argv(self, *words):
        return [self.path, "--root", self.state, *words]

    def life(self, own_net):
        bundle = self.place.path(self.name, "life" if own_net else "life-host")
        return self.argv("run", "--bundle", bundle, f"{self.place.tag}-{self.name}-%n")

    def start(self):
        self.id = f"{self.place.tag}-{self.name}-sleep"
        # not run(): what a detached container inherits would hold the pipes open
        p = subprocess.run(self.argv("run", "--detach", "--bundle", self.place.path(self.name, "sleep"), self.id),
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if p.returncode:
            raise Failed(f"cannot start a container that sleeps: exit {p.returncode}")

    def exec_argv(self):
        return self.argv("exec", self.id, "/bin/true")

    def stop(self):
        run(self.argv("delete", "--force", self.id))


class Contexe(Contestant):
    options = []

    def prepare(self):
        # inherited by whatever runs it, the timer included
        os.environ["CONTEXE_ROOT"] = self.place.mkdir("contexe-root")

    def argv(self, *options):
        return [self.path, "run", *options, *self.options, "--rootfs", self.place.rootfs]

    def life(self, own_net):
        return self.argv("--rm", *([] if own_net else CONTEXE_SHARE_NET)) + ["--", "/bin/true"]

    def start(self):
        self.id = f"{self.place.tag}-{self.name}"
        p = subprocess.run(self.argv("--detach", "--name", self.id) + ["--"] + SLEEP,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if p.returncode:
            raise Failed(f"cannot start a container that sleeps: exit {p.returncode}")

    def exec_argv(self):
        return [self.path, "exec", self.id, "/bin/true"]

    def stop(self):
        run([self.path, "rm", "--force", self.id])


class ContexeUnfiltered(Contexe):
    """Like the default configuration of the OCI runtimes, which has no seccomp filter."""
    options = ["--seccomp", "none"]


KINDS = {"contexe": Contexe, "contexe-unfiltered": ContexeUnfiltered, "crun": Oci, "runc": Oci, "youki": Oci,
         "bubblewrap": Bubblewrap}
PROGRAMS = {"bubblewrap": "bwrap"}


def describe(path):
    """Version and linkage, for the reader."""
    try:
        version = run([path, "--version"], timeout=10).splitlines()[0].strip()
    except (Failed, IndexError, subprocess.TimeoutExpired, OSError):
        version = ""
    static = is_static(path)
    return version + {True: ", static", False: ", shared libraries", None: ""}[static]


def contestants(place, args):
    """Who takes part, and who does not and why."""
    given = dict(p.split("=", 1) for p in args.peer)
    paths = {name: os.path.abspath(args.contexe) if issubclass(kind, Contexe)
             else shutil.which(PROGRAMS.get(name, name)) for name, kind in KINDS.items()}
    paths.update(given)                         # or another build of one: crun-static=/path
    inside = [Bare(BARE, place.path("rootfs", "bin", "true"), place), Floor(FLOOR, place.path("floor"), place)]
    inside[0].about = inside[1].about = "static"
    left_out = {}
    for name, path in paths.items():
        kind = KINDS.get(name) or KINDS.get(name.split("-")[0])
        if not kind:
            raise SystemExit(f"bench: --peer {name}: must begin with one of {', '.join(KINDS)}")
        if not path or not os.access(path, os.X_OK):
            left_out[name] = f"not built: {path}" if issubclass(kind, Contexe) else "not installed"
            continue
        c = kind(name, path, place)
        try:
            c.prepare()
            inside.append(c)
        except Failed as why:
            left_out[name] = str(why)
    return inside, left_out
