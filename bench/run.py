#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measure contexe against the least that the kernel needs for the same work, and against peers.

usage: bench/run.py [--section NAME]... [--rounds N] [--json FILE] [--contexe PATH] [--peer NAME=PATH]...

Sections:
  life        the whole life of a container that runs `true`, in a network namespace of its own
  life-host   the same in the host's network namespace
  exec        executing `true` in a running container
  hijack      executing `true` with all resources of a process in namespaces of its own: raw setns(2) and fork,
              nsenter(1), `contexe hijack`; the same of a process in a container, whose filter has to be read
  rate        containers a second, one after another and several at a time
  checkpoint  freeze, whole and restore of containers of several sizes (bench/checkpoint.py)
  procview    reading /proc/meminfo and /proc/stat: the kernel's, a container's view, lxcfs (bench/procview.py)
  memory      what stays in memory for each running container (PSS of the engine's processes)

The floor (floor.c, floor-setns.c) is raw system calls and no engine at all. All contestants are run by
timer.c in rounds, each round in another order, and compared within the same run only: times from different
runs or machines say little, ratios to the floor say more. Peers that are not installed are left out, and
so is who fails. All run in one mount namespace made for this, whose /sys/fs/cgroup is a clean cgroup2 tree:
OCI runtimes refuse a machine that has v1 and v2 mixed. Needs root, a C compiler and a static busybox.
All files are made in one temporary directory and removed at the end, as are control groups of the runs. TMPDIR
says where that is, and what it costs there is part of the figures: ext4 mounted with `discard` and without a
journal makes whoever removes a directory wait for the disk (0.2 ms, engines that keep state only).
On a machine that does other work, `chrt -f 1 bench/run.py` gives ratios that hold; medians of long runs do not.
"""
import argparse
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import time

from checkpoint import checkpoint_table, section_checkpoint
from contestants import CGROUPS, FLOOR, HERE, SLEEP, Contestant, Failed, Workplace
from contestants import contestants, find_sleepers, is_static, last_line, processes
from procview import procview_table, section_procview


# ---- measuring ----

def measure(place, commands, rounds, batch=1, parallel=1, seed=1):
    """{name: [(wall ns, cpu us, KiB), ...]} and {name: why} of those that failed, dropped before timing."""
    bad, good = {}, {}
    for name, argv in commands.items():         # first alone, so that a failure is told with its reason
        errors = place.path("stderr")
        open(errors, "w").close()
        for line in timer(place, {name: argv}, 1, 0, 1, 1, seed, errors):
            if line[4] != "0":
                with open(errors, encoding="utf-8", errors="replace") as f:
                    bad[name] = f"exit {line[4]}: {last_line(f.read())}"
        if name not in bad:
            good[name] = argv
    samples = {name: [] for name in good}
    if not good:
        return samples, bad
    warmups = 0 if batch > 1 else 3
    for name, wall, cpu, rss, status in timer(place, good, rounds, warmups, batch, parallel, seed):
        if status != "0":
            bad[name] = f"exit {status} in the middle of it"
        samples[name].append((int(wall), int(cpu), int(rss)))
    return {n: s for n, s in samples.items() if n not in bad}, bad


run_number = [0]


def timer(place, commands, rounds, warmups, batch, parallel, seed, errors="/dev/null"):
    """Lines of timer.c. Its own %n starts at 0 each time: ours makes the ids differ between calls."""
    run_number[0] += 1
    text = "".join("\t".join([n] + [a.replace("%n", f"{run_number[0]}-%n") for a in argv]) + "\n"
                   for n, argv in commands.items())
    p = subprocess.run([place.path("timer"), "-r", str(rounds), "-w", str(warmups), "-b", str(batch),
                        "-p", str(parallel), "-s", str(seed), "-t", "120", "-e", errors],
                       input=text, stdout=subprocess.PIPE, text=True, check=True)
    return [line.split("\t") for line in p.stdout.splitlines()]


def summary(samples, scale=1e6):
    """Per contestant: milliseconds and the ratios to the floor of the same run."""
    floor = samples.get(FLOOR)
    base = {"median": statistics.median(s[0] for s in floor), "min": min(s[0] for s in floor)} if floor else None
    rows = {}
    for name, all_of_it in samples.items():
        walls = sorted(s[0] for s in all_of_it)
        median, low = statistics.median(walls), walls[0]
        rows[name] = {
            "median_ms": median / scale, "min_ms": low / scale, "p95_ms": walls[len(walls) * 95 // 100] / scale,
            "cpu_ms": statistics.median(s[1] for s in all_of_it) / 1000,
            "peak_kib": max(s[2] for s in all_of_it), "n": len(walls),
            "ratio_median": median / base["median"] if base else None,
            "ratio_min": low / base["min"] if base else None,
        }
    return rows


def section_life(place, inside, args, own_net=True):
    commands = {c.name: c.life(own_net) for c in inside if c.life(own_net)}
    samples, bad = measure(place, commands, args.rounds, seed=args.seed)
    return summary(samples), bad


def section_life_host(place, inside, args):
    return section_life(place, inside, args, own_net=False)


def stop(contestant):
    try:
        contestant.stop()
    except Failed:
        pass                                    # it never came to run: told already


def section_exec(place, inside, args):
    commands, bad, started = {}, {}, []
    try:
        for c in inside:
            if type(c).exec_argv is Contestant.exec_argv:
                continue
            started.append(c)                   # first: stopped even if the start is cut short
            try:
                c.start()
                commands[c.name] = c.exec_argv()
            except Failed as why:
                bad[c.name] = str(why)
        samples, more = measure(place, commands, args.rounds, seed=args.seed)
        return summary(samples), {**bad, **more}
    finally:
        for c in started:
            stop(c)


def section_hijack(place, inside, args):
    """nsenter and the floor take namespaces only; by the last row even a filter is taken."""
    sources = {c.name: c for c in inside if c.name in (FLOOR, "contexe")}
    commands, bad, started = {}, {}, []
    try:
        for name, c in sources.items():
            before = find_sleepers()
            started.append(c)
            try:
                c.start()
            except Failed as why:
                bad[name] = str(why)
                continue
            pid = str(min(find_sleepers() - before))
            ours = [args.contexe, "hijack", "--pid", pid, "--", "/bin/true"]
            if name == FLOOR:
                commands[FLOOR] = c.exec_argv()
                nsenter = shutil.which("nsenter")
                if nsenter:
                    commands["nsenter"] = [nsenter, "--target", pid, "--all", "--root", "--wd", "/bin/true"]
                commands["contexe"] = ours
            else:
                commands["contexe, filtered"] = ours
        samples, more = measure(place, commands, args.rounds, seed=args.seed)
        return summary(samples), {**bad, **more}
    finally:
        for c in started:
            stop(c)


def section_rate(place, inside, args):
    commands = {c.name: c.life(True) for c in inside if c.life(True)}
    rows, bad = {}, {}
    for parallel in (1, args.parallel):
        samples, more = measure(place, {n: a for n, a in commands.items() if n not in bad}, args.batches,
                                args.batch, parallel, args.seed)
        bad.update(more)
        rates = {n: [args.batch / (s[0] / 1e9) for s in all_of_it] for n, all_of_it in samples.items()}
        floor = statistics.median(rates[FLOOR]) if rates.get(FLOOR) else None
        for name, values in rates.items():
            row = rows.setdefault(name, {"n": 0})
            row["n"] += len(values) * args.batch
            row[f"per_s_{parallel}"] = statistics.median(values)
            row[f"ratio_{parallel}"] = statistics.median(values) / floor if floor else None
    return {n: r for n, r in rows.items() if n not in bad}, bad


# ---- memory ----

def pss_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as f:
        return sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))


def engine_processes(before):
    """Above the one that sleeps, all that was not there before: what the engine keeps for a container."""
    now = processes()
    chain, pid = [], next((p for p, (_, argv) in now.items() if argv == SLEEP and p not in before), None)
    if not pid:
        raise Failed("its container does not run")
    while (pid := now[pid][0]) in now and pid not in before and pid != os.getpid():
        chain.append((pid, os.path.basename(now[pid][1][0])))
    return chain


def section_memory(place, inside, args):
    rows, bad = {}, {}
    for c in inside:
        if type(c).start is Contestant.start:
            continue
        before = set(processes())
        try:
            c.start()
            time.sleep(2)                       # contexe gives back after a second what it took to start
            chain = engine_processes(before)
            rows[c.name] = {"pss_kib": sum(pss_kib(pid) for pid, _ in chain), "processes": len(chain),
                            "names": [name for _, name in chain]}
        except Failed as why:
            bad[c.name] = str(why)
        finally:
            stop(c)
    return rows, bad


SECTIONS = {"life": section_life, "life-host": section_life_host, "exec": section_exec, "hijack": section_hijack,
            "rate": section_rate, "memory": section_memory, "checkpoint": section_checkpoint,
            "procview": section_procview}


# ---- telling ----

def number(value, digits=2):
    return "" if value is None else f"{value:.{digits}f}"


def times_table(rows, args):
    del args
    yield "", "median ms", "min ms", "p95 ms", "CPU ms", "peak MB", "x floor", "x floor (min)"
    for name, r in rows.items():
        yield (name, number(r["median_ms"]), number(r["min_ms"]), number(r["p95_ms"]), number(r["cpu_ms"]),
               number(r["peak_kib"] / 1024, 1), number(r["ratio_median"]), number(r["ratio_min"]))


def rate_table(rows, args):
    yield "", "1 at a time /s", "of floor", f"{args.parallel} at a time /s", "of floor"
    for name, r in rows.items():
        yield (name, number(r["per_s_1"], 0), number(r["ratio_1"]), number(r[f"per_s_{args.parallel}"], 0),
               number(r[f"ratio_{args.parallel}"]))


def memory_table(rows, args):
    del args
    yield "", "PSS KiB", "processes", "which"
    for name, r in rows.items():
        yield name, str(r["pss_kib"]), str(r["processes"]), " ".join(r["names"]) or "(none stays)"


TABLES = {"life": times_table, "life-host": times_table, "exec": times_table, "hijack": times_table, "rate": rate_table,
          "memory": memory_table, "checkpoint": checkpoint_table, "procview": procview_table}


def print_table(lines):
    lines = [tuple(line) for line in lines]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        cells = [line[0].ljust(widths[0])] + [cell.rjust(w) for cell, w in zip(line[1:], widths[1:])]
        print("  " + "  ".join(cells).rstrip())


def print_section(section, rows, bad, args):
    print(f"\n{section}")
    if rows:
        print_table(TABLES[section](rows, args))
    for name, why in bad.items():
        print(f"  {name}: left out: {why}")


def machine():
    return {"kernel": platform.release(), "machine": platform.machine(), "cpus": os.cpu_count(),
            "load": os.getloadavg()[0], "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}


# ---- main ----

def parse_args():
    build = os.environ.get("BUILD", os.path.join(HERE, "..", "build"))
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--section", action="append", choices=SECTIONS, help="only these (may be repeated)")
    p.add_argument("--rounds", type=int, default=100, metavar="N", help="measurements of each (100)")
    p.add_argument("--batch", type=int, default=100, metavar="N", help="containers in a row, for `rate` (100)")
    p.add_argument("--batches", type=int, default=3, metavar="N", help="how often that is done (3)")
    p.add_argument("--parallel", type=int, default=10, metavar="N", help="at a time, for `rate` (10)")
    p.add_argument("--json", metavar="FILE", help="write all numbers there, too (-: instead of the tables)")
    p.add_argument("--contexe", default=os.path.join(build, "contexe"), metavar="PATH")
    p.add_argument("--peer", action="append", default=[], metavar="NAME=PATH",
                   help="another program to measure, such as crun-static=/opt/crun")
    p.add_argument("--busybox", default=shutil.which("busybox"), metavar="PATH", help="a static one")
    p.add_argument("--seed", type=int, default=os.getpid(), metavar="N", help="of the order in each round")
    p.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    return p.parse_args()


def enter_namespace():
    """Once more, in a mount namespace of our own with a clean cgroup2 tree."""
    script = f'mount -t cgroup2 none {CGROUPS} && exec "$@"'
    os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh",
                          sys.executable, os.path.abspath(__file__), "--inside", *sys.argv[1:]])


def bench(place, args):
    place.compile()
    place.make_rootfs(args.busybox)
    inside, left_out = contestants(place, args)
    result = {"machine": machine(), "contestants": {c.name: {"path": c.path, "about": c.about} for c in inside},
              "left_out": left_out, "rounds": args.rounds, "seed": args.seed, "sections": {}}
    quiet = args.json == "-"
    if not quiet:
        print("Linux {kernel}, {cpus} CPUs, load {load:.1f}, {time}".format(**result["machine"]))
        for c in inside:
            print(f"  {c.name}: {c.about}")
        for name, why in left_out.items():
            print(f"  {name}: left out: {why}")
        print("All in one mount namespace with a clean cgroup2 tree; ratios are to the floor of this run.")
    for name in args.section or SECTIONS:
        rows, bad = SECTIONS[name](place, inside, args)
        result["sections"][name] = {"rows": rows, "left_out": bad}
        if not quiet:
            print_section(name, rows, bad, args)
            sys.stdout.flush()
    if args.json:
        with sys.stdout if quiet else open(args.json, "w", encoding="utf-8") as f:
            json.dump(result, f, indent=1)
            f.write("\n")


def main():
    args = parse_args()
    if os.geteuid() != 0:
        return "bench: must be root: the floor and the OCI runtimes are measured with all privileges"
    if not args.busybox:
        return "bench: no busybox: install busybox-static, or name one with --busybox"
    if is_static(args.busybox) is False:
        return f"bench: {args.busybox} is not static: install busybox-static, or name one with --busybox"
    if args.json and args.json != "-":
        args.json = os.path.abspath(args.json)
    if not args.inside:
        enter_namespace()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))     # so that what is below `finally` runs
    place = Workplace()
    try:
        bench(place, args)
    except Failed as why:
        return f"bench: {why}"
    finally:
        place.close()
    left = place.leftovers()
    return f"bench: left behind: {' '.join(left)}" if left else 0


if __name__ == "__main__":
    sys.exit(main())
