# SPDX-License-Identifier: Apache-2.0
"""contexe-unpack, driven directly: every archive format, what comes out of hostile layers, each error.

The images are made here, byte by byte, so that each can be wrong in exactly one way.
CONTEXE_UNPACK: the program to test (else the one of the build).
"""
import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import shutil
import signal
import stat
import subprocess
import tarfile
import threading
import time

import pytest

from support import engine, need

HELPER = os.environ.get("CONTEXE_UNPACK") or os.path.join(engine.BUILD, "contexe-unpack")
pytestmark = pytest.mark.skipif(not os.access(HELPER, os.X_OK), reason=f"{HELPER} is not built")

DIR, SYM, LNK = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
CHR, FIFO = tarfile.CHRTYPE, tarfile.FIFOTYPE
OCI, DOCKER = "application/vnd.oci.image.", "application/vnd.docker."
OTHER = "s390x" if os.uname().machine != "s390x" else "amd64"
NATIVE = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)


# ---- making images ----

def entry(name, data=b"", kind=tarfile.REGTYPE, link="", mode=0o644, uid=0, gid=0, mtime=1600000000,
          device=(0, 0), pax=None):
    t = tarfile.TarInfo(name)
    t.type, t.linkname, t.mode, t.uid, t.gid, t.mtime = kind, link, mode, uid, gid, mtime
    t.devmajor, t.devminor = device
    t.pax_headers = pax or {}
    t.size = len(data)
    return t, data


def tar(*entries, format=tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as t:
        for info, data in entries:
            t.addfile(info, io.BytesIO(data))
    return out.getvalue()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Layout:
    """An OCI image layout in memory: files by name. Tests change what they like before write()."""

    def __init__(self):
        self.files = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}
        self.manifests = []

    def blob(self, data, media=None, **more):
        name = sha256(data)
        self.files[f"blobs/sha256/{name}"] = data
        return {"mediaType": media, "digest": f"sha256:{name}", "size": len(data), **more}

    def json_blob(self, value, media, **more):
        return self.blob(json.dumps(value).encode(), media, **more)

    def config(self, layers, arch=NATIVE, **config):
        return {"created": "2024-01-02T03:04:05Z", "architecture": arch, "os": "linux",
                "config": {"Cmd": ["/bin/sh"], "Env": ["A=b"], **config},
                "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(x)}" for x in layers]}}

    def manifest(self, layers, arch=NATIVE, pack=gzip.compress, media=OCI + "layer.v1.tar+gzip",
                 config_media=OCI + "config.v1+json", **more):
        """layers: tars. The descriptor of the manifest; also in self.manifests unless it is for an index."""
        config = self.json_blob(self.config(layers, arch), config_media)
        body = {"schemaVersion": 2, "config": config, "layers": [self.blob(pack(x), media) for x in layers]}
        d = self.json_blob(body, OCI + "manifest.v1+json", **more)
        d["config"] = config["digest"][7:]      # for the tests; readers ignore it
        return d

    def add(self, layers, name="7", **more):
        notes = {"annotations": {"org.opencontainers.image.ref.name": name}} if name else {}
        d = self.manifest(layers, **notes, **more)
        self.manifests.append(d)
        return d["config"]

    def all_files(self):
        index = {"schemaVersion": 2, "manifests": self.manifests}
        return {"index.json": json.dumps(index).encode(), **self.files}

    def write(self, path):
        for name, data in self.all_files().items():
            full = os.path.join(path, name)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "wb") as f:
                f.write(data)
        return path

    def tar(self):
        return tar(*(entry(name, data) for name, data in self.all_files().items()))


def docker_archive(layers, names, blobs=False):
    config = json.dumps(Layout().config(layers)).encode()
    where = (lambda x, old: f"blobs/sha256/{sha256(x)}") if blobs else (lambda x, old: old)
    config_file = where(config, sha256(config) + ".json")
    files = [(where(x, f"{i:064x}/layer.tar"), x) for i, x in enumerate(layers)]
    manifest = [{"Config": config_file, "RepoTags": names, "Layers": [n for n, _ in files]}]
    # the manifest last, as docker has it: parts are needed in another order than they come
    return tar(*(entry(n, d) for n, d in [*files, (config_file, config)]),
               entry("manifest.json", json.dumps(manifest).encode())), sha256(config)


# ---- running the helper ----

