/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe_h2.c - a probe over HTTP/2: a session of its own, for one request.
 *
 * Events come from inside h2_receive(), which does not allow the session to be closed: they are
 * written down, and looked at afterwards.
 */
#include "core/check.h"
#include "proxy/flush.h"
#include "proxy/http/h2.h"
#include "proxy/probe.h"

#define STATUS_FINAL_FIRST 200

static struct arena *arena_of(void *owner)
{
    struct probe *probe = owner;

    return &probe->arena;
}

static void on_response(void *owner, const struct response *response, bool is_end)
{
    struct probe *probe = owner;

    (void)is_end;
    if (response->status < STATUS_FINAL_FIRST)
        return;
    probe->has_response = true;
    probe->status = response->status;
}

/* The window is not given back: of a large body no more than that comes. */
static void on_data(void *owner, struct bytes data)
{
    (void)owner;
    (void)data;
}

static void on_end(void *owner, const struct field *trailers, uint32_t count)
{
    (void)owner;
    (void)trailers;
    (void)count;
}

static void on_closed(void *owner, uint32_t error, bool by_peer)
{
    struct probe *probe = owner;

    (void)error;
    (void)by_peer;
    probe->is_over = true;
}

static struct h2_pulled on_pull(void *owner, char *room, size_t max)
{
    (void)owner;
    (void)room;
    (void)max;
    return (struct h2_pulled){.is_end = true};
}

static void on_room(void *context)
{
    (void)context;
}

static const struct h2_events session_events = {
    .arena_of = arena_of,
    .on_response = on_response,
    .on_data = on_data,
    .on_end = on_end,
    .on_closed = on_closed,
    .on_pull = on_pull,
    .on_room = on_room,
};

static enum status flush(struct probe *probe)
{
    return flush_session(probe->worker, probe->session, probe->transport);
}

static uint32_t ask(struct probe *probe)
{
    struct bytes path = text_bytes(&probe->way->path);
    size_t query_at = bytes_find(path, '?');
    struct field agent = {
        .name = BYTES("user-agent"),
        .value = BYTES(PROBE_USER_AGENT),
        .id = FIELD_USER_AGENT,
    };
    const struct request request = {
        .method = BYTES("GET"),
        .method_id = METHOD_GET,
        .query = bytes_skip(path, query_at),
        .version_major = 2,
        .version_minor = 1,
        .fields = &agent,
        .fields_count = 1,
    };
    const struct forward_request how = {
        .path = bytes_slice(path, 0, query_at),
        .host = text_bytes(&probe->way->host),
        .scheme = probe->tls != NULL ? BYTES("https") : BYTES("http"),
    };

    return h2_request(probe->session, probe, &request, &how, true);
}

void probe_h2_begin(struct probe *probe)
{
    const struct h2_config config = {
        .side = H2_CLIENT,
        .limits = probe->worker->config->limits,
        .window_bytes = H2_STREAM_WINDOW_BYTES,
        .pool = probe->worker->h2_memory,
        .scheme = probe->tls != NULL ? BYTES("https") : BYTES("http"),
    };

    probe->session = h2_create(&config, &session_events, probe);
    if (ask(probe) == 0)
        probe_failed(probe, PROBE_BAD_ANSWER);
    else if (flush(probe) == STATUS_CLOSED)
        probe_failed(probe, PROBE_CLOSED);
}

void probe_h2_read(struct probe *probe, struct bytes data)
{
    enum status status = h2_receive(probe->session, data, worker_now_ms(probe->worker));

    if (flush(probe) == STATUS_CLOSED)
        status = STATUS_CLOSED;
    if (probe->has_response) {
        probe_answered(probe, probe->status);
        probe_close(probe);
    } else if (status == STATUS_INVALID || h2_is_over(probe->session)) {
        probe_failed(probe, PROBE_BAD_ANSWER);
    } else if (status != STATUS_OK || probe->is_over) {
        probe_failed(probe, PROBE_CLOSED);
    }
}

void probe_h2_drained(struct probe *probe)
{
    if (flush(probe) == STATUS_CLOSED)
        probe_failed(probe, PROBE_CLOSED);
}

void probe_h2_fini(struct probe *probe)
{
    h2_destroy(probe->session);
}
