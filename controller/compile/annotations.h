/* SPDX-License-Identifier: Apache-2.0 */
/*
 * annotations.h - annotations as typed values, by allow-lists: no text from an object goes anywhere
 * else (hostile-input 92).
 *
 * A value that is not understood counts as absent and is told about (design 5.7). Source:
 * spec/contour.md 1.5-1.7.
 */
#ifndef CONTROLLER_COMPILE_ANNOTATIONS_H
#define CONTROLLER_COMPILE_ANNOTATIONS_H

#include "controller/compile/emit.h"
#include "route/table.h"

#define RETRIES_MAX 100 /* attempts one annotation can ask for */

/* A list that may stand under both prefixes, the current one first; its entries are those of both.
 */
struct annotation_lists {
    struct bytes rest[2];
};
struct annotation_lists annotation_lists(const struct object *object, const char *name);
/* The next entry that is not empty, trimmed; false at the end. */
bool annotation_lists_next(struct annotation_lists *lists, struct bytes *item);

/* What the annotations of an Ingress say about its routes. */
struct ingress_policy {
    bool allow_http;              /* default true */
    bool force_ssl_redirect;      /* default false */
    uint32_t response_timeout_ms; /* 0: none, the default */
    struct retry_policy retry;
    struct annotation_lists websocket_routes; /* borrowed from the Ingress */
};

/* findings: NULL when nobody wants to hear. */
void ingress_policy_parse(const struct object *object, struct ingress_policy *policy,
                          struct findings *findings);
/* Whether its routes are there for plain HTTP: the redirect is, even where nothing else is allowed
 * (design 5.15). Its hosts are claimed either way. */
bool ingress_policy_serves_http(const struct ingress_policy *policy);
/* `written` is the path as the Ingress has it, "/" for an empty one. */
bool ingress_policy_has_websocket(const struct ingress_policy *policy, struct bytes written);

/* A timeout as text: zero, nothing and "infinity" are none. False when it is no duration: none,
 * too.
 */
bool timeout_parse(struct bytes value, uint32_t *ms);

/* fairlead.dev/upstream-proxy-protocol: "v2": connections that are relayed open with a header. */
bool service_wants_proxy_header(const struct object *object, struct findings *findings);

/* Circuit breakers; what is absent, 0 or no number is the default. */
void service_limits_parse(const struct object *object, struct cluster_limits *limits,
                          struct findings *findings);

/* The value under the current prefix, else under the old one; `at` is NULL when there is none. */
struct bytes annotation_find(const struct object *object, const char *name);

#endif
