/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe_result.c - the table of probe_results.def.
 */
#include "proxy/probe_result.h"

static const struct {
    enum health_result health;
    const char *label;
    const char *sentence;
} rows[PROBE_RESULT_COUNT] = {
#define PROBE_RESULT(name, health, label, sentence) [PROBE_##name] = {health, label, sentence},
#include "proxy/probe_results.def"
#undef PROBE_RESULT
};

enum health_result probe_result_health(enum probe_result result)
{
    return rows[result].health;
}

const char *probe_result_label(enum probe_result result)
{
    return rows[result].label;
}

const char *probe_result_sentence(enum probe_result result)
{
    return rows[result].sentence;
}
