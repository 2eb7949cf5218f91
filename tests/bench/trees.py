# SPDX-License-Identifier: Apache-2.0
"""10,000 IngressRoutes, 2,000 roots with chains of five: start, memory, and how soon a change of a leaf is
live. Then 5,000 hosts with one delegated wildcard certificate: how soon all of them show another, and
for how long that holds the loop."""
import os
import socket
import ssl
import statistics
import subprocess
import time

import manifests
from proc import LOAD_CPU, PROXY_CPU, Fairlead, be_preferred, say, start_echo, work_dir
from scale import Asker

DEPTH = 5
TEAMS = 20
REPEATS = 50


def delegate(match, name, namespace):
    return {"match": match, "delegate": {"name": name, "namespace": namespace}}


class Chains:
    """Roots in one namespace, what they delegate to in those of teams; a leaf has a file of its own."""

    def __init__(self, folder, roots, ports):
        self.folder, self.roots = folder, roots
        folder.mkdir()
        for team in range(TEAMS):
            for name, port in zip(("one", "two"), ports):
                manifests.write(folder / f"{name}-{team}.yaml",
                                manifests.service(name, self.team(team), manifests.NO_LIMITS),
                                *manifests.slices(name, [port], self.team(team)))
        for number in range(roots):
            self.write_chain(number)
            self.write_leaf(number, "one")

    @staticmethod
    def team(number):
        return f"team-{number % TEAMS}"

    def write_chain(self, number):
        chain = [manifests.ingress_route(
            f"root-{number}", [delegate("/", f"link-{number}-2", self.team(number + 2))],
            namespace="web", fqdn=f"host-{number}.test")]
        for depth in range(2, DEPTH):
            below = f"link-{number}-{depth + 1}" if depth + 1 < DEPTH else f"leaf-{number}"
            chain.append(manifests.ingress_route(
                f"link-{number}-{depth}", [delegate("/", below, self.team(number + depth + 1))],
                namespace=self.team(number + depth)))
        manifests.write(self.shard(number) / f"chain-{number}.yaml", *chain)

    def write_leaf(self, number, service):
        routes = [{"match": match, "services": [{"name": service, "port": 80}]}
                  for match in ("/", "/api", "/static")]
        manifests.write(self.shard(number) / f"leaf-{number}.yaml", manifests.ingress_route(
            f"leaf-{number}", routes, namespace=self.team(number + DEPTH)))

    def shard(self, number):
        shard = self.folder / f"{number % 100:02}"
        shard.mkdir(exist_ok=True)
        return shard


def time_leaves(us, chains, repeats):
    """Seconds from the writing of a leaf's file to the first answer by it."""
    asker, took = Asker(us.port), []
    for repeat in range(repeats):
        number = (repeat * 7919) % chains.roots
        host = f"host-{number}.test"
        before, began = asker.server(host), time.monotonic()
        chains.write_leaf(number, "two")
        while asker.server(host) == before:
            if time.monotonic() - began > 10:
                raise SystemExit(f"change {repeat} was not live after 10 s")
        took.append(time.monotonic() - began)
        chains.write_leaf(number, "one")
        while asker.server(host) != before:
            pass
    return took


class Wildcard:
    """Roots of many namespaces that show one certificate of another."""

    def __init__(self, folder, hosts, ports):
        self.folder, self.hosts = folder, hosts
        folder.mkdir()
        self.pairs = [self.make_certificate(f"{number}") for number in range(2)]
        manifests.write(folder / "delegation.yaml",
                        manifests.tls_delegation("all", [("wildcard", ["*"])], "certs"))
        self.show(0)
        for team in range(TEAMS):
            manifests.write(folder / f"app-{team}.yaml",
                            manifests.service("app", f"team-{team}", manifests.NO_LIMITS),
                            *manifests.slices("app", ports[:1], f"team-{team}"))
        for number in range(hosts):
            shard = folder / f"{number % 100:02}"
            shard.mkdir(exist_ok=True)
            manifests.write(shard / f"{number}.yaml", manifests.ingress_route(
                f"root-{number}", [{"match": "/", "services": [{"name": "app", "port": 80}]}],
                namespace=f"team-{number % TEAMS}", fqdn=f"host-{number}.wild.test",
                secret="certs/wildcard"))

    def make_certificate(self, name):
        certificate, key = (self.folder.parent / f"wild-{name}.{end}" for end in ("crt", "key"))
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "30", "-subj", f"/CN=wild {name}", "-keyout", key, "-out",
             certificate, "-addext", "subjectAltName=DNS:*.wild.test"],
            check=True, stdin=subprocess.DEVNULL, capture_output=True)
        return certificate, key

    def show(self, which):
        manifests.write(self.folder / "secret.yaml",
                        manifests.tls_secret("wildcard", *self.pairs[which], "certs"))


