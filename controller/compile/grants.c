/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grants.c - delegations counted by Secret and namespace, so that one that goes takes away just
 * what nobody else gives.
 *
 *     "ns/secret" -> { "team-a": 2, "*": 1 }
 */
#include "controller/compile/grants.h"

#include "core/check.h"
#include "core/mem.h"

/* One namespace that may use one Secret, and how many delegations say so. */
struct grant {
    size_t count;
    struct bytes ns; /* behind the struct; "*" for all */
};

struct granted {
    struct map namespaces; /* struct grant */
    struct bytes key;      /* behind the struct: "ns/name" */
};

void grants_init(struct grants *grants)
{
    map_init(&grants->secrets);
}

static void granted_destroy(struct granted *granted)
{
    struct grant *grant;
    size_t at = 0;

    while ((grant = map_next(&granted->namespaces, &at)) != NULL)
        mem_free(grant);
    map_fini(&granted->namespaces);
    mem_free(granted);
}

void grants_fini(struct grants *grants)
{
    struct granted *granted;
    size_t at = 0;

    while ((granted = map_next(&grants->secrets, &at)) != NULL)
        granted_destroy(granted);
    map_fini(&grants->secrets);
}

static struct granted *find(const struct grants *grants, struct bytes ns, struct bytes name)
{
    return map_get_pair(&grants->secrets, ns, name);
}

static struct granted *granted_create(struct grants *grants, struct bytes ns, struct bytes name)
{
    struct granted *granted = mem_alloc(sizeof(*granted) + ns.len + 1 + name.len);
    char *text = (char *)(granted + 1);

    map_init(&granted->namespaces);
    memcpy(text, ns.at, ns.len);
    text[ns.len] = '/';
    memcpy(text + ns.len + 1, name.at, name.len);
    granted->key = bytes_from(text, ns.len + 1 + name.len);
    (void)map_put(&grants->secrets, granted->key, granted);
    return granted;
}

static void give(struct grants *grants, struct bytes ns, struct bytes name, struct bytes to)
{
    struct granted *granted = find(grants, ns, name);
    struct grant *grant;

    if (granted == NULL)
        granted = granted_create(grants, ns, name);
    grant = map_get(&granted->namespaces, to);
    if (grant == NULL) {
        grant = mem_alloc(sizeof(*grant) + to.len);
        memcpy(grant + 1, to.at, to.len);
        grant->ns = bytes_from((const char *)(grant + 1), to.len);
        (void)map_put(&granted->namespaces, grant->ns, grant);
    }
    grant->count++;
}

static void take_back(struct grants *grants, struct bytes ns, struct bytes name, struct bytes from)
{
    struct granted *granted = find(grants, ns, name);
    struct grant *grant;

    CHECK(granted != NULL);
    grant = map_get(&granted->namespaces, from);
    CHECK(grant != NULL && grant->count > 0);
    if (--grant->count > 0)
        return;
    (void)map_remove(&granted->namespaces, grant->ns);
    mem_free(grant);
    if (granted->namespaces.count > 0)
        return;
    (void)map_remove(&grants->secrets, granted->key);
    granted_destroy(granted);
}

typedef void grant_fn(struct grants *grants, struct bytes ns, struct bytes name, struct bytes to);

/* A Secret without a name, and a namespace without one, give nothing. */
static void for_each(struct grants *grants, const struct tls_delegation *delegation, grant_fn *fn)
{
    for (uint32_t i = 0; i < delegation->grants_count; i++) {
        const struct tls_grant *grant = &delegation->grants[i];

        for (uint32_t j = 0; j < grant->namespaces_count && grant->secret.len > 0; j++) {
            if (grant->namespaces[j].len > 0)
                fn(grants, delegation->object.ns, grant->secret, grant->namespaces[j]);
        }
    }
}

void grants_add(struct grants *grants, const struct tls_delegation *delegation)
{
    for_each(grants, delegation, give);
}

void grants_remove(struct grants *grants, const struct tls_delegation *delegation)
{
    for_each(grants, delegation, take_back);
}

bool grants_allow(const struct grants *grants, struct bytes from_ns, struct bytes ns,
                  struct bytes name)
{
    const struct granted *granted = find(grants, ns, name);

    return granted != NULL && (map_get(&granted->namespaces, from_ns) != NULL ||
                               map_get(&granted->namespaces, BYTES("*")) != NULL);
}
