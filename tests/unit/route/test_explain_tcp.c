/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_explain_tcp.c - why a connection for a tcp route goes where it goes, in words.
 */
#include "route/explain.h"
#include "tests/unit/certificates.h"
#include "tests/unit/route/make.h"

static struct tls_host *make_tls_host(void)
{
    struct text chain = certificate_file("app", "crt"), key = certificate_file("app", "key"), fault;
    struct tls_host_config config = {.version_max = TLS_VERSION_1_3};
    struct certificate *certificate = NULL;
    struct tls_host *host;

    text_init(&fault);
    (void)certificate_parse(text_bytes(&chain), text_bytes(&key), BYTES_NONE, &certificate, &fault);
    assert_bytes(text_bytes(&fault), "");
    config.certificates[certificate_kind(certificate)] = certificate;
    host = tls_host_create(&config);
    certificate_unref(certificate);
    text_fini(&chain);
    text_fini(&key);
    text_fini(&fault);
    return host;
}

struct recipe {
    bool is_terminated;
    uint32_t endpoints_count; /* of "default/db/5432" */
    uint32_t weight_of_none;  /* of a second service, without endpoints; 0: not there */
    const char *unavailable;  /* or NULL */
};

/* The host "db.test" by that recipe. */
static struct table *make_table(const struct recipe *recipe)
{
    struct maker maker = maker_begin(NULL);
    struct tls_host *host = make_tls_host();
    const struct route_backend backends[2] = {
        {builder_cluster_slot(maker.builder, BYTES("default/db/5432")), 3},
        {builder_cluster_slot(maker.builder, BYTES("default/none/80")), recipe->weight_of_none},
    };
    struct route route = {.path = BYTES("/"),
                          .object = BYTES("IngressRoute default/db"),
                          .field = BYTES("spec.tcpproxy"),
                          .backends = backends,
                          .backends_count = recipe->weight_of_none > 0 ? 2 : 1};

    maker_cluster(&maker, "default/db/5432", recipe->endpoints_count, 5432);
    maker_cluster(&maker, "default/none/80", 0, 80);
    if (recipe->unavailable != NULL) {
        route.action = ROUTE_UNAVAILABLE;
        route.unavailable = bytes_of(recipe->unavailable);
        route.backends_count = 0;
    }
    maker.vhost = vhost_builder_create(BYTES("db.test"), SCHEME_HTTPS);
    if (recipe->is_terminated)
        vhost_builder_set_tls(maker.vhost, host, BYTES("default/db-tls"));
    vhost_builder_set_tcp(maker.vhost, &route);
    tls_host_unref(host);
    return maker_finish(&maker);
}

static void assert_explained(const struct recipe *recipe, bool answers, const char *expected)
{
    struct table *table = make_table(recipe);
    const struct explain_request request = {.url = BYTES("https://db.test/any/path")};
    struct text text;

    text_init(&text);
    assert_int_equal(explain(table, &request, NULL, NULL, &text), answers);
    assert_bytes(text_bytes(&text), expected);
    text_fini(&text);
    table_unref(table);
}

#define BEGINNING                                                                                  \
    "request   GET https://db.test/any/path\n"                                                     \
    "host      db.test: named exactly\n"
#define ROUTE                                                                                      \
    "route     tcp: all bytes of the connection, whatever the path says\n"                         \
    "object    IngressRoute default/db spec.tcpproxy\n"
#define SERVICE                                                                                    \
    "http1, round_robin: 1 ready endpoint\n"                                                       \
    "endpoint  10.0.0.1:5432\n"
#define PASSED "tls       passed through: the endpoint answers the handshake\n"

TEST(a_connection_that_is_passed_through_names_object_service_and_endpoint)
{
    assert_explained(&(struct recipe){.endpoints_count = 1}, true,
                     BEGINNING PASSED ROUTE "service   default/db/5432, " SERVICE
                                            "verdict   relayed as it comes, TLS and all, to "
                                            "default/db/5432\n");
}

TEST(a_host_whose_tls_ends_here_shows_its_certificate_and_where_the_bytes_go)
{
    struct table *table = make_table(&(struct recipe){.is_terminated = true, .endpoints_count = 1});
    const struct explain_request request = {.url = BYTES("https://db.test/")};
    struct text text;

    text_init(&text);
    assert_true(explain(table, &request, NULL, NULL, &text));
    assert_non_null(strstr(text.at, "secret    default/db-tls\n"));
    assert_true(bytes_ends_with(
        text_bytes(&text), BYTES("verdict   what is inside TLS is relayed to default/db/5432\n")));
    text_fini(&text);
    table_unref(table);
}

TEST(the_share_that_is_refused_is_told)
{
    assert_explained(
        &(struct recipe){.endpoints_count = 1, .weight_of_none = 1}, true,
        BEGINNING PASSED ROUTE
        "service   default/db/5432, weight 3 of 4 (75.0 %), " SERVICE
        "service   default/none/80, weight 1 of 4 (25.0 %), http1, round_robin: 0 ready endpoints\n"
        "hint      no EndpointSlice\n"
        "verdict   relayed as it comes, TLS and all, to default/db/5432; 25.0 % of connections are "
        "refused, their service has no ready endpoint\n");
}

TEST(without_an_endpoint_the_handshake_is_refused)
{
    assert_explained(
        &(struct recipe){0}, false,
        BEGINNING PASSED ROUTE
        "service   default/db/5432, http1, round_robin: 0 ready endpoints\n"
        "hint      no EndpointSlice\n"
        "verdict   the TLS handshake is refused (internal_error): no service of this route has a "
        "ready endpoint\n");
}

TEST(a_route_that_cannot_be_served_says_why)
{
    assert_explained(&(struct recipe){.unavailable = "Service default/db not found"}, false,
                     BEGINNING PASSED ROUTE "verdict   the TLS handshake is refused "
                                            "(internal_error): Service default/db not found\n");
}

TESTS(UNIT(a_connection_that_is_passed_through_names_object_service_and_endpoint),
      UNIT(a_host_whose_tls_ends_here_shows_its_certificate_and_where_the_bytes_go),
      UNIT(the_share_that_is_refused_is_told), UNIT(without_an_endpoint_the_handshake_is_refused),
      UNIT(a_route_that_cannot_be_served_says_why))
