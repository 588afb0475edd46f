# SPDX-License-Identifier: Apache-2.0
"""contexe image, and containers made from images. Hostile archives: test_image_unpack.py."""
import json
import os
import re
import shutil
import subprocess
import tarfile

import pytest

from support import need
from support.box import refused
from support.image import Image, files, tree


@pytest.fixture(scope="module")
def base(busybox_rootfs):
    """The busybox root as a layer."""
    return tree(busybox_rootfs)


@pytest.fixture
def make(contexe, scratch, base):
    """make(image, name): imports an image on top of busybox; its id."""
    def do(image, name, *layers):
        for data in layers:
            image.layer(data)
        image.layers.insert(0, base)
        directory = image.write(os.path.join(scratch, name))
        return contexe.out("image", "import", directory, "--name", name)
    return do


def out(contexe, image, *args, **options):
    return contexe.run("run", "--rm", "--image", image, *args, **options).stdout


@pytest.mark.v2
def test_life_of_an_image(contexe, make):
    image_id = make(Image(Cmd=["echo", "hello"]), "hello")
    assert re.fullmatch("(sha256:)?[0-9a-f]{64}", image_id)
    row, = contexe.json("image", "ls")
    assert row["id"] == image_id and "hello" in row["names"] and row["layers"] == 1 and row["size"] > 0
    assert set(row) == {"id", "names", "size", "layers", "created", "imported", "architecture"}
    assert contexe.run("image", "ls", "-q").stdout == image_id + "\n"
    assert contexe.run("image", "ls").stdout.splitlines()[0].split() == ["NAME", "ID", "SIZE", "LAYERS", "CREATED"]
    info = contexe.json("image", "inspect", "hello")
    assert info["cmd"] == ["echo", "hello"] and info["id"] == image_id
    assert out(contexe, "hello") == "hello\n"
    assert contexe.out("image", "rm", "hello") == "hello"
    assert contexe.json("image", "ls") == []
    refused(contexe, "run", "--image", "hello", thing="hello", why="no such image")


def test_configuration(contexe, make):
    make(Image(Entrypoint=["sh", "-c"], Cmd=["echo $A $B; pwd; id -u; id -g"], Env=["A=1", "B=two words"], User="user:extra",
               WorkingDir="/work/here", Labels={"k": "v"}), "c")
    assert out(contexe, "c").split("\n") == ["1 two words", "/work/here", "1000", "2000", ""]
    assert out(contexe, "c", "--env", "A=9", "--workdir", "/", "--user", "0").split("\n") == [
        "9 two words", "/", "0", "0", ""]
    contexe.run("run", "--name", "x", "--image", "c")
    info = json.loads(contexe.out("inspect", "x"))
    assert info["image"] == "c" and info["config"]["annotations"]["k"] == "v"


def test_entrypoint_and_command(contexe, make):
    make(Image(Entrypoint=["echo", "entry"], Cmd=["cmd"]), "both")
    make(Image(Cmd=["echo", "cmd"]), "cmd")
    make(Image(Entrypoint=["echo", "entry"]), "entry")
    make(Image(), "none")
    assert out(contexe, "both") == "entry cmd\n"
    assert out(contexe, "both", "--", "mine") == "entry mine\n"
    assert out(contexe, "both", "--entrypoint", "echo") == "\n"
    assert out(contexe, "both", "--entrypoint", "echo", "--", "a", "b") == "a b\n"
    assert out(contexe, "both", "--entrypoint", "", "--", "echo", "c") == "c\n"
    assert out(contexe, "cmd") == "cmd\n"
    assert out(contexe, "cmd", "--", "echo", "mine") == "mine\n"
    assert out(contexe, "entry", "--", "mine") == "entry mine\n"
    refused(contexe, "run", "--image", "none", why="no command")
    assert out(contexe, "none", "--", "echo", "x") == "x\n"


def test_stop_signal(contexe, make):
    make(Image(Cmd=["sh", "-c", "trap 'exit 9' USR1; echo ready; while :; do sleep .05; done"], StopSignal="SIGUSR1"), "s")
    name = contexe.out("run", "-d", "--image", "s")
    while contexe.run("logs", name).stdout != "ready\n":
        pass
    contexe.run("stop", name)
    assert contexe.json("ls", "-a")[0]["exitCode"] == 9


