# SPDX-License-Identifier: Apache-2.0
"""What suites report is read as they mean it, and what is below the bar does not pass."""
import json
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "bench")]

import autobahn  # noqa: E402
import bounded  # noqa: E402
import h2spec  # noqa: E402
import results  # noqa: E402
import scanners  # noqa: E402
from results import Result, exit_status, result_of, skipped  # noqa: E402

GOOD = result_of("suite", "all of it", {"one": "", "two": ""})

H2SPEC_REPORT = """<?xml version="1.0"?><testsuites>
<testsuite name="3.5. Preface" package="http2/3.5" tests="2">
<testcase package="http2/3.5" classname="Sends a preface" time="0.1"></testcase>
<testcase package="http2/3.5" classname="Sends a bad one" time="0.1">
<failure>Connection closed
Timeout</failure></testcase>
</testsuite></testsuites>"""

SSLSCAN_REPORT = """<?xml version="1.0"?><document><ssltest>
<protocol type="ssl" version="3" enabled="0"/><protocol type="tls" version="1.1" enabled="1"/>
<protocol type="tls" version="1.2" enabled="0"/><protocol type="tls" version="1.3" enabled="1"/>
<renegotiation supported="1" secure="1"/><compression supported="0"/>
<heartbleed sslversion="TLSv1.2" vulnerable="1"/>
<cipher sslversion="TLSv1.3" bits="256" cipher="TLS_AES_256_GCM_SHA384"/>
<cipher sslversion="TLSv1.1" bits="112" cipher="ECDHE-RSA-DES-CBC3-SHA"/>
</ssltest></document>"""


def misses(outcomes):
    return {name for name, wrong in outcomes.items() if wrong}


def test_all_that_was_asked_passes():
    assert (GOOD.verdict, exit_status([GOOD])) == ("ok", 0)


@pytest.mark.parametrize("result", [
    result_of("suite", "one fails", {"one": "", "two": "bad"}),
    result_of("suite", "fewer cases than the bar", {"one": ""}, bar=2),
    result_of("suite", "no case at all", {}),
    Result("suite", "no report", misses=["it did not start"]),
], ids=lambda result: result.what)
def test_below_the_bar_is_no_pass(result):
    assert (result.verdict, exit_status([GOOD, result])) == ("FAIL", 1)


def test_a_run_without_results_is_no_pass():
    assert exit_status([]) == 1


def test_what_could_not_run_is_counted_and_hides_no_failure():
    absent = skipped("suite", "needs a thing")
    bad = result_of("suite", "one fails", {"one": "bad"})
    assert exit_status([GOOD, absent]) == 77
    assert exit_status([GOOD, absent, bad]) == 1
    assert "suite: skipped: needs a thing" in results.table([GOOD, absent])


def test_the_table_names_what_was_missed():
    text = results.table([result_of("suite", "part", {"one": "", "two": "bad"})])
    assert "1/2" in text and "suite, part: two: bad" in text


def test_h2spec_cases_are_counted_one_by_one(tmp_path):
    report = tmp_path / "report.xml"
    report.write_text(H2SPEC_REPORT)
    outcomes = h2spec.outcomes_of(report)
    assert len(outcomes) == 2
    assert [wrong for wrong in outcomes.values() if wrong] == ["Connection closed Timeout"]


def test_autobahn_wants_a_good_end_too(tmp_path):
    report = tmp_path / "index.json"
    report.write_text(json.dumps({"proxy": {
        "1.1.1": {"behavior": "OK", "behaviorClose": "OK"},
        "6.4.1": {"behavior": "NON-STRICT", "behaviorClose": "OK"},
        "7.1.1": {"behavior": "OK", "behaviorClose": "UNCLEAN"},
        "9.1.1": {"behavior": "FAILED", "behaviorClose": "OK"}}}))
    assert misses(autobahn.outcomes_of(report)) == {"case 7.1.1", "case 9.1.1"}


def test_sslscan_finds_old_versions_missing_ones_and_weak_ciphers():
    assert misses(scanners.sslscan_outcomes(SSLSCAN_REPORT)) == {
        "tls 1.1", "tls 1.2", "heartbleed TLSv1.2", "TLSv1.1 ECDHE-RSA-DES-CBC3-SHA"}


def test_testssl_findings_above_info_count_unless_they_are_not_ours(tmp_path):
    report = tmp_path / "testssl.json"
    report.write_text(json.dumps([
        {"id": "TLS1_2", "severity": "OK", "finding": "offered"},
        {"id": "TLS1", "severity": "LOW", "finding": "offered"},
        {"id": "LUCKY13", "severity": "WARN", "finding": "not tested"},
        {"id": "cert_revocation", "severity": "HIGH", "finding": "neither"}]))
    assert misses(scanners.testssl_outcomes(report)) == {"TLS1", "LUCKY13"}


def test_a_command_that_takes_too_long_goes_with_all_it_started():
    """The child holds the pipe open that run() reads to its end: that it returns says all."""
    status, output = bounded.run(["sh", "-c", "sleep 1000 & wait"], 0.1)
    assert status is None
    assert bounded.what_was_wrong(status, output).startswith("took too long")


def test_a_failed_command_is_told_by_its_last_words():
    done = bounded.run(["sh", "-c", "echo first; echo why; exit 3"], 30)
    assert bounded.what_was_wrong(*done, lines=1) == "exit status 3: why"
