# SPDX-License-Identifier: Apache-2.0
"""What a suite found: lines of a table, and the exit status that follows from them."""
from dataclasses import dataclass, field

MISSES_SHOWN_MAX, MISS_CHARS_MAX = 40, 400
EXIT_BELOW_BAR, EXIT_SKIPPED = 1, 77


@dataclass
class Result:
    """One line. `bar`: how many must pass, all unless given; `misses`: which did not, and why."""

    suite: str
    what: str
    passed: int = 0
    total: int = 0
    bar: int = 0
    misses: list = field(default_factory=list)
    skipped: str = ""

    @property
    def verdict(self):
        if self.skipped:
            return "skipped"
        reached = self.total > 0 and self.passed == self.total and self.passed >= self.bar
        return "ok" if reached else "FAIL"


def result_of(suite, what, outcomes, bar=0):
    """From {name of a case: "" or what was wrong}."""
    misses = [f"{name}: {' '.join(wrong.split())[:MISS_CHARS_MAX]}"
              for name, wrong in outcomes.items() if wrong]
    return Result(suite, what, len(outcomes) - len(misses), len(outcomes), bar, misses)


def skipped(suite, why):
    return Result(suite, "", skipped=why)


def table(results):
    rows = [("suite", "what", "passed", "bar", "verdict")]
    for one in results:
        counts = ("-", "-") if one.skipped else (f"{one.passed}/{one.total}",
                                                 str(one.bar or one.total))
        rows.append((one.suite, one.what, *counts, one.verdict))
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
             for row in rows]
    for one in results:
        lines += [f"{one.suite}: skipped: {one.skipped}"] if one.skipped else []
        lines += [f"{one.suite}, {one.what}: {miss}" for miss in one.misses[:MISSES_SHOWN_MAX]]
        if len(one.misses) > MISSES_SHOWN_MAX:
            lines.append(f"{one.suite}, {one.what}: and {len(one.misses) - MISSES_SHOWN_MAX} more")
    return "\n".join(lines)


def exit_status(results):
    """0 when all was reached; a suite that could not run is not a suite that was passed."""
    verdicts = {one.verdict for one in results}
    if "FAIL" in verdicts or not results:
        return EXIT_BELOW_BAR
    return EXIT_SKIPPED if "skipped" in verdicts else 0
