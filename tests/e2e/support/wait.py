# SPDX-License-Identifier: Apache-2.0
"""Waiting for an event with a deadline; the one place where a test pauses."""
import os
import time

# A sanitizer build on a busy machine is slow, and who is backed off from a server waits up to half
# a minute before it asks again; a test that passes never waits long.
PATIENCE_S = float(os.environ.get("FAIRLEAD_PATIENCE_S", "60"))
PAUSE_S = 0.01


def wait_until(predicate, what="the condition", patience_s=PATIENCE_S):
    """The first true value of the predicate."""
    end = time.monotonic() + patience_s
    while True:
        value = predicate()
        if value:
            return value
        assert time.monotonic() < end, f"{what} did not come within {patience_s} s"
        time.sleep(PAUSE_S)
