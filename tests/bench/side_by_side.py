# SPDX-License-Identifier: Apache-2.0
"""Fairlead, nginx, HAProxy and a raw byte relay in one run, in turns, pinned to one CPU.

What counts is CPU time per request of the proxy (schedstat of all its threads over wrk's count):
unlike requests per second it does not depend on who else is busy. Each round runs all of them one
after another, and ratios are taken within a round, so that a slow minute of the machine hits all.
"""
import re
import resource
import signal
import socket
import statistics
import struct
import subprocess
import time

import peers
from proc import TOOLS, Program, Wrk, run_wrk, say, start_echo, work_dir

CONNECTIONS = (1, 64, 1000)
SOCKET_CALLS = {"read", "readv", "recvfrom", "recvmsg", "write", "writev", "sendto", "sendmsg",
                "recvmmsg", "sendmmsg", "sendfile", "splice"}
IDLE_CONNECTIONS = 10000


class Sample:
    def __init__(self, peer, connections, seconds):
        before = peer.program.cpu_ns()
        wrk = run_wrk(peer.port, connections, seconds).must_be_clean(peer.name)
        self.cpu_us = (peer.program.cpu_ns() - before) / 1000 / wrk.requests
        self.rate, self.p50_ms, self.p99_ms = wrk.rate, wrk.p50_ms, wrk.p99_ms


def cell(values, digits):
    middle = statistics.median(values)
    return f"{middle:.{digits}f} ({min(values):.{digits}f}..{max(values):.{digits}f})"


def print_table(title, rows):
    """rows: (name, {connections: values}, digits)"""
    print(f"\n{title:<26}" + "".join(f"{f'{c:,} conn' + 's' * (c > 1):>28}" for c in CONNECTIONS))
    for name, by_connections, digits in rows:
        cells = (cell(by_connections[c], digits) for c in CONNECTIONS)
        print(f"{name:<26}" + "".join(f"{text:>28}" for text in cells))


def measure(proxies, rounds, seconds):
    """{name: {connections: [Sample]}}"""
    samples = {peer.name: {c: [] for c in CONNECTIONS} for peer in proxies}
    for peer in proxies:
        for connections in CONNECTIONS:
            run_wrk(peer.port, connections, 1)
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        turn = proxies[number % len(proxies):] + proxies[:number % len(proxies)]
        for connections in CONNECTIONS:
            for peer in turn:
                samples[peer.name][connections].append(Sample(peer, connections, seconds))
    return samples


def of(samples, name, field):
    return {c: [getattr(s, field) for s in samples[name][c]] for c in CONNECTIONS}


def ratios(samples, ours, theirs):
    return {c: [a.cpu_us / b.cpu_us for a, b in zip(samples[ours][c], samples[theirs][c])]
            for c in CONNECTIONS}


def print_samples(samples):
    names = list(samples)
    print_table("CPU us per request", [(n, of(samples, n, "cpu_us"), 2) for n in names])
    if "fairlead" in names:
        print_table("CPU, fairlead to", [(n, ratios(samples, "fairlead", n), 3)
                                         for n in names if n != "fairlead"])
    print_table("requests per second", [(n, of(samples, n, "rate"), 0) for n in names])
    print_table("p50 ms", [(n, of(samples, n, "p50_ms"), 3) for n in names])
    print_table("p99 ms", [(n, of(samples, n, "p99_ms"), 3) for n in names])


