# SPDX-License-Identifier: Apache-2.0
"""What was broken how often, and what became of the requests meanwhile."""
import os
import sys
import time

TIMES = int(os.environ.get("FAIRLEAD_CHAOS_TIMES", "20"))
rows = []


class Tally:
    """One kind of chaos. Shows how far it is, where nobody captures it."""

    def __init__(self, kind):
        self.kind, self.times, self.requests, self.failed = kind, 0, 0, 0
        self.began = time.monotonic()
        rows.append(self)

    def count(self):
        self.times += 1
        print(f"  {self.kind}: {self.times} of {TIMES}, {time.monotonic() - self.began:.0f} s",
              file=sys.stderr, flush=True)

    def add(self, clients):
        self.requests += clients.requests
        self.failed += clients.failed
        assert clients.failed == 0, f"{self.kind}: {clients.failed} failed\n{clients.text()}"
        assert clients.requests > 0, f"{self.kind}: nobody asked\n{clients.text()}"


def table():
    """Its lines; none where nothing was broken."""
    if not rows:
        return []
    width = max(len(row.kind) for row in rows)
    lines = [f"{'kind':<{width}}  times  requests  failed"]
    return lines + [f"{row.kind:<{width}}  {row.times:5}  {row.requests:8}  {row.failed:6}"
                    for row in rows]
