/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status_writer.c - decides which statuses to write, and when.
 *
 *     look() -> round: IngressRoutes by the table, then served Ingresses -> differs -> try -> send
 *
 * What was tried is remembered until the object is seen as it should be, and somewhat longer: what
 * was written is not written again before the watch has brought it, what failed waits, and so does
 * what somebody else changes each time.
 */
#include "controller/status_writer.h"

#include "controller/rounds.h"
#include "controller/title.h"
#include "controller/tried.h"
#include "core/check.h"

enum stage { STAGE_ROUTES, STAGE_INGRESSES, STAGE_OVER };

struct served {
    struct bytes ns; /* both behind the struct, as "ns/name" */
    struct bytes name;
};

struct status_writer {
    status_find_fn *find;
    status_send_fn *send;
    status_contested_fn *contested;
    void *context;
    const struct table *table; /* borrowed, or NULL */
    struct map served;         /* "ns/name" -> struct served */
    struct text addresses;
    struct tried_set tried;
    struct rounds rounds;
    enum stage stage;
    size_t at;         /* in the stage */
    size_t differing;  /* seen in this round so far */
    size_t contesting; /* of these and of those that were put right: contested */
    size_t waiting;    /* in the last whole one, as is */
    size_t contested_count;
};

/* ---- what should be ---- */

/* How a status should be: that of one object. */
struct wanted {
    struct title object;
    struct bytes state; /* or the addresses */
    struct bytes description;
};

struct status_writer *status_writer_create(status_find_fn *find, status_send_fn *send,
                                           status_contested_fn *contested, void *context,
                                           uint64_t now_ms)
{
    static const struct rounds_pace pace = {STATUS_WRITES_PER_SECOND, STATUS_WRITES_BURST,
                                            STATUS_WRITES_AT_ONCE, STATUS_ROUND_GAP_MS};
    struct status_writer *writer = mem_new(struct status_writer);

    writer->find = find;
    writer->send = send;
    writer->contested = contested;
    writer->context = context;
    writer->stage = STAGE_OVER;
    rounds_init(&writer->rounds, &pace, now_ms);
    map_init(&writer->served);
    tried_init(&writer->tried);
    text_init(&writer->addresses);
    return writer;
}

void status_writer_destroy(struct status_writer *writer)
{
    void *served;
    size_t at = 0;

    tried_fini(&writer->tried);
    while ((served = map_next(&writer->served, &at)) != NULL)
        mem_free(served);
    map_fini(&writer->served);
    text_fini(&writer->addresses);
    mem_free(writer);
}