def shown_certificate(us, host):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", us.https), 10) as plain, \
            context.wrap_socket(plain, server_hostname=host) as secure:
        return secure.getpeercert(True)


def time_certificates(us, wildcard, repeats):
    """Seconds from the writing of the Secret until the last host shows it."""
    took, hosts = [], [f"host-{number}.wild.test" for number in (0, wildcard.hosts - 1)]
    for repeat in range(repeats):
        before, began = shown_certificate(us, hosts[1]), time.monotonic()
        wildcard.show((repeat + 1) % 2)
        while shown_certificate(us, hosts[1]) == before:
            if time.monotonic() - began > 20:
                raise SystemExit(f"certificate {repeat} was not shown after 20 s")
        took.append(time.monotonic() - began)
        if shown_certificate(us, hosts[0]) == before:
            raise SystemExit("hosts show different generations")
    return took


def print_turns(before, after):
    """How long turns of the loop took between two scrapes, by the edges of the histogram."""
    def count(edge):
        name = f'fairlead_loop_busy_seconds_bucket{{le="{edge}"}}'
        return int(after[name] - before.get(name, 0))

    total = count("+Inf")
    over = ", ".join(f"{total - count(edge)} over {float(edge) * 1000:g} ms"
                     for edge in ("0.001", "0.005", "0.01"))
    print(f"  turns of the loop            {total:,}: {over}")


def print_took(title, took):
    took = sorted(took)
    print(f"  {title:<28} {statistics.median(took) * 1000:.1f} ms median, "
          f"{took[int(len(took) * 0.99)] * 1000:.1f} ms p99, {took[-1] * 1000:.1f} ms most, of {len(took)}")


def measure_chains(work, ports, roots, repeats):
    say(f"writing {roots * DEPTH} IngressRoutes")
    chains = Chains(work / "chains", roots, ports)
    us = Fairlead(work, chains.folder, wait=120)
    print(f"{roots * DEPTH:,} IngressRoutes, {roots:,} roots, chains of {DEPTH}; one thread on CPU {PROXY_CPU}")
    print(f"  ready after                  {us.ready_seconds:.2f} s")
    time.sleep(1)
    print(f"  resident                     {us.program.memory_kb('Rss') / 1024:.1f} MB")
    before, cpu = us.metrics(), us.program.cpu_ns()
    say(f"{repeats} changes of a leaf")
    print_took("a leaf's change is live", time_leaves(us, chains, repeats))
    print(f"  CPU per change               {(us.program.cpu_ns() - cpu) / 2e6 / repeats:.1f} ms, "
          "requests included")
    print_turns(before, us.metrics())
    us.stop()


def measure_wildcard(work, ports, hosts, repeats):
    say(f"writing {hosts} hosts with one certificate")
    wildcard = Wildcard(work / "wildcard", hosts, ports)
    us = Fairlead(work, wildcard.folder, wait=120, name="fairlead-tls")
    print(f"{hosts:,} hosts with one delegated wildcard certificate")
    print(f"  ready after                  {us.ready_seconds:.2f} s")
    time.sleep(1)
    print(f"  resident                     {us.program.memory_kb('Rss') / 1024:.1f} MB")
    before, cpu = us.metrics(), us.program.cpu_ns()
    say(f"{repeats} changes of the certificate")
    print_took("another is shown", time_certificates(us, wildcard, repeats))
    print(f"  CPU per change               {(us.program.cpu_ns() - cpu) / 1e6 / repeats:.1f} ms, "
          "handshakes included")
    print_turns(before, us.metrics())
    us.stop()


def main(options):
    be_preferred()
    os.sched_setaffinity(0, {LOAD_CPU})
    work = work_dir()
    ports = [start_echo(work, name)[1] for name in ("one", "two")]
    roots, hosts, repeats = (200, 500, 10) if options.quick else (2000, 5000, REPEATS)
    measure_chains(work, ports, roots, repeats)
    measure_wildcard(work, ports, hosts, repeats)
