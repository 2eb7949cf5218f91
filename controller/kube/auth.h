/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth.h - who we are to the API server, kept true: files are read again, a credential plugin is
 * run again before what it gave expires.
 *
 *     timer, 401, TLS failure -> [thread pool: files] -> [credential plugin] -> identity N+1
 *
 * A reading that fails changes nothing: what was read before may still be good.
 *
 * Source: spec/watch.md 20, 21.
 */
#ifndef CONTROLLER_KUBE_AUTH_H
#define CONTROLLER_KUBE_AUTH_H

#include "controller/kube/identity.h"
#include "core/log.h"

#include <uv.h>

#define AUTH_PERIOD_MS      30000 /* between two readings of the files */
#define AUTH_EXPIRY_SLACK_S 60    /* a plugin is run this long before its answer expires */

/* A reading has ended, whatever came of it. The auth may be used, but not closed, from inside. */
typedef void auth_read_fn(void *context);
typedef void auth_closed_fn(void *context);

struct auth_config {
    uv_loop_t *loop;
    struct log *log;
    const struct access *access; /* borrowed; outlives the auth */
    uint32_t period_ms;          /* 0: AUTH_PERIOD_MS */
    auth_read_fn *on_read;
    void *context;
};

struct auth_stats {
    uint64_t readings;        /* that ended well */
    uint64_t readings_failed; /* files missing or broken, or the plugin failed */
    uint64_t changes;         /* readings that brought something new */
};

struct auth;

/* Reads the files at once, for there is nothing yet that could be held up. On failure a sentence
 * has been appended to *error and there is no auth. A plugin is not run before it is needed. */
enum status auth_open(struct auth **auth, const struct auth_config *config, struct text *error);
void auth_close(struct auth *auth, auth_closed_fn *on_closed, void *context);

/* NULL when there is none that may be used: the plugin has not answered yet, or what it gave has
 * expired. Borrowed until the next on_read. */
const struct identity *auth_identity(const struct auth *auth);
/* Of the identity: another one has another number. */
uint64_t auth_number(const struct auth *auth);
/* Another one when connections that were made before would not be made the same now. */
uint64_t auth_tls_number(const struct auth *auth);
/* Why the last reading failed; empty: it did not. */
struct bytes auth_error(const struct auth *auth);
/* There is no identity, and there will be none before somebody installs the credential plugin. */
bool auth_lacks_plugin(const struct auth *auth);
/* on_read follows, never from inside. While one reading runs, no other begins. */
void auth_read(struct auth *auth);
void auth_stats(const struct auth *auth, struct auth_stats *stats);

#endif
