/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access_line.c - what was done for a client, as one line of text or JSON.
 *
 * Values from clients are escaped, so none can forge a line or a field (hostile-input 52).
 */
#include "proxy/access_line.h"

#include "proxy/worker.h"
#include "tls/tls.h"

static const char *reason_of(const struct stream *stream)
{
    if (stream->is_redirect)
        return "redirect_https";
    return stream->failure == FAILURE_NONE ? "-" : failure_row(stream->failure)->reason;
}

static struct bytes or_dash(struct bytes value)
{
    return value.len == 0 ? BYTES("-") : value;
}

static void add_endpoint(const struct address *endpoint, struct text *out)
{
    if (endpoint->port == 0)
        text_add_byte(out, '-');
    else
        address_add(endpoint, out);
}

static uint64_t duration_us(const struct stream *stream)
{
    return worker_now_us(stream->worker) - stream->started_us;
}

/* Nothing where no request line could be read: nobody knows what the client meant to speak. */
static struct bytes protocol_of(const struct stream *stream)
{
    if (stream->request.version_major == 2)
        return BYTES("HTTP/2");
    if (stream->request.version_major == 0)
        return BYTES_NONE;
    return stream->request.version_minor == 0 ? BYTES("HTTP/1.0") : BYTES("HTTP/1.1");
}

/* What the handshake came to; empty texts on plain connections. */
struct tls_words {
    struct bytes version;
    struct bytes cipher;
    struct bytes server_name;
};

static struct tls_words tls_words_of(const struct conn *conn)
{
    const struct tls *tls = conn->tls;

    if (tls == NULL)
        return (struct tls_words){BYTES_NONE, BYTES_NONE, BYTES_NONE};
    return (struct tls_words){bytes_of(tls_version_of(tls)), bytes_of(tls_cipher_of(tls)),
                              tls_server_name(tls)};
}

/* protocol tls-version cipher sni */
static void add_protocols(struct text *out, struct bytes protocol, struct tls_words words)
{
    text_add(out, or_dash(protocol));
    text_add_byte(out, ' ');
    text_add(out, or_dash(words.version));
    text_add_byte(out, ' ');
    text_add(out, or_dash(words.cipher));
    text_add_byte(out, ' ');
    text_add_escaped(out, or_dash(words.server_name));
}

/* time client "METHOD host path query" status reason bytes_in bytes_out duration upstream attempts
 * "route object" request-id protocol tls-version cipher sni */
void access_line_add(struct text *out, struct bytes time, const struct stream *stream)
{
    text_add(out, time);
    text_add_byte(out, ' ');
    text_add(out, conn_client_ip(stream->conn));
    text_add(out, BYTES(" \""));
    text_add_escaped(out, or_dash(stream->request.method));
    text_add_byte(out, ' ');
    text_add_escaped(out, or_dash(stream->request.authority));
    text_add_byte(out, ' ');
    text_add_escaped(out, or_dash(stream->request.path));
    text_add_escaped(out, stream->request.query);
    text_add(out, BYTES("\" "));
    text_add_uint(out, stream->status);
    text_add_byte(out, ' ');
    text_add_str(out, reason_of(stream));
    text_add_byte(out, ' ');
    text_add_uint(out, stream->request_bytes);
    text_add_byte(out, ' ');
    text_add_uint(out, stream->response_bytes);
    text_printf(out, " %.3fms ", (double)duration_us(stream) / 1000.0);
    add_endpoint(&stream->endpoint_address, out);
    text_add_byte(out, ' ');
    text_add_uint(out, stream->attempts);
    text_add(out, BYTES(" \""));
    text_add_escaped(out, stream->route == NULL ? BYTES("-") : stream->route->object);
    text_add(out, BYTES("\" "));
    text_add_escaped(out, or_dash(stream->request_id));
    text_add_byte(out, ' ');
    add_protocols(out, protocol_of(stream), tls_words_of(stream->conn));
    text_add_byte(out, '\n');
}

static void add_json_pair(struct text *out, const char *name, struct bytes value)
{
    text_add_byte(out, '"');
    text_add_str(out, name);
    text_add(out, BYTES("\":"));
    text_add_json_string(out, value);
    text_add_byte(out, ',');
}

static void add_json_number(struct text *out, const char *name, uint64_t value)
{
    text_add_byte(out, '"');
    text_add_str(out, name);
    text_add(out, BYTES("\":"));
    text_add_uint(out, value);
    text_add_byte(out, ',');
}

