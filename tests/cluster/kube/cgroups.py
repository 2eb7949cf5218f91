# SPDX-License-Identifier: Apache-2.0
"""
A control group for all pods, so that they can be found and ended when nobody knows them any more.

Version 1 has a tree for each controller, version 2 one for all.
"""
import os
import pathlib
import signal

from support.wait import wait_until

MOUNTED = pathlib.Path("/sys/fs/cgroup")
NETWORKS = pathlib.Path("/run/netns")


def trees():
    if (MOUNTED / "cgroup.procs").exists():
        return [MOUNTED]
    return sorted({path.resolve() for path in MOUNTED.iterdir() if (path / "cgroup.procs").exists()})


class ControlGroup:
    def __init__(self, name):
        self.name = name

    def folders(self):
        return [tree / self.name for tree in trees()]

    def make(self):
        for folder in self.folders():
            folder.mkdir(exist_ok=True)

    def pids(self):
        """Of all processes in it or below."""
        return {int(pid) for folder in self.folders() for procs in folder.rglob("cgroup.procs")
                for pid in procs.read_text().split()}

    def kill(self):
        """Returns the names of network namespaces that are nobody's now: a pod's were made for it."""
        pids = self.pids()
        networks = {inode for pid in pids if (inode := network_of(f"/proc/{pid}/ns/net"))}
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        wait_until(lambda: not self.pids(), f"the end of {pids}")
        return [path.name for path in NETWORKS.glob("cni-*") if network_of(path) in networks]

    def remove(self):
        """Children first; nothing runs in any of them."""
        for top in self.folders():
            if top.exists():
                for path in sorted((top, *(path for path in top.rglob("*") if path.is_dir())),
                                   reverse=True):
                    path.rmdir()


def network_of(path):
    """What a namespace is known by, None when it is gone."""
    try:
        return os.stat(path).st_ino
    except OSError:
        return None
