/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolver.c - looks DNS names up by the system's own resolver, on libuv's thread pool.
 *
 * libuv lets lookups have half of the pool's threads at most, so slow DNS never holds a compile up.
 */
#include "controller/resolver.h"

#include "core/check.h"
#include "core/list.h"
#include "core/map.h"

#include <netdb.h>
#include <stdlib.h>

struct name {
    struct list link; /* in resolver->names */
    struct resolver *resolver;
    uint64_t round; /* of the last resolver_follow() that wanted it */
    uv_getaddrinfo_t request;
    bool is_busy;
    bool is_gone; /* nobody asks for it any more; freed when the lookup has come back */
    bool was_tried;
    bool is_failing;           /* the last lookup failed: told once */
    struct address *addresses; /* owned; the last good answer, sorted */
    size_t addresses_count;
    char text[]; /* NUL-terminated */
};

struct resolver {
    uv_loop_t *loop;
    struct log *log;
    uv_timer_t timer;
    uint32_t interval_ms;
    resolver_answer_fn *on_answer;
    void *context;
    struct list names;
    struct map by_text; /* the same names */
    uint64_t round;
    size_t busy_count;
    uint64_t failures;
    bool is_closing;
    bool timer_is_closed;
    resolver_closed_fn *on_closed;
    void *closed_context;
};

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *answers);

static void look_up(struct name *name)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};

    if (name->is_busy)
        return;
    if (uv_getaddrinfo(name->resolver->loop, &name->request, on_resolved,
                       address_name_to_ask(name->text), "0", &hints) != 0) {
        name->was_tried = true; /* a text that cannot be asked for: it resolves to nothing */
        return;
    }
    name->is_busy = true;
    name->resolver->busy_count++;
}

static void on_timer(uv_timer_t *timer)
{
    struct resolver *resolver = timer->data;

    LIST_EACH (&resolver->names, link)
        look_up(LIST_ENTRY(link, struct name, link));
}

struct resolver *resolver_create(uv_loop_t *loop, struct log *log, uint32_t interval_ms,
                                 resolver_answer_fn *on_answer, void *context)
{
    struct resolver *resolver = mem_new(struct resolver);

    resolver->loop = loop;
    resolver->log = log;
    resolver->interval_ms = interval_ms;
    resolver->on_answer = on_answer;
    resolver->context = context;
    list_init(&resolver->names);
    map_init(&resolver->by_text);
    CHECK(uv_timer_init(loop, &resolver->timer) == 0);
    resolver->timer.data = resolver;
    return resolver;
}

static void name_destroy(struct name *name)
{
    list_remove(&name->link);
    mem_free(name->addresses);
    mem_free(name);
}

/* A lookup under way cannot be stopped: its callback frees the name. */
static void name_drop(struct name *name)
{
    (void)map_remove(&name->resolver->by_text, bytes_of(name->text));
    name->is_gone = true;
    list_remove(&name->link);
    if (name->is_busy)
        (void)uv_cancel((uv_req_t *)&name->request);
    else
        name_destroy(name);
}

static void maybe_closed(struct resolver *resolver)
{
    resolver_closed_fn *on_closed = resolver->on_closed;
    void *context = resolver->closed_context;

    if (!resolver->is_closing || !resolver->timer_is_closed || resolver->busy_count > 0)
        return;
    map_fini(&resolver->by_text);
    mem_free(resolver);
    on_closed(context);
}

static int compare_addresses(const void *a, const void *b)
{
    return address_compare(a, b);
}

/* Sorted, so that DNS servers that rotate their answers do not look like a change each time. */
static size_t take_addresses(const struct addrinfo *answers, struct address *addresses)
{
    size_t count = 0;

    for (; answers != NULL && count < RESOLVED_ADDRESSES_MAX; answers = answers->ai_next) {
        if (address_from_sockaddr(answers->ai_addr, &addresses[count]) == STATUS_OK)
            addresses[count++].port = 0;
    }
    qsort(addresses, count, sizeof(*addresses), compare_addresses);
    return count;
}

static struct answer *answer_create(const struct name *name)
{
    size_t name_len = strlen(name->text);
    size_t addresses_len = name->addresses_count * sizeof(struct address);
    struct answer *answer = mem_alloc(sizeof(*answer) + addresses_len + name_len);
    char *at = (char *)(answer + 1);

