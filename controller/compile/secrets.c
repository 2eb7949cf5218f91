/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secrets.c - who uses which Secret. secret_content.c reads them.
 */
#include "controller/compile/secrets.h"

#include "core/check.h"

void secrets_init(struct secrets *secrets)
{
    *secrets = (struct secrets){.told_until_s = INT64_MAX};
    map_init(&secrets->nodes);
    list_init(&secrets->idle);
}

static void node_forget(struct secret_node *secret)
{
    if (secret->certificate != NULL)
        certificate_unref(secret->certificate);
    if (secret->trust != NULL)
        trust_unref(secret->trust);
    secret->certificate = NULL;
    secret->trust = NULL;
    secret->certificate_is_read = false;
    secret->trust_is_read = false;
    text_clear(&secret->certificate_fault);
    text_clear(&secret->trust_fault);
}

static void node_destroy(struct secret_node *secret)
{
    node_forget(secret);
    text_fini(&secret->certificate_fault);
    text_fini(&secret->trust_fault);
    list_remove(&secret->idle);
    mem_free(secret);
}

void secrets_fini(struct secrets *secrets)
{
    struct secret_node *secret;
    size_t at = 0;

    while ((secret = map_next(&secrets->nodes, &at)) != NULL)
        node_destroy(secret);
    map_fini(&secrets->nodes);
}

struct bytes secret_title(const struct secret_node *secret)
{
    return bytes_from(secret->ns.at, secret->ns.len + 1 + secret->name.len);
}

struct secret_node *secrets_find(const struct secrets *secrets, struct bytes ns, struct bytes name)
{
    return map_get_pair(&secrets->nodes, ns, name);
}

static struct secret_node *node_create(struct secrets *secrets, struct bytes ns, struct bytes name)
{
    struct secret_node *secret = mem_alloc(sizeof(*secret) + ns.len + 1 + name.len);
    char *text = (char *)(secret + 1);

    list_init(&secret->uses);
    list_init(&secret->idle);
    text_init(&secret->certificate_fault);
    text_init(&secret->trust_fault);
    if (ns.len > 0)
        memcpy(text, ns.at, ns.len);
    text[ns.len] = '/';
    if (name.len > 0)
        memcpy(text + ns.len + 1, name.at, name.len);
    secret->ns = bytes_from(text, ns.len);
    secret->name = bytes_from(text + ns.len + 1, name.len);
    (void)map_put(&secrets->nodes, secret_title(secret), secret);
    return secret;
}

void secrets_forget_content(struct secrets *secrets, struct secret_node *secret)
{
    node_forget(secret);
    if (secret->shown_count > 0)
        secrets->shown_changed = true;
}

struct secret_node *secrets_next_idle(struct secrets *secrets)
{
    struct list *link;

    while ((link = list_first(&secrets->idle)) != NULL) {
        struct secret_node *secret = LIST_ENTRY(link, struct secret_node, idle);

        if (list_is_empty(&secret->uses))
            return secret;
        list_remove(link);
    }
    return NULL;
}

void secrets_destroy_node(struct secrets *secrets, struct secret_node *secret)
{
    CHECK(list_is_empty(&secret->uses) && secret->findings == NULL);
    (void)map_remove(&secrets->nodes, secret_title(secret));
    node_destroy(secret);
}

void secret_list_begin(struct secret_list *list)
{
    list->count = 0;
}

static struct secret_use *find_use(struct secret_list *list, const struct secret_node *secret)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->uses[i].secret == secret)
            return &list->uses[i];
    }
    return NULL;
}

struct secret_node *secret_list_add(struct secrets *secrets, struct secret_list *list,
                                    struct bytes ns, struct bytes name)
{
    struct secret_node *secret = secrets_find(secrets, ns, name);

    if (secret == NULL)
        secret = node_create(secrets, ns, name);
    if (find_use(list, secret) != NULL)
        return secret;
    if (list->count == list->capacity) {
        list->capacity = list->capacity * 2 + 8;
        list->uses = mem_resize(list->uses, list->capacity * sizeof(struct secret_use));
    }
    list->uses[list->count++] = (struct secret_use){.secret = secret};
    return secret;
}

void secret_list_show(struct secret_list *list, const struct secret_node *secret)
{
    struct secret_use *use = find_use(list, secret);

    CHECK(use != NULL);
    use->is_shown = true;
}

static void count_shown(struct secrets *secrets, struct secret_node *secret, bool is_shown_now)
{
    size_t before = secret->shown_count;

    secret->shown_count = is_shown_now ? before + 1 : before - 1;
    if (before == 0 || secret->shown_count == 0)
        secrets->shown_changed = true;
}

static void begin_use(struct secrets *secrets, struct secret_user *user, struct secret_use *use)
{
    use->user = user;
    list_push_back(&use->secret->uses, &use->link);
    if (use->is_shown)
        count_shown(secrets, use->secret, true);
}

static void end_use(struct secrets *secrets, struct secret_use *use)
{
    list_remove(&use->link);
    if (use->is_shown)
        count_shown(secrets, use->secret, false);
    if (list_is_empty(&use->secret->uses) && list_is_empty(&use->secret->idle))
        list_push_back(&secrets->idle, &use->secret->idle);
}

void secret_list_end(struct secrets *secrets, struct secret_user *user, struct secret_list *list)
{
    struct secret_use *uses = NULL;

    if (list->count > 0) {
        uses = mem_new_array(struct secret_use, list->count);
        memcpy(uses, list->uses, list->count * sizeof(*uses));
    }
    for (size_t i = 0; i < list->count; i++)
        begin_use(secrets, user, &uses[i]);
    for (size_t i = 0; i < user->uses_count; i++)
        end_use(secrets, &user->uses[i]);
    mem_free(user->uses);
    user->uses = uses;
    user->uses_count = list->count;
}
