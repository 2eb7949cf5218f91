/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe_result.h - how a probe ended; see probe_results.def.
 */
#ifndef PROXY_PROBE_RESULT_H
#define PROXY_PROBE_RESULT_H

#include "lb/health.h"

enum probe_result {
#define PROBE_RESULT(name, health, label, sentence) PROBE_##name,
#include "proxy/probe_results.def"
#undef PROBE_RESULT
    PROBE_RESULT_COUNT
};

enum health_result probe_result_health(enum probe_result result);
const char *probe_result_label(enum probe_result result);
const char *probe_result_sentence(enum probe_result result);

#endif