void status_writer_look(struct status_writer *writer)
{
    rounds_want(&writer->rounds);
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
    if (wanted->object.kind == OBJECT_INGRESS) {
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
static bool may_try(struct status_writer *writer, struct tried *tried, const struct wanted *wanted,
                    const struct kube_status *known, uint64_t now_ms)
{
    bool is_same_version = bytes_equal(text_bytes(&tried->version), known->resource_version);

    if (tried->is_under_way)
        return false;
    if (tried->waits_for_watch && is_same_version && tried->wanted == hash_of(wanted))
        return false;
    if (now_ms >= tried->retry_at_ms)
        return true;
    rounds_wake_by(&writer->rounds, tried->retry_at_ms);
    return false;
}

static void begin(struct status_writer *writer, struct tried *tried, const struct wanted *wanted,
                  const struct kube_status *known)
{
    tried->is_under_way = true;
    tried->waits_for_watch = false;
    tried->is_written = false;
    tried->uid = bytes_hash(known->uid);
    tried->wanted = hash_of(wanted);
    text_clear(&tried->version);
    text_add(&tried->version, known->resource_version);
    write_body(&tried->body, wanted, known);
    tried->write.body = text_bytes(&tried->body);
    writer->send(writer->context, &tried->write);
}

/* Of this very object: one that was made anew inherits no waiting. */
static struct tried *tried_of(struct status_writer *writer, const struct wanted *wanted,
                              const struct kube_status *known)
{
    struct tried *tried = tried_find(&writer->tried, &wanted->object);

    if (tried == NULL || tried->is_under_way || tried->uid == bytes_hash(known->uid))
        return tried;
    tried_forget(&writer->tried, tried);
    return NULL;
}

/* The round has met it. */
static void meet(struct status_writer *writer, struct tried *tried)
{
    tried->round = writer->rounds.number;
    writer->contesting += tried->contests >= STATUS_CONTESTS_TOLD;
}

/* Once more. */
static void note_contest(struct status_writer *writer, const struct tried *tried)
{
    bool is_first = writer->contested_count == 0 && writer->contesting == 0;

    if (tried->contests == STATUS_CONTESTS_TOLD && is_first)
        writer->contested(writer->context, &tried->write);
}

/* It is as it should be. What we wrote is remembered for as long as a change of it is a contest. */
static void settle(struct status_writer *writer, struct tried *tried, uint64_t now_ms)
{
    if (tried->is_under_way)
        return;
    if (!tried->is_written || now_ms >= tried->written_at_ms + STATUS_CONTEST_MS) {
        tried_forget(&writer->tried, tried);
        return;
    }
    text_fini(&tried->body);
    text_init(&tried->body);
    meet(writer, tried);
}

/* False when the round must stop here for now: nothing more may be sent. */
static bool consider(struct status_writer *writer, const struct wanted *wanted, uint64_t now_ms)
{
    struct kube_status known;
    struct tried *tried;

    if (!writer->find(writer->context, wanted->object.kind, wanted->object.ns, wanted->object.name,
                      &known))
        return true;
    tried = tried_of(writer, wanted, &known);
    if (bytes_equal(known.current_status, wanted->state) &&
        bytes_equal(known.description, wanted->description)) {
        if (tried != NULL)
            settle(writer, tried, now_ms);
        return true;
    }
    if (tried != NULL && tried_note_change(tried, hash_of(wanted), known.resource_version, now_ms))
        note_contest(writer, tried);
    if (tried == NULL || may_try(writer, tried, wanted, &known, now_ms)) {
        if (!rounds_may_send(&writer->rounds, now_ms))
            return false;
        if (tried == NULL)
            tried = tried_add(&writer->tried, &wanted->object);
        begin(writer, tried, wanted, &known);
    }
    meet(writer, tried);
    writer->differing++;
    return true;
}

/* ---- rounds ---- */

static bool look_at_route(struct status_writer *writer, uint64_t now_ms)
{
    const struct object_status *status;
    struct title title;

    if (writer->table == NULL || writer->at >= table_statuses_count(writer->table)) {
        writer->stage = STAGE_INGRESSES;
        writer->at = 0;
        return true;
    }
    status = table_status(writer->table, writer->at);
    if (title_read(status->object, &title) && title.kind == OBJECT_INGRESS_ROUTE) {
        const struct wanted wanted = {title, bytes_of(object_state_word(status->state)),
                                      status->description};

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
    struct wanted wanted = {.object.kind = OBJECT_INGRESS, .state = text_bytes(&writer->addresses)};

    if (served == NULL || writer->addresses.len == 0) {
        writer->stage = STAGE_OVER;
        return true;
    }
    wanted.object.ns = served->ns;
    wanted.object.name = served->name;
    if (!consider(writer, &wanted, now_ms))
        return false;
    writer->at = at;
    return true;
}

static void begin_round(struct status_writer *writer, uint64_t now_ms)
{
    rounds_begin(&writer->rounds, now_ms);
    writer->differing = writer->contesting = 0;
    writer->stage = STAGE_ROUTES;
    writer->at = 0;
}

static void end_round(struct status_writer *writer)
{
    writer->waiting = writer->differing;
    writer->contested_count = writer->contesting;
    tried_forget_old(&writer->tried, writer->rounds.number);
}

/* Go on until all has been looked at, or no more may be done now. */
static uint64_t go_round(struct status_writer *writer, uint64_t now_ms)
{
    for (int looks = 0; looks < STATUS_LOOKS_MAX; looks++) {
        bool may_go_on = writer->stage == STAGE_ROUTES ? look_at_route(writer, now_ms)
                                                       : look_at_ingress(writer, now_ms);

        if (!may_go_on)
            return rounds_send_ms(&writer->rounds, now_ms);
        if (writer->stage == STAGE_OVER) {
            end_round(writer);
            return UINT64_MAX;
        }
    }
    return now_ms;
}

uint64_t status_writer_run(struct status_writer *writer, uint64_t now_ms)
{
    if (now_ms < writer->rounds.held_until_ms)
        return writer->rounds.held_until_ms;
    if (writer->stage == STAGE_OVER && rounds_is_due(&writer->rounds, now_ms))
        begin_round(writer, now_ms);
    if (writer->stage != STAGE_OVER) {
        uint64_t again_ms = go_round(writer, now_ms);

        if (writer->stage != STAGE_OVER)
            return again_ms;
    }
    return rounds_next_ms(&writer->rounds);
}

/* ---- answers ---- */

void status_writer_answered(struct status_writer *writer, struct status_write *write,
                            enum status_answer answer, uint32_t retry_after_ms, uint64_t now_ms)
{
    struct tried *tried = (struct tried *)(void *)write;

    CHECK(tried->is_under_way);
    tried->is_under_way = false;
    rounds_answered(&writer->rounds, retry_after_ms, now_ms);
    switch (answer) {
    case STATUS_WRITTEN:
        tried_note_written(tried, now_ms);
        break;
    case STATUS_CONFLICT:
    case STATUS_GONE:
        tried->waits_for_watch = true;
        break;
    case STATUS_NOT_ALLOWED:
    case STATUS_MALFORMED:
        tried_wait(tried, ++tried->failures, STATUS_REFUSED_RETRY_MS, STATUS_REFUSED_RETRY_MS_MAX,
                   now_ms);
        break;
    case STATUS_UNANSWERED:
        tried_wait(tried, ++tried->failures, STATUS_RETRY_MS, STATUS_RETRY_MS_MAX, now_ms);
        break;
    case STATUS_ANSWERS_COUNT:
        CHECK(false);
    }
}

void status_writer_stop(struct status_writer *writer)
{
    tried_forget_all(&writer->tried);
    writer->rounds.under_way = 0;
    writer->stage = STAGE_OVER;
    writer->waiting = writer->contested_count = 0;
}

size_t status_writer_waiting(const struct status_writer *writer)
{
    return writer->waiting;
}

size_t status_writer_contested(const struct status_writer *writer)
{
    return writer->contested_count;
}
