/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status_writer.c - decides which statuses to write, and when.
 *
 *     look() -> round: IngressRoutes by the table, then served Ingresses -> differs -> try -> send
 *
 * What was tried is remembered until the object is seen as it should be: what was written is not
 * written again before the watch has brought it, and what failed waits.
 */
#include "controller/status_writer.h"

#include "controller/bucket.h"
#include "core/check.h"
#include "core/map.h"

/* A status that was written, or could not be. */
struct
try {
    struct status_write write; /* first; texts owned, or behind the struct */
    struct bytes key;          /* behind the struct, as are ns and name */
    uint64_t wanted;           /* a hash of what was written */
    struct text version;       /* of the object it was written for */
    struct text body;
    uint64_t retry_at_ms;
    uint32_t failures;
    bool is_under_way;
    bool waits_for_watch; /* written, or another version is there: the watch tells */
    uint32_t round;       /* that met it last */
};

enum stage { STAGE_ROUTES, STAGE_INGRESSES, STAGE_OVER };

struct served {
    struct bytes ns; /* both behind the struct, as "ns/name" */
    struct bytes name;
};

struct status_writer {
    status_find_fn *find;
    status_send_fn *send;
    void *context;
    const struct table *table; /* borrowed, or NULL */
    struct map served;         /* "ns/name" -> struct served */
    struct text addresses;
    struct map tries; /* by key */
    struct bucket bucket;
    enum stage stage;
    size_t at;            /* in the stage */
    uint32_t round;       /* number of this one, or of the last */
    bool is_again_wanted; /* something changed since this round began */
    uint64_t next_round_at_ms;
    uint64_t wake_at_ms;    /* the first of those that wait for another try */
    uint64_t held_until_ms; /* as the server asked */
    size_t under_way;
    size_t differing; /* seen in this round so far */
    size_t waiting;   /* in the last whole one */
};

/* ---- what should be ---- */

/* How a status should be: that of one object. */
struct wanted {
    enum object_kind kind;
    struct bytes ns;
    struct bytes name;
    struct bytes state; /* or the addresses */
    struct bytes description;
};

struct status_writer *status_writer_create(status_find_fn *find, status_send_fn *send,
                                           void *context, uint64_t now_ms)
{
    struct status_writer *writer = mem_new(struct status_writer);

    writer->find = find;
    writer->send = send;
    writer->context = context;
    writer->stage = STAGE_OVER;
    writer->wake_at_ms = UINT64_MAX;
    map_init(&writer->served);
    map_init(&writer->tries);
    text_init(&writer->addresses);
    bucket_init(&writer->bucket, STATUS_WRITES_PER_SECOND, STATUS_WRITES_BURST, now_ms);
    return writer;
}

static void try_destroy(struct try *try)
{
    text_fini(&try->version);
    text_fini(&try->body);
    mem_free(try);
}

static void forget_tries(struct status_writer *writer)
{
    struct try *try;
    size_t at = 0;

    while ((try = map_next(&writer->tries, &at)) != NULL)
        try_destroy(try);
    map_fini(&writer->tries);
    map_init(&writer->tries);
    writer->under_way = 0;
}

void status_writer_destroy(struct status_writer *writer)
{
    void *served;
    size_t at = 0;

    forget_tries(writer);
    map_fini(&writer->tries);
    while ((served = map_next(&writer->served, &at)) != NULL)
        mem_free(served);
    map_fini(&writer->served);
    text_fini(&writer->addresses);
    mem_free(writer);
}

void status_writer_look(struct status_writer *writer)
{
    writer->is_again_wanted = true;
}

void status_writer_set_table(struct status_writer *writer, const struct table *table)
{
    writer->table = table;
    status_writer_look(writer);
}

static struct served *served_create(struct bytes ns, struct bytes name)
{
    struct served *served = mem_alloc(sizeof(*served) + ns.len + 1 + name.len);
    char *at = (char *)(served + 1);