class Answer:
    def __init__(self, done):
        self.status = done.returncode
        self.lines = done.stdout.decode().splitlines()
        self.text = done.stdout.decode() + done.stderr.decode()

    def all(self, word):
        return [x[len(word) + 1:] for x in self.lines if x.startswith(word + " ")]

    @property
    def id(self):
        assert self.status == 0, self.text
        return self.all("result")[0]

    @property
    def error(self):
        """errno, object, why, hint"""
        assert self.status == 1 and len(self.all("error")) == 1, self.text
        number, rest = self.all("error")[0].split(" ", 1)
        what, name, why, hint = rest.split("\t")
        assert what == "cannot import the image" and why
        return int(number), name, why, hint


class Store:
    def __init__(self, path, wrap=()):
        self.path, self.wrap = path, wrap

    def command(self, archive, *name, rootless=False):
        return [*self.wrap, HELPER, *(["--rootless"] if rootless else []), "--", self.path, archive, *name]

    def unpack(self, archive, *name, **how):
        return Answer(subprocess.run(self.command(archive, *name, **how), capture_output=True, timeout=60,
                                     stdin=subprocess.DEVNULL, check=False))

    def work(self, answer):
        return os.path.join(self.path, "tmp", answer.all("work")[0])

    def layer(self, answer, tar_bytes):
        return os.path.join(self.work(answer), "sha256", sha256(tar_bytes))

    def record(self, answer):
        with open(os.path.join(self.work(answer), "image.json"), encoding="utf-8") as f:
            return json.load(f)

    def is_clean(self):
        """Nothing of a failed import takes room."""
        tmp = os.path.join(self.path, "tmp")
        return not os.path.exists(tmp) or all(not os.listdir(os.path.join(tmp, x)) for x in os.listdir(tmp))


@pytest.fixture
def store(tmp_path):
    return Store(str(tmp_path / "store"))


def one_layer(store, tmp_path, *entries, **how):
    """Unpacks one layer and returns its directory."""
    layer = entries[0] if isinstance(entries[0], bytes) else tar(*entries)
    layout = Layout()
    layout.add([layer])
    answer = store.unpack(layout.write(str(tmp_path / "one")), **how)
    assert answer.status == 0, answer.text
    return store.layer(answer, layer)


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)
    return str(path)


def zstd(data):
    need.program("zstd")
    return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


A = tar(entry("etc", kind=DIR, mode=0o755), entry("etc/a", b"A"), entry("bin/tool", b"T" * 70000, mode=0o755))
B = tar(entry("etc/b", b"B"), entry("etc/.wh.a"))


# ---- formats ----

COMPRESSIONS = {"plain": bytes, "gzip": gzip.compress, "zstd": zstd, "xz": lzma.compress, "bzip2": bz2.compress}


@pytest.mark.parametrize("pack", COMPRESSIONS.values(), ids=COMPRESSIONS.keys())
@pytest.mark.parametrize("kind", ["oci", "docker", "docker-blobs"])
def test_archive(store, tmp_path, kind, pack):
    if kind == "oci":
        layout = Layout()
        wanted, data = layout.add([A, B]), layout.tar()
    else:
        data, wanted = docker_archive([A, B], ["redis:7", "redis:latest"], kind == "docker-blobs")
    answer = store.unpack(write(tmp_path / "archive", pack(data)))
    assert answer.id == wanted
    assert answer.all("name") == (["7"] if kind == "oci" else ["redis:7", "redis:latest"])
    with open(store.layer(answer, A) + "/bin/tool", "rb") as f:
        assert f.read() == b"T" * 70000
    record = store.record(answer)
    assert record["layers"] == [f"sha256:{sha256(x)}" for x in (A, B)]
    assert record["layerSizes"] == [70001, 1] and record["size"] == 70002
    assert record["cmd"] == ["/bin/sh"] and record["architecture"] == NATIVE


@pytest.mark.parametrize("media,pack", [
    (OCI + "layer.v1.tar", bytes), (OCI + "layer.v1.tar+gzip", gzip.compress), (OCI + "layer.v1.tar+zstd", zstd),
    (DOCKER + "image.rootfs.diff.tar.gzip", gzip.compress), (DOCKER + "image.rootfs.diff.tar.zstd", zstd),
    (OCI + "layer.nondistributable.v1.tar+gzip", gzip.compress),
    (DOCKER + "image.rootfs.foreign.diff.tar.gzip", gzip.compress)])
