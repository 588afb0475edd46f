# SPDX-License-Identifier: Apache-2.0
"""The documentation says what the program does: man pages against --help in both directions, contexe(3)
against <contexe.h>, links between pages, and the session in README.md, typed once more."""
import os
import re
import subprocess
from functools import lru_cache

import pytest

from support import engine, machine, need

TOP = engine.TOP
MAN = os.path.join(TOP, "man")
PAGES = sorted(f[:-4] for f in os.listdir(MAN) if f.endswith(".scd"))
COMMANDS = re.findall(r"\bX\((\w+)\)", machine.read(os.path.join(TOP, "src/cli/commands.h")))
COMMANDS = [c for c in dict.fromkeys(COMMANDS) if c not in ("complete", "name")]
OPTION = re.compile(r"^\*(?:-(\w)\*, \*)?--([\w-]+)\*(?: _(.+)_)?$", re.M)


@lru_cache(None)
def source(page):
    """A page as scdoc gets it: with the files that it includes."""
    return subprocess.check_output(["awk", "-v", f"dir={MAN}", "-f", f"{MAN}/expand.awk", f"{MAN}/{page}.scd"],
                                   text=True)


@lru_cache(None)
def text_of(page):
    """Without markup and line breaks, for looking up sentences."""
    return " ".join(re.sub(r"[*_\\`]", "", source(page)).split())


def sections(page):
    return re.findall(r"^# (.+)$", source(page), re.M)


def options_of_page(page):
    """{(letter, name, argument)} of the option entries."""
    return {m.groups("") for m in OPTION.finditer(source(page))}


def options_of_help(contexe, command):
    """The same from --help: the command's own, then those of all commands."""
    help_text = contexe.run(command, "--help").stdout
    own, _, common = help_text.partition("\nFor all commands:")
    found = re.compile(r"^  (?:-(\w), |    )--([\w-]+)(?: (\S+))?(?=  |$)", re.M)
    return ({m.groups("") for m in found.finditer(own)},
            {m.groups("") for m in found.finditer(common.partition("\nExamples:")[0])})


def test_every_command_has_its_page():
    assert len(COMMANDS) > 20
    assert {f"contexe-{c}.1" for c in COMMANDS} == {p for p in PAGES if re.fullmatch(r"contexe-.*\.1", p)}


@pytest.mark.parametrize("command", COMMANDS)
def test_options(contexe, command):
    own, common = options_of_help(contexe, command)
    assert options_of_page(f"contexe-{command}.1") == own
    assert options_of_page("contexe.1") == common
    assert "--help, --json, --quiet, --root) are in contexe(1)" in text_of(f"contexe-{command}.1")


@pytest.mark.parametrize("command", COMMANDS)
def test_summary_usage_and_examples(contexe, command):
    help_text = contexe.run(command, "--help").stdout
    page = source(f"contexe-{command}.1")
    summary = re.match(rf"contexe {command} - (.*)", help_text)[1]
    usage = re.search(r"^usage: (.*)$", help_text, re.M)[1]
    assert f"\ncontexe-{command} - {summary}\n" in page
    assert usage in text_of(f"contexe-{command}.1")
    examples = help_text.partition("\nExamples:\n")[2].partition("\n\n")[0]
    for line in examples.splitlines():
        assert f"\n{line}\n" in page


@pytest.mark.parametrize("page", PAGES)
def test_structure(page):
    name, section = page.rsplit(".", 1)
    assert source(page).startswith(f"{name}({section})\n")
    want = ["NAME", "DESCRIPTION", "SEE ALSO"]
    want += ["SYNOPSIS", "EXIT STATUS", "EXAMPLES"] if section in "18" else []
    assert set(want) <= set(sections(page))
    assert sections(page)[0] == "NAME" and sections(page)[-1] == "SEE ALSO"


@pytest.mark.parametrize("page", PAGES)
def test_links(page):
    """What is called contexe...(N) is one of our pages."""
    for name, section in re.findall(r"\*(contexe[\w-]*)\*\((\d)\)", source(page)):
        assert f"{name}.{section}" in PAGES


@pytest.mark.parametrize("page", PAGES)
def test_page_is_built(page):
    need.program("scdoc")
    built = machine.read(os.path.join(engine.BUILD, "man", page))
    assert ".SH NAME" in built, f"{engine.BUILD}/man/{page} was not built"
    made = subprocess.run(["scdoc"], input=source(page), text=True, capture_output=True, check=True).stdout
    assert made.count(".SH") == built.count(".SH")


