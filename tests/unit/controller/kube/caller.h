/* SPDX-License-Identifier: Apache-2.0 */
/*
 * caller.h - who calls an API server in a test: a loop, a kubeconfig of its own, and what was seen
 * of each call.
 */
#ifndef TESTS_UNIT_CONTROLLER_KUBE_CALLER_H
#define TESTS_UNIT_CONTROLLER_KUBE_CALLER_H

#include "controller/kube/api_call.h"
#include "tests/unit/controller/kube/tls_server.h"
#include "tests/unit/controller/kube/tree.h"

#include <limits.h>
#include <signal.h>

#define CALLER_PATIENCE_MS 20000

struct caller {
    struct tree tree;
    uv_loop_t loop;
    struct api *api;
    bool is_closed;
};

/* One call and what came of it. */
struct seen {
    struct caller *caller;
    struct api_call *call;
    struct text body;
    bool is_ended;
    enum api_end end;
    int status;
    uint32_t retry_after_ms;
    char error[300];
    size_t pieces;
    struct seen *cancels; /* this one, with its first piece */
    bool closes;          /* the api, with its first piece */
};

/* What the kubeconfig says of the server and the user; the rest is the same for all. */
static inline void caller_write_kubeconfig(const struct caller *caller, uint16_t port,
                                           const char *cluster, const char *user)
{
    char text[4000], here[PATH_MAX];

    assert_non_null(getcwd(here, sizeof(here)));
    snprintf(text, sizeof(text),
             "current-context: here\n"
             "contexts: [{name: here, context: {cluster: c, user: u, namespace: edge}}]\n"
             "clusters:\n- name: c\n  cluster:\n    server: https://127.0.0.1:%u\n"
             "    certificate-authority: %.200s/tests/certificates/%s\n"
             "users:\n- name: u\n  user: {%s}\n",
             port, here, cluster, user);
    tree_write(&caller->tree, "kubeconfig", text);
}

#define CALLER_CLUSTER "app.crt\n    tls-server-name: a.example.com"
#define CALLER_USER    "tokenFile: token"

static inline void caller_init(struct caller *caller)
{
    *caller = (struct caller){0};
    (void)signal(SIGPIPE, SIG_IGN);
    tree_init(&caller->tree);
    tree_write(&caller->tree, "token", "first\n");
    uv_loop_init(&caller->loop);
}

static inline void caller_open(struct caller *caller)
{
    struct api_config config = {.loop = &caller->loop,
                                .kubeconfig = tree_path(&caller->tree, "kubeconfig")};

    assert_int_equal(api_open(&caller->api, &config), STATUS_OK);
}

static inline void caller_begin(struct caller *caller, const struct tls_server *server)
{
    caller_init(caller);
    caller_write_kubeconfig(caller, server->address.port, CALLER_CLUSTER, CALLER_USER);
    caller_open(caller);
}

static inline void caller_on_timer(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("what was waited for did not happen");
}

/* Turn the loop until it is so. Whoever makes it so calls uv_stop(), as a turn that begins with a
 * timer would wait for something else to happen before it ends. */
static inline void caller_until(struct caller *caller, const bool *is_so)
{
    uv_timer_t timer;

    uv_update_time(&caller->loop);
    uv_timer_init(&caller->loop, &timer);
    uv_timer_start(&timer, caller_on_timer, CALLER_PATIENCE_MS, 0);
    while (!*is_so)
        uv_run(&caller->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&timer, NULL);
    while (uv_is_active((uv_handle_t *)&timer) || timer.close_cb != NULL)
        uv_run(&caller->loop, UV_RUN_NOWAIT);
    uv_run(&caller->loop, UV_RUN_NOWAIT);
}

static inline void caller_on_closed(void *context)
{
    struct caller *caller = context;

    caller->is_closed = true;
    uv_stop(&caller->loop);
}

static inline void caller_close(struct caller *caller)
{
    api_close(caller->api, caller_on_closed, caller);
}

static inline void caller_fini(struct caller *caller)
{
    if (caller->api != NULL) {
        if (!caller->is_closed && caller->api->on_closed == NULL)
            caller_close(caller);
        caller_until(caller, &caller->is_closed);
    }
    assert_int_equal(uv_loop_close(&caller->loop), 0);
    tree_fini(&caller->tree);
}

static inline void caller_on_bytes(void *context, int status, struct bytes bytes)
{
    struct seen *seen = context;

    assert_false(seen->is_ended);
    seen->status = status;
    text_add(&seen->body, bytes);
    uv_stop(&seen->caller->loop);
    if (seen->pieces++ > 0)
        return;
    if (seen->cancels != NULL) {
        api_cancel(seen->cancels->call);
        seen->cancels->call = NULL;
    }
    if (seen->closes)
        caller_close(seen->caller);
}

static inline void caller_on_end(void *context, const struct api_result *result)
{
    struct seen *seen = context;

    assert_false(seen->is_ended);
    seen->is_ended = true;
    uv_stop(&seen->caller->loop);
    seen->end = result->end;
    seen->status = result->status;
    seen->retry_after_ms = result->retry_after_ms;
    snprintf(seen->error, sizeof(seen->error), "%.*s", BYTES_ARG(result->error));
}

static inline struct api_request caller_request(struct caller *caller, struct seen *seen,
                                                const char *path)
{
    seen->caller = caller;
    return (struct api_request){.method = "GET",
                                .path = bytes_of(path),
                                .on_bytes = caller_on_bytes,
                                .on_end = caller_on_end,
                                .context = seen};
}

static inline void caller_start(struct caller *caller, struct seen *seen, const char *path)
{
    struct api_request request = caller_request(caller, seen, path);

    seen->call = api_start(caller->api, &request);
    assert_false(seen->is_ended);
}

static inline void caller_get(struct caller *caller, struct seen *seen, const char *path)
{
    caller_start(caller, seen, path);
    caller_until(caller, &seen->is_ended);
}

static inline void seen_fini(struct seen *seen)
{
    text_fini(&seen->body);
    *seen = (struct seen){0};
}

#endif
