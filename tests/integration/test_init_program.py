#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""contexe-init by itself, in pid namespaces made by hand: src/init/protocol.h, the signal rules.

By itself: test_init_program.py CONTEXE_INIT [unittest arguments]. Under pytest the program is that of
the build directory.
"""
import errno
import os
import resource
import signal
import socket
import struct
import sys
import time
import unittest

from init_container import (ADOPT, ADOPTED, ALL_SIGNALS, ENDED_BY, FORGEABLE, JOB_EXITED, ORPHAN,
                            PROVEN, READY, REFUSED, SENDERS, SIGNAL_JOB, SI_QUEUE, SI_TIMER,
                            SI_TKILL, SI_USER, STOP_ME, SYS_SIGNALFD4, Container, call, check,
                            adopt_orphans, pack, unpack, until)

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.join(TOP, os.environ.get("CONTEXE_BUILD", "build"), "contexe-init")
NO_EFFECT = {signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH}
STOPS = {signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}
BY_KERNEL = {signal.SIGKILL, signal.SIGSTOP}
ENDS = [s for s in ALL_SIGNALS if s not in NO_EFFECT | STOPS | BY_KERNEL]


def setUpModule():
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root to make pid namespaces")
    adopt_orphans(True)


def tearDownModule():
    adopt_orphans(False)


class Case(unittest.TestCase):
    def container(self, **options):
        c = Container(PROGRAM, **options)
        self.addCleanup(c.close)
        if not set(options) & {"instead", "argv", "dead"}:
            c.wait_ready()
        return c

    def assert_serving(self, c):
        """init lives and obeys, and has said nothing."""
        self.assertTrue(c.silent())
        before = len(c.job("signals"))
        c.link.send(pack(SIGNAL_JOB, signal.SIGUSR1))
        self.assertTrue(until(lambda: len(c.job("signals")) > before))
        self.assertEqual(c.job("signals")[-1], signal.SIGUSR1)

    def assert_ended(self, c, message, code, status):
        self.assertEqual(c.message(), message)
        self.assertIsNone(c.message())
        self.assertEqual(c.wait(), code << 8)
        self.assertEqual(c.status_text(), f"{status}\n")
        c.close()


class Kernel(Case):
    """What init's rules rest on: what a pid namespace's init is told about a sender."""

    def deliver(self, where, how):
        """(si_code, si_pid) as a signalfd of pid 1 reads it, or None if the kernel refused."""
        def read_one(_):
            mask = struct.pack("=Q", 1 << (signal.SIGTERM - 1))
            fd = check(call(SYS_SIGNALFD4, -1, mask, 8, 0), "signalfd4")
            info = os.read(fd, 128)
            os.write(w, struct.pack("=ii", *struct.unpack_from("=iiI", info, 4)[1:]))
            time.sleep(600)
        r, w = os.pipe()
        c = self.container(instead=read_one)
        os.close(w)
        ret = SENDERS[how](c.pid, signal.SIGTERM) if where == "outside" else c.job("send", how, 15)
        if ret < 0:
            os.close(r)
            return None
        with os.fdopen(r, "rb") as f:
            return struct.unpack("=ii", f.read(8))

    def test_origin(self):
        seen = {(w, how): self.deliver(w, how) for w in ("outside", "inside")
                for how in PROVEN + FORGEABLE[:-1]}
        codes = {"kill": SI_USER, "pidfd": SI_USER, "tgkill": SI_TKILL, "timer, pid 0": SI_TIMER}
        for (where, how), (code, pid) in seen.items():
            with self.subTest(where=where, how=how):
                self.assertEqual(code, codes.get(how, SI_QUEUE))
                if where == "outside" or how.endswith("pid 0"):
                    self.assertEqual(pid, 0)
                else:
                    self.assertEqual(pid, 2)

    def test_forgery_is_refused(self):
        for how in REFUSED:
            for where in ("outside", "inside"):
                with self.subTest(how=how, where=where):
                    self.assertIsNone(self.deliver(where, how))


class Signals(Case):
    def test_from_inside_nothing_has_an_effect(self):
        c = self.container()
        for how in PROVEN + FORGEABLE + REFUSED:
            for sig in ALL_SIGNALS:
                ret = c.job("send", how, sig)
                self.assertIn(ret, (0, -errno.EPERM, -1), f"{how} {sig}")
            with self.subTest(how=how):
                self.assertIn(c.state(), "SR")
                self.assert_serving(c)

    def test_storm_from_inside_holds_up_nothing(self):
        c = self.container()
        c.job("storm", "sigqueue", 64)
        time.sleep(0.3)
        self.assert_serving(c)
        os.kill(c.pid, signal.SIGTERM)
        self.assert_ended(c, (ENDED_BY, 15), 143, 15)

    def test_outside_ends(self):
        for sig in ENDS:
            with self.subTest(sig=sig):
                c = self.container()
                self.assertEqual(SENDERS["kill"](c.pid, sig), 0)
                self.assert_ended(c, (ENDED_BY, sig), 128 + sig, sig)

    def test_outside_ends_by_every_proven_way(self):
        for how in PROVEN:
            for sig in (1, 15, 11, 32, 64):
                with self.subTest(how=how, sig=sig):
                    c = self.container()
                    self.assertEqual(SENDERS[how](c.pid, sig), 0)
                    self.assert_ended(c, (ENDED_BY, sig), 128 + sig, sig)

    def test_outside_forgeable_is_dropped(self):
        c = self.container()
        for how in FORGEABLE:
            for sig in (1, 15, 20, 32, 64):
                self.assertEqual(SENDERS[how](c.pid, sig), 0)
        self.assert_serving(c)

    def test_outside_without_effect(self):
        c = self.container()
        for sig in NO_EFFECT:
            for how in PROVEN:
                self.assertEqual(SENDERS[how](c.pid, sig), 0)
        self.assert_serving(c)

    def test_outside_stops(self):
        c = self.container()
        for sig in STOPS:
            os.kill(c.pid, sig)
            self.assertEqual(c.message(), (STOP_ME, sig))
            os.kill(c.pid, signal.SIGSTOP)                   # what the supervisor does
            self.assertTrue(until(lambda: c.state() == "T"))
            os.kill(c.pid, signal.SIGCONT)
            self.assertTrue(until(lambda: c.state() == "S"))
            self.assert_serving(c)

    def test_outside_sigkill(self):
        c = self.container()
        os.kill(c.pid, signal.SIGKILL)
        self.assertIsNone(c.message())
        self.assertEqual(c.wait(), signal.SIGKILL)
        self.assertEqual(c.status_text(), "")

    def test_signal_kept_from_before_the_start(self):
        gate, key = os.pipe()

        def late(_):
            os.read(gate, 1)
            null = os.open("/dev/null", os.O_RDWR)
            for fd in (3, 4, 5):
                os.dup2(null, fd)
            os.execve(PROGRAM, ["contexe-init", "2", "0"], {})
        c = self.container(instead=late)
        os.kill(c.pid, signal.SIGTERM)
        os.write(key, b"x")
        os.close(key)
        os.close(gate)
        self.assertEqual(c.wait(), 143 << 8)


class Job(Case):
    def test_exit_codes(self):
        for code in (0, 1, 7, 125, 255):
            with self.subTest(code=code):
                c = self.container()
                c.job("exit", code, answer=False)
                self.assert_ended(c, (JOB_EXITED, code << 8), code, code << 8)

    def test_deaths(self):
        for sig in (1, 2, 9, 15, 40, 64):
            with self.subTest(sig=sig):
                c = self.container()
                c.job("die", sig, answer=False)
                self.assert_ended(c, (JOB_EXITED, sig), 128 + sig, sig)

    def test_ended_before_init_looked(self):
        c = self.container(dead=42)
        self.assertEqual(c.message(), (READY, 0))
        self.assert_ended(c, (JOB_EXITED, 42 << 8), 42, 42 << 8)

    def test_sigchld_inherited_as_ignored(self):
        c = self.container(ignore=True)
        c.job("exit", 9, answer=False)
        self.assert_ended(c, (JOB_EXITED, 9 << 8), 9, 9 << 8)

    def test_ended_while_init_is_stopped(self):
        c = self.container()
        os.kill(c.pid, signal.SIGSTOP)
        c.job("exit", 3, answer=False)
        time.sleep(0.1)
        os.kill(c.pid, signal.SIGTERM)                       # came later than the job's end
        os.kill(c.pid, signal.SIGCONT)
        self.assertEqual(c.message()[0], JOB_EXITED)
        self.assertEqual(c.wait(), 3 << 8)

    def test_signals_for_the_job(self):
        c = self.container()
        for sig in (signal.SIGTERM, 64):
            c.link.send(pack(SIGNAL_JOB, sig))
            self.assertTrue(until(lambda: sig in c.job("signals")))
        c.link.send(pack(SIGNAL_JOB, signal.SIGKILL))
        self.assert_ended(c, (JOB_EXITED, 9), 137, 9)

    def test_orphans(self):
        c = self.container()
        c.job("orphans", 1000)
        self.assertTrue(until(lambda: c.job("processes") == [1, 2]), "zombies left")
        self.assert_serving(c)


class Rubbish(Case):
    JUNK = [b"", b"x", pack(SIGNAL_JOB, 9)[:-1], pack(SIGNAL_JOB, 9) + b"\0",
            pack(SIGNAL_JOB, 9, 1), pack(SIGNAL_JOB, 0), pack(SIGNAL_JOB, -1),
            pack(SIGNAL_JOB, 65), pack(SIGNAL_JOB, 1 << 30), pack(0, 9),
            pack(99, 9), pack(ADOPT), pack(JOB_EXITED, 9), b"A" * 60000]

    def test_supervisor(self):
        c = self.container()
        for data in self.JUNK:
            c.link.send(data)
        socket.send_fds(c.link, [b"x"], [0, 1, 2])
        before = c.fds()
        self.assert_serving(c)
        self.assertEqual(c.fds(), before)

    def test_full_socket_does_not_hold_init(self):
        c = self.container()
        for _ in range(3000):
            os.kill(c.pid, signal.SIGTSTP)
        c.job("exit", 4, answer=False)
        self.assertEqual(c.wait(), 4 << 8)
        self.assertEqual(c.status_text(), "1024\n")

    def test_unread_messages_do_not_reset_the_link(self):
        c = self.container()
        os.kill(c.pid, signal.SIGSTOP)
        for _ in range(20):
            c.link.send(pack(SIGNAL_JOB, signal.SIGUSR1))
        c.job("exit", 5, answer=False)
        time.sleep(0.1)
        os.kill(c.pid, signal.SIGCONT)
        self.assert_ended(c, (JOB_EXITED, 5 << 8), 5, 5 << 8)

    def test_wrong_start(self):
        for argv in (["contexe-init"], ["contexe-init", "2"], ["contexe-init", "x", "0"],
                     ["contexe-init", "", "0"], ["contexe-init", "1", "0"],
                     ["contexe-init", "-2", "0"], ["contexe-init", "2", "9"],
                     ["contexe-init", "3", "0"], ["contexe-init", "2", "5"],
                     ["contexe-init", "9" * 20, "0"], ["contexe-init", "2", "0", "0"]):
            with self.subTest(argv=argv):
                r, w = os.pipe()
                c = self.container(argv=argv, stderr=w)
                os.close(w)
                self.assertEqual(c.wait(), 125 << 8)
                with os.fdopen(r) as f:
                    self.assertRegex(f.read(), r"^contexe-init: .+\n$")
                self.assertEqual(c.status_text(), "")

    def test_outside_a_pid_namespace(self):
        r, w = os.pipe()
        pid = os.posix_spawn(PROGRAM, ["contexe-init", "2", "0"], {},
                             file_actions=[(os.POSIX_SPAWN_DUP2, w, 2)])
        os.close(w)
        self.assertEqual(os.waitpid(pid, 0)[1], 125 << 8)
        with os.fdopen(r) as f:
            self.assertIn("pid 1", f.read())


class Adoption(Case):
    """The first supervisor is a process of its own, killed with SIGKILL."""
    USERNS = False

    def setUp(self):
        self.pty = os.openpty()
        self.pipe = os.pipe()
        self.keep = [self.pty[0], self.pipe[0]]
        self.c = self.container(keep=self.keep, userns=self.USERNS)
        self.identity = [os.fstat(fd)[1:3] for fd in (self.c.listen.fileno(), *self.keep)]
        first = os.fork()
        if first == 0:
            time.sleep(600)
            os._exit(0)
        self.c.link.close()
        self.c.listen.close()
        os.kill(first, signal.SIGKILL)
        os.waitpid(first, 0)
        for fd in (*self.pty, *self.pipe):
            self.addCleanup(os.close, fd)

    def client(self):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sock.connect(self.c.ctl)
        sock.settimeout(20)
        self.addCleanup(sock.close)
        return sock

    def refused(self, sock, data=pack(0)):
        sock.send(data)
        return unpack(sock.recv(64))[0] == ORPHAN and sock.recv(64) == b""

    def adopt(self):
        sock = self.client()
        sock.send(pack(ADOPT))
        data, fds, _, _ = socket.recv_fds(sock, 64, 16)
        self.assertEqual(unpack(data), (ADOPTED, len(self.keep)))
        self.assertEqual([os.fstat(fd)[1:3] for fd in fds], self.identity)
        self.c.link = sock
        self.c.listen = socket.socket(fileno=fds[0])
        for fd in fds[1:]:
            os.close(fd)
        return sock

    def test_adopted(self):
        self.assertEqual(self.c.job("processes"), [1, 2])
        before = self.c.fds()
        self.adopt()
        self.assertTrue(until(lambda: self.c.fds() == before))
        self.assert_serving(self.c)
        self.c.job("exit", 6, answer=False)
        self.assert_ended(self.c, (JOB_EXITED, 6 << 8), 6, 6 << 8)

    def test_adopted_again_and_again(self):
        before = self.c.fds()
        for _ in range(20):
            self.adopt().close()
            self.c.listen.close()
        self.adopt()
        self.assertTrue(until(lambda: self.c.fds() == before))
        self.assert_serving(self.c)

    def test_half_closed_link_is_lost(self):
        self.adopt().shutdown(socket.SHUT_WR)
        old = self.c.link
        self.assertEqual(old.recv(64), b"")
        self.adopt()
        self.assert_serving(self.c)

    def test_ctl_belongs_to_the_supervisor_while_one_lives(self):
        self.adopt()
        sock = self.client()
        sock.send(pack(ADOPT))
        peer, _ = self.c.listen.accept()
        self.assertEqual(unpack(peer.recv(64))[0], ADOPT)
        peer.close()

    def test_nobody_listens(self):
        self.c.job("exit", 11, answer=False)
        self.assertEqual(self.c.wait(), 11 << 8)
        self.assertEqual(self.c.status_text(), "2816\n")

    def test_nobody_listens_and_a_signal_ends_it(self):
        os.kill(self.c.pid, signal.SIGHUP)
        self.assertEqual(self.c.wait(), 129 << 8)
        self.assertEqual(self.c.status_text(), "1\n")

    def test_others_are_told(self):
        for data in Rubbish.JUNK:
            if data != pack(ADOPT):
                with self.subTest(data=data[:20]):
                    self.assertTrue(self.refused(self.client(), data))
        before = self.c.fds()
        sock = self.client()
        socket.send_fds(sock, [b"x"], [0, 1, 2])
        self.assertEqual(unpack(sock.recv(64))[0], ORPHAN)
        self.assertTrue(until(lambda: self.c.fds() == before))
        self.adopt()

    def test_silent_clients(self):
        silent = [self.client() for _ in range(12)]
        for sock in silent[:8]:                              # the oldest give way
            self.assertEqual(unpack(sock.recv(64))[0], ORPHAN)
            self.assertEqual(sock.recv(64), b"")
        self.adopt()
        for sock in silent[9:]:                              # the rest: a supervisor lives now
            self.assertEqual(unpack(sock.recv(64))[0], ORPHAN)
        self.assert_serving(self.c)

    def test_clients_that_leave(self):
        for _ in range(50):
            self.client().close()
        self.adopt()
        self.assert_serving(self.c)

    def test_from_inside(self):
        self.assertEqual(self.c.job("adopt", self.c.ctl), ORPHAN)
        self.adopt()

    def test_another_user(self):
        if (pid := os.fork()) == 0:
            os.setuid(12345)
            os._exit(0 if self.refused(self.client(), pack(ADOPT)) else 1)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
        self.adopt()


class AdoptionByRootOutside(Adoption):
    """The same where the supervisor's user has no id in the container's user namespace."""
    USERNS = True

    def test_nobody_listens_and_a_signal_ends_it(self):
        for how in PROVEN:
            for sig in (signal.SIGTERM, signal.SIGTSTP, 64):
                self.assertEqual(self.c.job("send", how, sig), 0)
        self.c.job("signals")
        super().test_nobody_listens_and_a_signal_ends_it()

    test_another_user = None                     # all users outside look alike here


class Process(Case):
    def test_descriptors(self):
        r, w = os.pipe()
        self.addCleanup(os.close, r)
        self.addCleanup(os.close, w)
        c = self.container(keep=[r, w])
        self.assertEqual(c.fds(), [3, 4, 5, 6, 7, 8])
        self.assertEqual(os.readlink(f"/proc/{c.pid}/fd/8"), "anon_inode:[signalfd]")

    def test_name(self):
        c = self.container()
        with open(f"/proc/{c.pid}/comm") as f:
            self.assertEqual(f.read(), "contexe-init\n")

    def test_signal_queue_as_long_as_allowed(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_SIGPENDING)
        resource.setrlimit(resource.RLIMIT_SIGPENDING, (64, hard))
        try:
            c = self.container()
        finally:
            resource.setrlimit(resource.RLIMIT_SIGPENDING, (soft, hard))
        now = resource.prlimit(c.pid, resource.RLIMIT_SIGPENDING)
        self.assertIn(now, ((hard, hard), (resource.RLIM_INFINITY, resource.RLIM_INFINITY)))

    def test_out_of_reach_from_inside(self):
        pipe = os.pipe()
        self.addCleanup(os.close, pipe[0])
        self.addCleanup(os.close, pipe[1])
        self.assertLessEqual(set(self.container(keep=pipe).job("spy")), {errno.EPERM, errno.EACCES})

    def test_small(self):
        c, _ = self.container(), self.container()
        with open(f"/proc/{c.pid}/smaps_rollup") as f:
            kib = {line.split()[0]: int(line.split()[1]) for line in f if line.endswith("kB\n")}
        with open(f"/proc/{c.pid}/maps") as f:
            rights = [line.split()[1] for line in f]
        self.assertFalse([r for r in rights if "w" in r and "x" in r])
        print(f"contexe-init: {os.stat(PROGRAM).st_size} bytes, PSS {kib['Pss:']} KiB, "
              f"RSS {kib['Rss:']} KiB", file=sys.stderr)
        self.assertLessEqual(os.stat(PROGRAM).st_size, 16384)
        self.assertLessEqual(kib["Pss:"], 32)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(warnings="ignore")             # forked children end with open sockets
