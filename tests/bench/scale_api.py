# SPDX-License-Identifier: Apache-2.0
"""
10,000 Ingresses (30,000 routes) on a real API server, each with its Service and EndpointSlice: start and
memory, with streaming lists and with plain ones; how soon a new Ingress answers after its watch event
while 100 changes a second arrive; and what they do to the latency of requests.

When the event came is what a second watcher saw. What changes cost the machine is not ours, so the load
without changes has as many, of objects that nobody follows.
"""
import multiprocessing
import os
import queue
import statistics
import subprocess
import sys
import threading
import time

import api_objects
from proc import (LOAD_CPU, PROXY_CPU, ROOT, TOOLS, Fairlead, Program, Wrk, free_port, say, work_dir)
from scale import Asker

sys.path.append(str(ROOT / "tests" / "cluster"))
from kube.control_plane import ControlPlane  # noqa: E402
from kube.namespace import ADDRESS  # noqa: E402

STARTS = 3
RATE = 100  # changes a second
PLAIN = "--feature-gates=WatchList=false,WatchListClient=false"
# Eight connections that pause after each answer: a load that leaves room for the API server.
PAUSING = "function delay() return 4 end\n"


def binaries():
    """None where the control plane cannot be run, and why was said."""
    build = ROOT / "tests" / "cluster" / "build"
    if os.getuid() != 0:
        say("not on an API server: that needs root, for a network namespace")
        return None
    missing = subprocess.run([build, "--missing"], check=True, capture_output=True, text=True).stdout
    if missing.strip():
        say("not on an API server: build one with tests/cluster/build")
        return None
    return subprocess.run([build, "--where"], check=True, capture_output=True, text=True).stdout.strip()


class OnApi(Fairlead):
    """It also says when the lists had arrived."""

    def __init__(self, work, cluster):
        self.lists_seconds = None
        super().__init__(work, None, wait=120, kubeconfig=cluster.admin_config)

    def ask_admin(self, path):
        if path == "/readyz" and self.lists_seconds is None:
            seen = dict(line.rsplit(" ", 1) for line in super().ask_admin("/metrics")[1].splitlines()
                        if line.startswith(("fairlead_kube_followed ", "fairlead_kube_synced ")))
            if len(set(seen.values())) == 1:
                self.lists_seconds = time.monotonic() - self.started
        return super().ask_admin(path)


class Table:
    """Rows as they come; a figure that is over what is wanted is marked."""

    def __init__(self):
        print(f"  {'':<44} {'measured':>10} {'wanted':>10}")

    def row(self, what, value, unit, most=None, digits=1):
        wanted = f"<= {most} {unit}" if most is not None else ""
        mark = "  MISSED" if most is not None and value > most else ""
        print(f"  {what:<44} {f'{value:,.{digits}f} {unit}':>10} {wanted:>10}{mark}", flush=True)


def start_and_stop(work, cluster, table, kind):
    """Medians of some starts."""
    runs = []
    for number in range(STARTS):
        say(f"{kind} lists: start {number + 1} of {STARTS}")
        us = OnApi(work, cluster)
        time.sleep(2)
        runs.append((us.ready_seconds, us.ready_seconds - (us.lists_seconds or us.ready_seconds),
                     *(us.program.status_kb(what) / 1024 for what in ("VmRSS", "RssAnon", "VmHWM"))))
        us.stop()
    total, after, resident, own, most = (statistics.median(column) for column in zip(*runs))
    table.row(f"{kind} lists: ready after", total, "s", digits=2)
    table.row(f"{kind} lists: after they had arrived", after, "s", 3, digits=2)
    table.row(f"{kind} lists: resident (VmRSS)", resident, "MB", 60)
    table.row(f"{kind} lists: of it, our own (RssAnon)", own, "MB")
    table.row(f"{kind} lists: most while starting (VmHWM)", most, "MB")


# ---- a new Ingress, from the watch event to an answer ----


def events(api, since, seen):
    """When each new Ingress came by the watch."""
    with api.watch(api_objects.INGRESSES, since) as watch:
        while True:
            data = watch.response.read1(1 << 20)
            now = time.monotonic()
            if not data:
                return
            watch.pending += data
            *lines, watch.pending = watch.pending.split(b"\n")
            for line in lines:
                if line.startswith(b'{"type":"ADDED"') and b'"name":"new-' in line:
                    name = line.split(b'"name":"', 1)[1].split(b'"', 1)[0].decode()
                    seen.put((now, f"{name}.test"))


