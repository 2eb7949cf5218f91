# SPDX-License-Identifier: Apache-2.0
"""Strategy Cookie: X-Contour-Session-Affinity; spec/contour.md 2.5 and 4.4."""
import collections
import re

import pytest

from support import manifests, routes
from support.client import request
from support.origin import answer
from support.ports import closed_port
from support.websocket import KEY, handshake, switching

NAME = "X-Contour-Session-Affinity"
SET_COOKIE = re.compile(NAME + '="([0-9a-f]{16})"; Path=/; HttpOnly')


def named(backend, *names):
    return [backend(answer(name.encode())) for name in names]


def sessions(*where, **more):
    return routes.app(*where, strategy="Cookie", **more)


def begun(response):
    """The value of the session that an answer begins."""
    match = SET_COOKIE.fullmatch(response.get("Set-Cookie"))
    assert match, response
    return match[1]


def with_cookie(client, value):
    return client.get("/", "a.test", f"Cookie: {NAME}={value}")


def test_an_answer_begins_a_session_and_the_session_keeps_its_endpoint(fairlead, backend):
    proxy = fairlead(sessions(*named(backend, *"abcdef")), "--workers", 2)
    for _ in range(8):
        first = proxy.get("/")
        value = begun(first)
        for cookie in (value, f'"{value}"', f"{value}; theme=dark"):
            again = with_cookie(proxy.client(), cookie)
            assert again.body == first.body
            assert not again.has("Set-Cookie")


def test_sessions_are_spread_over_all_endpoints_though_the_client_is_one(fairlead, backend):
    client = fairlead(sessions(*named(backend, *"abcd"))).client()
    shares = collections.Counter(client.get("/").body for _ in range(200))
    assert len(shares) == 4 and min(shares.values()) >= 20, shares


def test_nothing_of_a_session_is_left_over_on_the_connection(fairlead, backend):
    """Each answer on a connection that is kept says what its own request asks for."""
    client = fairlead(sessions(*named(backend, *"ab"))).client()
    values = set()
    for _ in range(5):
        values.add(begun(client.get("/")))
        assert not with_cookie(client, "0123456789abcdef").has("Set-Cookie")
    assert len(values) == 5


def test_pipelined_requests_have_sessions_of_their_own(fairlead, backend):
    client = fairlead(sessions(backend())).client()
    client.send(request(), request("GET", "/", "a.test", f"Cookie: {NAME}=a"), request())
    first, second, third = (client.read_response() for _ in range(3))
    assert begun(first) != begun(third) and not second.has("Set-Cookie")


def test_a_session_is_the_same_in_another_process(fairlead, backend):
    objects = sessions(*named(backend, *"abcdef"))
    one, two = fairlead(objects), fairlead(objects)
    for _ in range(10):
        first = one.get("/")
        assert with_cookie(two.client(), begun(first)).body == first.body


def test_sessions_work_over_http2(fairlead, backend):
    client = fairlead(sessions(*named(backend, *"abcdef")), "--workers", 2).h2c_client()
    for _ in range(5):
        first = client.get("/")
        value = begun(first)
        for crumbs in ([("cookie", f'a=b; {NAME}="{value}"')],
                       [("cookie", "a=b"), ("cookie", f"{NAME}={value}"), ("cookie", "c=d")]):
            again = client.get("/", "a.test", *crumbs)
            assert bytes(again.body) == bytes(first.body)
            assert not again.has("set-cookie")


def test_the_endpoints_own_cookies_stay(fairlead, backend):
    app = backend(answer(b"ok", "200 OK", "Set-Cookie: a=1; Secure", "Set-Cookie: b=2"))
    proxy = fairlead(sessions(app))
    *own, ours = proxy.get("/").all("Set-Cookie")
    assert own == ["a=1; Secure", "b=2"] and SET_COOKIE.fullmatch(ours)
    *own, ours = proxy.h2c_client().get("/").all("set-cookie")
    assert own == ["a=1; Secure", "b=2"] and SET_COOKIE.fullmatch(ours)
    assert with_cookie(proxy.client(), "a").all("Set-Cookie") == ["a=1; Secure", "b=2"]


def test_the_endpoint_sees_the_clients_cookies_as_they_came(fairlead, backend):
    app = backend()
    proxy = fairlead(sessions(app))
    proxy.get("/")
    with_cookie(proxy.client(), "x; c=d")
    assert [r.get("Cookie") for r in app.requests] == [None, f"{NAME}=x; c=d"]


def test_a_session_moves_on_when_its_endpoint_refuses_and_is_not_begun_anew(fairlead, backend):
    apps = named(backend, *"abc")
    proxy = fairlead(sessions(*apps), "--workers", 1)
    first = proxy.get("/")
    apps["abc".index(first.body.decode())].close()
    others = [with_cookie(proxy.client(), begun(first)) for _ in range(10)]
    assert {other.status for other in others} == {200}
    assert len({other.body for other in others}) == 1 and others[0].body != first.body
    assert not any(other.has("Set-Cookie") for other in others)


def test_a_retry_by_status_goes_on_along_the_ring(fairlead, backend):
    """The same request twice makes the same attempts in the same order."""
    apps = [backend(answer(b"no", "503 Service Unavailable")) for _ in range(3)]
    proxy = fairlead(sessions(*apps, retryPolicy={"count": 2}), "--workers", 1)
    for _ in range(3):
        assert with_cookie(proxy.client(), "a").status == 503
    assert [len(app.requests) for app in apps] == [3, 3, 3]


# ---- where no session begins ----

