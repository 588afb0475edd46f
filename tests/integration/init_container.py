# SPDX-License-Identifier: Apache-2.0
"""A container with nothing but contexe-init and a job, made by hand: the test is the engine.

    test (child subreaper, the supervisor)
      `- maker: unshares pid and mount namespaces, forks, ends
           `- pid 1: forks the job, lays out the descriptors of protocol.h, executes contexe-init
                `- pid 2: the job: an agent that obeys the test over a socket

Used by test_init_program.py.
"""
import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import tempfile
import time

libc = ctypes.CDLL(None, use_errno=True)

CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER = 0x20000, 0x20000000, 0x10000000
MS_REC, MS_PRIVATE = 0x4000, 0x40000
PR_SET_CHILD_SUBREAPER = 36
SYS_TGKILL, SYS_SIGQUEUE, SYS_TGSIGQUEUE, SYS_PIDFD_SEND, SYS_SIGNALFD4 = 234, 129, 297, 424, 289
SYS_CAPGET, SYS_CAPSET = 125, 126
PR_CAPBSET_DROP, CAP_SYS_PTRACE = 24, 19
SI_USER, SI_QUEUE, SI_TIMER, SI_TKILL, SI_KERNEL = 0, -1, -2, -6, 0x80

MAGIC = 0x49545843
(JOB_EXITED, ENDED_BY, STOP_ME, SIGNAL_JOB, ADOPT, ADOPTED, ORPHAN, READY) = range(1, 9)
ALL_SIGNALS = range(1, 65)


def call(nr, *args):
    """A raw system call. Returns its value or -errno."""
    words = [ctypes.c_long(a) if isinstance(a, int) else a for a in (nr, *args)]
    ret = libc.syscall(*words)
    return -ctypes.get_errno() if ret < 0 else ret


def check(ret, what):
    if ret < 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")
    return ret


# ---- messages --------------------------------------------------------------------------------

def pack(kind, value=0, magic=MAGIC):
    return struct.pack("=IIiI", magic, kind, value, 0)


def unpack(data):
    magic, kind, value, _ = struct.unpack("=IIiI", data)
    assert magic == MAGIC, hex(magic)
    return kind, value


# ---- every way to send a signal --------------------------------------------------------------

def siginfo(sig, code, pid, uid=0):
    return struct.pack("=iiiiiiQ", sig, 0, code, 0, pid, uid, 7).ljust(128, b"\0")


def send_sigio(pid, sig):
    """Has the kernel send sig to pid because a socket became readable (fcntl(2), F_SETOWN)."""
    a, b = socket.socketpair()
    fcntl.fcntl(a, fcntl.F_SETOWN, pid)
    fcntl.fcntl(a, 10, sig)                                      # F_SETSIG
    fcntl.fcntl(a, fcntl.F_SETFL, fcntl.fcntl(a, fcntl.F_GETFL) | os.O_ASYNC)
    b.send(b"x")
    a.close()
    b.close()
    return 0


def send_pidfd(pid, sig, info):
    fd = os.pidfd_open(pid)
    try:
        return call(SYS_PIDFD_SEND, fd, sig, info, 0)
    finally:
        os.close(fd)


def queue(code, si_pid=None):
    def send(pid, sig):
        info = siginfo(sig, code, os.getpid() if si_pid is None else si_pid)
        return call(SYS_SIGQUEUE, pid, sig, info)
    return send


SENDERS = {
    "kill": lambda pid, sig: libc.kill(pid, sig),
    "tgkill": lambda pid, sig: call(SYS_TGKILL, pid, pid, sig),
    "pidfd": lambda pid, sig: send_pidfd(pid, sig, 0),
    "sigqueue": queue(SI_QUEUE),
    "sigqueue, pid 0": queue(SI_QUEUE, 0),
    "timer, pid 0": queue(SI_TIMER, 0),
    "pidfd with info, pid 0": lambda pid, sig: send_pidfd(pid, sig, siginfo(sig, SI_QUEUE, 0)),
    "tgsigqueue, pid 0": lambda pid, sig: call(SYS_TGSIGQUEUE, pid, pid, sig,
                                               siginfo(sig, SI_QUEUE, 0)),
    "sigio": send_sigio,
    "forged user": queue(SI_USER, 0),
    "forged tkill": queue(SI_TKILL, 0),
    "forged kernel": queue(SI_KERNEL, 0),
}
PROVEN = ["kill", "tgkill", "pidfd"]
FORGEABLE = ["sigqueue", "sigqueue, pid 0", "timer, pid 0", "pidfd with info, pid 0",
             "tgsigqueue, pid 0", "sigio"]
