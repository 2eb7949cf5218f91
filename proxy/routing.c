/* SPDX-License-Identifier: Apache-2.0 */
/*
 * routing.c - from what a client wrote to a route of the current table.
 */
#include "proxy/routing.h"

#include "proxy/worker.h"
#include "route/match.h"
#include "route/normal.h"
#include "tls/tls.h"

static enum failure failure_of_path(enum path_fault fault)
{
    switch (fault) {
    case PATH_FINE:
        return FAILURE_NONE;
    case PATH_BAD_ESCAPE:
        return FAILURE_BAD_ESCAPE;
    case PATH_NUL:
        return FAILURE_PATH_NUL;
    case PATH_BACKSLASH:
        return FAILURE_PATH_BACKSLASH;
    case PATH_ABOVE_ROOT:
        return FAILURE_PATH_ABOVE_ROOT;
    case PATH_BAD_BYTE:
        return FAILURE_PATH_BAD_BYTE;
    }
    return FAILURE_PATH_BAD_BYTE;
}

enum failure routing_normalise(struct stream *stream)
{
    struct request *request = &stream->request;
    struct host_port authority = {BYTES_NONE, 0};
    enum path_fault fault;

    if (request->scheme.len > 0 &&
        !bytes_equal_nocase(request->scheme,
                            conn_is_secure(stream->conn) ? BYTES("https") : BYTES("http")))
        return FAILURE_SCHEME_MISMATCH;
    if (request->authority.len > 0 &&
        authority_parse(request->authority, arena_alloc(&stream->arena, request->authority.len),
                        &authority) != STATUS_OK)
        return failure_of_h1(H1_BAD_HOST);
    stream->host = authority.host;
    stream->path = request->path;
    if (path_is_normal(request->path))
        return FAILURE_NONE;
    fault = path_normalise(request->path, arena_alloc(&stream->arena, request->path.len),
                           &stream->path);
    return failure_of_path(fault);
}

/*
 * Whether a request for this host may come on a connection whose handshake was made for another, or
 * by other rules (RFC 9110 section 15.5.20; design 5.8; hostile-input 78, 79). The host's own
 * connection is held against its settings for client certificates, which may have changed since;
 * that of another host, which a browser uses when one certificate covers both, against all of them.
 */
static bool is_misdirected(const struct stream *stream)
{
    const struct table *table = stream->generation->table;
    const struct tls *tls = stream->conn->tls;
    const struct vhost *vhost;
    const struct tls_host *then, *now, *named;
    struct bytes server_name;

    if (tls == NULL)
        return false;
    then = tls_host_of(tls);
    server_name = tls_server_name(tls);
    vhost = table_tls_vhost(table, stream->host);
    if (vhost != NULL && vhost->tcp != NULL) /* no HTTP is spoken with it here */
        return true;
    named = vhost == NULL ? NULL : vhost->tls;
    if (named == NULL) /* its own host went since: that has no path any more, or no certificate */
        return !bytes_equal(server_name, stream->host) ||
               table_vhost(table, SCHEME_HTTPS, stream->host) != NULL;
    if (!bytes_equal(tls_host_auth_id(named), tls_host_auth_id(then)))
        return true;
    if (bytes_equal(server_name, stream->host))
        return false;
    now = table_tls_host(table, server_name);
    return now == NULL || !bytes_equal(tls_host_id(now), tls_host_id(named));
}

enum failure routing_find(struct stream *stream)
{
    enum scheme scheme = conn_is_secure(stream->conn) ? SCHEME_HTTPS : SCHEME_HTTP;

    stream->generation = current_take(&stream->worker->current);
    if (stream->generation == NULL)
        return FAILURE_NOT_READY;
    if (is_misdirected(stream))
        return FAILURE_MISDIRECTED;
    switch (match_route(stream->generation->table, scheme, stream->host, stream->path,
                        &stream->route)) {
    case MATCH_ROUTE:
        return FAILURE_NONE;
    case MATCH_NO_HOST:
        return FAILURE_NO_HOST;
    case MATCH_NO_PATH:
        return FAILURE_NO_PATH;
    case MATCH_REGEX_LIMIT:
        return FAILURE_REGEX_LIMIT;
    }
    return FAILURE_NO_HOST;
}
