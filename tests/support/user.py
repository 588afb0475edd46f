# SPDX-License-Identifier: Apache-2.0
"""An ordinary user for the tests: name, home, subordinate ids, and no trace of him on the machine.

He exists in a private mount namespace only, where /etc/passwd and its like have one line more; a process
that sleeps holds that namespace, and his commands are run inside it (nsenter, then setpriv).
"""
import os
import shutil
import subprocess

from support import engine

NAME, UID, SUBIDS = "contexe-test", 61234, 1900000000
FILES = {
    "passwd": f"{NAME}:x:{UID}:{UID}::{{home}}:/bin/sh\n",
    "group": f"{NAME}:x:{UID}:\n",
    "subuid": f"{NAME}:{SUBIDS}:65536\n",
    "subgid": f"{NAME}:{SUBIDS}:65536\n",
}
HELPERS = ("contexe", "contexe-fs", "contexe-init", "contexe-layer", "contexe-procfs", "contexe-seed", "contexe-unpack")


class User:
    """uid, gid, home, subids (first, count); run() and contexe() do things as him."""

    uid = gid = UID
    name = NAME
    subids = (SUBIDS, 65536)

    def __init__(self, directory):
        """directory: an empty one that all may enter; kept until close()."""
        self.directory = directory
        self.home = os.path.join(directory, "home")
        self.runtime = os.path.join(directory, "run")
        self.programs = os.path.join(directory, "bin")
        for path in (self.home, self.runtime):
            os.mkdir(path, 0o700)
            os.chown(path, UID, UID)
        self._copy_programs()
        self.holder = self._hold()

    def _copy_programs(self):
        """The build may lie where he cannot look (/root): he gets a copy."""
        os.mkdir(self.programs, 0o755)
        for name in HELPERS:
            shutil.copy(os.path.join(engine.BUILD, name), self.programs)

    def _hold(self):
        binds = []
        for name, line in FILES.items():
            copy = os.path.join(self.directory, name)
            with open(copy, "w", encoding="utf-8") as out:
                if os.path.exists(f"/etc/{name}"):
                    with open(f"/etc/{name}", encoding="utf-8") as f:
                        out.write(f.read())
                else:
                    continue
                out.write(line.format(home=self.home))
            binds.append(f"mount --bind {copy} /etc/{name}")
        script = " && ".join(binds + ["echo ready", "exec sleep infinity"])
        holder = subprocess.Popen(["unshare", "-m", "--propagation", "private", "sh", "-c", script],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        if holder.stdout.readline() != "ready\n":
            raise RuntimeError("cannot make a mount namespace for the ordinary user")
        return holder

    def wrap(self, command):
        return ["nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt", f"--wd={self.home}", "setpriv",
                f"--reuid={UID}", f"--regid={UID}", "--clear-groups", *command]

    def environment(self):
        return {"PATH": engine.PATH, "HOME": self.home, "USER": NAME, "LOGNAME": NAME, "LANG": "C.UTF-8",
                "XDG_RUNTIME_DIR": self.runtime, "TERM": "xterm"}

    def run(self, *command, check=True, input=None, timeout=60, env=None):
        """Runs any command as him, in his home."""
        done = subprocess.run(self.wrap([str(c) for c in command]), input=input, timeout=timeout, text=True,
                              capture_output=True, env={**self.environment(), **(env or {})},
                              **({} if input is not None else {"stdin": subprocess.DEVNULL}))
        if check and done.returncode:
            raise engine.Failed(done)
        return done

    def contexe(self, root, tag):
        """A Contexe of his; root: a directory that must belong to him."""
        return engine.Contexe(root, tag, binary=os.path.join(self.programs, "contexe"), wrap=self.wrap,
                              env=self.environment())

    def close(self):
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()