REFUSED = ["forged user", "forged tkill", "forged kernel"]


# ---- the job ---------------------------------------------------------------------------------

def drop_sys_ptrace():
    """As the capabilities of a container do: a root process like init, but for this one."""
    header, data = struct.pack("=Ii", 0x20080522, 0), ctypes.create_string_buffer(24)
    call(SYS_CAPGET, header, data)
    effective, permitted, _, *high = struct.unpack("=6I", data.raw)
    low = ~(1 << CAP_SYS_PTRACE)
    call(SYS_CAPSET, header, struct.pack("=6I", effective & low, permitted & low, 0, *high))


def attempt(action):
    """0 or the errno of what action raised."""
    try:
        action()
        return 0
    except OSError as e:
        return e.errno


class Agent:
    """Runs in the container as the job; each public method is a command of the test."""

    def __init__(self):
        self.got = []
        for sig in (signal.SIGUSR1, signal.SIGTERM, 64):
            signal.signal(sig, lambda s, _: self.got.append(int(s)))

    def send(self, how, sig):
        return SENDERS[how](1, sig)

    def signals(self):
        return self.got

    def exit(self, code):
        os._exit(code)

    def die(self, sig):
        for inherited in range(1, 65):
            if inherited not in (signal.SIGKILL, signal.SIGSTOP, 32, 33):
                signal.signal(inherited, signal.SIG_DFL)
        os.kill(os.getpid(), sig)

    def storm(self, how, sig):
        """Two processes that send without end."""
        for _ in range(2):
            if os.fork() == 0:
                while True:
                    SENDERS[how](1, sig)

    def orphans(self, n):
        """n grandchildren whose parent ends, and who all end at once."""
        gate, hold = os.pipe()
        if os.fork() == 0:
            os.close(hold)
            for _ in range(n):
                if os.fork() == 0:
                    os.read(gate, 1)
                    os._exit(0)
            os._exit(0)
        os.wait()
        os.close(hold)
        os.close(gate)

    def processes(self):
        return sorted(int(name) for name in os.listdir("/proc") if name.isdigit())

    def spy(self):
        """What a root process without CAP_SYS_PTRACE can reach of pid 1: errnos."""
        r, w = os.pipe()
        if os.fork() == 0:
            drop_sys_ptrace()
            seen = [attempt(lambda: os.readlink("/proc/1/fd/4")),
                    attempt(lambda: os.open("/proc/1/fd/6", os.O_RDONLY)),
                    attempt(lambda: os.open("/proc/1/root", os.O_RDONLY)),
                    attempt(lambda: os.open("/proc/1/mem", os.O_RDONLY)),
                    attempt(lambda: check(libc.ptrace(0x4206, 1, 0, 0), "PTRACE_SEIZE"))]
            os.write(w, json.dumps(seen).encode())
            os._exit(0)
        os.wait()
        return json.loads(os.read(r, 100))

    def adopt(self, path):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sock.connect(path)
        sock.send(pack(ADOPT))
        return unpack(sock.recv(64))[0]

    def serve(self, sock):
        while line := sock.recv(65536):
            name, args = json.loads(line)
            sock.send(json.dumps(getattr(self, name)(*args)).encode())
        os._exit(0)


# ---- pid 1 before contexe-init, and the container --------------------------------------------

def lay_out(fds):
    """Makes fds[0] descriptor 3, fds[1] descriptor 4, and so on. The copies above stay open across
    execve(2): contexe-init must close them."""
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 100) for fd in fds]
    for to, fd in enumerate(high, 3):
        os.dup2(fd, to)


