/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_h2.c - a client and a server session, back to back in memory.
 */
#include "tests/unit/proxy/http/h2_case.h"

static void open_pair(struct peer **client, struct peer **server)
{
    *client = peer_new(H2_CLIENT);
    *server = peer_new(H2_SERVER);
    (*server)->answers = true;
    pump(*client, *server);
    peer_forget(*client);
}

static void close_pair(struct peer *client, struct peer *server)
{
    peer_free(client);
    peer_free(server);
}

TEST(a_get_is_answered)
{
    struct peer *client, *server;

    open_pair(&client, &server);
    server->answer_body = BYTES("hello");
    get(client, BYTES("/p?q=1"));
    pump(client, server);
    assert_log(server, "1 request GET /p?q=1 a.example none end [x-forwarded-proto: http]\n"
                       "1 closed 0\n");
    assert_log(client, "1 response 200 chunked [date: now]\n1 end 5 []\n1 closed 0\n");
    close_pair(client, server);
}

TESTS(UNIT(a_get_is_answered))
