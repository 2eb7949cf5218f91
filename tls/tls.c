/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls.c - the transport: records in, bytes up; bytes down, records out.
 *
 *     below --on_bytes--> input --SSL_read--> engine->plain --on_bytes--> owner
 *     below <--write-- engine->output <--SSL_write-- engine->record <--write-- owner
 *
 * Both buffers are the engine's and used for one call. What cannot be read on, because the owner
 * has paused or handshakes have used up the turn, stays in tls->held as it came, and below is
 * paused: so that is never more than below lends at once.
 */
#include "tls/tls.h"

#include "core/check.h"
#include "core/mem.h"
#include "tls/parts.h"

#include <openssl/err.h>

/* A long write leaves the engine's text large; past this it is given back. */
#define OUTPUT_KEPT_MAX (256 * 1024)
/* Answers to key updates and attempts to renegotiate, for a peer that does not read them. */
#define UNASKED_BYTES_MAX 16384

enum status tls_flush(struct tls *tls)
{
    struct text *output = tls->ends.output;
    struct bytes records[] = {text_bytes(&tls->ticket), text_bytes(output)};
    enum status status;

    if (output->len == 0)
        return STATUS_OK;
    if (tls->ticket.len > 0)
        status = transport_write(tls->below, records, 2);
    else
        status = transport_write(tls->below, &records[1], 1);
    text_fini(&tls->ticket);
    text_clear(output);
    if (output->capacity > OUTPUT_KEPT_MAX)
        text_fini(output);
    return status;
}

/* ---- reading ---- */

static bool may_read(const struct tls *tls)
{
    return tls->state == TLS_OPEN && tls->is_reading && tls->end == TLS_END_NONE;
}

/* Read below just when there is something to do with what comes. */
static void steer_below(struct tls *tls)
{
    if (tls->state == TLS_CLOSING)
        return;
    if ((tls->state == TLS_SHAKING || may_read(tls)) && tls->held.len == 0)
        transport_resume(tls->below);
    else
        transport_pause(tls->below);
}

/* Why SSL_read() brought nothing. STATUS_AGAIN: the input is used up. */
static enum status read_result(struct tls *tls)
{
    switch (SSL_get_error(tls->ssl, 0)) {
    case SSL_ERROR_WANT_READ:
        return STATUS_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
        tls->end = TLS_END_NOTIFIED;
        return STATUS_END;
    default:
        return STATUS_INVALID;
    }
}

/* Several records make one run of bytes. There is always room for a whole record, so nothing stays
 * inside OpenSSL but part of one. */
static enum status gather(struct tls *tls, size_t *length)
{
    size_t count;

    *length = 0;
    ERR_clear_error();
    while (tls->ends.input.len > 0 && TLS_PLAIN_BYTES - *length >= TLS_RECORD_BYTES) {
        if (SSL_read_ex(tls->ssl, tls->engine->plain + *length, TLS_PLAIN_BYTES - *length,
                        &count) != 1)
            return read_result(tls);
        *length += count;
    }
    return tls->ends.input.len > 0 ? STATUS_OK : STATUS_AGAIN;
}

/* Reading may have written: key updates, alerts. False when the peer is gone, or asks for answers
 * without ever reading them. */
static bool flush_answers(struct tls *tls)
{
    size_t length = tls->ends.output->len;
    enum status status = tls_flush(tls);

    if (status == STATUS_AGAIN)
        tls->unasked_bytes += (uint32_t)length;
    return status != STATUS_CLOSED && tls->unasked_bytes <= UNASKED_BYTES_MAX;
}

static void tell_end(struct tls *tls)
{
    if (tls->state != TLS_OPEN || tls->end != TLS_END_NOTIFIED || !tls->is_reading)
        return;
    tls->end = TLS_END_TOLD;
    tls->is_reading = false;
    tls->transport.events->on_end(&tls->transport);
}

static void read_records(struct tls *tls)
{
    enum status status = STATUS_OK;
    size_t length;

    while (status == STATUS_OK && may_read(tls)) {
        status = gather(tls, &length);
        if (!flush_answers(tls) && status != STATUS_INVALID)
            status = STATUS_CLOSED;
        if (length > 0)
            tls->transport.events->on_bytes(&tls->transport,
                                            bytes_from(tls->engine->plain, length));
    }
    ERR_clear_error();
    if (status == STATUS_INVALID || status == STATUS_CLOSED)
        tls_break(tls, status);
    tell_end(tls);
}

