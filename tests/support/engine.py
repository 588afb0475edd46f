# SPDX-License-Identifier: Apache-2.0
"""The contexe command with a state root of its own, as the tests drive it."""
import json
import os
import re
import shutil
import signal
import subprocess

from support import machine
from support.terminal import Terminal

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, os.environ.get("CONTEXE_BUILD", "build"))
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Failed(AssertionError):
    """A command that should have succeeded: the whole of what it said."""

    def __init__(self, done):
        super().__init__(f"{' '.join(done.args)}\nexit code {done.returncode}\n"
                         f"--- stdout ---\n{done.stdout}\n--- stderr ---\n{done.stderr}")
        self.done = done


class Contexe:
    """contexe.run("run", "--rm", "--", "true") and the like; see run(). Attributes:
    root    the state root (CONTEXE_ROOT), removed with everything in it by close()
    binary  the command's path
    env     what every command gets as its environment
    """

    def __init__(self, root, tag, binary=None, wrap=None, env=None):
        self.root, self.tag = root, tag
        self.binary = binary or os.path.join(BUILD, "contexe")
        self.wrap = wrap or (lambda command: command)
        self.env = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", "TERM": "xterm",
                    **(env or {}), "CONTEXE_ROOT": root}
        self.names = 0

    def name(self, word="c"):
        """A container name that no other test uses."""
        self.names += 1
        return f"{word}-{self.tag}-{self.names}"

    def command(self, *args):
        return self.wrap([self.binary, *map(str, args)])

    def environment(self, env):
        return {k: v for k, v in {**self.env, **(env or {})}.items() if v is not None}

    def run(self, *args, check=True, input=None, timeout=60, env=None, cwd=None, text=True):
        """Runs a command to its end; CompletedProcess with stdout and stderr as text. check: it must exit
        with 0. input: its standard input (None: /dev/null). env: changes to the environment (a value of None
        takes one away). A command that is not done in time is killed, with its process group."""
        process = subprocess.Popen(self.command(*args), env=self.environment(env), cwd=cwd, text=text,
                                   stdin=subprocess.PIPE if input is not None else subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        try:
            out, err = process.communicate(input, timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            for pipe in (process.stdout, process.stderr):
                pipe.close()                    # a container left running may hold the other ends
            process.wait()
            raise
        done = subprocess.CompletedProcess(process.args, process.returncode, out, err)
        if check and done.returncode:
            raise Failed(done)
        return done

    def json(self, *args, **options):
        """What a command prints with --json, parsed. --json goes right behind the command's name."""
        done = self.run(args[0], "--json", *args[1:], **options)
        try:
            return json.loads(done.stdout)
        except ValueError:
            raise Failed(done) from None

    def out(self, *args, **options):
        """Standard output without the white space around it."""
        return self.run(*args, **options).stdout.strip()

    def fails(self, *args, code=None, **options):
        """Runs a command that must fail (with this exit code); returns its standard error."""
        done = self.run(*args, check=False, **options)
        if done.returncode == 0 or code is not None and done.returncode != code:
            raise Failed(done)
        return done.stderr

    def popen(self, *args, env=None, **options):
        """Starts a command and leaves it to the test (subprocess.Popen; text pipes unless told otherwise)."""
        settings = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
                    "text": True, "start_new_session": True, **options}
        return subprocess.Popen(self.command(*args), env=self.environment(env), **settings)

    def terminal(self, *args, env=None, **options):
        """Starts a command on a terminal of its own; see terminal.py."""
        return Terminal(self.command(*args), self.environment(env), **options)

    # ---- what is on disk, without asking the command ----

    def containers(self):
        try:
            return sorted(os.listdir(os.path.join(self.root, "containers")))
        except FileNotFoundError:
            return []

    def ids(self):
        """Ids of all containers there ever were in this root, from their states and the journal."""
        found = set()
        for path in [os.path.join(self.root, "containers", n, "state.json") for n in self.containers()] + \
                    [os.path.join(self.root, "events")]:
            found |= set(re.findall(r"\b[0-9a-f]{16}\b", machine.read(path)))
        return found

    # ---- the end ----

    def left_behind(self, ids):
        """What there is of this root beside its directory: processes, mounts, groups, containers."""
        left = [f"process: {machine.describe(p)}" for p in machine.users_of(self.root, ids)]
        left += [f"mount: {m}" for m in machine.mounts() if self.root in m]
        left += [f"control group: {g}" for g in machine.cgroups() if g.rpartition("contexe-")[2] in ids]
        for part in ("containers", "numbers", "trash"):
            directory = os.path.join(self.root, part)
            left += [f"file: {os.path.join(directory, n)}" for n in
                     (os.listdir(directory) if os.path.isdir(directory) else [])]
        return left

    def close(self):
        """Removes all containers; returns what was left behind then (lines), having cleaned that up too."""
        problems, ids = [], self.ids()
        for name in self.containers():
            done = self.run("rm", "-f", name, check=False)
            if done.returncode:
                problems.append(f"rm -f {name} ended with {done.returncode}: {done.stderr.strip()}")
        machine.until(lambda: not self.left_behind(ids), timeout=5)
        problems += self.left_behind(ids)
        if problems:
            self.sweep(ids)
        shutil.rmtree(self.root, ignore_errors=True)
        if os.path.exists(self.root):
            problems.append(f"directory: {self.root} cannot be removed")
        return problems

    def sweep(self, ids):
        """Takes away by force what a failed test left, so that the next one has a clean machine."""
        for pid in machine.users_of(self.root, ids):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        machine.until(lambda: not machine.users_of(self.root, ids), timeout=5)
        for line in sorted(machine.read("/proc/self/mountinfo").splitlines(), reverse=True):
            if self.root in line.split()[4]:
                subprocess.run(["umount", "-l", line.split()[4]], capture_output=True)
        for group in machine.cgroups():
            if group.rpartition("contexe-")[2] in ids:
                for directory, _, _ in os.walk(group, topdown=False):
                    try:
                        os.rmdir(directory)
                    except OSError:
                        pass
