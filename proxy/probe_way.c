/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe_way.c - ways of probing, each once.
 */
#include "proxy/probe_way.h"

#include "core/check.h"
#include "core/refs.h"
#include "lb/health.h"

/* Texts of objects must not end a line or a word of what we say: bytes that may not stand there are
 * percent-encoded. */
static void add_visible(struct text *out, struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.at[i];

        if (byte > ' ' && byte < 0x7f)
            text_add_byte(out, text.at[i]);
        else
            text_printf(out, "%%%02X", byte);
    }
}

/* The connection is not kept: a probe finds out whether a new one can be had. */
static void write_request(struct probe_way *way)
{
    text_add_str(&way->request, "GET ");
    text_add(&way->request, text_bytes(&way->path));
    text_add_str(&way->request, " HTTP/1.1\r\nHost: ");
    text_add(&way->request, text_bytes(&way->host));
    text_add_str(&way->request,
                 "\r\nUser-Agent: " PROBE_USER_AGENT "\r\nConnection: close\r\n\r\n");
}

static struct probe_way *way_create(const struct cluster_spec *spec)
{
    struct probe_way *way = mem_new(struct probe_way);

    text_init(&way->path);
    text_init(&way->host);
    text_init(&way->request);
    way->check = *spec->health;
    way->check.path = BYTES_NONE; /* the spec's, which may go */
    way->check.host = BYTES_NONE;
    way->protocol = spec->protocol;
    if (way->check.kind == HEALTH_CHECK_TCP)
        return way;
    add_visible(&way->path, spec->health->path);
    add_visible(&way->host, spec->health->host);
    write_request(way);
    if (spec->tls != NULL)
        way->tls = tls_upstream_ref(refs_thaw(spec->tls));
    return way;
}

struct probe_way *probe_way_ref(struct probe_way *way)
{
    way->uses++;
    return way;
}

struct probe_way *probe_way_take(struct map *ways, const struct cluster_spec *spec)
{
    struct text key;
    struct probe_way *way;

    text_init(&key);
    health_add_way(spec, &key);
    way = map_get(ways, text_bytes(&key));
    if (way != NULL) {
        text_fini(&key);
        return probe_way_ref(way);
    }
    way = way_create(spec);
    way->ways = ways;
    way->key = key;
    (void)map_put(ways, text_bytes(&way->key), way);
    return probe_way_ref(way);
}

void probe_way_unref(struct probe_way *way)
{
    CHECK(way->uses > 0);
    if (--way->uses > 0)
        return;
    (void)map_remove(way->ways, text_bytes(&way->key));
    if (way->tls != NULL)
        tls_upstream_unref(way->tls);
    text_fini(&way->key);
    text_fini(&way->path);
    text_fini(&way->host);
    text_fini(&way->request);
    mem_free(way);
}
