# SPDX-License-Identifier: Apache-2.0
"""<contexe.h> for embedders: installed below a DESTDIR, found by pkg-config, used by a program of some lines."""
import json
import os
import re
import shutil
import subprocess

import pytest

from support import engine, need

SOURCE = os.path.join(engine.TOP, "tests", "progs", "library.c")


def run(*command, **settings):
    done = subprocess.run([str(c) for c in command], text=True, capture_output=True, timeout=110, **settings)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The environment in which pkg-config finds it, and the library's directory."""
    need.program("meson", "pkg-config", "gcc")
    destination = str(tmp_path_factory.mktemp("dest"))
    run("meson", "install", "-C", engine.BUILD, "--no-rebuild", "--quiet", "--destdir", destination,
        "--tags", "devel,runtime")
    found = [d for d, _, files in os.walk(destination) if "contexe.pc" in files]
    assert len(found) == 1, found
    env = {**os.environ, "PKG_CONFIG_PATH": found[0], "PKG_CONFIG_SYSROOT_DIR": destination}
    yield env, os.path.dirname(found[0])
    shutil.rmtree(destination)


def flags(env, *what):
    return run("pkg-config", *what, "contexe", env=env).split()


@pytest.fixture(scope="module")
def program(installed, tmp_path_factory):
    env, _ = installed
    path = str(tmp_path_factory.mktemp("prog") / "library")
    run("gcc", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", SOURCE, "-o", path,
        *flags(env, "--cflags", "--libs"))
    return path


def test_the_version_is_the_commands(installed, contexe):
    env, _ = installed
    assert flags(env, "--modversion")[0] in contexe.out("version")


def test_create_start_list_translate_stop_remove(installed, program, contexe, busybox_rootfs):
    _, directory = installed
    said = run(program, contexe.root, busybox_rootfs, env={**contexe.environment(None), "LD_LIBRARY_PATH": directory,
                                                        "CONTEXE_LIBEXECDIR": engine.BUILD})
    lines = dict(line.split(" ", 1) for line in said.splitlines())
    assert lines["created"] == "embedded" and lines["state"] == "created running exited"
    assert lines["translated"] == "vpid 2 <42|2> visible crosses"
    assert lines["inside"] == "vpid 2 <42|2> visible"
    assert lines["outsider"] == "-1"
    assert lines["processes"] == "2" and lines["status"] == "143"
    assert lines["error"] == "no such container" and lines["left"] == "0"
    assert contexe.containers() == []


def test_it_is_a_c_and_a_cpp_header(installed, tmp_path):
    env, _ = installed
    for compiler, name in (("gcc", "a.c"), ("g++", "a.cc")):
        if not shutil.which(compiler):
            continue
        source = tmp_path / name
        source.write_text("#include <contexe.h>\nint main(void) { return contexe_version() == 0; }\n")
        run(compiler, "-Wall", "-Werror", "-fsyntax-only", source, *flags(env, "--cflags"))


def test_only_the_api_is_exported(installed):
    _, directory = installed
    symbols = run("nm", "-D", "--defined-only", os.path.join(directory, "libcontexe.so")).split("\n")
    names = {line.split()[-1] for line in symbols if line}
    assert names and all(n.startswith("contexe_") for n in names), sorted(n for n in names if not
                                                                          n.startswith("contexe_"))
    with open(os.path.join(engine.TOP, "include", "contexe.h"), encoding="utf-8") as f:
        declared = set(re.findall(r"CONTEXE_API[^;(]*?(contexe_\w+)\(", f.read()))
    assert names == declared


def test_plan_without_privilege(unprivileged, busybox_rootfs):
    """--dry-run prints what would be done; it changes nothing."""
    text = unprivileged.engine.out("run", "--dry-run", "--rootfs", busybox_rootfs, "--", "true")
    assert "pid 1:" in text and unprivileged.engine.containers() == []


def test_specs_are_json(contexe, busybox_rootfs):
    name = contexe.name()
    contexe.run("create", "--name", name, "--rootfs", busybox_rootfs, "--overlay", "--", "true")
    with open(os.path.join(contexe.root, "containers", name, "config.json"), encoding="utf-8") as f:
        assert json.load(f)["process"]["args"] == ["true"]
