# SPDX-License-Identifier: Apache-2.0
"""The TLS side of a root: redirects, the open, whose certificate it is, and what fails closed."""
import ssl

import pytest

from support import manifests, routes
from support.origin import answer
from support.tls import refusal

VALID = "valid: valid IngressRoute"
REFUSED = "TLSV1_UNRECOGNIZED_NAME"
NOT_PERMITTED = "invalid: certs/web: certificate delegation not permitted"


@pytest.fixture
def site(secure, backend):
    """start(files): the program with the Services app and api, each of which says its name."""
    def start(*flags, **files):
        services = manifests.documents(*(routes.backed(name, backend(answer(name.encode())))
                                         for name in ("app", "api")))
        return secure({"services.yaml": services,
                       **{f"{name}.yaml": text for name, text in files.items()}}, *flags)

    return start


def over_tls(proxy, path="/", server_name="a.test", **options):
    """The body of the answer of a connection of its own."""
    client = proxy.tls_client(server_name, **options)
    response = client.get(path, server_name)
    client.close()
    return response.body.decode() if response.status == 200 else response.status


def root(*more, tls="web", **options):
    return routes.root(routes.route("/", "app"), routes.route("/open", "api", permitInsecure=True),
                       *more, tls=tls, **options)


def test_clients_in_the_open_are_sent_to_https_but_for_what_is_permitted(site, authority):
    proxy = site(root=root(), secret=manifests.tls_secret("web", authority.issue("a.test")))
    response = proxy.get("/x?q=1")
    assert (response.status, response.get("Location")) == (301, "https://a.test/x?q=1")
    assert proxy.get("/open").body == b"api"
    assert over_tls(proxy) == "app"
    assert over_tls(proxy, "/open") == "api"


def test_without_tls_nothing_redirects(site):
    proxy = site(root=root(tls=None))
    assert proxy.get("/").body == b"app"
    assert proxy.get("/open").body == b"api"
    assert refusal(proxy.https_port) == REFUSED


@pytest.mark.parametrize("secret", [None, "malformed"])
def test_without_its_certificate_only_what_is_permitted_in_the_open_is_served(site, authority,
                                                                              secret):
    files = {"root": root()}
    if secret:
        files["secret"] = manifests.secret("web", {"tls.crt": "none", "tls.key": "none"},
                                           kind="kubernetes.io/tls")
    proxy = site("--default-certificate", "default/fallback", fallback=manifests.tls_secret(
        "fallback", authority.issue("fallback.test")), **files)
    assert proxy.get("/").status == 503
    assert proxy.get("/open").body == b"api"
    assert refusal(proxy.https_port) == REFUSED  # and no stand-in is shown
    assert routes.status(proxy, "root") == "invalid: TLS Secret [web] not found or is malformed"


def test_a_certificate_that_comes_and_goes_opens_and_shuts(site, authority):
    proxy = site(root=root())
    assert proxy.get("/").status == 503
    proxy.apply("secret.yaml", manifests.tls_secret("web", authority.issue("a.test")))
    routes.wait_status(proxy, VALID)
    assert proxy.get("/").status == 301
    assert over_tls(proxy) == "app"
    proxy.remove("secret.yaml")
    routes.wait_status(proxy, "invalid")
    assert proxy.get("/").status == 503
    assert refusal(proxy.https_port) == REFUSED


def test_children_have_the_certificate_and_redirects_of_their_root(site, authority):
    proxy = site(root=root(routes.delegate("/child", "child")),
                 child=routes.child(routes.route("/child", "api"),
                                    routes.route("/child/open", "api", permitInsecure=True)),
                 secret=manifests.tls_secret("web", authority.issue("a.test")))
    assert proxy.get("/child").status == 301
    assert proxy.get("/child/open").body == b"api"
    assert over_tls(proxy, "/child") == "api"


@pytest.mark.parametrize("version,spoken", [("1.3", {"1.3"}), ("1.2", {"1.2", "1.3"}),
                                            ("1.1", {"1.2", "1.3"}), (None, {"1.2", "1.3"})])
def test_no_version_below_the_minimum_is_spoken(site, authority, version, spoken):
    tls = {"secretName": "web", **({"minimumProtocolVersion": version} if version else {})}
    proxy = site(root=root(tls=tls), secret=manifests.tls_secret("web", authority.issue("a.test")))
    for name, value in (("1.2", ssl.TLSVersion.TLSv1_2), ("1.3", ssl.TLSVersion.TLSv1_3)):
        if name in spoken:
            assert over_tls(proxy, version=value) == "app"
        else:
            assert refusal(proxy.https_port, version=value) == "TLSV1_ALERT_PROTOCOL_VERSION"