/* Until the ClientHello has said whose the connection is, it may be somebody else's, who must get
 * all of it. */
static void keep_hello(struct tls *tls, struct bytes given)
{
    if (tls->is_client || tls->on_passed == NULL)
        return;
    if (tls->state == TLS_PASSED)
        text_add(&tls->hello, given);
    else if (tls->state == TLS_SHAKING && tls->host == NULL)
        text_add(&tls->hello, bytes_slice(given, 0, given.len - tls->ends.input.len));
    else
        text_fini(&tls->hello);
}

/* As far as the input, the owner and the turn allow. */
static void advance(struct tls *tls)
{
    struct bytes given = tls->ends.input;

    if (tls->state == TLS_SHAKING && engine_is_over_budget(tls->engine)) {
        list_remove(&tls->due);
        list_push_back(&tls->engine->waiting, &tls->due);
        return;
    }
    if (tls->state == TLS_SHAKING) {
        handshake_step(tls);
        keep_hello(tls, given);
    }
    if (tls->state == TLS_OPEN)
        read_records(tls);
}

/* The tls is gone afterwards. */
static void pass_on(struct tls *tls)
{
    struct text hello = tls->hello;

    text_init(&tls->hello);
    list_remove(&tls->due);
    tls->on_passed(tls, text_bytes(&hello));
    text_fini(&hello);
}

/* After close_notify there is nothing that counts (RFC 8446 section 6.1). */
static void hold_rest(struct tls *tls)
{
    bool is_wanted =
        tls->state == TLS_SHAKING || (tls->state == TLS_OPEN && tls->end == TLS_END_NONE);

    if (is_wanted)
        text_add(&tls->held, tls->ends.input);
    tls->ends.input = BYTES_NONE;
}

static void on_below_bytes(struct transport *below, struct bytes data)
{
    struct tls *tls = below->owner;

    tls->ends.input = data;
    advance(tls);
    if (tls->state == TLS_PASSED) {
        pass_on(tls);
        return;
    }
    hold_rest(tls);
    steer_below(tls);
}

void tls_go_on(struct tls *tls)
{
    struct text held = tls->held;

    text_init(&tls->held);
    tls->ends.input = text_bytes(&held);
    advance(tls);
    if (tls->state == TLS_PASSED) {
        pass_on(tls);
        text_fini(&held);
        return;
    }
    hold_rest(tls);
    text_fini(&held);
    steer_below(tls);
}

/* An end without close_notify may be the work of somebody in between, who cuts a message short: it
 * is no end but a break (RFC 8446 section 6.1). */
static void on_below_end(struct transport *below)
{
    struct tls *tls = below->owner;

    if (tls->state == TLS_SHAKING)
        handshake_fail(tls, TLS_FAILURE_CLOSED);
    else if (tls->end == TLS_END_NONE)
        tls_break(tls, STATUS_CLOSED);
}

static void on_below_drained(struct transport *below)
{
    struct tls *tls = below->owner;

    tls->unasked_bytes = 0;
    if (!tls->is_blocked || tls->state != TLS_OPEN)
        return;
    tls->is_blocked = false;
    tls->transport.events->on_drained(&tls->transport);
}

static void on_below_broken(struct transport *below, enum status why)
{
    struct tls *tls = below->owner;

    if (tls->state == TLS_SHAKING)
        handshake_fail(tls, TLS_FAILURE_CLOSED);
    else
        tls_break(tls, why);
}

static void on_below_closed(struct transport *below)
{
    struct tls *tls = below->owner;

    tls->transport.events->on_closed(&tls->transport);
}

const struct transport_events tls_below_events = {
    .on_bytes = on_below_bytes,
    .on_end = on_below_end,
    .on_drained = on_below_drained,
    .on_broken = on_below_broken,
    .on_closed = on_below_closed,
};

/* What is held is not read from inside: the owner may be in the middle of something. */
static void tls_resume(struct transport *transport)
{
    struct tls *tls = tls_of(transport);

    if (tls->state == TLS_BROKEN || tls->state == TLS_CLOSING || tls->end == TLS_END_TOLD)
        return;
    tls->is_reading = true;
    if (tls->state == TLS_OPEN && (tls->held.len > 0 || tls->end == TLS_END_NOTIFIED) &&
        list_is_empty(&tls->due))
        list_push_back(&tls->engine->due, &tls->due);
    steer_below(tls);
}

