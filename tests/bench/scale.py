# SPDX-License-Identifier: Apache-2.0
"""10,000 Ingresses (30,000 routes) in a directory, one file each with its Service and endpoints: how
long to ready, how much memory, how soon a change is live, and what changes do to requests."""
import json
import os
import socket
import statistics
import subprocess
import threading
import time

import manifests
from proc import LOAD_CPU, PROXY_CPU, TOOLS, Fairlead, be_preferred, run_wrk, say, start_echo, work_dir

REPEATS = 50
RATE = 2000  # requests a second, of the latency measurement
CHANGES_PER_SECOND = 20


class Objects:
    def __init__(self, folder, ingresses, services, ports):
        self.folder, self.ingresses, self.services, self.ports = folder, ingresses, services, ports
        folder.mkdir()
        for number in range(ingresses):
            self.write(number)

    def write(self, number, first_port=0):
        """One Ingress of three routes; its Service too, if the number has one of its own."""
        service = f"service-{number % self.services}"
        objects = [manifests.ingress(f"ingress-{number}", f"host-{number}.test",
                                     [("/", service), ("/api", service), ("/static", service)])]
        if number < self.services:
            objects.append(manifests.service(service, annotations=manifests.NO_LIMITS))
            objects += manifests.slices(service, [self.ports[first_port]])
        shard = self.folder / f"{number % 100:02}"
        shard.mkdir(exist_ok=True)
        manifests.write(shard / f"{number}.yaml", *objects)


class Asker:
    """One keep-alive connection that asks who answers."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def server(self, host):
        self.socket.sendall(f"GET /bytes/1 HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        got = b""
        while b"\r\n\r\n" not in got:
            piece = self.socket.recv(65536)
            if not piece:
                raise SystemExit("the proxy closed a connection")
            got += piece
        head, _, body = got.partition(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        while len(body) < int(fields[b"content-length"]):
            body += self.socket.recv(65536)
        return fields.get(b"x-server", b"").decode()


def time_changes(us, objects, repeats):
    """Seconds from the rename of the file to the first answer by it."""
    asker, took = Asker(us.port), []
    for repeat in range(repeats):
        number = (repeat * 7919) % objects.services
        host, before = f"host-{number}.test", asker.server(f"host-{number}.test")
        began = time.monotonic()
        objects.write(number, first_port=1)
        while asker.server(host) == before:
            if time.monotonic() - began > 10:
                raise SystemExit(f"change {repeat} was not live after 10 s")
        took.append(time.monotonic() - began)
        objects.write(number)
        while asker.server(host) != before:
            pass
    return took


def cpu_per_change(us, objects):
    """Milliseconds of CPU for one changed file when nothing else happens, kernel's part included."""
    time.sleep(1)
    before, count = us.program.cpu_ns(), 20
    for number in range(count):
        objects.write(number + 1, number % 2)
        time.sleep(1 / CHANGES_PER_SECOND)
    return (us.program.cpu_ns() - before) / 1e6 / count


def pace(us, seconds):
    """Latencies at a fixed rate, in microseconds."""
    out = subprocess.run(["taskset", "-c", str(LOAD_CPU), TOOLS / "pace", "--to",
                          f"127.0.0.1:{us.port}", "--host", "host-1.test", "--path", "/bytes/1024",
                          "--rate", str(RATE), "--seconds", str(seconds)],
                         check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(out)


class Changing(threading.Thread):
    """Rewrites files at a steady rate until told to stop."""

    def __init__(self, objects):
        super().__init__(daemon=True)
        self.objects, self.done, self.count = objects, threading.Event(), 0

    def run(self):
        while not self.done.wait(1 / CHANGES_PER_SECOND):
            self.count += 1
            self.objects.write((self.count * 31 + 2) % self.objects.services, self.count % 2)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.join()


def main(options):
    ingresses = options.ingresses or (1000 if options.quick else 10000)
    services = options.services or ingresses
    repeats, seconds, rounds = (10, 3, 1) if options.quick else (REPEATS, 10, 3)
    be_preferred()
    os.sched_setaffinity(0, {LOAD_CPU})
    work = work_dir()
    ports = [start_echo(work, name)[1] for name in ("one", "two")]
    say(f"writing {ingresses} Ingresses and {services} Services")
    objects = Objects(work / "objects", ingresses, services, ports)
    # The same writing, where nobody looks: what it costs the machine must not be blamed on us.
    nobody = Objects(work / "nobody", min(ingresses, 1000), min(services, 1000), ports)
    us = Fairlead(work, objects.folder, wait=120)
    print(f"{ingresses:,} Ingresses, {ingresses * 3:,} routes, {services:,} Services; "
          f"one thread on CPU {PROXY_CPU}")
    print(f"  ready after                  {us.ready_seconds:.2f} s")
    time.sleep(1)
    print(f"  resident                     {us.program.memory_kb('Rss') / 1024:.1f} MB")
    before = us.program.cpu_ns()
    time.sleep(3)
    print(f"  CPU when idle                {(us.program.cpu_ns() - before) / 3e9 * 100:.2f} %")
    say(f"{repeats} changes of one file")
    took = sorted(time_changes(us, objects, repeats))
    print(f"  a one-file change is live    {statistics.median(took) * 1000:.1f} ms median, "
          f"{took[-1] * 1000:.1f} ms most, of {repeats}")
    print(f"  CPU per changed file         {cpu_per_change(us, objects):.2f} ms")
    quiet, busy = [], []
    pace(us, 1)
    for number in range(rounds):
        say(f"latency at {RATE} requests a second, round {number + 1} of {rounds}")
        with Changing(nobody):
            quiet.append(pace(us, seconds))
        with Changing(objects):
            busy.append(pace(us, seconds))
    for name, runs in (("without changes", quiet), ("with changes", busy)):
        p50, p99, most = (statistics.median(run[key] for run in runs) / 1000
                          for key in ("p50_us", "p99_us", "max_us"))
        print(f"  {name:<28} p50 {p50:.3f} ms, p99 {p99:.3f} ms, most {most:.1f} ms, "
              f"{sum(run['failed'] for run in runs)} failed")
    rise = statistics.median(b["p99_us"] - a["p99_us"] for a, b in zip(quiet, busy)) / 1000
    print(f"  p99 rises by                 {rise:.3f} ms at {CHANGES_PER_SECOND} changes a second")
    print(f"  resident afterwards          {us.program.memory_kb('Rss') / 1024:.1f} MB")
    wrk = run_wrk(us.port, 64, 2, host="host-1.test")
    print(f"  requests per second, 64      {wrk.rate:,.0f}")
    us.stop()
