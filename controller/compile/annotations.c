/* SPDX-License-Identifier: Apache-2.0 */
/*
 * annotations.c - annotations of Ingresses and Services as typed values.
 */
#include "controller/compile/annotations.h"

#include "core/duration.h"

#include <stdio.h>

#define ANNOTATION_NAME_MAX 80 /* of ours, with its prefix */

/* The older name is read where the newer one is absent. */
static const char *const prefixes[] = {"projectcontour.io/", "contour.heptio.com/"};

static struct bytes find_with_prefix(const struct object *object, const char *prefix,
                                     const char *name)
{
    char full[ANNOTATION_NAME_MAX];
    int len = snprintf(full, sizeof(full), "%s%s", prefix, name);

    return object_annotation(object, bytes_from(full, (size_t)len));
}

struct bytes annotation_find(const struct object *object, const char *name)
{
    struct bytes value = find_with_prefix(object, prefixes[0], name);

    return value.at != NULL ? value : find_with_prefix(object, prefixes[1], name);
}

struct annotation_lists annotation_lists(const struct object *object, const char *name)
{
    return (struct annotation_lists){
        {find_with_prefix(object, prefixes[0], name), find_with_prefix(object, prefixes[1], name)}};
}

bool annotation_lists_next(struct annotation_lists *lists, struct bytes *item)
{
    for (size_t i = 0; i < sizeof(lists->rest) / sizeof(lists->rest[0]); i++) {
        while (bytes_next_item(&lists->rest[i], ',', item)) {
            if (item->len > 0)
                return true;
        }
    }
    return false;
}

/* One annotation being read, and where to complain. */
struct reading {
    const struct object *object;
    struct findings *findings; /* may be NULL */
};

static void complain(const struct reading *reading, const char *name, struct bytes value,
                     const char *what)
{
    if (reading->findings != NULL)
        findings_add(reading->findings, false, reading->object, "annotation %s: \"%.*s\" %s", name,
                     BYTES_ARG(value), what);
}

static bool read_bool(const struct reading *reading, const char *name, bool otherwise)
{
    struct bytes value = object_annotation(reading->object, bytes_of(name));

    if (bytes_equal(value, BYTES("true")))
        return true;
    if (bytes_equal(value, BYTES("false")))
        return false;
    if (value.at != NULL)
        complain(reading, name, value,
                 otherwise ? "is neither true nor false, so it counts as true"
                           : "is neither true nor false, so it counts as false");
    return otherwise;
}

/* Zero, like an empty text, asks for the default (spec/contour.md 1.6), which is no limit. */
bool timeout_parse(struct bytes value, uint32_t *ms)
{
    *ms = 0;
    return value.len == 0 || bytes_equal(value, BYTES("infinity")) ||
           duration_parse_ms(value, ms) == STATUS_OK;
}

static uint32_t read_timeout(const struct reading *reading, const char *name, struct bytes value)
{
    uint32_t ms = 0;

    if (!timeout_parse(value, &ms))
        complain(reading, name, value,
                 "is no duration such as 90s or 1m30s and no infinity, so there is no such limit");
    return ms;
}

static uint32_t read_response_timeout(const struct reading *reading)
{
    const char *name = "response-timeout";
    struct bytes value = annotation_find(reading->object, name);

    if (value.at == NULL) {
        name = "request-timeout"; /* the older name for the same thing */
        value = annotation_find(reading->object, name);
    }
    return read_timeout(reading, name, value);
}

static const struct {
    const char *name;
    enum retry_on on;
} retry_conditions[] = {
    {"5xx", RETRY_ON_5XX},
    {"gateway-error", RETRY_ON_GATEWAY_ERROR},
    {"connect-failure", RETRY_ON_CONNECT_FAILURE},
    {"retriable-4xx", RETRY_ON_RETRIABLE_4XX},
    {"reset", RETRY_ON_RESET},
    {"refused-stream", RETRY_ON_REFUSED_STREAM},
};

static uint32_t retry_condition(struct bytes word)
{
    for (size_t i = 0; i < sizeof(retry_conditions) / sizeof(retry_conditions[0]); i++) {
        if (bytes_equal(word, bytes_of(retry_conditions[i].name)))
            return (uint32_t)retry_conditions[i].on;
    }
    return 0;
}