def test_layers_and_whiteouts(contexe, make):
    make(Image(), "w",
         {"d": None, "d/a": "lower", "d/b": "lower", "e": None, "e/x": "lower", "f": "file", "l": ("link", "d/a")},
         {"d/.wh.a": "", "d/c": "upper", "e": None, "e/.wh..wh..opq": "", "e/y": "upper", ".wh.f": "", "d/b": "changed"})
    script = "ls /d /e; cat /d/b; echo; cat /d/c; echo; test -e /f || echo gone; readlink /l"
    assert out(contexe, "w", "--", "sh", "-c", script).split() == [
        "/d:", "b", "c", "/e:", "y", "changed", "upper", "gone", "d/a"]


def test_two_containers_share_nothing(contexe, make):
    make(Image(), "i", {"data": "image"})
    for text in ("one", "two"):
        assert out(contexe, "i", "--", "sh", "-c", f"cat /data; echo {text} >/data; cat /data") == f"image{text}\n"
    contexe.run("run", "--name", "kept", "--image", "i", "--", "sh", "-c", "cat /data; echo x >>/data")
    contexe.run("start", "kept")
    contexe.run("wait", "kept")
    assert contexe.run("logs", "kept").stdout == "imageimagex\n"


def test_owners_and_modes(contexe, make):
    make(Image(), "o", files({"mine": ("x", 0o4751, 1000), "secret": ("x", 0o600, 0)}))
    assert out(contexe, "o", "--", "stat", "-c", "%a %u %g", "/mine", "/secret") == "4751 1000 1000\n600 0 0\n"


def test_volumes(contexe, make):
    """Filled from the image, writable though the root is not, kept with the container, gone with it."""
    make(Image(Volumes={"/data": {}, "/empty": {}}), "v", {"data": None, "data/file": ("from the image", 0o640, 1000)})
    script = "cat /data/file; stat -c %u /data/file; echo x >/data/new && echo y >/empty/new && echo ok; touch /no 2>/dev/null || echo ro"
    assert out(contexe, "v", "--read-only", "--", "sh", "-c", script) == "from the image1000\nok\nro\n"
    contexe.run("run", "--name", "v", "--image", "v", "--", "sh", "-c", "ls /data; echo x >/data/new")
    contexe.run("start", "v")
    contexe.run("wait", "v")
    assert contexe.run("logs", "v").stdout == "file\nfile\nnew\n"
    contexe.run("rm", "v")
    assert out(contexe, "v", "--", "ls", "/data") == "file\n"


def test_image_in_use(contexe, make):
    make(Image(Cmd=["true"]), "used")
    contexe.run("run", "--name", "x", "--image", "used")
    refused(contexe, "image", "rm", "used", what="cannot remove the image", thing="used", why="use")
    contexe.run("start", "x")
    assert contexe.out("wait", "x") == "0"
    contexe.run("rm", "x")
    contexe.run("image", "rm", "used")
    assert contexe.json("image", "ls") == []


def test_same_image_twice(contexe, make):
    first = make(Image(Cmd=["true"]), "a")
    assert make(Image(Cmd=["true"]), "b") == first
    row, = contexe.json("image", "ls")
    assert sorted(n.partition(":")[0].rpartition("/")[2] for n in row["names"].split()) == ["a", "b"]
    contexe.run("image", "rm", "a")
    assert out(contexe, "b") == ""


def test_layers_are_kept_once(contexe, make):
    make(Image(Cmd=["true"]), "a", {"one": "1"})
    directory = [d for d, names, _ in os.walk(os.path.join(contexe.root, "images")) if any(
        re.fullmatch("(sha256:)?[0-9a-f]{64}", n) for n in names)]
    assert directory
    before = len(os.listdir(directory[0]))
    make(Image(Cmd=["false"]), "b", {"two": "2"})
    assert len(os.listdir(directory[0])) == before + 1          # the busybox layer is there already
    contexe.run("image", "rm", "a")
    contexe.run("image", "rm", "b")
    assert os.listdir(directory[0]) == []


