/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.c - the key of a request, by its session cookie or its client.
 */
#include "proxy/session.h"

#include "lb/affinity.h"
#include "proxy/worker.h"

/* A client may send any number of Cookie fields, of any size and content: the first session in them
 * counts, and its value is only ever hashed. */
static bool find_session(const struct request *request, struct bytes *value)
{
    for (uint32_t i = 0; i < request->fields_count; i++)
        if (request->fields[i].id == FIELD_COOKIE && affinity_find(request->fields[i].value, value))
            return true;
    return false;
}

static void begin_session(struct stream *stream)
{
    char *set_cookie = arena_alloc(&stream->arena, AFFINITY_SET_COOKIE_LENGTH);

    affinity_make(random_next(&stream->worker->random), set_cookie);
    stream->set_cookie = bytes_from(set_cookie, AFFINITY_SET_COOKIE_LENGTH);
}

uint64_t session_find_key(struct stream *stream)
{
    struct bytes value = BYTES_NONE;

    if (!stream->route->has_affinity_cookie)
        return affinity_key_of_client(&stream->conn->client);
    if (!find_session(&stream->request, &value)) {
        if (stream->set_cookie.len == 0) /* else an attempt before this one began it */
            begin_session(stream);
        (void)affinity_find(stream->set_cookie, &value);
    }
    return affinity_key_of_value(value);
}

struct field session_field(const struct stream *stream)
{
    return (struct field){BYTES("set-cookie"), stream->set_cookie, FIELD_SET_COOKIE, false};
}
