# SPDX-License-Identifier: Apache-2.0
"""1,000 changes while wrk keeps 64 connections busy for 30 s: nothing may fail, and no connection may
be closed by us. Exit code 1 if anything did."""
import time

import manifests
from proc import Fairlead, Wrk, say, start_echo, work_dir

HOST_PATHS = [("/", "app"), ("/bytes", "app"), ("/bytes/1024", "app")]


class Changes:
    """The same requests are answered all along; what they are answered by changes all the time."""

    def __init__(self, folder, ports):
        self.folder, self.ports = folder, ports
        folder.mkdir()
        for name in ("app", "other"):
            manifests.write(folder / f"{name}.yaml",
                            manifests.service(name, annotations=manifests.NO_LIMITS))
            manifests.write(folder / f"{name}-endpoints.yaml", *manifests.slices(name, ports))
        self.rewrite(0)
        self.kinds = [self.add, self.rewrite, self.endpoints, self.remove, self.policy, self.other_host,
                      self.endpoints, self.rewrite, self.break_file, self.mend_file]

    def apply(self, number):
        self.kinds[number % len(self.kinds)](number)

    def rewrite(self, number):
        """Which paths the host has, of which kind, and where each goes."""
        kinds = ("Prefix", "Exact", "ImplementationSpecific")
        paths = [("/", ("app", "other")[number % 2])]
        for i in range(number % 4):
            paths.append((HOST_PATHS[1 + i % 2][0], ("other", "app")[(number + i) % 2],
                          kinds[i % 3] if HOST_PATHS[1 + i % 2][0] == "/bytes/1024" else "Prefix"))
        manifests.write(self.folder / "host.yaml", manifests.ingress("host", "app.test", paths))

    def add(self, number):
        manifests.write(self.folder / f"more-{number}.yaml",
                        manifests.ingress(f"more-{number}", "app.test",
                                          [(f"/more/{number}", "app"), ("/bytes", "other")]))

    def remove(self, number):
        (self.folder / f"more-{number - 3}.yaml").unlink(missing_ok=True)

    def endpoints(self, number):
        """One of the two endpoints goes, or both are there; more of one than of the other."""
        ports = [self.ports, self.ports[:1], self.ports[1:]][number % 3]
        manifests.write(self.folder / "app-endpoints.yaml", *manifests.slices("app", ports))

    def policy(self, number):
        manifests.write(self.folder / "app.yaml", manifests.service("app", annotations={
            **manifests.NO_LIMITS, "projectcontour.io/max-retries": str(1 + number % 7)}))

    def other_host(self, number):
        manifests.write(self.folder / f"host-{number % 50}.yaml",
                        manifests.ingress(f"host-{number % 50}", f"h{number}.test", [("/", "other")]))

    def break_file(self, number):
        manifests.write(self.folder / "host.yaml", "kind: Ingress\nmetadata: {name: host\n  - ]\n")

    def mend_file(self, number):
        self.rewrite(number)


def sum_of(metrics, name, but=()):
    return sum(value for key, value in metrics.items()
               if key.partition("{")[0] == name and not any(word in key for word in but))


def main(options):
    count, seconds = (100, 4) if options.quick else (1000, 30)
    work = work_dir()
    ports = [start_echo(work, name)[1] for name in ("one", "two")]
    changes = Changes(work / "objects", ports)
    us = Fairlead(work, work / "objects")
    before = us.metrics()
    say(f"{count} changes in {seconds} s")
    wrk = Wrk(us.port, 64, seconds)
    began = time.monotonic()
    pause = (seconds - 1) / count
    slipped = 0
    for number in range(count):
        due = began + 0.5 + number * pause
        slipped += time.monotonic() > due + 0.1
        time.sleep(max(0, due - time.monotonic()))
        changes.apply(number)
        if number % 250 == 249:
            say(f"{number + 1} changes")
    wrk.wait()
    after = us.metrics()

    def delta(name, but=()):
        return int(sum_of(after, name, but) - sum_of(before, name, but))

    closed = delta("fairlead_connections_closed_total", but=("asked",))
    print(f"{count} changes in {seconds} s under {wrk.requests:,} requests "
          f"({wrk.rate:,.0f} a second, p50 {wrk.p50_ms:.2f} ms, p99 {wrk.p99_ms:.2f} ms)")
    print(f"  failed requests              {wrk.socket_errors}")
    print(f"  answers other than 2xx       {wrk.bad_answers}")
    print(f"  connections closed by us     {closed}")
    print(f"  connections opened           {delta('fairlead_connections_total')} (wrk has 64)")
    for name in sorted(after):
        if name.startswith("fairlead_table"):
            print(f"  {name:<28} {before.get(name, 0):.0f} -> {after[name]:.0f}")
    print(f"  resident memory, KB          {us.program.memory_kb('Rss')}")
    if slipped:
        print(f"  changes that came 100 ms late by our own doing: {slipped}")
    code = us.stop()
    print(f"  exit code after SIGTERM      {code}")
    return 0 if wrk.socket_errors + wrk.bad_answers + closed + code == 0 else 1
