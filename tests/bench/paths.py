# SPDX-License-Identifier: Apache-2.0
"""What many routes of one host cost a request: 10 and 10,000 paths, asked for in turn."""
import statistics

import manifests
from proc import Fairlead, run_wrk, say, start_echo, work_dir

COUNTS = (10, 10000)
PER_INGRESS = 100


def path(number):
    return f"/team-{number % 97}/service-{number}"


def write_objects(folder, count, backend):
    folder.mkdir()
    manifests.write(folder / "app.yaml",
                    manifests.service("app", annotations=manifests.NO_LIMITS),
                    *manifests.slices("app", [backend]))
    for first in range(0, count, PER_INGRESS):
        numbers = range(first, min(count, first + PER_INGRESS))
        manifests.write(folder / f"paths-{first}.yaml",
                        manifests.ingress(f"paths-{first}", "app.test",
                                          [(path(number), "app") for number in numbers]))


def write_script(file, count):
    """wrk's own language: each request asks for another path, of a thousand spread over all."""
    step = max(1, count // 1000)
    asked = ",".join(f'"{path(number)}/bytes/1024"' for number in range(0, count, step))
    file.write_text(f"""
local paths = {{{asked}}}
local requests, at = {{}}, 0
init = function() for i, path in ipairs(paths) do requests[i] = wrk.format("GET", path) end end
request = function() at = at % #requests + 1; return requests[at] end
""")
    return file


def main(options):
    rounds, seconds = (2, 1) if options.quick else (7, 3)
    rounds = options.rounds or rounds
    work = work_dir()
    _, backend = start_echo(work)
    proxies, scripts = {}, {}
    for count in COUNTS:
        write_objects(work / f"objects-{count}", count, backend)
        proxies[count] = Fairlead(work, work / f"objects-{count}", name=f"fairlead-{count}")
        scripts[count] = write_script(work / f"{count}.lua", count)
    cpu, rate = {count: [] for count in COUNTS}, {count: [] for count in COUNTS}
    for number in range(rounds + 1):
        say(f"round {number} of {rounds}" if number else "warming up")
        for count in COUNTS:
            before = proxies[count].program.cpu_ns()
            wrk = run_wrk(proxies[count].port, 64, seconds, script=scripts[count])
            wrk.must_be_clean(f"{count} paths")
            if number:
                cpu[count].append((proxies[count].program.cpu_ns() - before) / 1000 / wrk.requests)
                rate[count].append(wrk.rate)
    print(f"medians (least..most) of {rounds} rounds of {seconds} s, 64 connections, 1 KB bodies\n")
    print(f"{'paths in the host':<20}{'CPU us per request':>26}{'requests per second':>30}")
    for count in COUNTS:
        low, high = min(cpu[count]), max(cpu[count])
        slow, fast = min(rate[count]), max(rate[count])
        print(f"{count:<20,}"
              f"{f'{statistics.median(cpu[count]):.2f} ({low:.2f}..{high:.2f})':>26}"
              f"{f'{statistics.median(rate[count]):.0f} ({slow:.0f}..{fast:.0f})':>30}")
    ratio = statistics.median(b / a for a, b in zip(cpu[COUNTS[0]], cpu[COUNTS[1]]))
    print(f"\nCPU with {COUNTS[1]:,} paths to CPU with {COUNTS[0]}: {ratio:.3f}")