# ---- certificates of another namespace ----


def shared(authority):
    return manifests.tls_secret("web", authority.issue("a.test"), "certs")


def test_a_delegated_certificate_is_served_and_taken_back_at_once(site, authority):
    proxy = site(root=root(tls="certs/web"), secret=shared(authority),
                 grants=routes.grants("web", "default"))
    assert over_tls(proxy) == "app"
    before = proxy.generation()
    proxy.remove("grants.yaml")
    proxy.wait_generation(before)
    assert routes.status(proxy, "root") == NOT_PERMITTED
    assert proxy.get("/").status == 503
    assert proxy.get("/open").body == b"api"
    assert refusal(proxy.https_port) == REFUSED
    proxy.apply("grants.yaml", routes.grants("web", "elsewhere", "*"))
    assert routes.status(proxy, "root") == VALID
    assert over_tls(proxy) == "app"


@pytest.mark.parametrize("grants", [
    None, routes.grants("web", "team"), routes.grants("other", "default"),
    routes.grants("web", "*", namespace="default"), routes.grants("web", "def*"),
    routes.grants("web")])
def test_a_certificate_that_was_not_delegated_is_refused(site, authority, grants):
    files = {"grants": grants} if grants else {}
    proxy = site(root=root(tls="certs/web"), secret=shared(authority), **files)
    assert routes.status(proxy, "root") == NOT_PERMITTED
    assert proxy.get("/").status == 503
    assert refusal(proxy.https_port) == REFUSED


def test_one_of_two_delegations_is_enough(site, authority):
    proxy = site(root=root(tls="certs/web"), secret=shared(authority),
                 one=routes.grants("web", "default", name="one"),
                 two=routes.grants("web", "*", name="two"))
    proxy.remove("two.yaml")
    proxy.apply("more.yaml", manifests.ingress("b.test", name="more"))
    assert over_tls(proxy) == "app"
    proxy.remove("one.yaml")
    routes.wait_status(proxy, NOT_PERMITTED)


def test_a_certificate_is_delegated_to_an_ingress_too_and_taken_back(site, authority):
    proxy = site(ingress=manifests.ingress_of("i", [("a.test", [("/", "app")])],
                                              spec=manifests.tls_spec(("a.test", "certs/web"))),
                 secret=shared(authority), grants=routes.grants("web", "default"))
    assert over_tls(proxy) == "app"
    before = proxy.generation()
    proxy.remove("grants.yaml")
    proxy.wait_generation(before)
    assert refusal(proxy.https_port) == REFUSED
    assert proxy.get("/").body == b"app"  # an Ingress is served in the open as it says


# ---- Ingresses beside ----


def test_an_ingress_is_not_served_by_the_certificate_of_a_root(site, authority):
    ingress = manifests.ingress_of("i", [("a.test", [("/ingress", "api")])], spec={
        "defaultBackend": {"service": {"name": "api", "port": {"number": 80}}}})
    proxy = site(root=routes.root(routes.route("/root", "app"), tls="web"), ingress=ingress,
                 secret=manifests.tls_secret("web", authority.issue("a.test")))
    assert over_tls(proxy, "/root") == "app"
    assert over_tls(proxy, "/ingress") == over_tls(proxy, "/else") == 404
    assert proxy.get("/ingress").body == proxy.get("/else").body == b"api"


def test_an_ingress_that_names_the_host_in_its_tls_joins_the_root(site, authority):
    certificate = authority.issue("a.test", own_key=True)
    ingress = manifests.ingress_of("i", [("a.test", [("/ingress", "api")])],
                                   spec=manifests.tls_spec(("a.test", "another")))
    proxy = site(root=routes.root(routes.route("/root", "app"), tls="web"), ingress=ingress,
                 secret=manifests.tls_secret("web", certificate),
                 another=manifests.tls_secret("another", authority.issue("a.test", own_key=True)))
    assert over_tls(proxy, "/root") == "app"
    assert over_tls(proxy, "/ingress") == "api"
    assert proxy.tls_client().serial == certificate.serial


def test_a_root_without_tls_joins_the_https_of_an_ingress(site, authority):
    proxy = site(root=routes.root(routes.route("/root", "app")),
                 ingress=manifests.ingress_of("i", [("a.test", [("/ingress", "api")])],
                                              spec=manifests.tls_spec(("a.test", "web"))),
                 secret=manifests.tls_secret("web", authority.issue("a.test")))
    for path, name in (("/root", "app"), ("/ingress", "api")):
        assert over_tls(proxy, path) == name
        assert proxy.get(path).body == name.encode()
