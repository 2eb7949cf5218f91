# SPDX-License-Identifier: Apache-2.0
"""
A network namespace with an address that is not the loopback's.

The API server takes no loopback address for an endpoint, and what listens in a namespace of its own
is in nobody's way: the ports are always the same, and several clusters may run at once.
"""
import contextlib
import ctypes
import os
import pathlib
import re
import subprocess

ADDRESS = "198.18.0.10"
FOLDER = pathlib.Path("/run/netns")
CLONE_NEWNET = 0x40000000
OF_A_PROCESS = re.compile(r"fairlead-test-(\d+)")


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


def enter(path):
    """The calling thread, and what it starts from now on."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(path, "rb") as file:
        if libc.setns(file.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns", str(path))


def remove_abandoned():
    """Those whose process was killed before it could take its own away."""
    for path in FOLDER.glob("fairlead-test-*"):
        match = OF_A_PROCESS.fullmatch(path.name)
        if match and not os.path.exists(f"/proc/{match[1]}"):
            subprocess.run(["ip", "netns", "del", path.name], check=False, capture_output=True)


class Namespace:
    def __init__(self, name=None):
        self.name = name or f"fairlead-test-{os.getpid()}"
        self.path = FOLDER / self.name

    def make(self):
        remove_abandoned()
        ip("netns", "add", self.name)
        # Both ends of the pair lie inside: the address only has to belong to a device that is up.
        ip("-n", self.name, "link", "set", "lo", "up")
        ip("-n", self.name, "link", "add", "outside", "type", "veth", "peer", "name", "wire")
        for device in ("outside", "wire"):
            ip("-n", self.name, "link", "set", device, "up")
        ip("-n", self.name, "address", "add", f"{ADDRESS}/24", "dev", "outside")
        ip("-n", self.name, "route", "add", "default", "dev", "outside")

    def exists(self):
        return self.path.exists()

    def remove(self):
        if self.exists():
            ip("netns", "del", self.name)

    def command(self, *words):
        """The words of a command that runs inside. `ip netns exec` would hide /sys/fs/cgroup."""
        return ["nsenter", f"--net={self.path}", *map(str, words)]

    @contextlib.contextmanager
    def inside(self):
        """For this thread and whatever it starts, processes and threads."""
        with open("/proc/thread-self/ns/net", "rb") as home:
            enter(self.path)
            try:
                yield
            finally:
                enter(f"/proc/self/fd/{home.fileno()}")
