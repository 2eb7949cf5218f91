# SPDX-License-Identifier: Apache-2.0
"""Commands that run to their end, but not for ever."""
import os
import signal
import subprocess
import time

from proc import say

WORD_SECONDS = 15


def _read(process, seconds):
    """All it prints; a word now and then says that we are still waiting."""
    started = time.monotonic()
    while True:
        left = seconds - (time.monotonic() - started)
        try:
            return process.communicate(timeout=max(0, min(WORD_SECONDS, left)))[0]
        except subprocess.TimeoutExpired:
            if left <= WORD_SECONDS:
                raise
            say(f"    {time.monotonic() - started:.0f} s")


def run(command, seconds, **options):
    """
    (exit status, what it printed). The command has a process group of its own: when it takes
    longer, or we are told to end, the group goes with all it started, and the status is None.
    """
    process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               errors="replace", start_new_session=True, **options)
    try:
        output = _read(process, seconds)
        return process.returncode, output
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return None, process.communicate()[0]
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise


def what_was_wrong(status, output, lines=3):
    """"" after status 0, else the last lines of what was printed."""
    if status == 0:
        return ""
    end = " / ".join(output.strip().splitlines()[-lines:])[-400:]
    return f"{'took too long' if status is None else f'exit status {status}'}: {end}"
