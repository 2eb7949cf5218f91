#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Golden tests: objects in, table.txt and status.txt out.

Each folder beside this file is a case:

    objects/    manifests
    flags       optional: more arguments for both commands, one a line
    table.txt   what `fairlead table --objects objects` prints
    status.txt  what `fairlead check objects` prints, then its exit code
    errors.txt  optional: what `fairlead table` prints on stderr, then its exit code, where some manifest cannot be used

    tests/golden/run.py [--binary FILE] [--accept] [CASE]...

--accept writes what came out as the new answer. Read the diff before you commit it.
"""
import argparse
import difflib
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
SECONDS_MAX = 60


def run(binary, case, arguments):
    flags = case / "flags"
    more = flags.read_text().split("\n")[:-1] if flags.exists() else []
    done = subprocess.run([str(binary), *arguments, *more], cwd=case, capture_output=True,
                          timeout=SECONDS_MAX)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def outputs(binary, case):
    code, table, errors = run(binary, case, ["table", "--objects", "objects"])
    answers = {"table.txt": table}
    if code != 0 or errors or (case / "errors.txt").exists():
        answers["errors.txt"] = f"{errors}exit {code}\n"
    json.loads(run(binary, case, ["table", "--objects", "objects", "--json"])[1])
    code, status, errors = run(binary, case, ["check", "objects"])
    if errors:
        raise SystemExit(f"{case.name}: check: {errors}")
    answers["status.txt"] = f"{status}exit {code}\n"
    return answers


def differs(case, name, now):
    known = case / name
    before = known.read_text() if known.exists() else ""
    lines = list(difflib.unified_diff(before.splitlines(True), now.splitlines(True),
                                      f"{case.name}/{name}", "now"))
    sys.stdout.writelines(lines)
    return bool(lines)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=HERE.parent.parent / "build" / "fairlead")
    parser.add_argument("--accept", action="store_true")
    parser.add_argument("cases", nargs="*")
    options = parser.parse_args()
    binary = pathlib.Path(options.binary).resolve()
    cases = [case for case in sorted(HERE.iterdir()) if (case / "objects").is_dir()
             and (not options.cases or case.name in options.cases)]
    failed = []
    for case in cases:
        for name, now in outputs(binary, case).items():
            if options.accept:
                (case / name).write_text(now)
            elif differs(case, name, now):
                failed.append(f"{case.name}/{name}")
    print(f"golden: {len(cases)} cases, {len(failed)} answers differ")
    if failed or not cases:
        sys.exit(1)


if __name__ == "__main__":
    main()
