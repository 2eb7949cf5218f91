# SPDX-License-Identifier: Apache-2.0
"""TLS and HTTP/2: Fairlead, nginx, HAProxy and Envoy in one run, in turns, pinned to one CPU.

As in the side by side of HTTP/1.1, what counts is CPU time of the proxy, by request or by new
connection, and ratios are taken within a round. Then the memory of idle connections."""
import resource
import statistics
import time
from functools import partial
from pathlib import Path

import loads
import peers_tls
from peers_tls import H1_HOST, H2C_HOST
from proc import say, start_echo, start_echo_h2, work_dir

IDLE_CONNECTIONS = 10000
H2C_TARGET = 0.5


class Case:
    """load(peer, seconds) says how many requests, or connections, there were."""

    def __init__(self, title, unit, load):
        self.title, self.unit, self.load = title, unit, load


def cases_of(work):
    def load_h1(peer, seconds):
        return loads.load_h1(work, peer, H1_HOST, seconds)

    def load_h2(host, peer, seconds):
        return loads.load_h2(peer, host, seconds)

    def load_new(resume, peer, seconds):
        return loads.load_new(peer, H1_HOST, seconds, resume)

    return {
        "h1": Case("HTTP/1.1 over TLS, 64 connections", "request", load_h1),
        "h2": Case("HTTP/2 over TLS, 16 connections x 32 streams, HTTP/1.1 upstream", "request",
                   partial(load_h2, H1_HOST)),
        "h2c": Case("HTTP/2 over TLS, 16 connections x 32 streams, h2c upstream", "request",
                    partial(load_h2, H2C_HOST)),
        "new": Case("new connections, full handshake and one request", "connection",
                    partial(load_new, False)),
        "resumed": Case("new connections, resumed by ticket, and one request", "connection",
                        partial(load_new, True)),
    }


class Sample:
    def __init__(self, case, peer, seconds):
        before, began = peer.program.cpu_ns(), time.monotonic()
        count = case.load(peer, seconds)
        took, used = time.monotonic() - began, peer.program.cpu_ns() - before
        self.cpu_us = used / 1000 / max(1, count)
        self.rate = count / took
        self.busy = used / 1e9 / took * 100


def measure(cases, proxies, rounds, seconds):
    """{case: {peer: [Sample]}}"""
    samples = {key: {peer.name: [] for peer in proxies} for key in cases}
    for number in range(rounds + 1):
        say(f"round {number} of {rounds}" if number else "warming up")
        turn = proxies[number % len(proxies):] + proxies[:number % len(proxies)]
        for key, case in cases.items():
            for peer in turn:
                sample = Sample(case, peer, seconds if number else 1)
                if number:
                    samples[key][peer.name].append(sample)
    return samples


def spread(values, digits):
    middle = statistics.median(values)
    return f"{middle:.{digits}f} ({min(values):.{digits}f}..{max(values):.{digits}f})"


def ratios(ours, theirs):
    return [a.cpu_us / b.cpu_us for a, b in zip(ours, theirs)]


def print_case(case, by_peer):
    print(f"\n{case.title}")
    print(f"{'':<12}{f'CPU us per {case.unit}':>26}{f'{case.unit}s per second':>28}{'CPU busy %':>12}"
          f"{'CPU, fairlead to it':>26}")
    for name, samples in by_peer.items():
        ratio = ""
        if "fairlead" in by_peer and name != "fairlead":
            ratio = spread(ratios(by_peer["fairlead"], samples), 3)
        print(f"{name:<12}{spread([s.cpu_us for s in samples], 2):>26}"
              f"{spread([s.rate for s in samples], 0):>28}"
              f"{statistics.median(s.busy for s in samples):>12.0f}{ratio:>26}")


def print_h2c_target(samples):
    """Both as they are to be told: whoever has an HTTP/2 upstream pays for one of them only."""
    if "fairlead" in samples["h2c"]:
        values = ratios(samples["h2c"]["fairlead"], samples["h2"]["nginx"])
        print(f"\nCPU, fairlead with h2c upstream to nginx with its HTTP/1.1 one: {spread(values, 3)}, "
              f"wanted: at most {H2C_TARGET}")


def idle_bytes(peer, count, *more):
    """The proxy's memory for an idle connection that had one request, in bytes."""
    warm = loads.Greet(peer.port, H1_HOST, "/bytes/1024", "--connections", 64, "--seconds", 1, *more)
    warm.told()
    warm.stop()
    before = peer.program.memory_kb()
    greet = loads.Greet(peer.port, H1_HOST, "/bytes/1024", "--hold", count, *more)
    told = greet.told()
    after = peer.program.memory_kb()
    greet.stop()
    return (after - before) * 1024 / count, told


def print_idle(starts, count):
    """A fresh process for each, so that nothing is taken from what another left behind."""
    print(f"\nbytes of memory per idle TLS connection, {count:,} of them"
          f"\n{'':<12}{'HTTP/1.1':>10}{'HTTP/2':>10}   tickets each")
    for start in starts:
        bytes_each = []
        for more in ([], ["--http2"]):
            peer = start()
            say(f"idle connections to {peer.name}")
            each, told = idle_bytes(peer, count, *more)
            bytes_each.append(each)
            peer.program.stop()
        print(f"{peer.name:<12}" + "".join(f"{each:>10.0f}" for each in bytes_each)
              + f"   {told['tickets_each']:.0f}", flush=True)


def starts_of(site, options):
    """What starts each of them, Fairlead first."""
    kinds = [] if options.peers_only else [peers_tls.start_fairlead]
    kinds += [peers_tls.start_nginx, peers_tls.start_haproxy]
    starts = [partial(kind, site) for kind in kinds]
    if options.envoy and Path(options.envoy).exists():
        starts.append(partial(peers_tls.start_envoy, site, options.envoy))
    else:
        say("Envoy is left out: there is none")
    return starts


def main(options):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    rounds, seconds = (2, 1) if options.quick else (7, 3)
    rounds = options.rounds or rounds
    work = work_dir()
    site = peers_tls.Site(work, start_echo(work)[1], start_echo_h2(work)[1])
    starts, cases = starts_of(site, options), cases_of(work)
    proxies = [start() for start in starts]
    samples = measure(cases, proxies, rounds, seconds)
    for peer in proxies:
        peer.program.stop()
    print(f"medians (least..most) of {rounds} rounds of {seconds} s, TLS 1.3, {loads.SUITE}, X25519, "
          "ECDSA P-256, 1 KB bodies;\nproxy on one CPU, load and backends on another; "
          "nginx speaks h2c by grpc_pass")
    for key, case in cases.items():
        print_case(case, samples[key])
    print_h2c_target(samples)
    print_idle(starts, 1000 if options.quick else IDLE_CONNECTIONS)
