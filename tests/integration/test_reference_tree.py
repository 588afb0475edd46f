# SPDX-License-Identifier: Apache-2.0
"""The reference tree of the pid virtualization RFC, row by row.

    A  bash                    an old shell
    B  contexe -j1 bash        its child, the pseudo init of container 1
    C  bash                    the job, <1|2>

Beside it, in the same manner: siblings, pid namespaces made inside, a container in a container.
"""
import os
import re
import subprocess

import pytest

from support import machine
from support.progs import MOUNT, prog

KINDS = ("pid", "tgid", "pgrp", "sid")


class Tree:
    """a, b, c: pids of the machine; ask(): what `contexe pid` answers."""

    def __init__(self, contexe):
        self.contexe = contexe
        script = '"$0" -j1 bash <&3 & echo $!; wait'
        stdin, self.hold = os.pipe()
        self.shell = subprocess.Popen(["bash", "-c", 'exec 3<&0; ' + script, contexe.binary],
                                      env=contexe.environment(None), stdin=stdin, stdout=subprocess.PIPE,
                                      text=True, start_new_session=True)
        os.close(stdin)
        self.a = self.shell.pid
        self.b = int(self.shell.stdout.readline())
        os.write(self.hold, b"echo job $$\n")
        assert self.shell.stdout.readline() == "job 2\n"
        info, = contexe.json("ls")
        self.init = info["initPid"]
        self.c, = children(self.init)

    def ask(self, process, context=None, kind="pid"):
        return self.contexe.out("pid", *(["--in", context] if context else []), "--kind", kind, process)

    def answer(self, process, context=None, kind="pid"):
        return self.contexe.json("pid", *(["--in", context] if context else []), "--kind", kind, process)

    def close(self):
        os.write(self.hold, b"exit 0\n")
        self.shell.wait(20)
        os.close(self.hold)
        self.shell.stdout.close()


@pytest.fixture
def tree(contexe):
    t = Tree(contexe)
    yield t
    t.close()


def children(pid):
    return [int(p) for p in machine.read(f"/proc/{pid}/task/{pid}/children").split()]


def numbers(pid, line):
    """What the kernel says: NSpid, NStgid, NSpgid or NSsid, outermost first."""
    return [int(n) for n in re.search(rf"^{line}:(.*)$", machine.read(f"/proc/{pid}/status"), re.M)[1].split()]


def test_tree_is_the_reference_tree(tree):
    assert machine.read(f"/proc/{tree.b}/comm") == "contexe\n"
    assert tree.b in children(tree.a) and tree.init in children(tree.b)
    assert numbers(tree.c, "NSpid") == [tree.c, 2]
    assert machine.link(f"/proc/{tree.c}/exe").endswith("/bash")
    assert tree.contexe.json("inspect", "1")["name"] == "cont_1"


def rows(t):
    """question -> (process, context, text, visible, crosses, vpid, pid, name)"""
    a, b, c = str(t.a), str(t.b), str(t.c)
    return {
        "C in the context of B": (c, b, "2", True, False, 2, t.c, "<1|2>"),
        "B in the context of C": (b, c, "1", True, False, 1, 1, "<1|1>"),
        "B in the context of A": (b, a, b, True, False, t.b, t.b, f"<0|{b}>"),
        "C in the context of A": (c, a, f"<1|2> {c}", True, True, 2, t.c, "<1|2>"),
        "A in the context of B": (a, b, a, True, False, t.a, t.a, f"<0|{a}>"),
        "A in the context of C": (a, c, "-1", False, False, -1, -1, ""),
    }


def test_six_questions(tree):
    for question, (process, context, text, *_) in rows(tree).items():
        assert tree.ask(process, context) == text, question


def test_six_questions_in_json(tree):
    for question, (process, context, _, visible, crosses, vpid, pid, name) in rows(tree).items():
        assert tree.answer(process, context) == {
            "process": process, "context": context, "kind": "pid", "visible": visible, "crosses": crosses,
            "vpid": vpid, "pid": pid, "name": name}, question


def test_six_questions_by_internal_names(tree):
    """<pidspace|vpid> is accepted wherever a pid is."""
    names = {str(tree.a): f"<0|{tree.a}>", str(tree.b): f"<0|{tree.b}>", str(tree.c): "<1|2>"}
    for question, (process, context, text, *_) in rows(tree).items():
        assert tree.ask(names[process], names[context]) == text, question
    for name in ("<1|2>", "1|2", "cont_1|2", "<cont_1|2>"):
        assert tree.ask(name) == f"<1|2> {tree.c}"
    assert tree.contexe.out("pid", "--quiet", "1|2") == "<1|2>"


def test_a_container_is_asked_by_its_name(tree):
    assert tree.ask(str(tree.c), "cont_1") == "2"
    assert tree.ask(str(tree.a), "cont_1") == "-1"
    assert tree.ask("cont_1") == f"<1|1> {tree.init}"


