# SPDX-License-Identifier: Apache-2.0
"""Scanners of TLS: sslscan and testssl.sh find nothing to complain of."""
import json
import shutil
import xml.etree.ElementTree as ElementTree

from bounded import run, what_was_wrong
from proc import say
from results import Result, result_of
from scene import Scene

SSLSCAN_SECONDS, TESTSSL_SECONDS = 120, 600
FINE = {"OK", "INFO", "DEBUG"}
WEAK = ("NULL", "anon", "ADH", "AECDH", "EXP", "DES", "RC4", "RC2", "MD5", "IDEA", "SEED")

# What is said of the test's own certificate, of the header fields of the application behind us, and
# of the scanner's means.
NOT_OURS = {
    "cert_revocation": "the authority made for the test publishes no list",
    "DNS_CAArecord": "localhost has none",
    "HSTS": "the application's",
    "security_headers": "the application's",
    "sessionresumption_ticket": "its client may leave before the ticket of TLS 1.3 has come",
    "engine_problem": "the scanner's own OpenSSL",
    "overall_grade": "sums up the others, the certificate among them",
}


def sslscan_outcomes(report):
    """{what was looked at: "" or what was wrong} of sslscan's XML."""
    scan = ElementTree.fromstring(report).find("ssltest")
    outcomes = {}
    for protocol in scan.iter("protocol"):
        name = f"{protocol.get('type')} {protocol.get('version')}"
        wanted = name in ("tls 1.2", "tls 1.3")
        outcomes[name] = "" if wanted == (protocol.get("enabled") == "1") else \
            "refused" if wanted else "accepted"
    for cipher in scan.iter("cipher"):
        name = f"{cipher.get('sslversion')} {cipher.get('cipher')}"
        is_weak = int(cipher.get("bits")) < 128 or any(word in name for word in WEAK)
        outcomes[name] = "weak" if is_weak else ""
    for bleeding in scan.iter("heartbleed"):
        outcomes[f"heartbleed {bleeding.get('sslversion')}"] = \
            "vulnerable" if bleeding.get("vulnerable") == "1" else ""
    for name, bad in (("compression", "supported"), ("renegotiation", "supported")):
        found = scan.find(name)
        if found is not None:
            insecure = found.get("secure", "0") != "1" and found.get(bad) == "1"
            outcomes[name] = "insecure" if insecure else ""
    return outcomes


def testssl_outcomes(report):
    """{finding: "" or what is wrong} of testssl.sh's JSON."""
    outcomes = {}
    for finding in json.loads(report.read_text()):
        identity = finding["id"].split(" ")[0].split("<")[0]
        fine = finding["severity"] in FINE or identity in NOT_OURS
        outcomes[finding["id"]] = "" if fine else f"{finding['severity']}: {finding['finding']}"
    return outcomes


def sslscan(scene):
    say("  scanners, sslscan")
    done = run(["sslscan", "--xml=-", "--no-colour", "--sni-name=localhost",
                f"127.0.0.1:{scene.https_port}"], SSLSCAN_SECONDS)
    if done[0] != 0 or "<ssltest" not in done[1]:
        return Result("scanners", "sslscan", misses=[what_was_wrong(*done) or "no report"])
    return result_of("scanners", "sslscan", sslscan_outcomes(done[1][done[1].index("<?xml"):]))


def testssl(scene):
    say("  scanners, testssl.sh, some minutes")
    report = scene.work / "testssl.json"
    done = run([shutil.which("testssl") or "testssl.sh", "-n", "none", "--quiet", "--color", "0",
                "--warnings", "batch", "--ip", "127.0.0.1", "--add-ca", scene.certificate.authority,
                "--jsonfile", report, f"localhost:{scene.https_port}"], TESTSSL_SECONDS,
               cwd=scene.work)
    # Its exit status tells of findings and of trouble alike: the last thing it reports is the time.
    if not report.exists() or '"scanTime"' not in report.read_text():
        return Result("scanners", "testssl.sh", misses=[what_was_wrong(*done) or "no report"])
    return result_of("scanners", "testssl.sh", testssl_outcomes(report))


def main(options):
    with Scene(options.proxy, "echo") as scene:
        results = [sslscan(scene), testssl(scene)]
    return [*results, result_of("scanners", "the proxy's end", {"end": scene.end})]
