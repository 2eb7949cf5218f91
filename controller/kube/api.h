/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api.h - calls to an API server, on the loop. libcurl lives behind this header only.
 *
 *     kube.c, status and lease -> [api] -> auth.c (who we are) -> libcurl multi on libuv
 *
 * TLS is always verified. HTTP/2 where the server speaks it, else HTTP/1.1; a GOAWAY or a server
 * that went away only ends calls, and the next one goes to the next address. Internal to
 * controller/kube and offered to controller/.
 *
 * Source: spec/watch.md 10, 13, 14, 20, 21, 26.
 */
#ifndef CONTROLLER_KUBE_API_H
#define CONTROLLER_KUBE_API_H

#include "core/log.h"
#include "core/status.h"
#include "core/text.h"

#include <uv.h>

struct api;
struct api_call;

struct api_config {
    uv_loop_t *loop;
    struct log *log;
    const char *kubeconfig; /* a file; NULL: in-cluster */
};

/*
 * Reads who we are and where the server is; connects to nothing yet. STATUS_NOT_FOUND or
 * STATUS_INVALID with one line in the log that names the file, the field and the remedy.
 */
enum status api_open(struct api **api, const struct api_config *config);
typedef void api_closed_fn(void *context);
/* Once. Calls under way end without on_end; nothing may be started any more. */
void api_close(struct api *api, api_closed_fn *on_closed, void *context);

enum api_end {
    API_ANSWERED, /* a complete answer, whatever its status */
    API_FAILED,   /* none, or not to its end: connect, TLS, reset, truncated */
    API_SILENT,   /* no byte for silence_ms */
    API_LATE,     /* longer than timeout_ms */
};

struct api_result {
    enum api_end end;
    int status;              /* of HTTP; 0 before a head came */
    uint32_t retry_after_ms; /* as the server asked; 0: it did not */
    struct bytes error;      /* a sentence for people, where end is not API_ANSWERED; borrowed */
};

/* The head of the answer has come, of any status: of a watch it may be all for a minute. */
typedef void api_head_fn(void *context, int status);
/* A piece of the body, of any status; not called after api_cancel(). */
typedef void api_bytes_fn(void *context, int status, struct bytes bytes);
/* Exactly once, unless the call is cancelled; the call is gone afterwards. */
typedef void api_end_fn(void *context, const struct api_result *result);

struct api_request {
    const char *method;       /* "GET" */
    struct bytes path;        /* "/api/v1/services?limit=500"; copied */
    struct bytes body;        /* copied; empty for none */
    const char *content_type; /* of the body */
    uint32_t timeout_ms;      /* for all of it; 0: no limit */
    uint32_t silence_ms;      /* between two bytes; 0: no limit */
    api_head_fn *on_head;     /* or NULL */
    api_bytes_fn *on_bytes;
    api_end_fn *on_end;
    void *context;
};

/* Never calls back before it returns. On 401, or where TLS fails, the identity is read again and,
 * if it is another one now, the call made once more, unseen. */
struct api_call *api_start(struct api *api, const struct api_request *request);
/* From anywhere, the callbacks of this and of other calls included. */
void api_cancel(struct api_call *call);
/* No further bytes until api_release(): what comes meanwhile waits at the server. */
void api_hold(struct api_call *call);
/* Not from inside of a callback of an api. May call back before it returns. */
void api_release(struct api_call *call);

/* The namespace we run in, or that of the kubeconfig's context; "default" if nothing says. */
struct bytes api_namespace(const struct api *api);

/* Why no call can succeed, however often it is made: the credential plugin is not there. Empty:
 * none is known. Borrowed until the next turn of the loop. */
struct bytes api_obstacle(const struct api *api);

/* "https://10.0.0.1:6443/prefix", as it is configured. */
void api_add_server(const struct api *api, struct text *out);

/* fairlead_api_... metrics: calls by result, bytes, connections, identity readings. */
void api_write_metrics(const struct api *api, struct text *out);

#endif
