/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slices.c - a sorted array for each Service.
 */
#include "controller/object/slices.h"

#include "core/check.h"
#include "core/mem.h"

#include <stdio.h>

#define KEY_BYTES_MAX 512 /* a namespace, a slash and a name take 317 */

struct service_slices {
    struct bytes key;               /* into `text` */
    const struct endpoints **items; /* owned; EndpointSlices first */
    size_t count;
    size_t slices_count; /* how many of them are EndpointSlices */
    size_t capacity;
    char text[];
};

void slices_init(struct slices *slices)
{
    map_init(&slices->services);
}

static void service_destroy(struct service_slices *service)
{
    mem_free(service->items);
    mem_free(service);
}

void slices_fini(struct slices *slices)
{
    struct service_slices *service;
    size_t at = 0;

    while ((service = map_next(&slices->services, &at)) != NULL)
        service_destroy(service);
    map_fini(&slices->services);
}

/* Nothing can have a longer key: names of namespaces and objects are limited. A label may hold any
 * text, but one that is no name of a Service is found by nobody. */
static struct bytes key_of(struct bytes ns, struct bytes service, char *buffer)
{
    size_t length = ns.len + 1 + service.len;

    if (service.len == 0 || length > KEY_BYTES_MAX)
        return BYTES_NONE;
    if (ns.len > 0)
        memcpy(buffer, ns.at, ns.len);
    buffer[ns.len] = '/';
    memcpy(buffer + ns.len + 1, service.at, service.len);
    return bytes_from(buffer, length);
}

static const struct endpoints *endpoints_of(const struct object *object)
{
    bool is_one = object->kind == OBJECT_ENDPOINT_SLICE || object->kind == OBJECT_ENDPOINTS;

    return is_one ? (const struct endpoints *)object : NULL;
}

static struct service_slices *service_create(struct bytes key)
{
    struct service_slices *service = mem_alloc(sizeof(struct service_slices) + key.len);

    memcpy(service->text, key.at, key.len);
    service->key = bytes_from(service->text, key.len);
    return service;
}

/* Where the object stands, or would stand. */
static size_t service_place(const struct service_slices *service, const struct object *object)
{
    size_t low = 0;
    size_t high = service->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (object_compare(&service->items[middle]->object, object) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void slices_add(struct slices *slices, const struct object *object)
{
    const struct endpoints *endpoints = endpoints_of(object);
    char buffer[KEY_BYTES_MAX];
    struct bytes key =
        endpoints == NULL ? BYTES_NONE : key_of(object->ns, endpoints->service, buffer);
    struct service_slices *service;
    size_t place;

    if (key.len == 0)
        return;
    service = map_get(&slices->services, key);
    if (service == NULL) {
        service = service_create(key);
        map_put(&slices->services, service->key, service);
    }
    if (service->count == service->capacity) {
        service->capacity = service->capacity * 2 + 1;
        service->items = mem_resize(service->items, service->capacity * sizeof(service->items[0]));
    }
    place = service_place(service, object);
    memmove(&service->items[place + 1], &service->items[place],
            (service->count - place) * sizeof(service->items[0]));
    service->items[place] = endpoints;
    service->count++;
    service->slices_count += object->kind == OBJECT_ENDPOINT_SLICE;
}

void slices_remove(struct slices *slices, const struct object *object)
{
    const struct endpoints *endpoints = endpoints_of(object);
    char buffer[KEY_BYTES_MAX];
    struct bytes key =
        endpoints == NULL ? BYTES_NONE : key_of(object->ns, endpoints->service, buffer);
    struct service_slices *service;
    size_t place;

    if (key.len == 0)
        return;
    service = map_get(&slices->services, key);
    CHECK(service != NULL);
    place = service_place(service, object);
    CHECK(place < service->count && service->items[place] == endpoints);
    service->count--;
    memmove(&service->items[place], &service->items[place + 1],
            (service->count - place) * sizeof(service->items[0]));
    service->slices_count -= object->kind == OBJECT_ENDPOINT_SLICE;
    if (service->count == 0) {
        map_remove(&slices->services, key);
        service_destroy(service);
    }
}

static const struct service_slices *service_find(const struct slices *slices, struct bytes ns,
                                                 struct bytes name)
{
    char buffer[KEY_BYTES_MAX];
    struct bytes key = key_of(ns, name, buffer);

    return key.len == 0 ? NULL : map_get(&slices->services, key);
}

const struct endpoints *const *slices_get(const struct slices *slices, struct bytes ns,
                                          struct bytes name, size_t *count)
{
    const struct service_slices *service = service_find(slices, ns, name);

    *count = 0;
    if (service == NULL)
        return NULL;
    *count = service->slices_count > 0 ? service->slices_count : service->count;
    return service->items;
}

const struct endpoints *const *slices_get_all(const struct slices *slices, struct bytes ns,
                                              struct bytes name, size_t *count)
{
    const struct service_slices *service = service_find(slices, ns, name);

    *count = service == NULL ? 0 : service->count;
    return service == NULL ? NULL : service->items;
}