static uint32_t read_retry_on(const struct reading *reading)
{
    struct bytes rest = annotation_find(reading->object, "retry-on"), word;
    uint32_t on = 0;

    while (bytes_next_item(&rest, ',', &word)) {
        uint32_t bit = retry_condition(word);

        if (bit == 0 && word.len > 0)
            complain(reading, "retry-on", word,
                     "is no condition to retry on; known are 5xx, gateway-error, "
                     "connect-failure, retriable-4xx, reset and refused-stream");
        on |= bit;
    }
    return on;
}

/* -1 asks for none; absent and 0 for the usual one. */
static uint32_t read_num_retries(const struct reading *reading)
{
    struct bytes value = annotation_find(reading->object, "num-retries");
    uint64_t number = 1;

    if (value.len == 0)
        return 1;
    if (bytes_equal(value, BYTES("-1")))
        return 0;
    if (!bytes_to_uint(value, UINT32_MAX, &number)) {
        complain(reading, "num-retries", value, "is no number of retries, so there is one");
        return 1;
    }
    if (number > RETRIES_MAX) {
        complain(reading, "num-retries", value, "is more than the 100 retries there can be");
        number = RETRIES_MAX;
    }
    return number == 0 ? 1 : (uint32_t)number;
}

static void read_retry(const struct reading *reading, struct retry_policy *retry)
{
    static const char *const needs_retry_on[] = {"num-retries", "per-try-timeout"};
    struct bytes retry_on = annotation_find(reading->object, "retry-on");

    if (retry_on.len > 0) {
        retry->on = read_retry_on(reading);
        retry->retries_max = read_num_retries(reading);
        retry->per_try_timeout_ms = read_timeout(
            reading, "per-try-timeout", annotation_find(reading->object, "per-try-timeout"));
        if (retry->on == 0)
            *retry = (struct retry_policy){0};
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        struct bytes value = annotation_find(reading->object, needs_retry_on[i]);

        if (value.at != NULL)
            complain(reading, needs_retry_on[i], value, "has no effect without retry-on");
    }
}

void ingress_policy_parse(const struct object *object, struct ingress_policy *policy,
                          struct findings *findings)
{
    const struct reading reading = {object, findings};

    *policy = (struct ingress_policy){.allow_http = true};
    if (object->annotations_count == 0)
        return;
    policy->allow_http = read_bool(&reading, "kubernetes.io/ingress.allow-http", true);
    policy->force_ssl_redirect =
        read_bool(&reading, "ingress.kubernetes.io/force-ssl-redirect", false);
    policy->response_timeout_ms = read_response_timeout(&reading);
    read_retry(&reading, &policy->retry);
    policy->websocket_routes = annotation_lists(object, "websocket-routes");
}

bool ingress_policy_serves_http(const struct ingress_policy *policy)
{
    return policy->allow_http || policy->force_ssl_redirect;
}

bool ingress_policy_has_websocket(const struct ingress_policy *policy, struct bytes written)
{
    struct annotation_lists lists = policy->websocket_routes;
    struct bytes item;

    while (annotation_lists_next(&lists, &item)) {
        if (bytes_equal(item, written))
            return true;
    }
    return false;
}

/* 0 asks for the default, as in Contour. */
static void read_limit(const struct reading *reading, const char *name, uint32_t *limit)
{
    struct bytes value = annotation_find(reading->object, name);
    uint64_t number = 0;

    if (value.len == 0)
        return;
    if (!bytes_to_uint(value, UINT32_MAX, &number))
        complain(reading, name, value, "is no number, so the default holds");
    if (number > 0)
        *limit = (uint32_t)number;
}

bool service_wants_proxy_header(const struct object *object, struct findings *findings)
{
    const char *name = "fairlead.dev/upstream-proxy-protocol";
    const struct reading reading = {object, findings};
    struct bytes value = object_annotation(object, bytes_of(name));

    if (value.at == NULL)
        return false;
    if (bytes_equal(value, BYTES("v2")))
        return true;
    complain(&reading, name, value, "is not v2, the one version that is sent, so no header is");
    return false;
}

void service_limits_parse(const struct object *object, struct cluster_limits *limits,
                          struct findings *findings)
{
    const struct reading reading = {object, findings};

    *limits = (struct cluster_limits){1024, 1024, 1024, 3};
    if (object->annotations_count == 0)
        return;
    read_limit(&reading, "max-connections", &limits->connections_max);
    read_limit(&reading, "max-pending-requests", &limits->pending_max);
    read_limit(&reading, "max-requests", &limits->requests_max);
    read_limit(&reading, "max-retries", &limits->retries_max);
}
