# SPDX-License-Identifier: Apache-2.0
"""The format of images, read by another reader: docs/image-format.md in Python, CBOR by cbor2.

It reads forward only, as from a pipe, and checks all but checksums.
"""
import io
import os
import struct
import subprocess

import pytest

from support import progs

cbor2 = pytest.importorskip("cbor2", reason="missing: python3-cbor2")

PART = struct.Struct("<4sIIIQQQ80sQ")
KINDS = {1: "records", 2: "pages", 3: "blob", 4: "index"}
SIZE_OF_BLOB = 600_000                  # three pieces on a pipe


class Reader:
    """One image, from its first byte to its last; where everything lies is computed, not believed."""

    def __init__(self, data):
        self.data, self.at = data, 0
        self.parts, self.records = [], {}
        self.header()
        while self.part():
            pass
        self.trailer()

    def take(self, n):
        assert self.at + n <= len(self.data)
        self.at += n
        return self.data[self.at - n:self.at]

    def pad(self, unit):
        assert not any(self.take(-self.at % unit))

    def header(self):
        magic, version, features, self.id, page, zero, _ = struct.unpack("<8sII16sI20sQ", self.take(64))
        assert (magic, version, features, page, any(zero)) == (b"\x89contexe", 1, 0, 4096, False)
        assert any(self.id)

    def part(self):
        self.pad(64)
        start, raw = self.at, self.take(PART.size)
        magic, kind, flags, zero, offset, size, checksum, name, _ = PART.unpack(raw)
        kind, name = KINDS[kind], name.rstrip(b"\0").decode()
        assert (magic, zero) == (b"part", 0) and flags in ((0, 1) if kind == "blob" else (0,))
        if kind == "pages":
            self.pad(4096)
        assert offset == self.at
        payload = self.take(size)
        if kind == "index":
            assert payload == b"".join(raw for raw, *_ in self.parts)
            self.index_at, self.index_checksum = start, checksum
            return False
        self.parts.append((raw, kind, name, flags, payload))
        if kind == "records":
            self.read_records(payload)
        return True

    def read_records(self, payload):
        stream = io.BytesIO(payload)
        while stream.tell() < len(payload):
            kind, number, fields = cbor2.load(stream)
            assert (kind, number) not in self.records
            self.records[kind, number] = fields
        assert stream.tell() == len(payload)

    def trailer(self):
        self.pad(64)
        magic, index, size, checksum, ident, zero, _ = struct.unpack("<8sQQQ16sQQ", self.take(64))
        assert magic == b"\x89ctxend\n" and self.at == len(self.data) == size
        assert (index, checksum, ident, zero) == (self.index_at, self.index_checksum, self.id, 0)

    def kinds(self):
        return [kind for _, kind, *_ in self.parts]


def write(how, scratch, blob):
    """Through a pipe, or into a file."""
    command = [progs.outside("image"), "write"]
    if how == "pipe":
        return subprocess.run(command, input=blob, stdout=subprocess.PIPE, check=True, timeout=60).stdout
    path = os.path.join(scratch, "image")
    with open(path, "wb") as f:
        subprocess.run(command, input=blob, stdout=f, check=True, timeout=60)
    with open(path, "rb") as f:
        return f.read()


def verify(data, scratch):
    path = os.path.join(scratch, "judged")
    with open(path, "wb") as f:
        f.write(data)
    with open(path, "rb") as f:
        return subprocess.run([progs.outside("image"), "verify"], stdin=f, capture_output=True, text=True,
                              check=False, timeout=60)


@pytest.mark.parametrize("how", ["file", "pipe"])
def test_another_reader(how, scratch):
    blob = os.urandom(SIZE_OF_BLOB)
    data = write(how, scratch, blob)
    image = Reader(data)

    sample = image.records["sample", 2**64 - 1]
    numbers = sample.pop("numbers")
    assert numbers.tag == 71 and struct.unpack("<3Q", numbers.value) == (0, 1, 2**64 - 1)
    assert sample == {
        "yes": True, "i32": -2**31, "u32": 2**32 - 1, "i64": -2**63, "u64": 2**64 - 1,
        "text": "grüß dich", "raw": b"\xff\xfe", "bytes": b"\0\1\2",
        "one": {"number": 24, "name": "here"},
        "several": [{"number": -1, "name": "a"}, {"number": 65536}],
    }
    assert len(image.records) == 30001
    run = image.records["run", 29999]
    assert run["number"] == 29999
    for offset, n, byte in ((run["first"], 3, b"a"), (run["second"], 2, b"b")):
        assert offset % 4096 == 0 and data[offset:offset + n * 4096] == byte * (n * 4096)
    assert b"".join(p for _, kind, _, _, p in image.parts if kind == "blob") == blob
    assert all(name == ("input" if kind == "blob" else "") for _, kind, name, *_ in image.parts)
    assert image.kinds().count("records") > 1

    if how == "file":
        assert image.kinds().count("pages") == 1 and image.kinds().count("blob") == 1
        assert run["second"] == run["first"] + 3 * 4096
    else:
        assert image.kinds().count("pages") == 2
        assert [flags for _, kind, _, flags, _ in image.parts if kind == "blob"] == [1, 1, 0]
    assert verify(data, scratch).returncode == 0


def test_canonical(scratch):
    """Records are in the core deterministic encoding of RFC 8949, 4.2, but for the order of keys."""
    image = Reader(write("file", scratch, b""))
    for _, kind, _, _, payload in image.parts:
        if kind == "records":
            whole = b""
            stream = io.BytesIO(payload)
            while stream.tell() < len(payload):
                whole += cbor2.dumps(cbor2.load(stream))
            assert whole == payload


def test_says_where_it_is_damaged(scratch):
    data = bytearray(write("file", scratch, b"blob"))
    image = Reader(data)
    offset = image.records["run", 0]["first"]
    data[offset + 5000] ^= 4
    result = verify(data, scratch)
    assert result.returncode == 1 and f"damaged at byte {offset}:" in result.stderr
    result = verify(data[:-1000], scratch)
    assert result.returncode == 1 and "the image has no end" in result.stderr
    result = verify(b"#!/bin/sh\n" * 100, scratch)
    assert result.returncode == 1 and "not an image of a container" in result.stderr
