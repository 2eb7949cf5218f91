/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h2_script.h - a served connection that speaks HTTP/2: it collects requests and answers when it is
 * told to.
 */
#ifndef TESTS_UNIT_CONTROLLER_KUBE_H2_SCRIPT_H
#define TESTS_UNIT_CONTROLLER_KUBE_H2_SCRIPT_H

#include "tests/unit/controller/kube/tls_server.h"

#include <nghttp2/nghttp2.h>

#define H2_REQUESTS_MAX 32

struct h2_script {
    struct served *served;
    nghttp2_session *session;
    int32_t streams[H2_REQUESTS_MAX]; /* complete requests, in order */
    size_t count;
};

static inline ssize_t h2_send(nghttp2_session *session, const uint8_t *data, size_t length,
                              int flags, void *context)
{
    struct h2_script *script = context;

    (void)session;
    (void)flags;
    return served_write_bytes(script->served, bytes_from((const char *)data, length))
               ? (ssize_t)length
               : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static inline int h2_on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
    struct h2_script *script = context;

    (void)session;
    if (frame->hd.type == NGHTTP2_HEADERS && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
        script->count < H2_REQUESTS_MAX) {
        script->streams[script->count++] = frame->hd.stream_id;
        script->served->server->requests++;
    }
    return 0;
}

static inline void h2_begin(struct h2_script *script, struct served *served)
{
    nghttp2_session_callbacks *callbacks;

    *script = (struct h2_script){.served = served};
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_send_callback(callbacks, h2_send);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, h2_on_frame);
    nghttp2_session_server_new(&script->session, callbacks, script);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(script->session, NGHTTP2_FLAG_NONE, NULL, 0);
    nghttp2_session_send(script->session);
}

static inline void h2_end(struct h2_script *script)
{
    nghttp2_session_del(script->session);
}

/* One read; false at the end of the connection. */
static inline bool h2_turn(struct h2_script *script)
{
    uint8_t bytes[16384];
    int count = SSL_read(script->served->ssl, bytes, sizeof(bytes));

    return count > 0 && nghttp2_session_mem_recv(script->session, bytes, (size_t)count) == count &&
           nghttp2_session_send(script->session) == 0;
}

/* Until so many requests came. */
static inline bool h2_wait(struct h2_script *script, size_t count)
{
    while (script->count < count)
        if (!h2_turn(script))
            return false;
    return true;
}

static inline ssize_t h2_body(nghttp2_session *session, int32_t stream, uint8_t *buffer,
                              size_t length, uint32_t *flags, nghttp2_data_source *source,
                              void *context)
{
    (void)session;
    (void)stream;
    (void)length;
    (void)source;
    (void)context;
    memcpy(buffer, "hello", 5);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    return 5;
}

static inline ssize_t h2_no_body_yet(nghttp2_session *session, int32_t stream, uint8_t *buffer,
                                     size_t length, uint32_t *flags, nghttp2_data_source *source,
                                     void *context)
{
    (void)session;
    (void)stream;
    (void)buffer;
    (void)length;
    (void)flags;
    (void)source;
    (void)context;
    return NGHTTP2_ERR_DEFERRED;
}

static inline void h2_respond(struct h2_script *script, size_t at,
                              nghttp2_data_source_read_callback body)
{
    nghttp2_nv status = {(uint8_t[]){":status"}, (uint8_t[]){"200"}, 7, 3, NGHTTP2_NV_FLAG_NONE};
    nghttp2_data_provider provider = {.read_callback = body};

    nghttp2_submit_response(script->session, script->streams[at], &status, 1, &provider);
    nghttp2_session_send(script->session);
}

/* "hello", for the request of this place. */
static inline void h2_answer(struct h2_script *script, size_t at)
{
    h2_respond(script, at, h2_body);
}

/* A head, and nothing more: a watch on which nothing happens. */
static inline void h2_open(struct h2_script *script, size_t at)
{
    h2_respond(script, at, h2_no_body_yet);
}

#endif