@pytest.mark.parametrize("kind", KINDS)
def test_who_sees_whom_is_the_same_for_every_kind(tree, kind):
    for question, (process, context, _, visible, crosses, *_) in rows(tree).items():
        answer = tree.answer(process, context, kind)
        assert (answer["visible"], answer["kind"]) == (visible, kind), question
        if kind == "tgid":
            assert (answer["vpid"], answer["crosses"]) == (tree.answer(process, context)["vpid"], crosses)


def test_groups_and_sessions_of_the_tree(tree):
    """C leads its session: 2 inside. A and B are in A's session, which C cannot see; for C, B is process 1."""
    for kind in ("pgrp", "sid"):
        assert tree.ask(str(tree.c), str(tree.b), kind) == "2"
        assert tree.ask(str(tree.c), str(tree.a), kind) == f"<1|2> {tree.c}"
        assert tree.ask(str(tree.b), str(tree.a), kind) == str(tree.a)
        assert tree.ask(str(tree.a), str(tree.b), kind) == str(tree.a)
        assert tree.ask(str(tree.b), str(tree.c), kind) == "1"
        assert tree.ask(str(tree.a), str(tree.c), kind) == "-1"


@pytest.fixture
def session(contexe, busybox_rootfs):
    """The tree of tests/progs/session.c in a container: name -> (pid, pgrp, sid) as it says itself."""
    process = contexe.popen("run", "-i", "--name", "session", *MOUNT, "--rootfs", busybox_rootfs, "--overlay",
                            "--", prog("session"))
    lines = [process.stdout.readline().split() for _ in range(5)]
    yield {name: tuple(map(int, ids)) for name, *ids in lines}
    contexe.run("kill", "session")
    process.communicate(timeout=20)


def test_all_kinds_of_a_session(contexe, session):
    """What every process of it says of itself is what contexe says, in the container's context; and in the
    machine's it is what the kernel says."""
    number = contexe.json("inspect", "session")["number"]
    assert session["member"][1] == session["group"][0] and session["session"][2] == session["session"][0]
    for name in ("top", "group", "member", "session"):
        pid, pgrp, sid = session[name]
        inside = f"<{number}|{pid}>"
        outside = contexe.json("pid", inside)["pid"]
        for kind, vpid, line in (("pid", pid, "NSpid"), ("tgid", pid, "NStgid"), ("pgrp", pgrp, "NSpgid"),
                                 ("sid", sid, "NSsid")):
            assert numbers(outside, line)[-1] == vpid
            answer = contexe.json("pid", "--kind", kind, "--in", "session", inside)
            assert (answer["vpid"], answer["name"], answer["crosses"]) == (vpid, f"<{number}|{vpid}>", False)
            answer = contexe.json("pid", "--kind", kind, str(outside))
            assert (answer["vpid"], answer["name"], answer["crosses"]) == (vpid, f"<{number}|{vpid}>", True)
            assert answer["pid"] == numbers(outside, line)[0]


def test_a_group_of_outside_is_zero_inside(contexe, busybox_rootfs):
    """The kernel shows 0 for a group or session whose leader is in no namespace of the reader."""
    name = contexe.name()
    contexe.run("run", "-d", "--name", name, "--rootfs", busybox_rootfs, "--overlay", "--", "sleep", "1000")
    joined = subprocess.Popen(["nsenter", "-t", str(contexe.json("inspect", name)["initPid"]), "-p", "--",
                               "sleep", "1000"])
    try:
        child = machine.until(lambda: children(joined.pid))[0]
        assert machine.until(lambda: machine.read(f"/proc/{child}/comm") == "sleep\n")
        assert numbers(child, "NSpgid")[-1] == 0
        answer = contexe.json("pid", "--kind", "sid", "--in", name, str(child))
        assert answer["visible"] and answer["vpid"] == 0 and answer["name"] == ""
        assert contexe.json("pid", "--in", name, str(child))["vpid"] == numbers(child, "NSpid")[-1]
    finally:
        contexe.run("kill", name)
        joined.wait(10)


def test_siblings_do_not_see_each_other(contexe, busybox_rootfs):
    names = [contexe.name() for _ in range(2)]
    for number, name in enumerate(names, 1):
        contexe.run("run", "-d", "-j", number, "--name", name, "--rootfs", busybox_rootfs, "--overlay", "--",
                    "sleep", "1000")
    for mine, other in ((1, 2), (2, 1)):
        assert contexe.out("pid", "--in", f"<{mine}|2>", f"<{other}|2>") == "-1"
        assert contexe.out("pid", "--in", names[mine - 1], names[other - 1]) == "-1"
        assert contexe.out("pid", "--in", f"<{mine}|2>", f"<{mine}|2>") == "2"
        supervisor = contexe.json("inspect", names[other - 1])["supervisorPid"]
        assert contexe.out("pid", "--in", names[mine - 1], supervisor) == "-1"