    memcpy(at, ns.at, ns.len);
    at[ns.len] = '/';
    memcpy(at + ns.len + 1, name.at, name.len);
    served->ns = bytes_from(at, ns.len);
    served->name = bytes_from(at + ns.len + 1, name.len);
    return served;
}

void status_writer_set_served(struct status_writer *writer, struct bytes ns, struct bytes name,
                              bool is_served)
{
    struct served *served = served_create(ns, name);
    struct bytes key = bytes_from(served->ns.at, ns.len + 1 + name.len);

    status_writer_look(writer);
    if (is_served) {
        mem_free(map_put(&writer->served, key, served));
        return;
    }
    mem_free(map_remove(&writer->served, key));
    mem_free(served);
}

void status_writer_set_addresses(struct status_writer *writer, struct bytes addresses)
{
    if (bytes_equal(text_bytes(&writer->addresses), addresses))
        return;
    text_clear(&writer->addresses);
    text_add(&writer->addresses, addresses);
    status_writer_look(writer);
}

/* ---- tries ---- */

static void add_key(struct text *key, const struct wanted *wanted)
{
    text_add_str(key, object_kind_name(wanted->kind));
    text_add_byte(key, ' ');
    text_add(key, wanted->ns);
    text_add_byte(key, '/');
    text_add(key, wanted->name);
}

static struct try *try_find(struct status_writer *writer, const struct wanted *wanted)
{
    struct try *try;
    struct text key;

    if (writer->tries.count == 0)
        return NULL;
    text_init(&key);
    add_key(&key, wanted);
    try = map_get(&writer->tries, text_bytes(&key));
    text_fini(&key);
    return try;
}

static struct try *try_create(struct status_writer *writer, const struct wanted *wanted)
{
    struct text key;
    struct try *try;
    char *at;

    text_init(&key);
    add_key(&key, wanted);
    try = mem_alloc(sizeof(*try) + key.len);
    at = (char *)(try + 1);
    memcpy(at, key.at, key.len);
    try->key = bytes_from(at, key.len);
    try->write.kind = wanted->kind;
    try->write.name = bytes_skip(try->key, key.len - wanted->name.len);
    try->write.ns =
        bytes_slice(try->key, key.len - wanted->name.len - 1 - wanted->ns.len, wanted->ns.len);
    text_fini(&key);
    (void)map_put(&writer->tries, try->key, try);
    return try;
}

static void try_forget(struct status_writer *writer, struct try *try)
{
    (void)map_remove(&writer->tries, try->key);
    try_destroy(try);
}

/* Objects that are not asked about any more. */
static void forget_old_tries(struct status_writer *writer)
{
    struct try *try;
    size_t at = 0;

    while ((try = map_next(&writer->tries, &at)) != NULL) {
        if (!try->is_under_way && try->round != writer->round)
            try_forget(writer, try);
    }
}

static uint64_t hash_of(const struct wanted *wanted)
{
    return bytes_hash_from(wanted->state, bytes_hash(wanted->description));
}

static void write_body(struct text *body, const struct wanted *wanted,
                       const struct kube_status *known)
{
    text_clear(body);
    text_add_str(body, "{\"metadata\":{\"resourceVersion\":");
    text_add_json_string(body, known->resource_version);
    if (wanted->kind == OBJECT_INGRESS) {
        text_add_str(body, "},\"status\":{\"loadBalancer\":{\"ingress\":");
        text_add(body, wanted->state);
        text_add_str(body, "}}}");
        return;
    }
    text_add_str(body, "},\"status\":{\"currentStatus\":");
    text_add_json_string(body, wanted->state);
    text_add_str(body, ",\"description\":");
    text_add_json_string(body, wanted->description);
    text_add_str(body, "}}");
}

/* Whether it is to be written now. */
static bool may_try(struct status_writer *writer, struct try *try, const struct wanted *wanted,
                    const struct kube_status *known, uint64_t now_ms)
{
    bool is_same_version = bytes_equal(text_bytes(&try->version), known->resource_version);

    if (try->is_under_way)
        return false;
    if (try->waits_for_watch && is_same_version && try->wanted == hash_of(wanted))
        return false;
    if (now_ms >= try->retry_at_ms)
        return true;
    if (try->retry_at_ms < writer->wake_at_ms)
        writer->wake_at_ms = try->retry_at_ms;
    return false;
}

