# SPDX-License-Identifier: Apache-2.0
"""Completion in the three shells, each driven as it completes for a person: bash with its COMP_ variables
and once on a terminal, zsh on a terminal (its completion works nowhere else), fish by `complete -C`."""
import os
import re
import subprocess

import pytest

from support import need
from support.engine import BUILD, TOP
from support.terminal import Terminal

COMPLETION = os.path.join(TOP, "completion")

BASH = r"""
source "$1"
COMP_LINE=$2; COMP_POINT=${#2}
read -ra COMP_WORDS <<<"$2"; COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_contexe
printf '%s\n' "${COMPREPLY[@]}"
"""


def environment(contexe):
    return {**contexe.environment({}), "PATH": f"{BUILD}:{contexe.env['PATH']}"}


def output(contexe, command):
    return subprocess.run(command, env=environment(contexe), cwd=TOP, text=True, timeout=30, check=True,
                          stdin=subprocess.DEVNULL, capture_output=True).stdout.splitlines()


def bash(contexe, line):
    script = os.path.join(COMPLETION, "contexe.bash")
    words = set(filter(None, output(contexe, ["bash", "--norc", "-c", BASH, "bash", script, line])))
    keep = re.search(r"[^\s]*$", line)[0]       # bash replaces only what follows the last = or :
    keep = keep[:max(keep.rfind("="), keep.rfind(":")) + 1]
    return {keep + w for w in words}


def fish(contexe, line):
    need.program("fish")
    script = f"source {COMPLETION}/contexe.fish; complete -C $argv[1]"
    words = {w.split("\t")[0].rstrip("/") for w in output(contexe, ["fish", "-N", "-c", script, "--", line])}
    return {w for w in words if w.startswith(line.rpartition(" ")[2])}      # fish offers what is similar, too


SHELLS = pytest.mark.parametrize("shell", [bash, fish])


@pytest.fixture
def two(contexe):
    """A root with two containers that wait: apple and apricot."""
    for name in ("apple", "apricot"):
        contexe.run("create", "--name", name, "--", "true")
    return contexe


@SHELLS
def test_commands(contexe, shell):
    assert shell(contexe, "contexe st") == {"start", "stats", "stop"}
    assert {"run", "exec", "image", "version"} <= shell(contexe, "contexe ")
    assert "complete" not in shell(contexe, "contexe ")


@SHELLS
@pytest.mark.parametrize("command", ["start", "stop", "kill", "rm", "logs", "attach", "inspect", "ps", "wait"])
def test_containers(two, shell, command):
    assert shell(two, f"contexe {command} ap") == {"apple", "apricot"}
    assert shell(two, f"contexe {command} apr") == {"apricot"}
    assert shell(two, f"contexe {command} none") == set()


@SHELLS
def test_containers_of_another_root(two, shell, tmp_path):
    assert shell(two, f"contexe --root {tmp_path} stop ap") == set()
    assert shell(two, f"contexe --root {two.root} --json stop apr") == {"apricot"}


@SHELLS
def test_options(contexe, shell):
    assert {"--memory", "--memory-swap", "--memory-reservation"} == shell(contexe, "contexe run --mem")
    assert {"--memory", "--memory-swap", "--memory-reservation"} == shell(contexe, "contexe -j2 --mem")
    assert shell(contexe, "contexe update --na") == set()
    assert {"--help", "--json", "--quiet", "--root"} <= shell(contexe, "contexe rm --")
    assert {"--help", "--json", "--quiet", "--root"} == shell(contexe, "contexe --")


@SHELLS
def test_what_comes_behind_the_command(two, shell):
    """Options of run end there: what follows is a program of its own, and files."""
    for line in ("contexe run -- ", "contexe run --rm --name x ", "contexe exec apple ", "contexe exec apple -- "):
        assert "setsid" in shell(two, line + "sets"), line
        assert shell(two, line + "ls completion/contexe.b") == {"completion/contexe.bash"}
        assert shell(two, line + "ls --mem") == set()
    assert shell(two, "contexe exec apr") == {"apricot"}
    assert shell(two, "contexe exec --user apple apr") == {"apricot"}


@SHELLS
def test_hijack(two, shell):
    """The source is a name or an option's value; what follows is a command."""
    assert shell(two, "contexe hijack apr") == {"apricot"}
    for line in ("contexe hijack apple ", "contexe hijack apple -- ", "contexe hijack --pid 1 -- ", "contexe hijack --pid 1 ",
                 "contexe hijack --cgroup /tmp -- "):
        assert "setsid" in shell(two, line + "sets"), line
        assert shell(two, line + "ls completion/contexe.b") == {"completion/contexe.bash"}
    assert {"--pid", "--cgroup", "--json"} <= shell(two, "contexe hijack --")
    assert str(os.getpid()) in shell(two, f"contexe hijack --pid {os.getpid()}")
    assert shell(two, "contexe hijack --cgroup compl") == {"completion"}