def test_unknown_processes_and_contexts(contexe):
    for args in (("4999999",), ("<77|2>",), ("no-such",), ("1", "--in", "no-such"), ("<0|0>",), ("1|x",)):
        error = contexe.fails("pid", *args)
        assert error.startswith("contexe: ") and error.count("\n") == 1
    assert "pid, tgid, pgrp, sid" in contexe.fails("pid", "1", "--kind", "uid")


NESTED = "exec unshare -p -f --mount-proc sh -c 'unshare -p -f --mount-proc sleep 1000; true'"


def test_namespaces_made_inside_have_names_by_inode(contexe):
    """Two more levels below a container: in the context of each ancestor the process has another number."""
    name = contexe.name()
    contexe.run("run", "-d", "-j5", "--name", name, "--privileged", "--", "sh", "-c", NESTED)

    def deepest():
        found = [p for p in machine.container_processes() if machine.read(f"/proc/{p}/comm") == "sleep\n"
                 and len(numbers(p, "NSpid")) == 4 and p in machine.users_of(contexe.root)]
        return found and found[0]

    pid = machine.until(deepest)
    assert pid, "the nested sleep did not come"
    ns = numbers(pid, "NSpid")
    inode = machine.link(f"/proc/{pid}/ns/pid").strip("pid:[]")
    middle = int(re.search(r"^PPid:\s+(\d+)", machine.read(f"/proc/{pid}/status"), re.M)[1])
    middle_ns = numbers(middle, "NSpid")
    assert ns[-1] == 1 and len(middle_ns) == 3 or len(middle_ns) == 2

    assert contexe.out("pid", pid) == f"<ns:{inode}|1> {pid}"
    assert contexe.json("pid", f"<ns:{inode}|1>")["pid"] == pid
    answer = contexe.json("pid", "--in", name, pid)
    assert (answer["crosses"], answer["vpid"], answer["name"], answer["pid"]) == (True, 1, f"<ns:{inode}|1>", ns[1])
    assert contexe.out("pid", "--in", f"<ns:{inode}|1>", f"<ns:{inode}|1>") == "1"
    assert contexe.out("pid", "--in", f"<ns:{inode}|1>", "<5|2>") == "-1"
    # the level between sees it by a number of its own
    between = next(p for p in machine.users_of(contexe.root)
                   if len(numbers(p, "NSpid")) == 3 and machine.link(f"/proc/{p}/ns/pid")
                   != machine.link(f"/proc/{pid}/ns/pid"))
    answer = contexe.json("pid", "--in", between, pid)
    assert (answer["crosses"], answer["pid"]) == (True, ns[2])
    assert {p["pid"]: p["pidspace"] for p in contexe.json("ps", name)}[pid] == f"ns:{inode}"


def test_a_container_in_a_container(contexe):
    """Inside, the inner engine names its container 1; outside, its processes are in an unnamed space."""
    outer = contexe.name()
    script = ('export CONTEXE_ROOT=/scratch; ' +
              f'/engine/contexe run -d -j1 --name inner -- sleep 1000 && touch /scratch/ready; exec sleep 1000')
    contexe.run("run", "-d", "-j1", "--name", outer, "--privileged", "--tmpfs", "/scratch",
                "--volume", f"{os.path.dirname(contexe.binary)}:/engine:ro", "--",
                "sh", "-c", script)
    assert machine.until(lambda: contexe.run("exec", outer, "test", "-e", "/scratch/ready",
                                             check=False).returncode == 0), contexe.out("logs", outer)

    def inside(*args):
        return contexe.out("exec", "-e", "CONTEXE_ROOT=/scratch", outer, "/engine/contexe", *args)

    try:
        kernel = int(inside("pid", "<1|2>").split()[1])
        assert inside("pid", "<1|2>") == f"<1|2> {kernel}"
        assert inside("pid", "<1|2>", "--in", "inner") == "2"
        assert inside("pid", "<0|1>", "--in", "inner") == "-1"

        # the same process, as the machine and the outer container call it
        pid, = [p["pid"] for p in contexe.json("ps", outer) if numbers(p["pid"], "NSpid")[1:] == [kernel, 2]]
        inode = machine.link(f"/proc/{pid}/ns/pid").strip("pid:[]")
        assert contexe.out("pid", pid) == f"<ns:{inode}|2> {pid}"
        answer = contexe.json("pid", pid, "--in", outer)
        assert (answer["name"], answer["pid"], answer["crosses"]) == (f"<ns:{inode}|2>", kernel, True)
        assert contexe.out("pid", "<1|2>", "--in", f"<ns:{inode}|2>") == "-1"
    finally:
        inside("rm", "-f", "inner")
