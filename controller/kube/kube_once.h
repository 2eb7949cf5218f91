/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube_once.h - one reading of an API server, as files_read_once() reads manifests: for check,
 * explain and table.
 */
#ifndef CONTROLLER_KUBE_KUBE_ONCE_H
#define CONTROLLER_KUBE_KUBE_ONCE_H

#include "controller/kube/kube.h"

/* How far it has come, once a second. */
typedef void kube_once_progress_fn(void *context, const struct kube_progress *progress,
                                   uint64_t elapsed_ms);

struct kube_once_config {
    const char *kubeconfig; /* a file */
    struct log *log;
    const struct bytes *watch_namespaces; /* none = all */
    size_t watch_namespaces_count;
    uint32_t timeout_ms;                /* for all of it; credential plugins included */
    kube_once_progress_fn *on_progress; /* or NULL */
    void *context;
};

/*
 * Every kind that serve follows, listed to its end, as one batch; the caller destroys it. Runs a
 * loop of its own, so it blocks, at most for timeout_ms. An API server that is away is asked again
 * until then; one that refuses is not, nor is any where the credential plugin is not there.
 *
 * STATUS_REFUSED when what is missing may not be read or is not installed, STATUS_IO when it did
 * not come in time: a sentence that names it and why has been appended to *why. Else the status of
 * api_open(), which has said why in the log.
 */
enum status kube_read_once(const struct kube_once_config *config, struct source_batch **batch,
                           struct text *why);

#endif