def test_layer_media_types(store, tmp_path, media, pack):
    layout = Layout()
    wanted = layout.add([A], media=media, pack=pack)
    assert store.unpack(layout.write(str(tmp_path / "l"))).id == wanted


def test_gzip_of_several_members_and_zstd_frames(store, tmp_path):
    layout = Layout()
    layout.add([A, B], pack=lambda x: gzip.compress(x[:700]) + gzip.compress(x[700:]))
    assert store.unpack(layout.write(str(tmp_path / "gzip"))).id
    layout = Layout()
    layout.add([A, B], pack=lambda x: zstd(x[:700]) + b"\x50\x2a\x4d\x18\x03\0\0\0abc" + zstd(x[700:]))
    assert store.unpack(layout.write(str(tmp_path / "zstd"))).id


def test_pipe(store, tmp_path):
    layout = Layout()
    wanted = layout.add([A, B])
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=write, args=(tmp_path / "pipe", gzip.compress(layout.tar())))
    writer.start()
    assert store.unpack(str(tmp_path / "pipe")).id == wanted
    writer.join()


def test_made_by_skopeo_and_umoci(store, tmp_path):
    need.program("skopeo", "umoci")
    layout = Layout()
    wanted = layout.add([A, B], name="latest")
    source = layout.write(str(tmp_path / "source"))

    def run(*command):
        subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)

    for target in ("docker-archive:d.tar:quay.io/x/redis:7", "oci-archive:o.tar:latest", "oci:copy:latest"):
        run("skopeo", "--insecure-policy", "copy", f"oci:{source}:latest", target)
        answer = store.unpack(str(tmp_path / target.split(":")[1]))
        assert answer.status == 0, answer.text
        assert store.record(answer)["layers"] == [f"sha256:{sha256(x)}" for x in (A, B)]
    assert store.unpack(str(tmp_path / "d.tar")).all("name") == ["quay.io/x/redis:7"]
    run("umoci", "tag", "--image", f"{source}:latest", "again")
    answer = store.unpack(source)
    assert answer.id == wanted and answer.all("name") == ["latest", "again"]


def test_index_of_platforms(store, tmp_path):
    layout = Layout()
    other = layout.manifest([B], arch=OTHER, platform={"os": "linux", "architecture": OTHER})
    mine = layout.manifest([A], platform={"os": "linux", "architecture": NATIVE})
    windows = layout.manifest([B], platform={"os": "windows", "architecture": NATIVE})
    proof = layout.manifest([], platform={"os": "unknown", "architecture": "unknown"})
    inner = layout.json_blob({"manifests": [other, windows, mine, proof]}, OCI + "index.v1+json")
    layout.manifests = [layout.json_blob({"manifests": [inner]}, DOCKER + "distribution.manifest.list.v2+json")]
    assert store.unpack(layout.write(str(tmp_path / "index"))).id == mine["config"]


def test_several_images(store, tmp_path):
    layout = Layout()
    ids = {name: layout.add([x], name=name) for name, x in (("redis:7", A), ("docker.io/library/redis:8", B))}
    path = layout.write(str(tmp_path / "two"))
    number, _, why, hint = store.unpack(path).error
    assert number == 76 and "redis:7" in why and "redis:8" in why and "name" in hint     # ENOTUNIQ
    assert store.unpack(path, "redis:8").id == ids["docker.io/library/redis:8"]
    assert store.unpack(path, "redis:7").id == ids["redis:7"]


# ---- what comes out ----

def read(*path):
    with open(os.path.join(*path), "rb") as f:
        return f.read()


