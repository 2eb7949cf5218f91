# SPDX-License-Identifier: Apache-2.0
"""Health checks that come, change and go, and endpoints whose health does, under load: no request fails."""
import pytest

from support import manifests
from support.checked import AWAY, UNWELL, Patient, checked, wait_state
from support.load import Load
from support.origin import OK


@pytest.mark.tsan
def test_checks_come_change_and_go(fairlead, echo):
    upstreams = [echo("a"), echo("b")]
    versions = [
        checked(*upstreams, path="/one"), checked(*upstreams, path="/two"),
        checked(*upstreams, path="/two", interval=2), checked(*upstreams, path="/two", host="x.test"),
        manifests.app(*upstreams), checked(upstreams[0]), checked(*upstreams),
    ]
    proxy = fairlead(manifests.app(*upstreams), "--workers", "2")
    with Load(proxy.http_port, connections=4) as load:
        for version in versions * 2:
            proxy.write("test.yaml", version)
            load.wait_answers(300)
    load.expect_no_failures(1000)


@pytest.mark.tsan
def test_endpoints_become_unhealthy_and_healthy_again(fairlead, backend):
    a, b = Patient(backend, "a"), Patient(backend, "b")
    proxy = fairlead(checked(a, b, unhealthy=1, healthy=1), "--workers", "2")
    wait_state(proxy, "healthy", 2)
    with Load(proxy.http_port, connections=4) as load:
        for says in (UNWELL, AWAY):
            b.says = says
            wait_state(proxy, "unhealthy")
            load.wait_answers(100)
            b.says = OK
            wait_state(proxy, "healthy", 2)
            load.wait_answers(100)
    load.expect_no_failures(400)
