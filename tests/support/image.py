# SPDX-License-Identifier: Apache-2.0
"""Small OCI images made by hand: layers from dictionaries, a layout directory, archives of it.

image = Image(cmd=["sh"]); image.layer({"etc/motd": "hello", "etc/old": None}); image.write(directory)
"""
import gzip
import hashlib
import io
import json
import os
import tarfile

NATIVE = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)


def tree(root):
    """A directory of this machine as a layer."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        t.add(root, arcname=".")
    return out.getvalue()


def files(entries):
    """A layer: path -> text, None for a directory, ("link", target), or (text, mode, uid)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        for path, what in entries.items():
            info, data = tarfile.TarInfo(path), b""
            info.mode = 0o644
            if what is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
            elif isinstance(what, tuple) and what[0] == "link":
                info.type, info.linkname = tarfile.SYMTYPE, what[1]
            else:
                text, *more = what if isinstance(what, tuple) else (what,)
                data = text.encode()
                info.mode = more[0] if more else 0o644
                info.uid = info.gid = more[1] if len(more) > 1 else 0
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
    return out.getvalue()


class Image:
    """config: the members of the image's "config" object (Cmd, Env, ...)."""

    def __init__(self, **config):
        self.config, self.layers = config, []

    def layer(self, data):
        self.layers.append(data if isinstance(data, bytes) else files(data))
        return self

    def write(self, directory, name="latest"):
        """An OCI image layout; the directory's path."""
        blobs = os.path.join(directory, "blobs", "sha256")
        os.makedirs(blobs, exist_ok=True)

        def blob(data, media):
            digest = hashlib.sha256(data).hexdigest()
            with open(os.path.join(blobs, digest), "wb") as f:
                f.write(data)
            return {"mediaType": media, "digest": f"sha256:{digest}", "size": len(data)}
        kind = "application/vnd.oci.image."
        config = {"created": "2026-01-02T03:04:05Z", "architecture": NATIVE, "os": "linux", "config": self.config,
                  "rootfs": {"type": "layers",
                             "diff_ids": [f"sha256:{hashlib.sha256(x).hexdigest()}" for x in self.layers]}}
        manifest = {"schemaVersion": 2, "mediaType": kind + "manifest.v1+json",
                    "config": blob(json.dumps(config).encode(), kind + "config.v1+json"),
                    "layers": [blob(gzip.compress(x, 1), kind + "layer.v1.tar+gzip") for x in self.layers]}
        entry = blob(json.dumps(manifest).encode(), kind + "manifest.v1+json")
        entry["annotations"] = {"org.opencontainers.image.ref.name": name}
        for file, value in (("index.json", {"schemaVersion": 2, "manifests": [entry]}),
                            ("oci-layout", {"imageLayoutVersion": "1.0.0"})):
            with open(os.path.join(directory, file), "w", encoding="utf-8") as f:
                json.dump(value, f)
        return directory