static void begin(struct status_writer *writer, struct try *try, const struct wanted *wanted,
                  const struct kube_status *known)
{
    try->is_under_way = true;
    try->waits_for_watch = false;
    try->wanted = hash_of(wanted);
    text_clear(&try->version);
    text_add(&try->version, known->resource_version);
    write_body(&try->body, wanted, known);
    try->write.body = text_bytes(&try->body);
    writer->under_way++;
    writer->send(writer->context, &try->write);
}

/* False when the round must stop here for now: nothing more may be sent. */
static bool consider(struct status_writer *writer, const struct wanted *wanted, uint64_t now_ms)
{
    struct try *try = try_find(writer, wanted);
    struct kube_status known;

    if (!writer->find(writer->context, wanted->kind, wanted->ns, wanted->name, &known))
        return true;
    if (bytes_equal(known.current_status, wanted->state) &&
        bytes_equal(known.description, wanted->description)) {
        if (try != NULL && !try->is_under_way)
            try_forget(writer, try);
        return true;
    }
    if (try != NULL && !may_try(writer, try, wanted, &known, now_ms)) {
        try->round = writer->round;
        writer->differing++;
        return true;
    }
    if (writer->under_way >= STATUS_WRITES_AT_ONCE || !bucket_take(&writer->bucket, now_ms))
        return false;
    if (try == NULL)
        try = try_create(writer, wanted);
    try->round = writer->round;
    writer->differing++;
    begin(writer, try, wanted, &known);
    return true;
}

/* ---- rounds ---- */

/* "IngressRoute ns/name" */
static bool read_title(struct bytes title, struct wanted *wanted)
{
    size_t slash;

    if (!bytes_starts_with(title, BYTES("IngressRoute ")))
        return false;
    title = bytes_skip(title, sizeof("IngressRoute ") - 1);
    slash = bytes_find(title, '/');
    if (slash == BYTES_NOT_FOUND)
        return false;
    wanted->kind = OBJECT_INGRESS_ROUTE;
    wanted->ns = bytes_slice(title, 0, slash);
    wanted->name = bytes_skip(title, slash + 1);
    return true;
}

static bool look_at_route(struct status_writer *writer, uint64_t now_ms)
{
    const struct object_status *status;
    struct wanted wanted;

    if (writer->table == NULL || writer->at >= table_statuses_count(writer->table)) {
        writer->stage = STAGE_INGRESSES;
        writer->at = 0;
        return true;
    }
    status = table_status(writer->table, writer->at);
    if (read_title(status->object, &wanted)) {
        wanted.state = bytes_of(object_state_word(status->state));
        wanted.description = status->description;
        if (!consider(writer, &wanted, now_ms))
            return false;
    }
    writer->at++;
    return true;
}

/* A map that grows meanwhile may show some twice and some not at all; but then something changed,
 * and another round follows. */
static bool look_at_ingress(struct status_writer *writer, uint64_t now_ms)
{
    size_t at = writer->at;
    const struct served *served = map_next(&writer->served, &at);
    struct wanted wanted = {.kind = OBJECT_INGRESS, .state = text_bytes(&writer->addresses)};

    if (served == NULL || writer->addresses.len == 0) {
        writer->stage = STAGE_OVER;
        return true;
    }
    wanted.ns = served->ns;
    wanted.name = served->name;
    if (!consider(writer, &wanted, now_ms))
        return false;
    writer->at = at;
    return true;
}

static void begin_round(struct status_writer *writer, uint64_t now_ms)
{
    writer->is_again_wanted = false;
    writer->next_round_at_ms = now_ms + STATUS_ROUND_GAP_MS;
    writer->wake_at_ms = UINT64_MAX;
    writer->round++;
    writer->differing = 0;
    writer->stage = STAGE_ROUTES;
    writer->at = 0;
}

