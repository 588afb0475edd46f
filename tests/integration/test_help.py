# SPDX-License-Identifier: Apache-2.0
"""Help of every command, wrong words on the command line, options before the command."""
import os
import re
import subprocess

import pytest

from support import engine
from support.box import refused

COMMANDS = ("run create start restart stop kill pause resume update rm exec hijack attach checkpoint restore verify wait ls ps pid top stats "
            "logs events inspect image fs probe version").split()
OF_ONE = "start restart stop kill pause resume rm exec hijack attach wait top logs inspect".split()


def test_every_command_is_listed(contexe):
    for done in (contexe.run("--help"), contexe.run("help"), contexe.run("-h"), contexe.run()):
        assert re.findall(r"^  (\w+) +\S", done.stdout, re.M)[:len(COMMANDS)] == COMMANDS
        assert "contexe run -- bash" in done.stdout and done.stderr == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_help(contexe, command):
    text = contexe.run(command, "--help").stdout
    assert text.startswith(f"contexe {command} - ")
    assert f"usage: contexe {command}" in text
    examples = text.partition("\nExamples:\n")[2]
    assert f"  contexe {command}" in examples
    assert contexe.run("help", command).stdout == text == contexe.run(command, "-h").stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_wrong_option(contexe, command):
    refused(contexe, command, "--no-such-thing", what=command, why="no option --no-such-thing",
            hint=f"contexe {command} --help")
    refused(contexe, command, "-Z", what=command, why="no option -Z")


@pytest.mark.parametrize("command", OF_ONE)
def test_no_name_given(contexe, command):
    refused(contexe, command, what=command, hint=f"contexe {command} --help")


@pytest.mark.parametrize("args", [
    ("start", "nobody"), ("restart", "nobody"), ("stop", "nobody"), ("kill", "nobody"), ("pause", "nobody"),
    ("resume", "nobody"), ("update", "--memory", "64m", "nobody"), ("rm", "nobody"), ("rm", "-f", "nobody"),
    ("exec", "nobody", "true"), ("hijack", "nobody", "true"), ("attach", "nobody"), ("wait", "nobody"), ("logs", "nobody"),
    ("inspect", "nobody"), ("stats", "nobody"), ("top", "nobody"), ("ps", "nobody"),
], ids=" ".join)
def test_no_such_container(contexe, args):
    refused(contexe, *args, thing="nobody", why="no such container", hint="contexe ls --all")
    refused(contexe, *[{"nobody": "77"}.get(a, a) for a in args], thing="77", why="no such container")


@pytest.mark.parametrize("args, why", [
    (("run", "--memory"), "option --memory needs a value: SIZE"),
    (("run", "-m"), "option -m needs a value: SIZE"),
    (("ls", "thing"), "no arguments"),
    (("logs", "a", "b"), "one container"),
    (("attach", "a", "b"), "one container"),
    (("start", "--attach", "a", "b"), "one container"),
    (("events", "a", "b"), "one container"),
    (("rm", "--all", "a"), "--all"),
    (("update", "a"), "nothing to change"),
    (("kill", "-s", "NOSUCH", "a"), "'NOSUCH' is not a signal"),
    (("kill", "-s", "65", "a"), "'65' is not a signal"),
    (("kill", "-s", "0", "a"), "'0' is not a signal"),
    (("stop", "-t", "soon", "a"), "'soon' is not a number of seconds"),
    (("stop", "-t", "-1", "a"), "'-1' is not a number of seconds"),
    (("wait", "-t", "soon", "a"), "'soon' is not a time"),
    (("logs", "--since", "once", "a"), "'once' is not a time"),
    (("logs", "--tail", "few", "a"), "'few' is not a number of lines"),
    (("events", "--until", "once"), "'once' is not a time"),
    (("stats", "--interval", "1ms"), "'1ms' is not an interval"),
    (("exec", "-e", "=x", "a", "true"), "needs a name"),
    (("hijack", "--pid", "0", "true"), "'0' is no process id"),
    (("hijack", "--pid", "1", "--cgroup", "/", "true"), "exclude each other"),
    (("image",), "import, ls, rm or inspect"),
    (("image", "eat"), "no 'image eat'"),
    (("image", "import"), "one archive"),
    (("image", "rm"), "which image"),
    (("image", "inspect"), "which image"),
    (("image", "ls", "x"), "no arguments"),
    (("fs",), "one directory"),
    (("fs", "mount"), "one directory"),
    (("fs", "umount", "a", "b"), "one directory"),
    (("probe", "no-such"), "no feature 'no-such'"),
    (("version", "x"), "no arguments"),
], ids=lambda v: " ".join(v) if isinstance(v, tuple) else "")
def test_wrong_arguments(contexe, args, why):
    error = refused(contexe, *args, what=args[0], why=why)
    assert f"contexe {args[0]} --help" in error["hint"]


