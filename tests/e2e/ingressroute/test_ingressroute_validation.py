# SPDX-License-Identifier: Apache-2.0
"""validation of a service entry: endpoints prove who they are, or nothing is sent to them."""
import pytest

from support import manifests, routes
from support.certificates import Authority
from support.tls import wrapped_by

VALID = "valid: valid IngressRoute"
NO_SECRET = "upstreamValidation requested but secret not found or misconfigured"
NO_SUBJECT = "upstreamValidation requested but subject alt name not found or misconfigured"


def checked(ca="ca", subject="b.test", **more):
    validation = {"caSecret": ca, "subjectName": subject}
    given = {key: value for key, value in validation.items() if value}
    return routes.entry(validation=given, **more)


@pytest.fixture
def start(fairlead, backend, h2_backend, authority):
    """start(entry...): the program and the endpoint of app, with a certificate for b.test."""
    def begin(*entries, protocol="tls", **files):
        kind, alpn = (h2_backend, "h2") if protocol == "h2" else (backend, "http/1.1")
        upstream = kind(wrap=wrapped_by(authority.issue("b.test").server_context(alpn)))
        text = manifests.documents(
            routes.root(routes.route("/", *entries), routes.route("/unverified", "app")),
            routes.backed("app", upstream, annotations=manifests.upstream_protocol(protocol)))
        more = {f"{name}.yaml": file for name, file in files.items()}
        return fairlead({"a.yaml": text, **more}), upstream

    return begin


def secret(authority, name="ca", namespace="default"):
    return manifests.secret(name, {"ca.crt": authority.pem}, namespace)


@pytest.mark.parametrize("protocol", ["tls", "h2"])
def test_an_endpoint_that_is_who_it_should_be(start, authority, protocol):
    proxy, _ = start(checked(), protocol=protocol, ca=secret(authority))
    assert proxy.get("/").status == 200
    assert routes.status(proxy, "root") == VALID


@pytest.mark.parametrize("protocol", ["tls", "h2"])
def test_an_endpoint_with_another_name_gets_nothing(start, authority, protocol):
    proxy, upstream = start(checked(subject="c.test"), protocol=protocol, ca=secret(authority))
    assert proxy.get("/").status == 502
    assert upstream.requests == []
    assert proxy.get("/unverified").status == 200


def test_an_endpoint_of_another_authority_gets_nothing(start):
    proxy, upstream = start(checked(), ca=secret(Authority("another CA")))
    assert proxy.get("/").status == 502
    assert upstream.requests == []


def test_a_connection_that_was_not_verified_is_not_used_for_a_route_that_asks(start, authority):
    proxy, upstream = start(checked(subject="c.test"), ca=secret(authority))
    client = proxy.client()
    for _ in range(3):
        assert client.get("/unverified").status == 200
        assert client.get("/").status == 502
    assert [asked.target for asked in upstream.requests] == ["/unverified"] * 3


@pytest.mark.parametrize("entry", [checked(), checked(ca=None), checked("certs/ca")])
def test_without_an_authority_the_route_answers_503_and_is_invalid(start, entry):
    proxy, upstream = start(entry)
    assert proxy.get("/").status == 503
    assert upstream.connections == 0
    assert routes.status(proxy, "root") == f'invalid: route "/": service "app": {NO_SECRET}'


def test_without_a_name_the_route_answers_503_and_is_invalid(start, authority):
    proxy, upstream = start(checked(subject=None), ca=secret(authority))
    assert proxy.get("/").status == 503
    assert upstream.connections == 0
    assert routes.status(proxy, "root") == f'invalid: route "/": service "app": {NO_SUBJECT}'


def test_one_entry_that_cannot_be_verified_takes_the_route(start):
    proxy, upstream = start(routes.entry(), checked())
    assert proxy.get("/").status == 503
    assert upstream.connections == 0


def test_an_authority_of_another_namespace_needs_a_delegation(start, authority):
    proxy, _ = start(checked("certs/ca"), ca=secret(authority, namespace="certs"))
    assert proxy.get("/").status == 503
    proxy.apply("grants.yaml", routes.grants("ca", "default"))
    assert proxy.get("/").status == 200
    assert routes.status(proxy, "root") == VALID
    before = proxy.generation()
    proxy.remove("grants.yaml")
    proxy.wait_generation(before)
    assert proxy.get("/").status == 503


def test_an_authority_that_comes_opens_the_route(start, authority):
    proxy, _ = start(checked())
    assert proxy.get("/").status == 503
    proxy.apply("ca.yaml", secret(authority))
    assert proxy.get("/").status == 200


def test_in_clear_text_there_is_nothing_to_verify(fairlead, backend, authority):
    proxy = fairlead(manifests.documents(routes.root(routes.route("/", checked())),
                                         routes.backed("app", backend()), secret(authority)))
    assert proxy.get("/").status == 200
    assert "speaks no TLS, so nothing is verified" in proxy.admin("/table").body.decode()