@pytest.mark.parametrize("damage", ["truncate", "digest", "not an archive", "index", "empty"])
def test_corrupt(contexe, scratch, base, damage):
    layout = Image(Cmd=["true"]).layer(base).write(os.path.join(scratch, "layout"))
    archive = os.path.join(scratch, "image.tar")
    if damage == "digest":
        blobs = os.path.join(layout, "blobs", "sha256")
        largest = max((os.path.join(blobs, n) for n in os.listdir(blobs)), key=os.path.getsize)
        with open(largest, "r+b") as f:
            f.seek(os.path.getsize(largest) // 2)
            f.write(b"\0" * 100)
    if damage == "index":
        with open(os.path.join(layout, "index.json"), "w", encoding="utf-8") as f:
            f.write("{")
    with tarfile.open(archive, "w") as t:
        t.add(layout, arcname=".")
    if damage == "truncate":
        os.truncate(archive, os.path.getsize(archive) // 2)
    if damage in ("not an archive", "empty"):
        with open(archive, "wb") as f:
            f.write(b"hello\n" * 1000 * (damage != "empty"))
    error = refused(contexe, "image", "import", archive, "--name", "x", what="cannot import the image")
    assert error["object"]
    assert contexe.json("image", "ls") == []
    refused(contexe, "run", "--image", "x", "--", "true", why="no such image")


def test_import_of_nothing(contexe, scratch):
    refused(contexe, "image", "import", "/no/such/file", thing="/no/such/file", why="No such file")
    refused(contexe, "image", "import", scratch)
    refused(contexe, "image", "rm", "nobody", what="cannot remove", thing="nobody", why="no such image",
            hint="contexe image ls")
    refused(contexe, "image", "inspect", "nobody", thing="nobody", why="no such image")


def test_an_import_that_is_killed(contexe, scratch, base):
    """At any moment: the store is as before, and the next import works."""
    layout = Image(Cmd=["echo", "fine"]).layer(base).write(os.path.join(scratch, "layout"))
    for delay in (0.005, 0.01, 0.02, 0.04, 0.08):
        p = contexe.popen("image", "import", layout, "--name", "x")
        try:
            p.wait(delay)
        except subprocess.TimeoutExpired:
            p.kill()
        p.communicate()
        assert len(contexe.json("image", "ls")) in (0, 1)
    contexe.run("image", "import", layout, "--name", "x")
    assert out(contexe, "x") == "fine\n"


def test_progress_is_shown_to_people_only(contexe, scratch, base):
    layout = Image(Cmd=["true"]).layer(base).write(os.path.join(scratch, "layout"))
    done = contexe.run("image", "import", layout, "--name", "x")
    assert done.stderr == ""
    with contexe.terminal("image", "import", layout, "--name", "y") as t:
        assert t.wait() == 0 and re.search(r"[0-9a-f]{64}\r\n$", t.output)
    assert set(contexe.json("image", "import", layout, "--name", "z")) == {"id"}


@pytest.mark.parametrize("kind", ["oci", "oci-archive", "docker-archive"])
def test_through_skopeo(contexe, scratch, base, kind):
    need.program("skopeo")
    layout = Image(Cmd=["cat", "/etc/motd"], Env=["A=1"]).layer(base).layer({"etc/motd": "moin\n", "bin/.wh.vi": ""}).write(
        os.path.join(scratch, "layout"))
    path = os.path.join(scratch, "copy")
    subprocess.run(["skopeo", "--insecure-policy", "copy", "-q", f"oci:{layout}:latest", f"{kind}:{path}:web:1.0"],
                   check=True, capture_output=True)
    contexe.run("image", "import", path)
    names = contexe.json("image", "ls")[0]["names"]
    assert "1.0" in names
    contexe.run("image", "import", path, "--name", "given")
    shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
    assert out(contexe, "given") == "moin\n"
    assert out(contexe, "given", "--", "sh", "-c", "ls /bin/vi 2>/dev/null; echo $A") == "1\n"
    if kind == "docker-archive":
        assert out(contexe, "web:1.0") == "moin\n"