@pytest.mark.parametrize("word, hint", [
    ("frobnicate", "'contexe --help' lists them"), ("rum", "'run'"), ("stpo", ""), ("inspec", "'inspect'"),
    ("psx", "'ps'"), ("logss", "'logs'"),
])
def test_unknown_command(contexe, word, hint):
    done = contexe.run(word, check=False)
    assert done.returncode == 125 and done.stdout == ""
    assert re.fullmatch(rf"contexe: there is no command '{word}'; [^\n]*\n", done.stderr)
    assert hint in done.stderr


def test_unknown_option_before_the_command(contexe):
    done = contexe.run("--frob", "ls", check=False)
    assert done.returncode == 125
    assert re.fullmatch(r"contexe: there is no option --frob; .*--help'\n", done.stderr)


def test_options_before_the_command(contexe, scratch):
    other = os.path.join(scratch, "deep", "root")
    for form in (("--root", other), (f"--root={other}",)):
        assert contexe.run(*form, "--json", "ls").stdout == "[]\n"
    assert os.path.isdir(os.path.join(other, "containers"))
    assert contexe.run("ls", "--root", other, "--json").stdout == "[]\n"
    assert contexe.run("--version").stdout == contexe.run("version").stdout


def test_a_full_output_is_told(contexe):
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(contexe.command("probe"), env=contexe.env, stdout=full, stderr=subprocess.PIPE,
                              text=True, timeout=60)
    assert done.returncode == 125 and done.stderr == "contexe: cannot write the output\n"


def test_no_colour_where_none_is_wanted(contexe):
    with contexe.terminal("ls") as t:
        assert t.wait() == 0 and "\x1b[1m" in t.output
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        with contexe.terminal("ls", env=contexe.environment(env)) as t:
            assert t.wait() == 0 and "NUMBER" in t.output and "\x1b" not in t.output
    assert "\x1b" not in contexe.run("ls").stdout


def test_words_to_complete(contexe):
    def words(*line):
        return [w.split("\t")[0] for w in contexe.run("complete", *line).stdout.splitlines()]
    assert set(COMMANDS) <= set(words(""))
    assert "complete" not in words("")
    assert {"run", "rm", "restart", "restore", "resume"} >= {w for w in words("r") if w.startswith("r")} != set()
    assert "--memory" in words("run", "--mem")
    assert "--rootfs" not in words("update", "--")
    assert "SIGTERM" in words("kill", "--signal", "") or "TERM" in words("kill", "--signal", "")


def test_words_of_containers(contexe, busybox_rootfs):
    name = contexe.name()
    contexe.run("run", "--name", name, "--rootfs", busybox_rootfs, "--overlay", "--", "true")
    assert name in contexe.run("complete", "rm", "").stdout


def test_the_manual_pages_name_every_command():
    pages = os.listdir(os.path.join(engine.TOP, "man"))
    for command in COMMANDS:
        assert any(p.startswith(f"contexe-{command}.1") for p in pages), command
