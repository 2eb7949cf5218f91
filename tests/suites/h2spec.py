# SPDX-License-Identifier: Apache-2.0
"""Is what we speak HTTP/2? Every case, with TLS and by prior knowledge, twice each."""
import xml.etree.ElementTree as ElementTree

from bounded import run, what_was_wrong
from proc import say
from results import Result, result_of, skipped
from scene import Scene

CASES = 145
ROUNDS = 2
PATH = "/bytes/8192"  # the cases of flow control want more than 4 KiB
ANSWER_SECONDS, RUN_SECONDS = "3", 600


def outcomes_of(report):
    """{case: "" or what was wrong} of a report in JUnit's format."""
    outcomes = {}
    for group in ElementTree.parse(report).getroot().iter("testsuite"):
        for case in group.iter("testcase"):
            wrong = case.find("failure") if case.find("failure") is not None else case.find("error")
            wrong = case.find("skipped") if wrong is None else wrong
            number = sum(name.startswith(f"{case.get('package')} ") for name in outcomes) + 1
            name = f"{case.get('package')} {number}, {case.get('classname')}"
            outcomes[name] = "" if wrong is None else " ".join("".join(wrong.itertext()).split())
    return outcomes


def judge(tools, scene, what, port, *options):
    say(f"  h2spec, {what}")
    report = scene.work / "h2spec.xml"
    report.unlink(missing_ok=True)
    done = run([tools / "h2spec", "-h", "localhost", "-p", port, "-P", PATH, "-o", ANSWER_SECONDS,
                "-j", report, *options], RUN_SECONDS)
    if not report.exists():
        return Result("h2spec", what, bar=CASES, misses=[what_was_wrong(*done) or "no report"])
    return result_of("h2spec", what, outcomes_of(report), CASES)


def main(options):
    if not (options.tools / "h2spec").exists():
        return [skipped("h2spec", options.without_go)]
    results = []
    with Scene(options.proxy, "echo") as scene:
        for number in range(1, ROUNDS + 1):
            results.append(judge(options.tools, scene, f"TLS, round {number}", scene.https_port,
                                 "-t", "-k"))
            results.append(judge(options.tools, scene, f"h2c, round {number}", scene.h2c_port))
    return [*results, result_of("h2spec", "the proxy's end", {"end": scene.end})]