static void end_round(struct status_writer *writer)
{
    writer->waiting = writer->differing;
    forget_old_tries(writer);
}

/* Go on until all has been looked at, or no more may be done now. */
static uint64_t go_round(struct status_writer *writer, uint64_t now_ms)
{
    for (int looks = 0; looks < STATUS_LOOKS_MAX; looks++) {
        bool may_go_on = writer->stage == STAGE_ROUTES ? look_at_route(writer, now_ms)
                                                       : look_at_ingress(writer, now_ms);

        if (!may_go_on && writer->under_way >= STATUS_WRITES_AT_ONCE)
            return UINT64_MAX; /* an answer comes */
        if (!may_go_on)
            return bucket_next_ms(&writer->bucket, now_ms);
        if (writer->stage == STAGE_OVER) {
            end_round(writer);
            return UINT64_MAX;
        }
    }
    return now_ms;
}

static bool is_round_due(const struct status_writer *writer, uint64_t now_ms)
{
    return now_ms >= writer->next_round_at_ms &&
           (writer->is_again_wanted || now_ms >= writer->wake_at_ms);
}

static uint64_t next_round_ms(const struct status_writer *writer)
{
    uint64_t at_ms = writer->is_again_wanted ? writer->next_round_at_ms : writer->wake_at_ms;

    return at_ms > writer->next_round_at_ms ? at_ms : writer->next_round_at_ms;
}

uint64_t status_writer_run(struct status_writer *writer, uint64_t now_ms)
{
    if (now_ms < writer->held_until_ms)
        return writer->held_until_ms;
    if (writer->stage == STAGE_OVER && is_round_due(writer, now_ms))
        begin_round(writer, now_ms);
    if (writer->stage != STAGE_OVER) {
        uint64_t again_ms = go_round(writer, now_ms);

        if (writer->stage != STAGE_OVER)
            return again_ms;
    }
    if (!writer->is_again_wanted && writer->wake_at_ms == UINT64_MAX)
        return UINT64_MAX;
    return next_round_ms(writer);
}

/* ---- answers ---- */

static uint64_t retry_ms(uint32_t failures, uint64_t first_ms, uint64_t max_ms)
{
    uint64_t wait_ms = first_ms;

    for (uint32_t i = 1; i < failures && wait_ms < max_ms; i++)
        wait_ms *= 2;
    return wait_ms < max_ms ? wait_ms : max_ms;
}

void status_writer_answered(struct status_writer *writer, struct status_write *write,
                            enum status_answer answer, uint32_t retry_after_ms, uint64_t now_ms)
{
    struct try *try = (struct try *)(void *)write;

    CHECK(try->is_under_way && writer->under_way > 0);
    try->is_under_way = false;
    writer->under_way--;
    if (retry_after_ms > 0)
        writer->held_until_ms = now_ms + retry_after_ms;
    switch (answer) {
    case STATUS_WRITTEN:
        try->failures = 0;
        try->waits_for_watch = true;
        break;
    case STATUS_CONFLICT:
    case STATUS_GONE:
        try->waits_for_watch = true;
        break;
    case STATUS_NOT_ALLOWED:
    case STATUS_MALFORMED:
        try->retry_at_ms = now_ms + retry_ms(++try->failures, STATUS_REFUSED_RETRY_MS,
                                             STATUS_REFUSED_RETRY_MS_MAX);
        break;
    case STATUS_UNANSWERED:
        try->retry_at_ms = now_ms + retry_ms(++try->failures, STATUS_RETRY_MS, STATUS_RETRY_MS_MAX);
        break;
    case STATUS_ANSWERS_COUNT:
        CHECK(false);
    }
    status_writer_look(writer); /* the object may have changed while it was written */
}

void status_writer_stop(struct status_writer *writer)
{
    forget_tries(writer);
    writer->stage = STAGE_OVER;
    writer->waiting = 0;
}

size_t status_writer_waiting(const struct status_writer *writer)
{
    return writer->waiting;
}
