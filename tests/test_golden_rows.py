# SPDX-License-Identifier: Apache-2.0
"""tests/golden/README.md and the golden cases keep up with each other."""
import re
from pathlib import Path

GOLDEN = Path(__file__).resolve().parent / "golden"


def cases():
    return {path.parent.name for path in GOLDEN.glob("*/objects")}


def text():
    return (GOLDEN / "README.md").read_text(encoding="utf-8")


def rows():
    """(section, cases of the last cell) of each row of both tables."""
    for line in text().splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == 4 and re.fullmatch(r"[12]\.\d+", cells[0]):
            yield cells[0], re.findall(r"`([^`]+)`", cells[3])


def named():
    """All cases that the page names, in a table or below them."""
    below = text().partition("## Neither")[2]
    return {case for _, found in rows() for case in found} | set(re.findall(r"`([^`]+)`", below))


def test_every_row_names_a_case():
    sections = {section for section, found in rows() if found}
    assert sections == {f"1.{number}" for number in range(2, 9)} | \
        {f"2.{number}" for number in range(1, 11)}
    assert [section for section, found in rows() if not found] == []


def test_every_case_that_is_named_exists():
    assert named() - cases() == set()


def test_every_case_is_named():
    assert cases() - named() == set()


def test_a_case_of_a_section_stands_in_a_row_of_its_part():
    for case in cases():
        if re.match(r"[12]\.\d+-", case):
            assert case in {one for _, found in rows() for one in found}, case
