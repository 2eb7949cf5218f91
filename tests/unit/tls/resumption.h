/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resumption.h - a client that comes back with the ticket it got.
 */
#ifndef TESTS_UNIT_TLS_RESUMPTION_H
#define TESTS_UNIT_TLS_RESUMPTION_H

#include "tests/unit/tls/wire.h"

static inline void set_version(struct world *world, int version)
{
    (void)SSL_CTX_set_min_proto_version(world->client.context, version);
    (void)SSL_CTX_set_max_proto_version(world->client.context, version);
}

/* Another connection that shows the ticket of the one before; true when the session went on. */
static inline bool comes_back(struct world *world, const char *name, const struct identity *client)
{
    SSL_SESSION *session = world->client.session;

    world->client.session = NULL; /* a fresh one may come */
    begin(world, name);
    if (session != NULL)
        assert_int_equal(SSL_set_session(world->client.ssl, session), 1);
    if (client != NULL)
        assert_int_equal(
            SSL_use_cert_and_key(world->client.ssl, client->certificate, client->key, NULL, 1), 1);
    run(world);
    SSL_SESSION_free(session);
    assert_open(world);
    server_says(world, BYTES(".")); /* a ticket comes with it */
    assert_int_equal(tls_was_resumed(world->server.tls),
                     SSL_session_reused(world->client.ssl) == 1);
    return tls_was_resumed(world->server.tls);
}

#define EACH_VERSION(version)                                                                      \
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++)

#endif
