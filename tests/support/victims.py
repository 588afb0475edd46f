# SPDX-License-Identifier: Apache-2.0
"""Things of the machine and of another container, for attacks out of a container (tests/progs/walls): one of each kind that
has a name or a number. with Victims(contexe, rootfs) as v: v.arguments(); v.harm()
"""
import contextlib
import ctypes
import os
import random
import socket
import subprocess
import threading
import time

from support import machine
from support.progs import MOUNT, prog

libc = ctypes.CDLL(None, use_errno=True)
ADD_KEY, KEYCTL = 248, 250                                  # system calls
USER_KEYRING, UNLINK = -4, 9
RMID, STAT, CREATE = 0, 2, 0o1000
UEVENT = "/sys/devices/virtual/mem/null/uevent"


class Victims:
    def __init__(self, contexe, rootfs, directory):
        self.contexe, self.rootfs = contexe, rootfs
        self.key = random.randrange(1 << 20, 1 << 30)
        self.name = f"contexe-wall-{self.key}"
        self.path = os.path.join(directory, "socket")
        self.stack = contextlib.ExitStack()
        self.stop = threading.Event()

    def __enter__(self):
        self.process = subprocess.Popen(["sleep", "100000"], stdin=subprocess.DEVNULL)
        self.stack.callback(self._end)
        self._sysv()
        self._posix()
        self._sockets()
        self._keyring()
        self.hostname, self.clock = os.uname().nodename, self._clock()
        disk = os.stat("/").st_dev
        self.disk = (os.major(disk), os.minor(disk)) if os.major(disk) else (8, 0)
        self.thread = threading.Thread(target=self._uevents)
        self.thread.start()
        self._other()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        self.stack.close()

    def _end(self):
        self.process.kill()
        self.process.wait()

    def _sysv(self):
        self.shm = libc.shmget(self.key, 4096, CREATE | 0o666)
        self.sem = libc.semget(self.key, 1, CREATE | 0o666)
        self.msg = libc.msgget(self.key, CREATE | 0o666)
        assert min(self.shm, self.sem, self.msg) >= 0
        self.stack.callback(lambda: (libc.shmctl(self.shm, RMID, None), libc.semctl(self.sem, 0, RMID),
                                     libc.msgctl(self.msg, RMID, None)))

    def _posix(self):
        queue = b"/" + self.name.encode()
        libc.mq_close(libc.mq_open(queue, os.O_CREAT | os.O_RDWR, 0o666, None))
        self.stack.callback(lambda: libc.mq_unlink(queue))
        self.file = f"/dev/shm/{self.name}"
        with open(self.file, "w", encoding="utf-8") as f:
            f.write(self.name)
        self.stack.callback(lambda: os.unlink(self.file))

    def _sockets(self):
        for address in ("\0" + self.name, self.path):
            s = self.stack.enter_context(socket.socket(socket.AF_UNIX))
            s.bind(address)
            s.listen()
        os.chmod(self.path, 0o777)
        s = self.stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.port = s.getsockname()[1]

    def _keyring(self):
        serial = libc.syscall(ADD_KEY, b"user", self.name.encode(), b"secret", 6, USER_KEYRING)
        self.serial = max(serial, 0)                        # a machine may forbid it
        if serial > 0:
            self.stack.callback(lambda: libc.syscall(KEYCTL, UNLINK, serial, USER_KEYRING))

    def _uevents(self):
        """The machine says something about its devices, again and again."""
        while not self.stop.wait(0.1):
            with contextlib.suppress(OSError), open(UEVENT, "w", encoding="utf-8") as f:
                f.write("change")

    def _other(self):
        """A container that has all of it too, by the same key and name."""
        self.container = self.contexe.name("victim")
        call = prog("call")
        script = (f"{call} 29 {self.key} 4096 0x3b6; {call} 64 {self.key} 1 0x3b6; {call} 68 {self.key} 0x3b6; "
                  f"touch /dev/shm/{self.name} /dev/mqueue/{self.name}; echo ready; exec sleep 100000")
        self.contexe.run("run", "-d", "--name", self.container, *MOUNT, "--rootfs", self.rootfs, "--overlay", "--", "sh",
                         "-c", script)
        assert machine.until(lambda: "ready" in self.contexe.run("logs", self.container).stdout)
        self.other = self.contexe.json("inspect", self.container)["pid"]
        mapped = self.contexe.name("mapped")                # one that root of the machine has mapped, and so owns
        self.contexe.run("run", "-d", "--name", mapped, "--auto-userns", "--rootfs", self.rootfs, "--overlay", "--",
                         "sleep", "100000")

    def arguments(self):
        """For walls."""
        return [f"{k}={v}" for k, v in {
            "pid": self.process.pid, "other": self.other, "shm": self.shm, "sem": self.sem, "msg": self.msg,
            "key": self.key, "serial": self.serial, "name": self.name, "socket": self.path, "port": self.port,
            "major": self.disk[0], "minor": self.disk[1], "host": self.hostname}.items()]

    @staticmethod
    def _clock():
        return time.clock_gettime(time.CLOCK_REALTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)

    def harm(self):
        """What is no longer as it was, as lines."""
        buffer = ctypes.create_string_buffer(256)
        checks = {
            "the process ended": self.process.poll() is None,
            "the container ended": machine.state(self.other) in "SDR",
            "the process has another nice": os.getpriority(os.PRIO_PROCESS, self.process.pid) == 0,
            "the container has another nice": os.getpriority(os.PRIO_PROCESS, self.other) == 0,
            "the shared memory is gone": libc.shmctl(self.shm, STAT, buffer) == 0,
            "the queue is gone": libc.msgctl(self.msg, STAT, buffer) == 0,
            "the semaphores are gone": libc.semctl(self.sem, 0, 12) == 0,       # GETVAL
            "the POSIX shared memory is another": machine.read(self.file) == self.name,
            "the POSIX queue is gone": libc.mq_close(libc.mq_open(b"/" + self.name.encode(), os.O_RDONLY)) == 0,
            "the machine has another name": os.uname().nodename == self.hostname,
            "the time was set": abs(self._clock() - self.clock) < 0.5,
        }
        return [what for what, fine in checks.items() if not fine]
