/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn_parts.h - what conn.c and conn_preface.c share. Internal to them.
 */
#ifndef PROXY_CONN_PARTS_H
#define PROXY_CONN_PARTS_H

#include "proxy/conn.h"

/* ---- conn.c ---- */

struct conn *conn_of(struct transport *transport);
/* What a transport tells its connection. */
extern const struct transport_events conn_events;

/* ---- conn_preface.c ---- */

/* Wait for a PROXY header, for TLS, or for a request. */
void conn_begin(struct conn *conn);
void conn_read_proxy_header(struct conn *conn, struct bytes data);
/* TLS has a session, or will have none: another handshake may begin. */
void conn_handshake_is_over(struct conn *conn);
/* Count and log why; the connection is about to close. */
void conn_handshake_failed(struct conn *conn);
/* One of config->trusted. */
bool conn_is_trusted(const struct proxy_config *config, const struct address *peer);
void conn_set_client_ip(struct conn *conn, const struct address *address);

#endif
