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

static struct bytes begin_session(struct stream *stream)
{
    char *set_cookie = arena_alloc(&stream->arena, AFFINITY_SET_COOKIE_LENGTH);
    struct bytes value;

    affinity_make(random_next(&stream->worker->random), set_cookie, &value);
    stream->set_cookie = bytes_from(set_cookie, AFFINITY_SET_COOKIE_LENGTH);
    return value;
}

uint64_t session_find_key(struct stream *stream)
{
    struct bytes value;

    if (stream->key_is_known)
        return stream->key;
    if (!stream->route->has_affinity_cookie)
        stream->key = affinity_key_of_client(&stream->conn->client);
    else if (find_session(&stream->request, &value))
        stream->key = affinity_key_of_value(value);
    else
        stream->key = affinity_key_of_value(begin_session(stream));
    stream->key_is_known = true;
    return stream->key;
}

struct field session_field(const struct stream *stream)
{
    return (struct field){BYTES("set-cookie"), stream->set_cookie, FIELD_SET_COOKIE, false};
}