def test_files(store, tmp_path):
    need.root()
    capability = "\x01\0\0\x02\0\x20\0\0" + "\0" * 12
    top = one_layer(
        store, tmp_path,
        entry("./", kind=DIR, mode=0o711, mtime=5), entry("ro/", kind=DIR, mode=0o555, uid=7, mtime=1000),
        entry("ro/file", b"x", uid=70000, gid=3), entry("bin/su", b"s", mode=0o4755, uid=1),
        entry("bin/ping", b"p", mode=0o755, uid=2, pax={"SCHILY.xattr.security.capability": capability,
                                                      "SCHILY.xattr.user.note": "n"}),
        entry("hard", kind=LNK, link="./ro/file"), entry("link", kind=SYM, link="../../etc/passwd", uid=4),
        entry("dev/null", kind=CHR, device=(1, 3), mode=0o666), entry("fifo", kind=FIFO, mode=0o622),
        entry("n" * 255 + "/" + "m" * 255 + "/" + "o" * 100, b"long"))
    at = os.stat(top)
    assert (stat.S_IMODE(at.st_mode), at.st_mtime) == (0o711, 5)
    at = os.stat(top + "/ro")
    assert (stat.S_IMODE(at.st_mode), at.st_uid, at.st_mtime) == (0o555, 7, 1000)
    at = os.stat(top + "/ro/file")
    assert (at.st_uid, at.st_gid, at.st_nlink, at.st_mtime) == (70000, 3, 2, 1600000000)
    assert os.path.samefile(top + "/hard", top + "/ro/file")
    assert stat.S_IMODE(os.stat(top + "/bin/su").st_mode) == 0o4755
    assert os.getxattr(top + "/bin/ping", "security.capability") == capability.encode("latin-1")
    assert os.getxattr(top + "/bin/ping", "user.note") == b"n"
    assert os.readlink(top + "/link") == "../../etc/passwd" and os.lstat(top + "/link").st_uid == 4
    at = os.stat(top + "/dev/null")
    assert stat.S_ISCHR(at.st_mode) and at.st_rdev == os.makedev(1, 3) and stat.S_IMODE(at.st_mode) == 0o666
    assert stat.S_ISFIFO(os.stat(top + "/fifo").st_mode)
    assert read(top, "n" * 255, "m" * 255, "o" * 100) == b"long"


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT], ids=["pax", "gnu"])
def test_names_byte_for_byte(store, tmp_path, format):
    """Composed and decomposed Unicode are different names; Japanese needs an extended header."""
    names = ["nfc-\u00e4", "nfd-a\u0308", "\u65e5\u672c", "x" * 120 + "/\u212b"]
    top = one_layer(store, tmp_path, tar(*(entry(x, x.encode()) for x in names),
                                         entry("s", kind=SYM, link=names[1]), format=format))
    for name in names:
        assert read(top.encode(), name.encode()) == name.encode()
    assert os.readlink(os.path.join(top.encode(), b"s")) == names[1].encode()


@pytest.mark.parametrize("format", ["gnu", "posix"])
def test_sparse(store, tmp_path, format):
    os.mkdir(tmp_path / "in")
    with open(tmp_path / "in" / "hole", "wb") as f:
        f.seek(5 << 20)
        f.write(b"middle")
        f.truncate(20 << 20)
    packed = subprocess.run(["tar", "--sparse", f"--format={format}", "-C", tmp_path / "in", "-cf", "-", "hole"],
                            stdout=subprocess.PIPE, check=True).stdout
    top = one_layer(store, tmp_path, packed)
    at = os.stat(top + "/hole")
    assert at.st_size == 20 << 20 and at.st_blocks * 512 < 1 << 20
    assert read(top, "hole") == read(tmp_path, "in", "hole")


def is_whiteout(*path):
    at = os.lstat(os.path.join(*path))
    return stat.S_ISCHR(at.st_mode) and at.st_rdev == 0


def is_opaque(*path, key="trusted.overlay.opaque"):
    try:
        return os.getxattr(os.path.join(*path), key) == b"y"
    except OSError:
        return False


def test_whiteouts(store, tmp_path):
    need.root()
    top = one_layer(
        store, tmp_path, entry("etc/.wh.gone"), entry("opq/old"), entry("opq/.wh..wh..opq"), entry("opq/new"),
        entry(".wh.back"), entry("back/file"),              # comes again as a directory: hides the old one
        entry("dir/x"), entry(".wh.dir"),                   # is there already: the same
        entry("file"), entry(".wh.file"),                   # a file hides by itself
        entry(".wh..wh.plnk/1.2"), entry(".wh.odd/x"))      # other union file systems' own
    assert is_whiteout(top, "etc/gone") and sorted(os.listdir(top + "/etc")) == ["gone"]
    assert is_opaque(top, "opq") and sorted(os.listdir(top + "/opq")) == ["new", "old"]
    assert is_opaque(top, "back") and os.listdir(top + "/back") == ["file"]
    assert is_opaque(top, "dir") and os.listdir(top + "/dir") == ["x"]
    assert read(top, "file") == b""
    assert sorted(os.listdir(top)) == ["back", "dir", "etc", "file", "opq"]


