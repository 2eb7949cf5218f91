/* SPDX-License-Identifier: Apache-2.0 */
/*
 * way.c - ways as words.
 */
#include "controller/compile/way.h"

#include "core/mem.h"

const struct way usual_way = {.policy = CLUSTER_ROUND_ROBIN};

/* Text of an object as one word: what could be taken for the end of it, or for an escape, as %XX.
 */
static void add_word(struct text *out, struct bytes value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char byte = (unsigned char)value.at[i];

        if (byte <= 0x20 || byte == 0x7f || byte == '%')
            text_printf(out, "%%%02X", byte);
        else
            text_add_byte(out, value.at[i]);
    }
}

static void add_number(struct text *out, const char *name, uint32_t value, uint32_t usual)
{
    if (value != usual)
        text_printf(out, " %s=%u", name, value);
}

static void add_health(struct text *out, const struct health_check *health)
{
    if (health->kind == HEALTH_CHECK_TCP) {
        text_add_str(out, " health=tcp");
    } else {
        text_add_str(out, " health=");
        add_word(out, health->path);
        if (!bytes_equal(health->host, HEALTH_HOST)) {
            text_add_str(out, " host=");
            add_word(out, health->host);
        }
    }
    add_number(out, "every-ms", health->interval_ms, HEALTH_INTERVAL_MS);
    add_number(out, "within-ms", health->timeout_ms, HEALTH_TIMEOUT_MS);
    add_number(out, "down-after", health->unhealthy_threshold, HEALTH_UNHEALTHY_THRESHOLD);
    add_number(out, "up-after", health->healthy_threshold, HEALTH_HEALTHY_THRESHOLD);
}

void way_add_words(const struct way *way, struct text *out)
{
    if (way->is_tcp)
        text_add_str(out, " tcp");
    if (way->policy != CLUSTER_ROUND_ROBIN)
        text_printf(out, " %s", cluster_policy_word(way->policy));
    if (way->is_verified) {
        text_add_str(out, " ca=");
        add_word(out, way->ca_secret);
        text_add_str(out, " subject=");
        add_word(out, way->subject_name);
    }
    if (way->has_health)
        add_health(out, &way->health);
}

struct way *way_copy(const struct way *way)
{
    size_t texts =
        way->health.path.len + way->health.host.len + way->ca_secret.len + way->subject_name.len;
    struct way *copy = mem_alloc(sizeof(*copy) + texts);
    char *at = (char *)(copy + 1);

    *copy = *way;
    copy->health.path = bytes_pack(&at, way->health.path);
    copy->health.host = bytes_pack(&at, way->health.host);
    copy->ca_secret = bytes_pack(&at, way->ca_secret);
    copy->subject_name = bytes_pack(&at, way->subject_name);
    return copy;
}
