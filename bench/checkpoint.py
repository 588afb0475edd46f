# SPDX-License-Identifier: Apache-2.0
"""Checkpoint and restore: how long the processes stand still, how long the whole takes, how long the way back.

Each work is run in a container (and, where a criu is installed that works, beside it as plain processes), written down,
killed and brought back, some rounds each. The floors are measured in between, in the same run: fork(2) of a process with
the same memory, writing that memory to a file, reading it back into fresh memory.
"""
import json
import os
import shutil
import signal
import subprocess
import time

from contestants import Failed, last_line, run

WORKS = [                                       # name, MiB, processes
    ("tiny", 0, 1), ("64 MiB", 64, 1), ("512 MiB", 512, 1), ("4 GiB", 4096, 1),
    ("100 processes", 0, 100), ("1,000 processes", 0, 1000),
]
READY_S = 60


def floor(load, mib, directory):
    """(fork, write, read) in ns."""
    path = os.path.join(directory, "floor")
    try:
        return [int(n) for n in run([load, "floor", str(max(mib, 1)), path]).split()]
    finally:
        if os.path.exists(path):
            os.unlink(path)


def wait_ready(read):
    end = time.monotonic() + READY_S
    while time.monotonic() < end:
        if "ready" in read():
            return
        time.sleep(0.02)
    raise Failed("the work was not ready in time")


class Contexe:
    name = "contexe"

    def __init__(self, program, root, directory, load):
        self.env = dict(os.environ, CONTEXE_ROOT=root)
        self.program, self.image = program, os.path.join(directory, "work.img")
        self.load = load

    def call(self, *argv):
        p = subprocess.run([self.program, *argv], env=self.env, stdin=subprocess.DEVNULL, capture_output=True,
                           text=True)
        if p.returncode:
            raise Failed(f"contexe {argv[0]}: {last_line(p.stderr)}")
        return p.stdout

    def start(self, mib, processes):
        self.call("run", "-d", "--name", "work", "--pids-limit", "-1", "--volume",
                  f"{os.path.dirname(self.load)}:/load:ro", "--", f"/load/{os.path.basename(self.load)}", "hold",
                  str(mib), str(processes))
        wait_ready(lambda: self.call("logs", "work"))

    def checkpoint(self):
        """(frozen, whole) in ns."""
        t0 = time.monotonic_ns()
        told = json.loads(self.call("checkpoint", "--json", "-o", self.image, "work"))
        return told["frozenNs"], time.monotonic_ns() - t0

    def restore(self):
        t0 = time.monotonic_ns()
        self.call("restore", "-d", self.image)
        return time.monotonic_ns() - t0

    def stop(self):
        subprocess.run([self.program, "rm", "--force", "--quiet", "work"], env=self.env, capture_output=True, check=False)
        if os.path.exists(self.image):
            os.unlink(self.image)


class Criu:
    """Plain processes, no container: less work than ours."""
    name = "criu"

    def __init__(self, program, directory, load):
        self.program, self.images, self.load = program, os.path.join(directory, "criu"), load
        self.pid = None
        check = subprocess.run([program, "check"], capture_output=True, text=True, check=False)
        if check.returncode:
            raise Failed(f"criu check: {last_line(check.stderr + check.stdout)}")

    def call(self, *argv):
        p = subprocess.run([self.program, *argv, "-D", self.images, "--shell-job"], stdin=subprocess.DEVNULL,
                           capture_output=True, text=True, check=False)
        if p.returncode:
            raise Failed(f"criu {argv[0]}: {last_line(p.stderr)}")

    def start(self, mib, processes):
        shutil.rmtree(self.images, ignore_errors=True)
        os.mkdir(self.images)
        out = os.path.join(self.images, "out")
        with open(out, "w", encoding="utf-8") as f:
            work = subprocess.Popen([self.load, "hold", str(mib), str(processes)], stdin=subprocess.DEVNULL,
                                    stdout=f, stderr=f, start_new_session=True)
        self.pid = work.pid
        wait_ready(lambda: open(out, encoding="utf-8").read())
        self.work = work

    def checkpoint(self):
        t0 = time.monotonic_ns()
        self.call("dump", "-t", str(self.pid), "--display-stats")
        whole = time.monotonic_ns() - t0
        self.work.wait()
        return whole, whole                     # its frozen time is in an image of its own; the whole is near

    def restore(self):
        t0 = time.monotonic_ns()
        self.call("restore", "-d")
        return time.monotonic_ns() - t0

    def stop(self):
        if self.pid:
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.pid = None
        shutil.rmtree(self.images, ignore_errors=True)


def one_round(who, mib, processes):
    try:
        who.start(mib, processes)
        frozen, whole = who.checkpoint()
        return frozen, whole, who.restore()
    finally:
        who.stop()


def section_checkpoint(place, inside, args):
    """{work: {...}}: minimum and median of each, in ms; ratios to the floors of the same run."""
    del inside
    os.makedirs(place.path("load.d"), exist_ok=True)
    load = shutil.copy(place.path("load"), place.path("load.d", "load"))
    rows, bad = {}, {}
    people = [Contexe(args.contexe, place.path("checkpoint-root"), place.dir, load)]
    criu = shutil.which("criu")
    try:
        if criu:
            people.append(Criu(criu, place.dir, load))
    except Failed as why:
        bad["criu"] = str(why)
    rounds = max(3, min(args.rounds, 7))
    for name, mib, processes in WORKS:
        samples = {who.name: [] for who in people}
        floors = []
        for _ in range(rounds):
            floors.append(floor(load, mib, place.dir))
            for who in people:
                if f"{who.name}, {name}" in bad:
                    continue
                try:
                    samples[who.name].append(one_round(who, mib, processes))
                except Failed as why:
                    bad[f"{who.name}, {name}"] = str(why)
        fork, write, read = (min(f[i] for f in floors) for i in range(3))
        for who, got in samples.items():
            if got:
                rows[f"{name}: {who}"] = describe(got, mib, fork, write, read)
    return rows, bad


def describe(got, mib, fork, write, read):
    row = {}
    for i, what in enumerate(("frozen", "whole", "restore")):
        values = sorted(g[i] for g in got)
        row[what] = values[len(values) // 2] / 1e6
        row[f"{what}_min"] = values[0] / 1e6
    if mib:
        row["frozen_of_fork"] = row["frozen_min"] * 1e6 / fork
        row["whole_of_write"] = row["whole_min"] * 1e6 / write
        row["restore_of_read"] = row["restore_min"] * 1e6 / read
    return row


def checkpoint_table(rows, args):
    del args
    yield ("ms: median / min", "frozen", "of fork", "whole", "of writing", "restore", "of reading")

    def ratio(row, key):
        return f"{row[key]:.2f}" if key in row else "-"
    for name, r in rows.items():
        yield (name, *sum(((f"{r[what]:.1f} / {r[what + '_min']:.1f}", ratio(r, key)) for what, key in (
            ("frozen", "frozen_of_fork"), ("whole", "whole_of_write"), ("restore", "restore_of_read"))), ()))