def test_other_strategies_set_no_cookie_and_heed_none(fairlead, backend):
    client = fairlead(routes.app(*named(backend, "a", "b"))).client()
    answers = [with_cookie(client, "a") for _ in range(4)]
    assert {response.body for response in answers} == {b"a", b"b"}
    assert not any(response.has("Set-Cookie") for response in answers)
    assert not client.get("/").has("Set-Cookie")


def test_ring_hash_alone_sets_no_cookie_and_heeds_none(fairlead, backend):
    client = fairlead(routes.app(*named(backend, *"abcd"), strategy="RingHash")).client()
    answers = [with_cookie(client, str(number)) for number in range(20)]
    assert len({response.body for response in answers}) == 1, "the client's address is the key"
    assert not any(response.has("Set-Cookie") for response in answers)


def test_one_entry_that_asks_makes_hashing_entries_of_its_route_look_at_the_cookie(fairlead, backend):
    """Weights decide first; an entry by turns needs no session, so it begins none."""
    proxy = fairlead(manifests.documents(
        routes.root(routes.route("/", routes.entry("turns"), routes.entry("ring", strategy="Maglev"),
                                 routes.entry("asks", strategy="Cookie")),
                    routes.route("/other", routes.entry("ring", strategy="Maglev"))),
        *(part for name in ("turns", "ring", "asks")
          for part in (manifests.service(name),
                       manifests.endpoints(name, backend(answer(name.encode())))))))
    client = proxy.client()
    for response in [client.get("/") for _ in range(60)]:
        assert response.has("Set-Cookie") == (response.body != b"turns"), response
    assert not client.get("/other").has("Set-Cookie")


def test_no_session_begins_where_no_endpoint_is_chosen(fairlead):
    proxy = fairlead(sessions())
    response = proxy.get("/")
    assert (response.status, response.reason_code) == (503, "no_endpoint")
    assert not response.has("Set-Cookie")


def test_an_endpoint_that_was_chosen_and_failed_keeps_the_session(fairlead):
    response = fairlead(sessions(closed_port())).get("/")
    assert response.status == 503
    begun(response)


def test_redirects_and_refusals_begin_no_session(fairlead, backend):
    proxy = fairlead(sessions(backend()))
    assert not proxy.get("/", "other.test").has("Set-Cookie")
    assert not proxy.ask(handshake("/")).has("Set-Cookie")


# ---- other answers ----

def test_a_websocket_begins_a_session_too(fairlead, origin):
    upstream = origin()
    client = fairlead(sessions(upstream, enableWebsockets=True)).client()
    client.send(handshake("/"))
    peer = upstream.accept()
    peer.read_request_head()
    peer.send(switching(KEY))
    response = client.read_response()
    assert response.status == 101
    begun(response)


def test_interim_answers_leave_it_to_the_final_one(fairlead, backend):
    app = backend(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + answer())
    client = fairlead(sessions(app)).client()
    client.send(request())
    interim, final = client.read_response(), client.read_response()
    assert interim.status == 103 and not interim.has("Set-Cookie")
    begun(final)


def test_an_answer_without_a_body_begins_one(fairlead, backend):
    app = backend(b"HTTP/1.1 204 No Content\r\n\r\n")
    begun(fairlead(sessions(app)).get("/"))


# ---- hostile cookies ----

@pytest.mark.parametrize("lines", [
    [f"Cookie: {NAME}=not-hex"],
    [f"Cookie: {NAME}=" + "a" * 6000],
    [f'Cookie: {NAME}="'],
    [f'Cookie: {NAME}="""'],
    [f"Cookie: {NAME}=%00%0d%0a"],
    [b"Cookie: " + NAME.encode() + b"=\xff\xfe\x80"],
    [f"Cookie: {NAME}=1"] * 60,
    [f"Cookie: a{number}=b" for number in range(60)] + [f"Cookie: {NAME}=1"],
    ["Cookie: " + ";" * 6000 + f"{NAME}=1"],
    [f"Cookie: {NAME}=1; {NAME}=2", f"Cookie: {NAME}=3"],
], ids=range(10))
def test_any_value_is_a_session_and_no_more(fairlead, backend, lines):
    client = fairlead(sessions(*named(backend, *"abcdef"))).client()
    answers = [client.get("/", "a.test", *lines) for _ in range(6)]
    assert [(response.status, response.body) for response in answers] == [(200, answers[0].body)] * 6
    assert not any(response.has("Set-Cookie") for response in answers)


def test_of_several_sessions_the_first_counts(fairlead, backend):
    client = fairlead(sessions(*named(backend, *"abcdef"))).client()
    for value in ("1", "2", "3", "4"):
        both = client.get("/", "a.test", f"Cookie: {NAME}={value}; {NAME}=x", f"Cookie: {NAME}=y")
        assert both.body == with_cookie(client, value).body


@pytest.mark.parametrize("cookie", [
    "", ";", NAME, f"{NAME}=", f'{NAME}=""', f"x{NAME}=1", f"{NAME}2=1", f"{NAME.lower()}=1",
    f"{NAME} =1", f"a={NAME}=1",
])
def test_what_is_no_session_begins_one(fairlead, backend, cookie):
    client = fairlead(sessions(backend())).client()
    begun(client.get("/", "a.test", f"Cookie: {cookie}"))


def test_what_a_client_sends_is_never_sent_back(fairlead, backend):
    client = fairlead(sessions(backend())).client()
    response = client.get("/", "a.test", f"Cookie: {NAME}=; {NAME}2=evil; a=evil")
    assert b"evil" not in response.raw_head
    begun(response)
