# SPDX-License-Identifier: Apache-2.0
"""What scripts/suites runs; see there."""
import argparse
import sys
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "bench"))  # proc, manifests

import autobahn  # noqa: E402
import clients  # noqa: E402
import grpc  # noqa: E402
import h2spec  # noqa: E402
import scanners  # noqa: E402
from proc import say  # noqa: E402
from proxies import PROXIES  # noqa: E402
from results import Result, exit_status, table  # noqa: E402

SUITES = {"h2spec": h2spec, "autobahn": autobahn, "grpc": grpc, "clients": clients,
          "scanners": scanners}


def judge(name, options):
    """A suite that could not be set up says why and is not passed."""
    say(f"{name}: {SUITES[name].__doc__.splitlines()[0]}")
    try:
        return SUITES[name].main(options)
    except SystemExit as stop:
        if not isinstance(stop.code, str):
            raise
        return [Result(name, "setting it up", misses=[stop.code])]


def main():
    parser = argparse.ArgumentParser(prog="scripts/suites")
    parser.add_argument("suite", choices=[*SUITES, "all"])
    parser.add_argument("--proxy", choices=PROXIES, default="fairlead")
    parser.add_argument("--tools", type=Path, required=True, help="where the Go programs are")
    parser.add_argument("--without-go", default="needs Go", help="why there are none")
    parser.add_argument("--python2", help="the interpreter for Autobahn")
    parser.add_argument("--python2-site", type=Path, help="its packages")
    options = parser.parse_args()
    results = []
    for name in SUITES if options.suite == "all" else [options.suite]:
        results += judge(name, options)
    print(table(results))
    return exit_status(results)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
