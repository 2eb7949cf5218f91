/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.h - one multi handle of libcurl on the loop: its connections, and the transfers on them.
 *
 *     curl_multi <-- uv_poll_t for each socket, one uv_timer_t --> loop
 *
 * Who wants other connections than there are (a new certificate, another address, one that has gone
 * silent) opens another session for what comes, and lets this one run out. Loop thread only.
 */
#ifndef CONTROLLER_KUBE_SESSION_H
#define CONTROLLER_KUBE_SESSION_H

#include <curl/curl.h>
#include <uv.h>

#include <stdbool.h>

struct session;

struct session_events {
    /* A transfer has ended and was taken out. Not from inside libcurl: all may be called. */
    void (*on_done)(void *context, CURL *easy, CURLcode result);
    /* libcurl has been left: what had to wait for that may be done. */
    void (*on_left)(void *context);
    /* After session_close(), once. */
    void (*on_closed)(void *context);
};

struct session *session_open(uv_loop_t *loop, const struct session_events *events, void *context);
/* No transfer may be in it. From inside of its own callbacks, but not of libcurl's, too. */
void session_close(struct session *session);

/* We are inside libcurl, in a callback of a transfer: nothing can be added or taken out. */
bool session_is_busy(const struct session *session);
void session_add(struct session *session, CURL *easy);
/* A transfer that its write callback has paused goes on; that may be called from inside. */
void session_resume(struct session *session, CURL *easy);
/* It ends without on_done. */
void session_remove(struct session *session, CURL *easy);

#endif
