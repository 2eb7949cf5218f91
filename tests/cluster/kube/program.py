# SPDX-License-Identifier: Apache-2.0
"""A program with a log and a pid file, so that another process than the one that began may end it."""
import os
import pathlib
import signal
import subprocess

from support.wait import wait_until


def started_at(pid):
    """When a process began, in ticks since boot, or None when it has ended. With it a pid is unique."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


class Program:
    """
    command: its words. directory: for NAME.log and NAME.pid. may_outlive: else the kernel kills it
    when the thread that started it ends, however that comes about.
    """

    def __init__(self, name, command, directory, may_outlive=False, environment=None):
        self.name = name
        self.command = [str(word) for word in command]
        self.log = directory / f"{name}.log"
        self.pid_file = directory / f"{name}.pid"
        self.may_outlive = may_outlive
        self.environment = environment
        self.process = None

    def start(self):
        assert not self.is_running(), f"{self.name} runs already"
        bound = [] if self.may_outlive else ["setpriv", "--pdeathsig", "KILL"]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(bound + self.command, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=subprocess.STDOUT,
                                            start_new_session=True, env=self.environment)
        self.pid_file.write_text(f"{self.process.pid} {started_at(self.process.pid)}\n")

    def pid(self):
        """None when it does not run, or is another's by now."""
        try:
            pid, since = self.pid_file.read_text().split()
        except (OSError, ValueError):
            return None
        return int(pid) if started_at(pid) == since else None

    def is_running(self):
        if self.process is not None:
            return self.process.poll() is None
        return self.pid() is not None

    def end(self, how=signal.SIGKILL, patience_s=30):
        """What it kept in memory is lost unless told to end with SIGTERM. May be called twice."""
        pid = self.pid()
        if pid is not None:
            os.kill(pid, how)
            wait_until(lambda: not self.is_running(), f"the end of {self.name}", patience_s)
        self.pid_file.unlink(missing_ok=True)

    def check_running(self):
        assert self.is_running(), f"{self.name} ended; the end of {self.log}:\n{self.last_words()}"

    def last_words(self, lines=25):
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError as error:
            return str(error)