    memcpy(at, name->addresses, addresses_len);
    memcpy(at + addresses_len, name->text, name_len);
    answer->resolved.addresses = (const struct address *)(void *)at;
    answer->resolved.addresses_count = name->addresses_count;
    answer->resolved.name = bytes_from(at + addresses_len, name_len);
    return answer;
}

/* The answer when it is news, else NULL. */
static struct answer *take_answer(struct name *name, const struct addrinfo *answers)
{
    struct address addresses[RESOLVED_ADDRESSES_MAX];
    size_t count = take_addresses(answers, addresses);

    name->is_failing = false;
    if (count == 0 || (count == name->addresses_count &&
                       memcmp(addresses, name->addresses, count * sizeof(*addresses)) == 0))
        return NULL;
    mem_free(name->addresses);
    name->addresses = mem_new_array(struct address, count);
    memcpy(name->addresses, addresses, count * sizeof(*addresses));
    name->addresses_count = count;
    return answer_create(name);
}

static void take_failure(struct name *name, int status)
{
    name->resolver->failures++;
    if (!name->is_failing)
        log_warn(name->resolver->log, "external name does not resolve",
                 LOG_STRING("name", name->text), LOG_STRING("error", uv_strerror(status)));
    name->is_failing = true;
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *answers)
{
    struct name *name = (struct name *)(void *)((char *)request - offsetof(struct name, request));
    struct resolver *resolver = name->resolver;
    struct answer *answer = NULL;
    bool is_gone = name->is_gone;

    name->is_busy = false;
    name->was_tried = true;
    resolver->busy_count--;
    if (is_gone)
        name_destroy(name);
    else if (status == 0)
        answer = take_answer(name, answers);
    else
        take_failure(name, status);
    uv_freeaddrinfo(answers);
    if (!is_gone)
        resolver->on_answer(resolver->context, answer);
    maybe_closed(resolver);
}

static struct name *add_name(struct resolver *resolver, struct bytes text)
{
    struct name *name = mem_alloc(sizeof(*name) + text.len + 1);

    name->resolver = resolver;
    memcpy(name->text, text.at, text.len);
    list_push_back(&resolver->names, &name->link);
    (void)map_put(&resolver->by_text, bytes_of(name->text), name);
    look_up(name);
    return name;
}

static void run_timer(struct resolver *resolver)
{
    if (list_is_empty(&resolver->names))
        (void)uv_timer_stop(&resolver->timer);
    else if (!uv_is_active((const uv_handle_t *)&resolver->timer))
        (void)uv_timer_start(&resolver->timer, on_timer, resolver->interval_ms,
                             resolver->interval_ms);
}

void resolver_follow(struct resolver *resolver, const struct bytes *names, size_t count)
{
    resolver->round++;
    for (size_t i = 0; i < count; i++) {
        struct name *name = map_get(&resolver->by_text, names[i]);

        if (name == NULL)
            name = add_name(resolver, names[i]);
        name->round = resolver->round;
    }
    LIST_EACH (&resolver->names, link) {
        struct name *name = LIST_ENTRY(link, struct name, link);

        if (name->round != resolver->round)
            name_drop(name);
    }
    run_timer(resolver);
}

bool resolver_has_tried_all(const struct resolver *resolver)
{
    for (const struct list *link = resolver->names.next; link != &resolver->names;
         link = link->next) {
        const struct name *name =
            (const struct name *)(const void *)((const char *)link - offsetof(struct name, link));

        if (!name->was_tried)
            return false;
    }
    return true;
}

uint64_t resolver_names_count(const struct resolver *resolver)
{
    return resolver->by_text.count;
}

uint64_t resolver_failures_count(const struct resolver *resolver)
{
    return resolver->failures;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct resolver *resolver = handle->data;

    resolver->timer_is_closed = true;
    maybe_closed(resolver);
}

void resolver_close(struct resolver *resolver, resolver_closed_fn *on_closed, void *context)
{
    resolver->is_closing = true;
    resolver->on_closed = on_closed;
    resolver->closed_context = context;
    LIST_EACH (&resolver->names, link)
        name_drop(LIST_ENTRY(link, struct name, link));
    uv_close((uv_handle_t *)&resolver->timer, on_timer_closed);
}