@SHELLS
def test_root(two, shell):
    assert shell(two, "contexe --root compl") == {"completion"}
    assert shell(two, "contexe stop --root compl") == {"completion"}


@SHELLS
def test_join(two, shell):
    assert shell(two, "contexe run --join apple:u") == {"apple:uts", "apple:user"}
    assert shell(two, "contexe run --join apr") == {
        f"apricot:{ns}" for ns in ("pid", "net", "ipc", "uts", "cgroup", "time", "user")}
    assert shell(two, "contexe run --network container:apr") == {"container:apricot"}


@SHELLS
def test_values(contexe, shell):
    policies = {"no", "always", "on-failure", "unless-stopped"}
    assert shell(contexe, "contexe run --restart ") == policies
    assert shell(contexe, "contexe run --restart=") == {f"--restart={p}" for p in policies}
    assert shell(contexe, "contexe run --restart=un") == {"--restart=unless-stopped"}
    assert shell(contexe, "contexe run --time-offset ") == {"monotonic=", "boottime="}
    assert "--auto-userns" in shell(contexe, "contexe run --auto")


@SHELLS
def test_signals(two, shell):
    assert {"TERM", "TSTP", "TRAP"} <= shell(two, "contexe kill --signal T")
    assert shell(two, "contexe kill -s HU") == {"HUP"}
    assert {"RTMIN", "RTMIN+1", "RTMIN+30"} <= shell(two, "contexe kill -s RT")
    assert shell(two, "contexe kill -s HUP apr") == {"apricot"}


@SHELLS
def test_images(contexe, shell):
    assert shell(contexe, "contexe image im") == {"import"}
    assert shell(contexe, "contexe run --image ") == set()


@SHELLS
def test_paths(contexe, shell):
    assert {"completion/contexe.bash", "completion/contexe.fish"} <= \
        shell(contexe, "contexe image import completion/contexe.")
    assert shell(contexe, "contexe run --rootfs compl") == {"completion"}
    assert shell(contexe, "contexe run --rootfs=compl") == {"--rootfs=completion"}


def test_bash_volume(contexe):
    """The part behind the colon is a path of its own."""
    assert bash(contexe, "contexe run -v /etc:/us") == {"/etc:/usr"}


def test_bash_on_a_terminal(two):
    with Terminal(["bash", "--norc", "-i"], {**environment(two), "PS1": "$ "}, cwd=TOP) as t:
        t.send(f"source {COMPLETION}/contexe.bash\r")
        t.send("contexe stop ap\t\t")
        t.expect(r"apple\s+apricot")
        t.send("r\t")
        t.expect(r"stop apricot ")
        t.send("\x15exit\r")
        assert t.wait() == 0


@pytest.fixture
def zsh(two):
    need.program("zsh")
    with Terminal(["zsh", "-f", "-i"], environment(two), cwd=TOP, columns=200) as t:
        t.send(f"fpath=({COMPLETION} $fpath); autoload -Uz compinit; compinit -u -D; "
               "unsetopt beep; PS1='REA''DY> '\r")
        t.expect("READY> ")

        def complete(line, pattern):
            """Types a line and a tab; the pattern is what must be shown then."""
            t.send(line + "\t")
            match = t.expect(pattern)
            t.send("\x15\r")
            t.expect("READY> ")
            return match
        yield complete
        t.send("exit\r")
        t.wait()


@pytest.mark.parametrize("line, shown", [
    ("contexe paus", r"contexe pause\b"),
    ("contexe st", r"start  -- start a created(.|\n)*stats  -- (.|\n)*stop   -- "),
    ("contexe stop apr", r"stop apricot\b"),
    ("contexe stop a", r"stop ap(.|\n)*"),
    ("contexe kill -s HU", r"-s HUP\b"),
    ("contexe run --restart=un", r"--restart=unless-stopped"),
    ("contexe run --time-offset mon", r"monotonic="),
    ("contexe run --auto-u", r"--auto-userns"),
    ("contexe -j2 --memory-s", r"--memory-swap"),
    ("contexe image import completion/contexe.b", r"completion/contexe.bash"),
    ("contexe run --rootfs=compl", r"--rootfs=completion"),
    ("contexe run --join apri", r"apricot:"),
    ("contexe exec apple setsi", r"setsid\b"),
    ("contexe --root compl", r"completion\S*/"),
    ("contexe run -v /etc:/us", r"/etc:/us\S*r"),
])
def test_zsh(zsh, line, shown):
    zsh(line, shown)
