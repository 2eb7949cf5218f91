# SPDX-License-Identifier: Apache-2.0
"""Shares of several Services of one route, counted over many requests."""
import collections
import threading

import pytest

from support import manifests, routes
from support.client import request
from support.origin import answer

REQUESTS = 10000
CONNECTIONS = 8
PIPELINED = 125  # requests written at once

CASES = [
    ((1, 1), (0.5, 0.5)),
    ((None, None), (0.5, 0.5)),
    ((0, 0), (0.5, 0.5)),
    ((9, 1), (0.9, 0.1)),
    ((60, 90), (0.4, 0.6)),
    ((20, None), (1, 0)),
    ((1, 0), (1, 0)),
]


def ask_many(proxy, count, seen):
    """`count` requests on one connection, some of them always under way."""
    client = proxy.client()
    for _ in range(count // PIPELINED):
        client.send(request() * PIPELINED)
        for _ in range(PIPELINED):
            response = client.read_response()
            assert response.status == 200, response
            seen[response.body] += 1
    client.close()


def count_all(proxy):
    parts = [collections.Counter() for _ in range(CONNECTIONS)]
    threads = [threading.Thread(target=ask_many, args=(proxy, REQUESTS // CONNECTIONS, part))
               for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(parts, collections.Counter())


def weighted(backend, weights, names=("one", "two")):
    entries = [routes.entry(name, **({} if weight is None else {"weight": weight}))
               for name, weight in zip(names, weights)]
    services = [routes.backed(name, backend(answer(name.encode())))
                for name in dict.fromkeys(names)]
    return manifests.documents(routes.root(routes.route("/", *entries)), *services)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("weights,shares", CASES)
def test_each_service_gets_its_share(fairlead, backend, weights, shares, workers):
    proxy = fairlead(weighted(backend, weights), "--workers", workers)
    seen = count_all(proxy)
    assert sum(seen.values()) == REQUESTS
    for name, share in zip((b"one", b"two"), shares):
        assert abs(seen[name] / REQUESTS - share) <= 0.02, seen
        assert (seen[name] == 0) == (share == 0)


@pytest.mark.slow
def test_one_service_named_twice_has_both_shares(fairlead, backend):
    seen = count_all(fairlead(weighted(backend, (1, 2, 3), ("one", "one", "two"))))
    assert abs(seen[b"one"] / REQUESTS - 0.5) <= 0.02, seen


@pytest.mark.parametrize("weight", [None, 0, 5])
def test_one_service_has_everything_whatever_its_weight(fairlead, backend, weight):
    proxy = fairlead(weighted(backend, (weight,), ("one",)))
    client = proxy.client()
    assert {client.get("/").body for _ in range(20)} == {b"one"}


@pytest.mark.slow
def test_the_share_of_a_service_that_is_missing_goes_to_the_others(fairlead, backend):
    text = manifests.documents(
        routes.root(routes.route("/", routes.entry("one", weight=10),
                                 routes.entry("nope", weight=60), routes.entry("two", weight=30))),
        *(routes.backed(name, backend(answer(name.encode()))) for name in ("one", "two")))
    proxy = fairlead(text)
    seen = count_all(proxy)
    assert abs(seen[b"two"] / REQUESTS - 0.75) <= 0.02, seen
    assert routes.status(proxy, "root") == "invalid: Service [nope:80] is invalid or missing"
