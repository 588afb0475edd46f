# SPDX-License-Identifier: Apache-2.0
"""Reading /proc/meminfo and /proc/stat: the kernel's own, a container's view of them, and lxcfs (where it is installed)."""
import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

from contestants import Failed, run

READS = """
import sys, time
path, n = sys.argv[1], int(sys.argv[2])
def read():
    with open(path, "rb", buffering=0) as f:
        while f.read(65536):
            pass
for _ in range(20):
    read()
times = []
for _ in range(n):
    start = time.perf_counter_ns()
    read()
    times.append(time.perf_counter_ns() - start)
times.sort()
print(times[len(times) // 2], times[0], times[len(times) * 95 // 100])
"""
FILES = ("/proc/meminfo", "/proc/stat")


class Lxcfs:
    """A server of our own on a directory of our own."""

    def __init__(self, place):
        if not shutil.which("lxcfs"):
            raise Failed("lxcfs is not installed")
        self.dir = tempfile.mkdtemp(dir=place.dir)
        self.process = subprocess.Popen(["lxcfs", "-f", "-p", place.path("lxcfs.pid"), self.dir],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            if os.path.exists(f"{self.dir}/proc/meminfo"):
                return
            time.sleep(0.02)
        self.close()
        raise Failed("lxcfs did not come up")

    def close(self):
        subprocess.run(["umount", "-l", self.dir], check=False, capture_output=True)
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)


def procview_table(rows, args):
    yield "file, through", "median", "min", "95 %"
    for name, row in rows.items():
        yield name, *(f"{row[key]:.1f} us" for key in ("median_us", "min_us", "p95_us"))


def section_procview(place, inside, args):
    """{file and who: row} in microseconds a read (open, read to the end, close), and who could not take part."""
    rows, bad = {}, {}
    contexe = next((c for c in inside if c.name == "contexe"), None)
    ways = {"kernel": lambda path: run(["python3", "-c", READS, path, "2000"])}
    if contexe:
        ways["contexe"] = lambda path: run([
            contexe.path, "run", "--rm", "--", "python3", "-c", READS, path, "2000"])
    lxcfs = None
    try:
        lxcfs = Lxcfs(place)
        ways["lxcfs"] = lambda path: run(["python3", "-c", READS, lxcfs.dir + path, "2000"])
    except Failed as e:
        bad["lxcfs"] = str(e)
    try:
        for path in FILES:
            for name, way in ways.items():
                try:
                    samples = [list(map(int, way(path).split())) for _ in range(3)]
                except Failed as e:
                    bad[f"{path} {name}"] = str(e)
                    continue
                rows[f"{path} {name}"] = {
                    "median_us": statistics.median(s[0] for s in samples) / 1000,
                    "min_us": min(s[1] for s in samples) / 1000,
                    "p95_us": statistics.median(s[2] for s in samples) / 1000,
                }
    finally:
        if lxcfs:
            lxcfs.close()
    return rows, bad