static void tls_pause(struct transport *transport)
{
    struct tls *tls = tls_of(transport);

    tls->is_reading = false;
    steer_below(tls);
}

/* ---- writing ---- */

static bool seal(struct tls *tls, struct bytes content)
{
    size_t written;

    return content.len == 0 || SSL_write_ex(tls->ssl, content.at, content.len, &written) == 1;
}

/* Records are as full as they can be: what is small is copied together, what is large is not. */
static bool seal_part(struct tls *tls, struct bytes part, bool is_last, size_t *filled)
{
    char *record = tls->engine->record;

    while (part.len > 0) {
        struct bytes piece = bytes_slice(part, 0, TLS_RECORD_BYTES - *filled);

        part = bytes_skip(part, piece.len);
        if (piece.len == TLS_RECORD_BYTES || (is_last && *filled == 0)) {
            if (!seal(tls, piece))
                return false;
            continue;
        }
        memcpy(record + *filled, piece.at, piece.len);
        *filled += piece.len;
        if (*filled < TLS_RECORD_BYTES)
            continue;
        if (!seal(tls, bytes_from(record, *filled)))
            return false;
        *filled = 0;
    }
    return true;
}

static bool seal_parts(struct tls *tls, const struct bytes *parts, size_t count)
{
    size_t filled = 0;

    ERR_clear_error();
    for (size_t i = 0; i < count; i++)
        if (!seal_part(tls, parts[i], i + 1 == count, &filled))
            return false;
    return seal(tls, bytes_from(tls->engine->record, filled));
}

static enum status tls_write(struct transport *transport, const struct bytes *parts, size_t count)
{
    struct tls *tls = tls_of(transport);
    enum status status;

    CHECK(count <= TRANSPORT_PARTS_MAX);
    if (tls->state != TLS_OPEN || tls->is_finishing)
        return STATUS_CLOSED;
    if (!seal_parts(tls, parts, count)) {
        ERR_clear_error();
        text_clear(tls->ends.output); /* a part of what was meant would be worse than nothing */
        return STATUS_CLOSED;
    }
    if (tls->ends.output->len == 0) /* nothing was given */
        return transport_write(tls->below, NULL, 0);
    status = tls_flush(tls);
    if (status == STATUS_AGAIN)
        tls->is_blocked = true;
    return status;
}

/* close_notify: the peer may take what it got for complete. */
static void say_goodbye(struct tls *tls)
{
    ERR_clear_error();
    (void)SSL_shutdown(tls->ssl);
    (void)tls_flush(tls);
    ERR_clear_error();
}

static void tls_finish(struct transport *transport)
{
    struct tls *tls = tls_of(transport);

    if (tls->is_finishing || tls->state == TLS_BROKEN || tls->state == TLS_CLOSING)
        return;
    tls->is_finishing = true;
    if (tls->state == TLS_OPEN)
        say_goodbye(tls);
    transport_finish(tls->below);
}

static void tls_close(struct transport *transport, bool reset)
{
    struct tls *tls = tls_of(transport);

    if (tls->state == TLS_CLOSING)
        return;
    if (tls->state == TLS_OPEN && !tls->is_finishing && !reset)
        say_goodbye(tls);
    tls->state = TLS_CLOSING;
    list_remove(&tls->due);
    text_fini(&tls->held);
    tls->below->ops->close(tls->below, reset);
}

/* ---- questions ---- */

static size_t tls_queued_bytes(const struct transport *transport)
{
    return transport_queued_bytes(((const struct tls *)transport)->below);
}

static size_t tls_unread_bytes(const struct transport *transport)
{
    return transport_unread_bytes(((const struct tls *)transport)->below);
}

static bool tls_is_stale(struct transport *transport)
{
    struct tls *tls = tls_of(transport);

    return tls->state != TLS_OPEN || tls->end != TLS_END_NONE || tls->held.len > 0 ||
           SSL_has_pending(tls->ssl) == 1 || transport_is_stale(tls->below);
}

const struct transport_ops tls_transport_ops = {
    .resume = tls_resume,
    .pause = tls_pause,
    .write = tls_write,
    .finish = tls_finish,
    .close = tls_close,
    .queued_bytes = tls_queued_bytes,
    .unread_bytes = tls_unread_bytes,
    .is_stale = tls_is_stale,
};

struct transport *tls_transport(struct tls *tls)
{
    return &tls->transport;
}

struct tls *tls_of(struct transport *transport)
{
    CHECK(transport->ops == &tls_transport_ops);
    return (struct tls *)transport;
}
