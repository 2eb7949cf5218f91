/* SPDX-License-Identifier: Apache-2.0 */
/*
 * way.h - in which way a route uses a port of a Service: what makes one cluster differ from another
 * of the same port (docs/decisions/0020-a-cluster-is-a-way-to-use-a-port.md).
 */
#ifndef CONTROLLER_COMPILE_WAY_H
#define CONTROLLER_COMPILE_WAY_H

#include "core/text.h"
#include "route/table.h"

/* What a health check has that does not say otherwise (spec/contour.md 2.6). */
#define HEALTH_PATH_BYTES_MAX      2048
#define HEALTH_HOST                BYTES("contour-envoy-healthcheck")
#define HEALTH_INTERVAL_MS         10000
#define HEALTH_TIMEOUT_MS          2000
#define HEALTH_UNHEALTHY_THRESHOLD 3
#define HEALTH_HEALTHY_THRESHOLD   2

struct way {
    enum cluster_policy policy;
    bool is_tcp; /* bytes are relayed; what the Service says its endpoints speak does not count */
    bool has_health;
    struct health_check health; /* only with has_health */
    bool is_verified;           /* endpoints must show a certificate of the CA with this name, */
    struct bytes ca_secret;     /* "name" in the Service's namespace */
    struct bytes subject_name;  /* whatever the Service's annotations say */
};

/* Why a port cannot be used in the way that is asked for. */
enum backend_fault {
    BACKEND_FINE,
    BACKEND_MISSING,    /* no such Service or port, or none that is served */
    BACKEND_NO_TRUST,   /* endpoints are to be verified, and there is no CA to do it by */
    BACKEND_NO_SUBJECT, /* ... and no name to hold against their certificates */
};

/* The usual way: round robin, nothing probed, TLS as the Service says. */
extern const struct way usual_way;

/* Appends what differs from the usual way, each word with a blank before it. Equal ways give equal
 * words and others do not, so the words are the identity. */
void way_add_words(const struct way *way, struct text *out);
/* A copy in one block, with the words behind it; for mem_free(). */
struct way *way_copy(const struct way *way);

#endif
