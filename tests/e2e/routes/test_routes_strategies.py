# SPDX-License-Identifier: Apache-2.0
"""
How endpoints are chosen, by the strategy of each service entry of an IngressRoute; design 5.6.

Clients of many addresses are made by the PROXY protocol.
"""
import collections
import threading

import pytest

from support import manifests, routes
from support.client import RawClient, request
from support.origin import answer
from support.wait import wait_until

ADDRESSES = [f"192.0.2.{number}" for number in range(1, 241)]


def named(backend, *names):
    return [backend(answer(name.encode())) for name in names]


def of_clients(proxy, addresses=ADDRESSES):
    """Which endpoint each client gets."""
    got = {}
    for number, address in enumerate(addresses):
        client = RawClient(proxy.http_port)
        client.send(f"PROXY TCP4 {address} 127.0.0.1 {1024 + number} 80\r\n".encode(), request())
        got[address] = client.read_response().body.decode()
        client.close()
    return got


def bodies(client, count):
    return b"".join(client.get("/").body for _ in range(count))


@pytest.mark.parametrize("strategy", [None, "RoundRobin"])
def test_round_robin_takes_turns(fairlead, backend, strategy):
    client = fairlead(routes.app(*named(backend, "a", "b", "c"), strategy=strategy)).client()
    turn = bodies(client, 3)
    assert sorted(turn) == sorted(b"abc")
    assert bodies(client, 12) == turn * 4


def test_weighted_least_request_leaves_a_busy_endpoint_alone(fairlead, backend):
    leave = threading.Event()

    def slow(_):
        assert leave.wait(15)
        return answer(b"slow")

    busy, idle = backend(slow), backend(answer(b"idle"))
    proxy = fairlead(routes.app(busy, idle, strategy="WeightedLeastRequest"), "--workers", 1)
    waiting, client = proxy.client(), proxy.client()
    while not busy.requests:
        waiting.send(request())
        wait_until(lambda: busy.requests or waiting.has_more(), "either endpoint")
        assert busy.requests or waiting.read_response().body == b"idle"
    assert bodies(client, 50) == b"idle" * 50
    leave.set()
    assert waiting.read_response().body == b"slow"


def test_random_uses_all(fairlead, backend):
    client = fairlead(routes.app(*named(backend, "a", "b", "c"), strategy="Random")).client()
    got = collections.Counter(bodies(client, 300))
    assert all(got[byte] >= 60 for byte in b"abc"), got


@pytest.mark.parametrize("strategy", ["RingHash", "Maglev"])
class TestByHash:
    def test_a_client_keeps_its_endpoint_over_connections_and_its_ports(self, fairlead, backend,
                                                                        strategy):
        proxy = fairlead(routes.app(*named(backend, *"abcdef"), strategy=strategy))
        first = proxy.get("/").body
        assert {proxy.client().get("/").body for _ in range(20)} == {first}

    def test_workers_and_other_processes_choose_alike(self, fairlead, backend, strategy):
        objects = routes.app(*named(backend, *"abcd"), strategy=strategy)
        one = fairlead(objects, "--proxy-protocol", "--workers", 1)
        two = fairlead(objects, "--proxy-protocol", "--workers", 2)
        expected = of_clients(one)
        assert of_clients(two) == expected
        assert of_clients(two) == expected, "each time the kernel gives them to some worker"

    def test_clients_are_spread_over_all(self, fairlead, backend, strategy):
        proxy = fairlead(routes.app(*named(backend, *"abcd"), strategy=strategy),
                         "--proxy-protocol")
        shares = collections.Counter(of_clients(proxy).values())
        assert len(shares) == 4 and min(shares.values()) >= 24, shares

    def test_only_clients_of_an_endpoint_that_refuses_move(self, fairlead, backend, strategy):
        apps = named(backend, *"abcd")
        proxy = fairlead(routes.app(*apps, strategy=strategy), "--proxy-protocol", "--workers", 1)
        before = of_clients(proxy)
        apps[1].close()
        after = of_clients(proxy)
        assert "b" not in after.values()
        assert {a: e for a, e in before.items() if e != "b"}.items() <= after.items()
        assert len({after[a] for a, e in before.items() if e == "b"}) >= 2, "not one takes all over"

    def test_few_clients_move_when_an_endpoint_goes_and_they_come_back_with_it(self, fairlead, backend,
                                                                             strategy):
        apps = named(backend, *"abcdefgh")
        proxy = fairlead(routes.app(*apps, strategy=strategy), "--proxy-protocol")
        before = of_clients(proxy)
        proxy.apply("test.yaml", routes.app(*apps[:3], *apps[4:], strategy=strategy))
        after = of_clients(proxy)
        moved = sum(before[address] != after[address] for address in ADDRESSES)
        assert 1 <= moved <= len(ADDRESSES) * (1 / 8 + 0.1)
        proxy.apply("test.yaml", routes.app(*apps, strategy=strategy))
        assert of_clients(proxy) == before


def test_entries_with_other_strategies_are_other_pools(fairlead, backend):
    """Round robin goes on where it was, whatever the entry by hash has done."""
    apps = named(backend, "a", "b", "c")
    proxy = fairlead(manifests.documents(
        routes.root(routes.route("/turn", "app"),
                    routes.route("/hash", routes.entry(strategy="RingHash"))),
        manifests.service(), manifests.endpoints("app", *apps)), "--workers", 1)
    client = proxy.client()
    turn = b"".join(client.get("/turn").body for _ in range(3))
    by_hash = client.get("/hash").body
    for number in range(9):
        assert client.get("/turn").body == turn[number % 3:number % 3 + 1]
        assert client.get("/hash").body == by_hash


# ---- weights ----

@pytest.mark.parametrize("workers", [1, 2])
def test_ten_thousand_requests_are_split_within_two_percent(fairlead, backend, workers):
    """Weights decide between Services first, then each Service's strategy between its endpoints."""
    light, heavy = named(backend, "a", "b"), named(backend, "c")
    proxy = fairlead(manifests.documents(
        routes.root(routes.route("/", routes.entry("light", weight=1, strategy="RingHash"),
                                 routes.entry("heavy", weight=3))),
        manifests.service("light"), manifests.endpoints("light", *light),
        manifests.service("heavy"), manifests.endpoints("heavy", *heavy)), "--workers", workers)
    clients = [proxy.client() for _ in range(10)]
    for _ in range(100):
        for client in clients:
            client.send(request() * 10)
        for client in clients:
            assert all(client.read_response().status == 200 for _ in range(10))
    got = [len(app.requests) for app in (*light, *heavy)]
    assert sum(got) == 10000
    assert abs(got[2] - 7500) <= 200, got
    assert 0 in got[:2], "one client, so one endpoint of the entry by hash"