def test_pages_are_installed():
    listed = re.findall(r"^\t'([\w.-]+\.\d)',$", machine.read(os.path.join(MAN, "meson.build")), re.M)
    assert sorted(listed) == PAGES


def test_library():
    header = machine.read(os.path.join(TOP, "include/contexe.h"))
    functions = set(re.findall(r"\b(contexe_\w+)\(", "".join(re.findall(r"^CONTEXE_API[^;]*;", header, re.M))))
    assert len(functions) > 40
    assert set(re.findall(r"\*(contexe_\w+)\*\(\)", source("contexe.3"))) == functions


def test_library_example(contexe, tmp_path):
    """The program in contexe(3) compiles against the build and runs."""
    need.root()
    example = re.search(r"^# EXAMPLES\n\n```\n(.*?)^```$", source("contexe.3"), re.M | re.S)[1]
    program = tmp_path / "example"
    subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", "-x", "c", "-", "-o", program, f"-I{TOP}/include",
                    f"-L{engine.BUILD}", f"-Wl,-rpath,{engine.BUILD}", "-lcontexe"],
                   input=example, text=True, check=True)
    env = {**contexe.environment({}), "CONTEXE_LIBEXECDIR": engine.BUILD}
    done = subprocess.run([program], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "2\nexample\n"), done.stderr


# ---- README.md ----

def session():
    """[(command, what README.md shows)] of its terminal session."""
    block = re.search(r"^```console\n(.*?)^```$", machine.read(os.path.join(TOP, "README.md")), re.M | re.S)[1]
    return [(part.partition("\n")[0], part.partition("\n")[2]) for part in re.split(r"^# ", block, flags=re.M)[1:]]


def shape(text):
    """What stays the same from day to day: numbers, sizes and times become N."""
    text = re.sub(r"\bD(s?) ", r"S\1 ", text)            # whoever waits for a busy disk sleeps, too
    text = re.sub(r"\d+(\.\d+)?[BKMG]?\b( seconds?\b)?", "N", text)
    return [" ".join(line.split()) for line in text.strip().splitlines()]


def test_readme_session(contexe):
    need.root()
    steps = session()
    assert len(steps) > 5
    env = {**contexe.environment({}), "PATH": f"{engine.BUILD}:{contexe.env['PATH']}"}
    for command, shown in steps:
        done = subprocess.run(["bash", "-c", command], env=env, stdin=subprocess.DEVNULL, text=True, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert shape(done.stdout) == shape(shown), command


def test_links_of_markdown():
    """Files that the pages for developers link to are there."""
    for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "NEWS.md", "docs/status.md", "docs/seeds.md"):
        text = machine.read(os.path.join(TOP, name))
        assert text, f"{name} is missing"
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
            assert os.path.exists(os.path.join(TOP, os.path.dirname(name), target)), f"{name}: {target}"


def test_what_the_promises_name():
    """docs/seeds.md and docs/status.md name tests, functions and commands: they are there."""
    header = machine.read(os.path.join(TOP, "include/contexe.h"))
    places = {"i": "tests/integration", "u": "tests/unit", "fuzz": "tests/fuzz", "progs": "tests/progs", "": "tests/integration"}
    for page in ("docs/seeds.md", "docs/status.md"):
        text = machine.read(os.path.join(TOP, page))
        for directory, name in re.findall(r"`(?:(i|u|fuzz)/)?((?:tests/unit/)?test_\w+\.(?:py|c)|fuzz_\w+\.c)`", text):
            path = name if "/" in name else os.path.join(places[directory], name)
            assert os.path.exists(os.path.join(TOP, path)), f"{page}: {path}"
        for name in re.findall(r"`ck/(\w+)`", text):
            assert os.path.exists(os.path.join(TOP, f"tests/progs/ckpt/{name}.c")), f"{page}: ck/{name}"
        for function in re.findall(r"`(contexe_\w+)\(\)`", text):
            assert re.search(rf"\b{function}\(", header), f"{page}: {function}()"
        for command in re.findall(r"`contexe ([a-z]+)", text):
            assert os.path.exists(os.path.join(TOP, f"man/contexe-{command}.1.scd")), f"{page}: contexe {command}"
