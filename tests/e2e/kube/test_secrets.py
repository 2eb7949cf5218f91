# SPDX-License-Identifier: Apache-2.0
"""Secrets of an API server: what is kept of them, which others may fill as they like."""
import base64
import os

import pytest

from support import manifests
from support.tls import refusal
from support.wait import wait_until

MANY, VALUE_BYTES = 120, 700_000
SLACK_KB = 30_000  # what reading them leaves behind, with a sanitizer too; they have 84,000


def put_others(server, *keys):
    """MANY Secrets of somebody, each with VALUE_BYTES under the keys together."""
    value = base64.b64encode(os.urandom(VALUE_BYTES // len(keys))).decode()
    for number in range(MANY):
        server.put({"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
                    "metadata": {"name": f"other-{number}", "namespace": "team-b"},
                    "data": {key: value for key in keys}})


def wait_secrets(proxy, count):
    wait_until(lambda: proxy.metric("fairlead_objects", kind="Secret") == count,
               f"{count} Secrets", 60)


@pytest.mark.parametrize("keys", [["password"], [f"key-{number}" for number in range(50)]],
                         ids=["one large", "many"])
def test_values_that_nobody_asks_for_take_no_memory(api, follow, steady, keys):
    """Whoever may make Secrets could take everybody else's hosts down with them."""
    server = api(steady())
    proxy = follow(server)
    before_kb = proxy.resident_kb()
    with steady(proxy):
        put_others(server, *keys)
        wait_secrets(proxy, MANY)
    assert proxy.resident_kb() - before_kb < SLACK_KB


def test_annotations_of_secrets_take_no_memory(api, follow, steady):
    server = api(steady())
    proxy = follow(server)
    before_kb = proxy.resident_kb()
    for number in range(4 * MANY):
        server.put({"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": {
            "name": f"other-{number}", "namespace": "team-b",
            "annotations": {"note": "x" * (VALUE_BYTES // 4)}}})
    wait_secrets(proxy, 4 * MANY)
    assert proxy.resident_kb() - before_kb < SLACK_KB


def test_a_secret_without_the_key_is_told_from_a_missing_one(api, follow, app, steady, authority):
    certificate = authority.issue("a.test")
    server = api(steady(), manifests.tls_app(None, app(b"a")),
                 manifests.secret("a.test-0", {"password": "hunter2"}))
    proxy = follow(server)

    def wait_finding(words):
        wait_until(lambda: words in proxy.admin("/table").body.decode(), words)

    wait_finding("Secret default/a.test-0 has no value under the key tls.crt")
    assert refusal(proxy.https_port) == "TLSV1_UNRECOGNIZED_NAME"
    server.apply(manifests.secret("a.test-0", {
        "password": "hunter2", "tls.crt": certificate.pem, "tls.key": certificate.key_pem}))
    wait_until(lambda: "has no value" not in proxy.admin("/table").body.decode(), "no finding")
    assert proxy.tls_client().serial == certificate.serial
    server.remove("Secret", "a.test-0")
    wait_finding("Secret default/a.test-0 not found")
