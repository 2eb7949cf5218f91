/* SPDX-License-Identifier: Apache-2.0 */
/*
 * told_objects.h - a table with statuses and findings, and what an API server is said to have.
 */
#ifndef TESTS_UNIT_CONTROLLER_TOLD_OBJECTS_H
#define TESTS_UNIT_CONTROLLER_TOLD_OBJECTS_H

#include "controller/kube/kube.h"
#include "core/check.h"
#include "route/builder.h"
#include "tests/unit/unit.h"

#include <stdio.h>

#define OBJECTS_MAX 2000

struct object_here {
    enum object_kind kind;
    char name[24]; /* in the namespace "web" */
    char uid[24];  /* the name */
    char version[16];
    char state[64];
    char description[64];
};

struct server {
    struct object_here objects[OBJECTS_MAX];
    size_t count;
};

static struct object_here *server_put(struct server *server, enum object_kind kind,
                                      const char *name, const char *state, const char *description)
{
    struct object_here *object = &server->objects[server->count++];

    object->kind = kind;
    (void)snprintf(object->name, sizeof(object->name), "%s", name);
    (void)snprintf(object->uid, sizeof(object->uid), "%s", name);
    (void)snprintf(object->version, sizeof(object->version), "1");
    (void)snprintf(object->state, sizeof(object->state), "%s", state);
    (void)snprintf(object->description, sizeof(object->description), "%s", description);
    return object;
}

static bool server_find(void *context, enum object_kind kind, struct bytes ns, struct bytes name,
                        struct kube_status *status)
{
    struct server *server = context;

    assert_bytes(ns, "web");
    for (size_t i = 0; i < server->count; i++) {
        const struct object_here *object = &server->objects[i];

        if (object->kind != kind || !bytes_equal(bytes_of(object->name), name))
            continue;
        *status = (struct kube_status){.uid = bytes_of(object->uid),
                                       .resource_version = bytes_of(object->version),
                                       .current_status = bytes_of(object->state),
                                       .description = bytes_of(object->description)};
        return true;
    }
    return false;
}

/* Names of IngressRoutes in "web" and what is wrong with them; NULL: nothing. */
struct verdict_here {
    const char *name;
    const char *fault;
};

static struct table *table_of(const struct verdict_here *verdicts, size_t count,
                              const struct finding *findings, size_t findings_count)
{
    struct builder *builder = builder_create(NULL);
    struct object_status *list = mem_new_array(struct object_status, count + 1);
    char(*titles)[64] = mem_alloc_array(count + 1, sizeof(*titles));
    struct table *table;

    for (size_t i = 0; i < count; i++) {
        (void)snprintf(titles[i], sizeof(titles[i]), "IngressRoute web/%s", verdicts[i].name);
        list[i].object = bytes_of(titles[i]);
        list[i].state = verdicts[i].fault == NULL ? OBJECT_VALID : OBJECT_INVALID;
        list[i].description =
            bytes_of(verdicts[i].fault == NULL ? "valid IngressRoute" : verdicts[i].fault);
    }
    builder_set_statuses(builder, list, count);
    builder_set_findings(builder, findings, findings_count);
    table = builder_finish(builder);
    mem_free(titles);
    mem_free(list);
    return table;
}

#endif