def test_the_later_entry_wins(store, tmp_path):
    top = one_layer(
        store, tmp_path, entry("a", b"1"), entry("a", b"2"), entry("d/x"), entry("d", b"file"),
        entry("f", b"file"), entry("f/x", b"below"), entry("l", kind=SYM, link="a"), entry("l", b"plain"),
        entry("s", kind=DIR), entry("s", kind=SYM, link="a"), entry("k", kind=DIR, mode=0o700),
        entry("k/in"), entry("k", kind=DIR, mode=0o755), entry("h"), entry("h", kind=LNK, link="a"),
        entry("a", kind=LNK, link="a"))
    assert read(top, "a") == b"2" and read(top, "d") == b"file" and read(top, "f/x") == b"below"
    assert read(top, "l") == b"plain" and not os.path.islink(top + "/l")
    assert os.readlink(top + "/s") == "a"
    assert os.listdir(top + "/k") == ["in"] and stat.S_IMODE(os.stat(top + "/k").st_mode) == 0o755
    assert os.path.samefile(top + "/h", top + "/a")


def test_rootless(tmp_path):
    """As an ordinary user: no devices, his own files, whiteouts and opaque marks all the same."""
    need.root()
    uid = 61234
    base = f"/tmp/cxt-unpack-{os.getpid()}"
    os.mkdir(base, 0o755)
    try:
        os.mkdir(base + "/store")
        os.chown(base + "/store", uid, uid)
        shutil.copy(HELPER, base + "/helper")
        layer = tar(entry("d/", kind=DIR, mode=0o555), entry("d/f", b"x", uid=5, gid=6, mode=0o4755),
                    entry("d/.wh.g"), entry("o/.wh..wh..opq"), entry("null", kind=CHR, device=(1, 3)),
                    entry("cap", pax={"SCHILY.xattr.trusted.x": "y", "SCHILY.xattr.user.overlay.origin": "z"}))
        layout = Layout()
        layout.add([layer])
        layout.write(base + "/image")
        done = subprocess.run(["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups",
                               base + "/helper", "--rootless", base + "/store", base + "/image"],
                              capture_output=True, check=False)
        store = Store(base + "/store")
        answer = Answer(done)
        assert answer.id
        top = store.layer(answer, layer)
        assert any("1 device nodes left out" in x for x in answer.all("note")) and not os.path.exists(top + "/null")
        at = os.stat(top + "/d/f")
        assert (at.st_uid, at.st_gid, stat.S_IMODE(at.st_mode)) == (uid, uid, 0o4755)
        assert is_whiteout(top, "d/g") and is_opaque(top, "o", key="user.overlay.opaque")
        assert stat.S_IMODE(os.stat(top + "/d").st_mode) == 0o555
        assert os.listxattr(top + "/cap") == []
    finally:
        shutil.rmtree(base)


# ---- hostile layers ----

@pytest.mark.parametrize("name", ["../x", "a/../../x", "..", "a/..", "/../x"])
def test_names_that_lead_out(store, tmp_path, name):
    layout = Layout()
    layout.add([tar(entry(name, b"x"))])
    number, where, why, _ = store.unpack(layout.write(str(tmp_path / "l"))).error
    assert number == 74 and "layer 1/1" in where and "leads out of the layer" in why
    assert store.is_clean()