void access_line_add_json(struct text *out, struct bytes time, const struct stream *stream)
{
    struct tls_words words = tls_words_of(stream->conn);

    text_add_byte(out, '{');
    add_json_pair(out, "time", time);
    add_json_pair(out, "client", conn_client_ip(stream->conn));
    add_json_pair(out, "method", stream->request.method);
    add_json_pair(out, "host", stream->request.authority);
    add_json_pair(out, "path", stream->request.path);
    add_json_pair(out, "query", stream->request.query);
    add_json_pair(out, "protocol", protocol_of(stream));
    add_json_pair(out, "tls_version", words.version);
    add_json_pair(out, "tls_cipher", words.cipher);
    add_json_pair(out, "sni", words.server_name);
    add_json_number(out, "status", stream->status);
    add_json_pair(out, "reason", bytes_of(reason_of(stream)));
    add_json_number(out, "bytes_in", stream->request_bytes);
    add_json_number(out, "bytes_out", stream->response_bytes);
    add_json_number(out, "duration_us", duration_us(stream));
    text_add(out, BYTES("\"upstream\":\""));
    add_endpoint(&stream->endpoint_address, out);
    text_add(out, BYTES("\","));
    add_json_number(out, "attempts", stream->attempts);
    add_json_pair(out, "route", stream->route == NULL ? BYTES("-") : stream->route->object);
    text_add(out, BYTES("\"request_id\":"));
    text_add_json_string(out, stream->request_id);
    text_add(out, BYTES("}\n"));
}

/* ---- connections of tcp routes ---- */

static const char *tcp_reason_of(const struct tcp_relay *relay)
{
    return relay->failure == FAILURE_NONE ? "-" : failure_row(relay->failure)->reason;
}

static uint64_t tcp_duration_us(const struct tcp_relay *relay)
{
    return worker_now_us(relay->conn->worker) - relay->started_us;
}

/* What the bytes are that go to the endpoint. */
static struct bytes tcp_protocol_of(const struct tcp_relay *relay)
{
    return relay->is_passthrough ? BYTES("tls") : BYTES("tcp");
}

/* Of a handshake that is not ours, or was refused, the name is all that there is. */
static struct tls_words tcp_words_of(const struct tcp_relay *relay)
{
    struct tls_words words = {BYTES_NONE, BYTES_NONE, BYTES_NONE};

    if (!relay->is_passthrough && relay->conn->state == CONN_RELAY)
        words = tls_words_of(relay->conn);
    words.server_name = text_bytes(&relay->server_name);
    return words;
}

void access_line_add_tcp(struct text *out, struct bytes time, const struct tcp_relay *relay)
{
    text_add(out, time);
    text_add_byte(out, ' ');
    text_add(out, conn_client_ip(relay->conn));
    text_add(out, BYTES(" \"- - -\" 0 "));
    text_add_str(out, tcp_reason_of(relay));
    text_add_byte(out, ' ');
    text_add_uint(out, relay->bytes_in);
    text_add_byte(out, ' ');
    text_add_uint(out, relay->bytes_out);
    text_printf(out, " %.3fms ", (double)tcp_duration_us(relay) / 1000.0);
    add_endpoint(&relay->endpoint_address, out);
    text_add_byte(out, ' ');
    text_add_uint(out, relay->attempts);
    text_add(out, BYTES(" \""));
    text_add_escaped(out, or_dash(text_bytes(&relay->object)));
    text_add(out, BYTES("\" - "));
    add_protocols(out, tcp_protocol_of(relay), tcp_words_of(relay));
    text_add_byte(out, '\n');
}

void access_line_add_tcp_json(struct text *out, struct bytes time, const struct tcp_relay *relay)
{
    struct tls_words words = tcp_words_of(relay);

    text_add_byte(out, '{');
    add_json_pair(out, "time", time);
    add_json_pair(out, "client", conn_client_ip(relay->conn));
    add_json_pair(out, "protocol", tcp_protocol_of(relay));
    add_json_pair(out, "tls_version", words.version);
    add_json_pair(out, "tls_cipher", words.cipher);
    add_json_pair(out, "sni", words.server_name);
    add_json_pair(out, "reason", bytes_of(tcp_reason_of(relay)));
    add_json_number(out, "bytes_in", relay->bytes_in);
    add_json_number(out, "bytes_out", relay->bytes_out);
    add_json_number(out, "duration_us", tcp_duration_us(relay));
    text_add(out, BYTES("\"upstream\":\""));
    add_endpoint(&relay->endpoint_address, out);
    text_add(out, BYTES("\","));
    add_json_number(out, "attempts", relay->attempts);
    text_add(out, BYTES("\"route\":"));
    text_add_json_string(out, or_dash(text_bytes(&relay->object)));
    text_add(out, BYTES("}\n"));
}
