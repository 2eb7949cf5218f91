/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube_metrics.h - what /metrics says of all that is followed. Internal to controller/kube.
 */
#ifndef CONTROLLER_KUBE_KUBE_METRICS_H
#define CONTROLLER_KUBE_KUBE_METRICS_H

#include "controller/kube/follow.h"

/* fairlead_kube_... metrics; now_ms is uv_now() of their loop. */
void kube_metrics_write(struct follow *const *follows, size_t count, uint64_t now_ms,
                        struct text *out);

#endif
