# SPDX-License-Identifier: Apache-2.0
"""Do WebSockets survive the way through us? Its fuzzing client in front, its own server
behind. Groups 12 and 13 (compression) say nothing of a proxy that passes frames on as they are."""
import json
from pathlib import Path

from bounded import run, what_was_wrong
from proc import say
from results import Result, result_of, skipped
from scene import Scene

GROUPS = [f"{number}.*" for number in (1, 2, 3, 4, 5, 6, 7, 9, 10)]
CASES = 301
RUN_SECONDS = 900
GOOD = {"OK", "NON-STRICT", "INFORMATIONAL"}
WSTEST = Path(__file__).parent / "python2" / "wstest.py"


def specification(scene):
    """What the fuzzing client is to do, as its file."""
    path = scene.work / "autobahn.json"
    path.write_text(json.dumps({
        "outdir": str(scene.work / "reports"), "cases": GROUPS, "exclude-cases": [],
        "exclude-agent-cases": {},
        "servers": [{"agent": "proxy", "url": f"ws://localhost:{scene.port}/autobahn"}]}))
    return path


def outcomes_of(report):
    def wrong(verdict):
        both = verdict["behavior"], verdict["behaviorClose"]
        return "" if set(both) <= GOOD else ", at its close ".join(both)

    verdicts = json.loads(report.read_text())["proxy"]
    return {f"case {case}": wrong(verdict) for case, verdict in verdicts.items()}


def main(options):
    if options.python2 is None:
        return [skipped("autobahn", "needs Python 2.7 with pip: pyenv install 2.7.18, or name one "
                                    "in PYTHON2")]
    python2 = [options.python2, "-B", WSTEST]
    environment = {"PYTHONPATH": str(options.python2_site), "PYTHONWARNINGS": "ignore"}
    say("  autobahn, ws, some minutes")
    with Scene(options.proxy, "autobahn", with_tls=False) as scene:
        scene.start("autobahn", [*python2, "testee", scene.ports["autobahn"], scene.port],
                    environment)
        done = run([*python2, "client", specification(scene)], RUN_SECONDS,
                   env=environment, cwd=scene.work)
        report = scene.work / "reports" / "index.json"
        result = result_of("autobahn", "ws", outcomes_of(report), CASES) if report.exists() else \
            Result("autobahn", "ws", bar=CASES, misses=[what_was_wrong(*done) or "no report"])
    return [result, result_of("autobahn", "the proxy's end", {"end": scene.end})]