def test_links_stay_in_the_layer(store, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    away = f"{'../' * 20}{outside}"
    top = one_layer(
        store, tmp_path, entry("abs", kind=SYM, link=str(outside)), entry("abs/x", b"1"),
        entry("rel", kind=SYM, link=away), entry("rel/y", b"2"),
        entry("chain", kind=SYM, link="rel"), entry("chain/z/q", b"3"), entry("abs/.wh.w"),
        entry("self", kind=SYM, link="."), entry("self/self/self/s", b"4"), entry("/root/abs", b"5"),
        entry("usr/lib/x"), entry("lib", kind=SYM, link="usr/lib"), entry("lib/y", b"6"))
    inside = top + str(outside)
    assert sorted(os.listdir(outside)) == ["secret"]
    assert sorted(os.listdir(inside)) == ["w", "x", "y", "z"]
    assert read(inside, "z/q") == b"3" and read(top, "s") == b"4" and read(top, "root/abs") == b"5"
    assert read(top, "usr/lib/y") == b"6" and os.readlink(top + "/lib") == "usr/lib"


@pytest.mark.parametrize("link", ["/etc/passwd", "../../../../../../etc/passwd", "out/passwd", "missing", ".", "d"])
def test_hard_links_lead_nowhere_else(store, tmp_path, link):
    layout = Layout()
    layout.add([tar(entry("out", kind=SYM, link="/etc"), entry("d", kind=DIR), entry("x", kind=LNK, link=link))])
    number, _, why, _ = store.unpack(layout.write(str(tmp_path / "l"))).error
    assert number == 74 and ("hard link" in why or "leads out" in why)


def test_hostile_attributes_and_whiteouts(store, tmp_path):
    top = one_layer(store, tmp_path, entry("d", kind=DIR, pax={
        "SCHILY.xattr.trusted.overlay.redirect": "/etc", "SCHILY.xattr.user.overlay.opaque": "y",
        "SCHILY.xattr.trusted.overlay.opaque": "y", "SCHILY.xattr.security.selinux": "x"}))
    assert os.listxattr(top + "/d") == []
    for name in (".wh.", ".wh...", "a/.wh.."):
        layout = Layout()
        layout.add([tar(entry(name))])
        assert store.unpack(layout.write(str(tmp_path / "l" / name.replace("/", "_")))).error[0] == 74


def test_loops_and_depth(store, tmp_path):
    layout = Layout()
    layout.add([tar(entry("a", kind=SYM, link="b"), entry("b", kind=SYM, link="a"), entry("a/x"))])
    assert store.unpack(layout.write(str(tmp_path / "loop"))).error[0] == 40              # ELOOP
    deep = "d/" * 300
    layout = Layout()
    layout.add([tar(entry(deep + "x"), entry("s", kind=SYM, link=deep), entry("s/" + deep + "x"))])
    assert store.unpack(layout.write(str(tmp_path / "deep"))).error[0] == 36              # ENAMETOOLONG
    assert store.is_clean()


# ---- errors ----

def broken(store, path, number, *words, where=None):
    got, name, why, hint = store.unpack(str(path)).error
    assert got == number, (got, why)
    for word in words:
        assert word in why + " " + hint, (word, why, hint)
    assert where is None or where in name, name
    assert store.is_clean()


def test_not_an_archive(store, tmp_path):
    broken(store, tmp_path / "missing", 2, "No such file", where="missing")
    broken(store, write(tmp_path / "empty", b""), 74, "is not an image archive")
    broken(store, write(tmp_path / "text", b"hello " * 500), 74, "is not an image archive", "docker archive")
    broken(store, write(tmp_path / "gz", gzip.compress(b"hello")), 74, "is not an image archive")
    broken(store, write(tmp_path / "bad.gz", b"\x1f\x8b" + b"x" * 900), 74, "gzip")
    broken(store, write(tmp_path / "files.tar", A), 74, "holds no image", "index.json")
    (tmp_path / "dir").mkdir()
    broken(store, tmp_path / "dir", 74, "holds no image")
    broken(store, write(tmp_path / "old.tar", tar(entry("repositories", b"{}"))), 74, "docker before 1.10")
    broken(store, "/dev/null", 22, "neither a file nor a directory")


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd], ids=["plain", "gzip", "zstd"])
def test_truncated_archive(store, tmp_path, pack):
    layout = Layout()
    layout.add([tar(entry("x", os.urandom(50000)))])
    whole = pack(layout.tar().rstrip(b"\0"))      # not in the zeros that a tar ends with
    for part in (2, 3, 10):
        broken(store, write(tmp_path / "cut", whole[:len(whole) * (part - 1) // part]), 74, "ends too early")


def spoil(layout, kind, change):
    """Changes the largest, or the named, blob without changing its name."""
    blobs = [x for x in layout.files if x.startswith("blobs/")]
    name = max(blobs, key=lambda x: len(layout.files[x])) if kind == "layer" else \
        next(x for x in blobs if kind in layout.files[x])
    layout.files[name] = change(layout.files[name])
    return name


@pytest.mark.parametrize("kind", ["layer", b'"rootfs"', b'"layers"'], ids=["layer", "config", "manifest"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["tar", "gzip"])
def test_corrupt_blob(store, tmp_path, kind, pack):
    media = OCI + ("layer.v1.tar" if pack is bytes else "layer.v1.tar+gzip")
    layout = Layout()
    layout.add([B, tar(entry("x", os.urandom(300000)))], pack=pack, media=media)
    name = spoil(layout, kind, lambda x: x[:len(x) // 2] + b"?" + x[len(x) // 2 + 1:])
    digest = name.rsplit("/", 1)[1]
    path = layout.write(str(tmp_path / "l"))
    broken(store, path, 74, "is corrupt: its di", digest if pack is not bytes or kind != "layer" else "",
           where=digest)
    if kind == "layer":
        broken(store, path, 74, where="layer 2/2")


def test_wrong_size_and_missing_blob(store, tmp_path):
    layout = Layout()
    layout.add([tar(entry("x", os.urandom(30000)))])
    spoil(layout, "layer", lambda x: x + b"more")
    broken(store, layout.write(str(tmp_path / "long")), 74, "bytes, the manifest says")
    name = spoil(layout, "layer", lambda x: x)
    del layout.files[name]
    broken(store, layout.write(str(tmp_path / "missing")), 74, "is missing from the image", where="layer 1/1")


def test_wrong_diff_id(store, tmp_path):
    layout = Layout()
    layout.manifests = [layout.manifest([A])]
    config = json.loads(next(x for x in layout.files.values() if b'"rootfs"' in x))
    config["rootfs"]["diff_ids"] = ["sha256:" + "0" * 64]
    body = json.loads(next(x for x in layout.files.values() if b'"layers"' in x and b'"rootfs"' not in x))
    body["config"] = layout.json_blob(config, OCI + "config.v1+json")
    layout.manifests = [layout.json_blob(body, OCI + "manifest.v1+json")]
    broken(store, layout.write(str(tmp_path / "l")), 74, "its diff id is")
    config["rootfs"]["diff_ids"] = []
    body["config"] = layout.json_blob(config, OCI + "config.v1+json")
    layout.manifests = [layout.json_blob(body, OCI + "manifest.v1+json")]
    broken(store, layout.write(str(tmp_path / "l")), 74, "names 0 layers, the manifest 1")


def test_platform(store, tmp_path):
    layout = Layout()
    layout.add([A], arch=OTHER)
    broken(store, layout.write(str(tmp_path / "config")), 95, f"is for linux/{OTHER}", f"linux/{NATIVE}")
    layout = Layout()
    layout.manifests = [layout.manifest([A], arch=x, platform={"os": "linux", "architecture": x})
                        for x in (OTHER, "mips")]
    broken(store, layout.write(str(tmp_path / "index")), 95, f"linux/{OTHER}, linux/mips")


def test_media_types(store, tmp_path):
    layout = Layout()
    layout.add([A], media=OCI + "layer.v1.tar+gzip+encrypted")
    broken(store, layout.write(str(tmp_path / "e")), 95, "media type", "decrypt")
    layout = Layout()
    layout.add([A], media="application/vnd.example.chart")
    broken(store, layout.write(str(tmp_path / "c")), 95, "layer 1 has the media type application/vnd.example")
    layout = Layout()
    layout.add([A], config_media="application/vnd.cncf.helm.config.v1+json")
    broken(store, layout.write(str(tmp_path / "h")), 95, "no container image but an artifact")
    layout = Layout()
    broken(store, layout.write(str(tmp_path / "none")), 74, "names no image manifest")


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"manifests": 3}', b'{"manifests": [1]}', b"{}x", b"[" * 100,
                                  b'{"manifests": [{"digest": "md5:1"}]}', b'{"a":"\0"}'])
def test_index_nonsense(store, tmp_path, text):
    layout = Layout()
    layout.files["index.json"] = text
    broken(store, layout.write(str(tmp_path / "l")), 74, where="index.json")


def test_limits(store, tmp_path):
    layout = Layout()
    layout.files["index.json"] = b" " * (9 << 20)
    broken(store, layout.write(str(tmp_path / "json")), 27, "more than the 8388608")       # EFBIG
    layout = Layout()
    layout.add([B] * 501)
    broken(store, layout.write(str(tmp_path / "layers")), 27, "501 layers, more than 500")


def test_invalid_name(store, tmp_path):
    layout = Layout()
    layout.add([A])
    path = layout.write(str(tmp_path / "l"))
    for name in ("a b", "../x", "-x", "a:b:c", "a/", "x" * 300, "a@sha256:" + "0" * 64):
        number, where, why, hint = store.unpack(path, name).error
        assert number == 22 and "is not a valid image name" in why and "redis:7" in hint and where == name[:200]


def test_no_permission(store, tmp_path):
    need.root()
    path = write(tmp_path / "a.tar", tar(entry("x")))
    os.chmod(path, 0o600)
    done = subprocess.run(["setpriv", "--reuid=61234", "--regid=61234", "--clear-groups", "cat", path],
                          capture_output=True, check=False)
    assert done.returncode
    base = f"/tmp/cxt-unpack-{os.getpid()}"
    os.mkdir(base, 0o755)
    try:
        shutil.copy(HELPER, base + "/helper")
        write(base + "/a.tar", b"x")
        os.chmod(base + "/a.tar", 0o600)
        for archive, where in ((base + "/a.tar", "a.tar"), (base + "/helper", "store")):
            answer = Answer(subprocess.run(
                ["setpriv", "--reuid=61234", "--regid=61234", "--clear-groups", base + "/helper", "--rootless",
                 base + "/store", archive], capture_output=True, check=False))
            assert answer.error[0] == 13 and where in answer.error[1]
    finally:
        shutil.rmtree(base)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["layer", "spool"])
def test_disk_full(tmp_path, pack):
    need.root()
    layout = Layout()
    layout.add([tar(entry("small"), entry("big", os.urandom(4 << 20)))])
    path = write(tmp_path / "a.tar", pack(layout.tar()))
    os.mkdir(tmp_path / "small")
    script = (f"mount -t tmpfs -o size=1m none {tmp_path}/small && {HELPER} {tmp_path}/small {path};"
              f"find {tmp_path}/small/tmp -mindepth 2 >&2")
    done = subprocess.run(["unshare", "-m", "--propagation", "private", "sh", "-c", script], capture_output=True,
                          check=False)
    line = next(x for x in done.stdout.decode().splitlines() if x.startswith("error "))
    assert line.startswith("error 28 ") and "No space left" in line and "make room" in line
    assert done.stderr == b""


# ---- the process ----

def stalled(store, tmp_path):
    """A helper that waits for the rest of its archive, confined."""
    os.mkfifo(tmp_path / "pipe")
    p = subprocess.Popen(store.command(str(tmp_path / "pipe")), stdout=subprocess.PIPE)
    pipe = open(tmp_path / "pipe", "wb", buffering=0)                          # noqa: SIM115
    pipe.write(b"x" * 100)
    end = time.time() + 20
    while "Seccomp:\t2" not in open(f"/proc/{p.pid}/status").read():
        assert time.time() < end and p.poll() is None
        time.sleep(0.01)
    return p, pipe


def status(pid, key):
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        return next(x.split()[1] for x in f if x.startswith(key + ":"))


def test_confined(store, tmp_path):
    need.root()
    p, pipe = stalled(store, tmp_path)
    try:
        assert status(p.pid, "NoNewPrivs") == "1"
        assert int(status(p.pid, "CapEff"), 16) == sum(1 << x for x in (0, 1, 3, 4, 21, 27, 31))
        assert os.listdir(f"/proc/{p.pid}/root") == ["work"]
        for ns in ("net", "mnt", "ipc", "uts"):
            assert os.readlink(f"/proc/{p.pid}/ns/{ns}") != os.readlink(f"/proc/self/ns/{ns}")
        assert os.getsid(p.pid) == p.pid
        options = open(f"/proc/{p.pid}/mountinfo", encoding="utf-8").read().split("\n")
        assert all("nodev" in x and "nosuid" in x for x in options if x) and len([x for x in options if x]) == 2
        for fd in os.listdir(f"/proc/{p.pid}/fd"):
            assert not os.path.isdir(f"/proc/{p.pid}/fd/{fd}") or \
                os.path.samefile(f"/proc/{p.pid}/fd/{fd}", f"/proc/{p.pid}/root/work")
    finally:
        pipe.close()
        p.communicate(timeout=20)


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_ends_on_signals_and_cleans_up(store, tmp_path, sig):
    p, pipe = stalled(store, tmp_path)
    p.send_signal(sig)
    pipe.close()
    out, _ = p.communicate(timeout=20)
    assert p.returncode == 1 and b"error 4 " in out and b"interrupted" in out
    assert store.is_clean()


def test_second_import_knows_layers_of_records(store, tmp_path):
    layout = Layout()
    layout.add([A, B])
    path = layout.write(str(tmp_path / "l"))
    first = store.unpack(path)
    os.makedirs(store.path + "/layers/sha256")
    os.rename(store.layer(first, A), f"{store.path}/layers/sha256/{sha256(A)}")
    shutil.copy(store.work(first) + "/image.json", f"{store.path}/images/{first.id}.json")
    second = store.unpack(path)
    assert os.listdir(store.work(second) + "/sha256") == [sha256(B)]
    assert store.record(second)["layerSizes"] == [70001, 1]
