# SPDX-License-Identifier: Apache-2.0
"""What happens in one turn of the program's loop."""
import contextlib
import os
import pathlib
import signal

from .wait import wait_until


def is_stopped(pid):
    """All of its threads, as proc(5) tells."""
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return all((task / "stat").read_text().rpartition(")")[2].split()[0] == "T" for task in tasks)


@contextlib.contextmanager
def in_one_turn(proxy):
    """What happens meanwhile reaches the program at once, in this order."""
    os.kill(proxy.pid, signal.SIGSTOP)
    try:
        wait_until(lambda: is_stopped(proxy.pid), "the program to stand still")
        yield
    finally:
        os.kill(proxy.pid, signal.SIGCONT)