class Container:
    """program: what pid 1 executes. instead: a function that pid 1 runs in place of it.
    dead: the job ends with this code before the program starts. ignore: SIGCHLD is ignored then.
    userns: in a user namespace of its own, whose root is user 100000 outside."""

    def __init__(self, program, keep=(), argv=None, instead=None, dead=None, ignore=False,
                 stderr=None, userns=False):
        self.keep = keep
        self.dir = tempfile.mkdtemp(prefix="contexe-init-")
        self.ctl, self.status = self.dir + "/ctl", self.dir + "/status"
        self.listen = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listen.bind(self.ctl)
        os.chmod(self.dir, 0o755)
        os.chmod(self.ctl, 0o777)                # the walls are tested, not the file's permissions
        self.listen.listen(16)
        self.link, inner = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.agent, job_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        status_fd = os.open(self.status, os.O_WRONLY | os.O_CREAT, 0o600)
        fds = [inner.fileno(), self.listen.fileno(), status_fd, *keep]
        r, w = os.pipe()
        if (maker := os.fork()) == 0:
            try:
                if userns:
                    self.enter_user_namespace()
                check(libc.unshare(CLONE_NEWPID | CLONE_NEWNS), "unshare")
                check(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "mount")
                # From birth: what comes before contexe-init looks must be kept.
                signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
                if (pid := os.fork()) == 0:
                    self.be_pid_1(program, argv, fds, job_end, instead, dead, ignore, stderr)
                os.write(w, b"%d" % pid)
            finally:
                os._exit(0)
        os.close(w)
        os.waitpid(maker, 0)
        self.pid = int(os.read(r, 20) or b"0")
        os.close(r)
        os.close(status_fd)
        inner.close()
        job_end.close()
        self.link.settimeout(20)
        self.agent.settimeout(60)

    def wait_ready(self):
        assert self.message() == (READY, len(self.keep))
        self.job("signals")                                      # the agent has its handlers now

    def enter_user_namespace(self):
        """The caller becomes root of it. The map is written by a child, which stays outside."""
        me, (r, w) = os.getpid(), os.pipe()
        if (writer := os.fork()) == 0:
            os.read(r, 1)
            for name in ("uid_map", "gid_map"):
                with open(f"/proc/{me}/{name}", "w") as f:
                    f.write("0 100000 65536")
            os._exit(0)
        check(libc.unshare(CLONE_NEWUSER), "unshare")
        os.write(w, b"x")
        os.waitpid(writer, 0)
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)

    def be_pid_1(self, program, argv, fds, job_end, instead, dead, ignore, stderr):
        try:
            check(libc.mount(b"proc", b"/proc", b"proc", 0, None), "mount proc")
            if (job := os.fork()) == 0:
                if dead is not None:
                    os._exit(dead)
                os.closerange(3, job_end.fileno())
                os.closerange(job_end.fileno() + 1, 200)
                signal.pthread_sigmask(signal.SIG_SETMASK, [])
                Agent().serve(job_end)
            if dead is not None:
                os.waitid(os.P_PID, job, os.WEXITED | os.WNOWAIT)
            if ignore:
                signal.signal(signal.SIGCHLD, signal.SIG_IGN)
            if instead:
                instead(job_end)
                os._exit(0)
            check(libc.prctl(PR_CAPBSET_DROP, CAP_SYS_PTRACE, 0, 0, 0), "prctl")
            if stderr is not None:
                os.dup2(stderr, 2)
            lay_out(fds)
            os.execve(program, argv or ["contexe-init", str(job), str(len(fds) - 3)], {})
        except BaseException as e:
            os.write(2, f"pid 1: {e!r}\n".encode())
        os._exit(99)

    def job(self, command, *args, answer=True):
        self.agent.send(json.dumps([command, args]).encode())
        return json.loads(self.agent.recv(65536)) if answer else None

    def message(self):
        """The next message of init, or None at the end."""
        data = self.link.recv(64)
        return unpack(data) if data else None

    def silent(self):
        self.link.setblocking(False)
        try:
            self.link.recv(64)
            return False
        except BlockingIOError:
            return True
        finally:
            self.link.settimeout(20)

    def state(self):
        with open(f"/proc/{self.pid}/stat") as f:
            return f.read().rsplit(") ", 1)[1][0]

    def wait(self):
        """The wait status of init, which must end by itself within a time."""
        for _ in range(2000):
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = None
                return status
            time.sleep(0.01)
        raise TimeoutError("init has not ended")

    def status_text(self):
        with open(self.status) as f:
            return f.read()

    def fds(self):
        return sorted(int(n) for n in os.listdir(f"/proc/{self.pid}/fd"))

    def close(self):
        if not self.dir:
            return
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        for sock in (self.link, self.agent, self.listen):
            sock.close()
        for path in (self.ctl, self.status):
            os.unlink(path)
        os.rmdir(self.dir)
        self.dir = None


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def adopt_orphans(yes):
    """The test must be the parent of pid 1 when its maker has ended."""
    check(libc.prctl(PR_SET_CHILD_SUBREAPER, int(yes), 0, 0, 0), "prctl")
