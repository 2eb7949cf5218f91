# SPDX-License-Identifier: Apache-2.0
"""
Images of programs of this machine: one layer with the program and the libraries it is linked with.

There is no registry to pull from; an image goes from a file into containerd.
"""
import hashlib
import io
import json
import pathlib
import platform
import re
import subprocess
import tarfile

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
LIBRARY = re.compile(r"(/\S+) \(0x")


def files_of(program):
    """The program and all that ld.so would load, at the paths where it looks for them."""
    linked = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    return [str(program), *LIBRARY.findall(linked)]


def add_bytes(archive, name, content):
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


def layer_of(paths):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        for path in paths:
            layer.add(pathlib.Path(path).resolve(), arcname=path.lstrip("/"))
    return buffer.getvalue()


def write(archive_path, tag, program, *arguments):
    """An archive as `docker save` makes them. arguments: given to the program each time it runs."""
    layer = layer_of(files_of(program))
    digest = hashlib.sha256(layer).hexdigest()
    config = {"architecture": ARCHITECTURES[platform.machine()], "os": "linux",
              "config": {"Entrypoint": [str(program), *arguments]},
              "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]}}
    manifest = [{"Config": "config.json", "RepoTags": [tag], "Layers": ["layer.tar"]}]
    with tarfile.open(archive_path, "w") as archive:
        add_bytes(archive, "layer.tar", layer)
        add_bytes(archive, "config.json", json.dumps(config).encode())
        add_bytes(archive, "manifest.json", json.dumps(manifest).encode())
    return archive_path