def syscalls(peer, work):
    """{call: times per request} with 64 connections, as strace counts them."""
    out = work / "strace.out"
    tracer = subprocess.Popen(["strace", "-f", "-c", "-U", "name,calls", "-o", out, "-p",
                               ",".join(map(str, peer.program.pids()))],
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    line = tracer.stderr.readline()
    if "attached" not in line:
        tracer.wait()
        say(f"strace: {line.strip()}")
        return None
    time.sleep(0.3)
    # The warm connections were made before; these 64 cost a few calls each, among thousands.
    requests = run_wrk(peer.port, 64, 3).requests
    tracer.send_signal(signal.SIGINT)
    tracer.wait(10)
    calls = re.findall(r"^\s*([a-z]\w+)\s+(\d+)\s*$", out.read_text(), re.MULTILINE)
    return {name: int(count) / requests for name, count in calls if name != "total"}


def mallocs(work, backend):
    """Allocations per request of our proxy in steady state."""
    counter = work / "mallocs.count"
    peer = peers.start_fairlead(work, backend, name="fairlead-mallocs",
                                env={"LD_PRELOAD": str(TOOLS / "libmallocs.so"),
                                     "MALLOCS_FILE": str(counter)})

    def read():
        return struct.unpack("=Q", counter.read_bytes())[0]

    # Measured between two moments of one load, when all connections are warm.
    wrk = Wrk(peer.port, 64, 4)
    time.sleep(1.5)
    before, began = read(), time.monotonic()
    time.sleep(2)
    made, seconds = read() - before, time.monotonic() - began
    rate = wrk.wait().rate
    peer.program.stop()
    return made / (rate * seconds), made


def idle_bytes(peer, count):
    """Our memory per idle keep-alive connection that has been used once, in bytes."""
    request = b"GET /bytes/1024 HTTP/1.1\r\nHost: app.test\r\n\r\n"
    before = peer.program.memory_kb()
    sockets = []
    for _ in range(count):
        client = socket.create_connection(("127.0.0.1", peer.port), 10)
        client.sendall(request)
        got = b""
        while len(got) < 1024 or b"\r\n\r\n" not in got[:-1023]:
            piece = client.recv(65536)
            if not piece:
                raise SystemExit(f"{peer.name} closed connection {len(sockets) + 1}: {got[:200]}")
            got += piece
        sockets.append(client)
    time.sleep(0.5)
    after = peer.program.memory_kb()
    for client in sockets:
        client.close()
    return (after - before) * 1024 / count


def print_counts(work, backend, quick):
    peer = peers.start_fairlead(work, backend, name="fairlead-counts")
    run_wrk(peer.port, 64, 1)
    say("counting system calls")
    calls = syscalls(peer, work)
    print("\nfairlead, 64 connections, 1 KB")
    if calls:
        of_sockets = {n: c for n, c in calls.items() if n in SOCKET_CALLS}
        rest = {n: c for n, c in calls.items() if n not in SOCKET_CALLS and c >= 0.005}
        print(f"  socket calls per request   {sum(of_sockets.values()):.2f}   "
              + ", ".join(f"{n} {c:.2f}" for n, c in sorted(of_sockets.items()) if c >= 0.005))
        print("  other calls per request    "
              + (", ".join(f"{n} {c:.3f}" for n, c in sorted(rest.items())) or "none"))
    peer.program.stop()
    say("counting allocations")
    each, made = mallocs(work, backend)
    print(f"  mallocs per request        {each:.5f}   ({made} in two seconds)")
    count = 1000 if quick else IDLE_CONNECTIONS
    print(f"\nbytes of memory per idle connection, {count:,} of them")
    for start in (peers.start_fairlead, peers.start_nginx, peers.start_haproxy):
        peer = start(work, backend)
        say(f"idle connections to {peer.name}")
        run_wrk(peer.port, 64, 1)
        print(f"  {peer.name:<10} {idle_bytes(peer, count):8.0f}")
        peer.program.stop()


def main(options):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    rounds, seconds = (2, 1) if options.quick else (7, 3)
    work = work_dir()
    _, backend = start_echo(work)
    starts = [peers.start_relay, peers.start_nginx, peers.start_haproxy]
    if not options.peers_only:
        starts.insert(0, peers.start_fairlead)
    proxies = [start(work, backend) for start in starts]
    samples = measure(proxies, options.rounds or rounds, seconds)
    for peer in proxies:
        peer.program.stop()
    print(f"medians (least..most) of {options.rounds or rounds} rounds of {seconds} s, 1 KB bodies, "
          "keep-alive; proxy on one CPU, wrk and backend on another")
    print_samples(samples)
    if not options.peers_only:
        print_counts(work, backend, options.quick)
