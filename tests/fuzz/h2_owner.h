/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h2_owner.h - who owns the streams of an HTTP/2 session that is fuzzed: answers, consumes, and
 * holds the session to what h2.h promises.
 */
#ifndef TESTS_FUZZ_H2_OWNER_H
#define TESTS_FUZZ_H2_OWNER_H

#include "core/check.h"
#include "proxy/http/forward.h"
#include "proxy/http/h2.h"

#define OWNERS_MAX 64
#define ROOM_BYTES 20000 /* little more than one frame */

enum owner_state { OWNER_OPEN, OWNER_HAS_HEAD, OWNER_HAS_END, OWNER_CLOSED };

struct owner {
    struct fuzz_session *session;
    struct arena arena;
    uint32_t id;
    enum owner_state state;
    size_t received_count;
    size_t to_send_count;
};

/* What the session's owners do, from one byte of the input. */
enum owner_habit {
    HABIT_REFUSES = 1,
    HABIT_HOARDS = 2, /* window */
    HABIT_RESETS = 4, /* when data comes */
    HABIT_LARGE = 8,  /* bodies */
    HABIT_TRAILERS = 16,
    HABIT_WAITS = 32, /* sends its body only when resumed */
    HABIT_SHUTS_DOWN = 64,
};

struct fuzz_session {
    struct h2 *h2;
    unsigned habits;
    struct owner owners[OWNERS_MAX];
    uint32_t count;
    char room[ROOM_BYTES];
};

static const struct h1_limits limits = {2048, 256, 20, false};
static const struct h1_limits limits_again = {8192, 512, 60, true};

static inline struct owner *owner_new(struct fuzz_session *session, uint32_t id)
{
    struct owner *owner;

    if (session->count == OWNERS_MAX)
        return NULL;
    owner = &session->owners[session->count++];
    owner->session = session;
    owner->id = id;
    owner->to_send_count = (session->habits & HABIT_LARGE) != 0 ? 100000 : 10;
    arena_init(&owner->arena, 1024);
    return owner;
}

static inline struct arena *owner_arena(void *context)
{
    return &((struct owner *)context)->arena;
}

static inline void owner_has_head(struct owner *owner, bool is_end)
{
    CHECK(owner->state == OWNER_OPEN);
    owner->state = is_end ? OWNER_HAS_END : OWNER_HAS_HEAD;
}

static inline void owner_on_data(void *context, struct bytes data)
{
    struct owner *owner = context;
    unsigned habits = owner->session->habits;

    CHECK(owner->state == OWNER_HAS_HEAD && data.len > 0);
    owner->received_count += data.len;
    /* One frame over the window may be delivered before the reset that it earns. */
    CHECK((habits & HABIT_HOARDS) == 0 || owner->received_count <= 2 * H2_STREAM_WINDOW_BYTES);
    if ((habits & HABIT_HOARDS) == 0)
        h2_consume(owner->session->h2, owner->id, data.len);
    if ((habits & HABIT_RESETS) != 0) {
        h2_reset(owner->session->h2, owner->id, H2_CANCEL);
        owner->state = OWNER_HAS_END;
    }
}

static inline void owner_on_end(void *context, const struct field *trailers, uint32_t count)
{
    struct owner *owner = context;

    CHECK(owner->state == OWNER_HAS_HEAD);
    owner->state = OWNER_HAS_END;
    for (uint32_t at = 0; at < count; at++)
        CHECK(trailers[at].id == FIELD_OTHER || trailers[at].id == FIELD_ETAG);
}

static inline void owner_on_closed(void *context, uint32_t error, bool by_peer)
{
    struct owner *owner = context;

    (void)by_peer;
    CHECK(owner->state != OWNER_CLOSED);
    CHECK(error != H2_NO_ERROR || owner->state == OWNER_HAS_END);
    owner->state = OWNER_CLOSED;
}

static inline struct h2_pulled owner_on_pull(void *context, char *room, size_t max)
{
    static const struct field trailer = {{"x-sum", 5}, {"1", 1}, FIELD_OTHER, false};
    struct owner *owner = context;
    size_t count = owner->to_send_count < max ? owner->to_send_count : max;

    CHECK(owner->state != OWNER_CLOSED);
    if ((owner->session->habits & HABIT_WAITS) != 0)
        return (struct h2_pulled){0};
    memset(room, 'x', count);
    owner->to_send_count -= count;
    return (struct h2_pulled){
        .count = count,
        .is_end = owner->to_send_count == 0,
        .trailers = &trailer,
        .trailers_count = (owner->session->habits & HABIT_TRAILERS) != 0 ? 1 : 0,
    };
}

/* All output there is. It ends, for the peer's windows and what is owed to it do. */
static inline void session_drain(struct fuzz_session *session)
{
    size_t count;
    uint64_t total = 0;

    while ((count = h2_output(session->h2, session->room, ROOM_BYTES)) > 0) {
        CHECK(count <= ROOM_BYTES);
        total += count;
        CHECK(total < (uint64_t)OWNERS_MAX * 200000 + 10000000);
    }
}

/* In pieces of `step`, with output after each and all owners woken half way. */
static inline void session_feed(struct fuzz_session *session, struct bytes data, size_t step)
{
    uint64_t now_ms = 0;
    size_t half = data.len / 2;

    while (data.len > 0) {
        if (h2_receive(session->h2, bytes_slice(data, 0, step), now_ms++) == STATUS_INVALID)
            break;
        session_drain(session);
        data = bytes_skip(data, step);
        if (data.len > half)
            continue;
        session->habits &= ~(unsigned)HABIT_WAITS;
        for (uint32_t at = 0; at < session->count; at++)
            h2_resume(session->h2, session->owners[at].id);
        if ((session->habits & HABIT_SHUTS_DOWN) != 0)
            h2_shutdown(session->h2, data.len > half / 2);
    }
    session_drain(session);
    CHECK(h2_end_of(session->h2) == H2_END_NONE || h2_is_over(session->h2));
}

static inline void session_close(struct fuzz_session *session)
{
    uint32_t open = 0;

    for (uint32_t at = 0; at < session->count; at++) {
        open += session->owners[at].state != OWNER_CLOSED;
        arena_fini(&session->owners[at].arena);
    }
    CHECK(open == h2_streams_count(session->h2));
    h2_destroy(session->h2);
}

#endif
