# SPDX-License-Identifier: Apache-2.0
"""Each of these about twenty times, under load, and not one request fails."""
import pytest

from seen import body_of, wait_body, wait_well
from support import apifaults as faults
from support import manifests
from support.apiserver import LIST, STREAM, WATCH
from support.client import request
from support.wait import wait_until

pytestmark = pytest.mark.slow

TIMES = 20
KINDS = 9  # that are followed: what happens to all of them happens so often


@pytest.fixture
def scene(api, follow, app, steady):
    server = api(steady(), manifests.app(app(b"0")))
    return server, follow(server)


def test_watches_cut_within_a_line_lose_nothing(scene, app, steady):
    server, proxy = scene
    thing = server.shelf_of("v1", "Service").objects["default", "app"]
    with steady(proxy):
        for number in range(1, 4):
            server.misbehave(None, WATCH, faults.cut_within_a_line(thing), times=KINDS)
            server.cut()
            server.apply(manifests.endpoints("app", app(b"%d" % number)))
            wait_body(proxy, b"%d" % number, patience_s=60)
            wait_until(lambda: not server.faults, "all of them were cut", 60)
        wait_well(proxy, patience_s=60)
        assert len(server.asked("endpointslices", STREAM)) == 1


def test_lists_cut_off_delete_nothing(scene, app, steady):
    """Few rounds of all kinds: who fails again and again is asked ever more slowly."""
    server, proxy = scene
    server.has_streams = False
    with steady(proxy):
        for number in range(1, 3):
            server.misbehave(None, LIST, faults.truncated_list, times=KINDS)
            server.forget()
            server.cut()
            server.apply(manifests.endpoints("app", app(b"%d" % number)), seen=False)
            server.forget()
            wait_body(proxy, b"%d" % number, patience_s=60)
            wait_until(lambda: not server.faults, "all of them were cut off", 60)
        wait_well(proxy, patience_s=60)


def test_a_secret_is_rotated_and_open_connections_stay(api, follow, app, steady, authority):
    server = api(steady(), manifests.tls_app(authority.issue("a.test"), app(b"a")))
    proxy = follow(server)
    kept = proxy.tls_client("a.test")

    def shown():
        client = proxy.tls_client("a.test")
        try:
            return client.sock.getpeercert(True)
        finally:
            client.close()

    with steady(proxy):
        for _ in range(TIMES):
            fresh = authority.issue("a.test", own_key=True)
            server.apply(manifests.tls_secret("a.test-0", fresh))
            wait_until(lambda want=fresh: shown() == want.der, "the new certificate")
            assert kept.ask(request("GET", "/", "a.test")).status == 200


def test_all_endpoints_of_a_service_are_replaced(scene, app, steady):
    """Those of the host under load, while the ones before answer on, as terminating pods do."""
    server, proxy = scene
    with steady(proxy) as load:
        for _ in range(TIMES):
            where = app(b"steady")
            server.apply(manifests.endpoints("steady", where))
            wait_until(lambda want=where: want in proxy.admin("/table").body.decode(),
                       "the new endpoint")
            load.wait_answers(10)


def test_a_tenth_of_the_objects_is_deleted_and_made_anew(scene, steady):
    server, proxy = scene
    server.apply(manifests.documents(*(
        manifests.ingress(f"h{number}.test", name=f"i{number}") for number in range(100))))
    with steady(proxy):
        for times in range(TIMES):
            for number in range(times % 10, 100, 10):
                server.remove("Ingress", f"i{number}")
                server.apply(manifests.ingress(f"h{number}-{times}.test", name=f"i{number}"))
            wait_body(proxy, b"0", f"h{90 + times % 10}-{times}.test")
        for number in range(100):
            assert body_of(proxy, f"h{number}.test") == 404
            assert body_of(proxy, f"h{number}-{10 + number % 10}.test") == b"0"


def test_the_api_server_comes_and_goes(scene, app, steady):
    """With all its watches each time."""
    server, proxy = scene
    with steady(proxy):
        for number in range(1, 4):
            server.stop()
            server.apply(manifests.endpoints("app", app(b"%d" % number)))
            server.start()
            wait_body(proxy, b"%d" % number)
        wait_well(proxy)