def wait_answers(api, since, port, results):
    """A process of its own: milliseconds from event to answer of each, until told to stop."""
    sys.setswitchinterval(0.0002)
    seen, took = queue.SimpleQueue(), []
    threading.Thread(target=events, args=(api, since, seen), daemon=True).start()
    asker = Asker(port)
    results.send("watching")
    while not results.poll():
        try:
            came, host = seen.get(timeout=0.1)
        except queue.Empty:
            continue
        while not asker.server(host):
            if time.monotonic() - came > 10:
                raise SystemExit(f"{host} does not answer after 10 s")
        took.append((time.monotonic() - came) * 1000)
    results.send(took)


def load(us, work, seconds):
    script = work / "pausing.lua"
    script.write_text(PAUSING)
    return Wrk(us.port, 8, seconds, host="host-1.test", script=script, path="/bytes/1024")


def under_changes(cluster, us, work, seconds, how, first):
    """(wrk, changes that came late) of that load, with those changes beside it."""
    late = multiprocessing.Value("i", 0)
    changing = multiprocessing.Process(target=how, daemon=True,
                                       args=(cluster.api, seconds * RATE, RATE, first, late))
    changing.start()
    wrk = load(us, work, seconds)
    wrk.wait()
    changing.join()
    return wrk, late.value


def changes(cluster, us, work, table, seconds, rounds):
    ours, theirs = multiprocessing.Pipe()
    since = cluster.api.get(f"{api_objects.INGRESSES}?limit=1")["metadata"]["resourceVersion"]
    prober = multiprocessing.Process(target=wait_answers, daemon=True,
                                     args=(cluster.api, since, us.port, theirs))
    prober.start()
    ours.recv()
    load(us, work, 2).wait()
    quiet, busy, late, first = [], [], 0, 0
    for number in range(rounds):
        say(f"{RATE} changes a second, round {number + 1} of {rounds}")
        for how, runs in ((api_objects.change_settings, quiet), (api_objects.change, busy)):
            wrk, missed = under_changes(cluster, us, work, seconds, how, first)
            runs.append(wrk)
            late += missed
        first += seconds * RATE
    ours.send("stop")
    took = sorted(ours.recv())
    prober.join()
    table.row(f"a new Ingress answers, median of {len(took):,}", statistics.median(took), "ms", 10)
    table.row("a new Ingress answers, p99", took[len(took) * 99 // 100], "ms", 25)
    table.row("proxied p99 without changes", statistics.median(run.p99_ms for run in quiet), "ms",
              digits=2)
    table.row("proxied p99 with changes", statistics.median(run.p99_ms for run in busy), "ms", digits=2)
    table.row("it rises by", statistics.median(b.p99_ms - a.p99_ms for a, b in zip(quiet, busy)), "ms",
              1, digits=2)
    table.row("requests", sum(run.requests for run in quiet + busy), "", digits=0)
    table.row("failed requests", sum(run.socket_errors + run.bad_answers for run in quiet + busy), "", 0,
              digits=0)
    table.row("resident afterwards (VmRSS)", us.program.status_kb("VmRSS") / 1024, "MB")
    if late:
        say(f"{late} changes came 100 ms late by our own doing")


def main(options):
    where = binaries()
    if where is None:
        return 0
    count = options.ingresses or (1000 if options.quick else 10000)
    seconds, rounds = (5, 1) if options.quick else (20, 3)
    work = work_dir()
    with ControlPlane(work / "cluster", type(work)(where)) as cluster, cluster.namespace.inside():
        port = free_port()
        Program([TOOLS / "echo", "--listen", f"{ADDRESS}:{port}", "--name", "one"], LOAD_CPU,
                work / "echo.log")
        say(f"creating {count} Ingresses, Services and EndpointSlices")
        api_objects.make(cluster.api, count, ADDRESS, port)
        print(f"{count:,} Ingresses, {count * 3:,} routes, {count:,} Services and EndpointSlices on an "
              f"API server; one thread on CPU {PROXY_CPU}")
        table = Table()
        flags = cluster.api_server.command
        cluster.api_server.command = flags + [PLAIN]
        cluster.restart(cluster.api_server)
        start_and_stop(work, cluster, table, "plain")
        cluster.api_server.command = flags
        cluster.restart(cluster.api_server)
        start_and_stop(work, cluster, table, "streaming")
        os.sched_setaffinity(0, {LOAD_CPU})  # not the API server: on one CPU it needs 20 s for a list
        us = OnApi(work, cluster)
        changes(cluster, us, work, table, seconds, rounds)
        us.stop()
    return 0
