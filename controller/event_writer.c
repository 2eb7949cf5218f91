/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_writer.c - decides which Kubernetes Events to write, and when.
 *
 *     round: statuses, then findings -> complaint -> told? -> send
 *            then those told that nobody complains about any more -> send that they are well
 */
#include "controller/event_writer.h"

#include "controller/event_text.h"
#include "controller/rounds.h"
#include "controller/title.h"
#include "core/check.h"
#include "core/map.h"

#define COMPLAINT_SEED 0x6661697265766e74u /* the same everywhere, for ever */

/* An object that was wrong, and what has been said of it. */
struct told {
    struct event_write write; /* first; texts below */
    struct bytes title;       /* "Ingress ns/name", behind the struct */
    struct title object;      /* slices of it */
    uint64_t uid;             /* a hash of that of the object that was told about; 0: none was */
    uint64_t complaint;       /* a hash of what was told to be wrong last */
    bool is_wrong;            /* what was told last is that */
    uint32_t counts[2];       /* how often: that it is well, that it is wrong in this way */
    uint32_t events;          /* about it altogether */
    uint64_t next_at_ms;      /* for the next Event */
    uint64_t forget_at_ms;    /* once it is well */
    uint32_t round;           /* that met a complaint last */
    bool is_under_way;
    bool says_wrong;        /* what is under way, */
    uint64_t says;          /* and of which complaint */
    struct text event_name; /* texts of the write */
    struct text body;
};

enum stage { STAGE_STATUSES, STAGE_FINDINGS, STAGE_WELL, STAGE_OVER };

struct event_writer {
    status_find_fn *find;
    event_send_fn *send;
    void *context;
    struct bytes instance;
    const struct table *table; /* borrowed, or NULL */
    struct map told;           /* by title */
    struct rounds rounds;
    enum stage stage;
    size_t at;
    size_t leaving_out; /* in this round so far */
    size_t left_out;
};

/* The moment of a run. */
struct moment {
    uint64_t now_ms;
    int64_t wall_us;
};

struct event_writer *event_writer_create(status_find_fn *find, event_send_fn *send, void *context,
                                         struct bytes instance, uint64_t now_ms)
{
    static const struct rounds_pace pace = {EVENTS_PER_SECOND, EVENTS_BURST, EVENTS_AT_ONCE,
                                            EVENT_ROUND_GAP_MS};
    struct event_writer *writer = mem_new(struct event_writer);

    writer->find = find;
    writer->send = send;
    writer->context = context;
    writer->instance = instance;
    writer->stage = STAGE_OVER;
    rounds_init(&writer->rounds, &pace, now_ms);
    map_init(&writer->told);
    return writer;
}

static void told_destroy(struct told *told)
{
    text_fini(&told->event_name);
    text_fini(&told->body);
    mem_free(told);
}

void event_writer_stop(struct event_writer *writer)
{
    struct told *told;
    size_t at = 0;

    while ((told = map_next(&writer->told, &at)) != NULL)
        told_destroy(told);
    map_fini(&writer->told);
    map_init(&writer->told);
    writer->rounds.under_way = 0;
    writer->stage = STAGE_OVER;
    rounds_want(&writer->rounds);
}

void event_writer_destroy(struct event_writer *writer)
{
    event_writer_stop(writer);
    map_fini(&writer->told);
    mem_free(writer);
}

void event_writer_set_table(struct event_writer *writer, const struct table *table)
{
    writer->table = table;
    rounds_want(&writer->rounds);
}

size_t event_writer_left_out(const struct event_writer *writer)
{
    return writer->left_out;
}

/* ---- who was told ---- */

static struct told *told_create(struct event_writer *writer, struct bytes title)
{
    struct told *told = mem_alloc(sizeof(*told) + title.len);
    char *at = (char *)(told + 1);

    memcpy(at, title.at, title.len);
    told->title = bytes_from(at, title.len);
    if (!title_read(told->title, &told->object)) {
        mem_free(told);
        return NULL;
    }
    (void)map_put(&writer->told, told->title, told);
    return told;
}

static void told_forget(struct event_writer *writer, struct told *told)
{
    (void)map_remove(&writer->told, told->title);
    told_destroy(told);
}

static uint64_t hash_of_uid(const struct kube_status *known)
{
    return bytes_hash(known->uid) | 1;
}

/* An object that was made anew is another, of which nothing was told. While something about the one
 * before is under way, it is waited for. */
static bool is_of_another(const struct event_writer *writer, const struct told *told)
{
    struct kube_status known;

    return told->uid != 0 && !told->is_under_way &&
           writer->find(writer->context, told->object.kind, told->object.ns, told->object.name,
                        &known) &&
           told->uid != hash_of_uid(&known);
}

static void begin(struct event_writer *writer, struct told *told, const struct kube_status *known,
                  struct bytes note, const struct moment *moment)
{
    const struct event_said said = {.object = told->object,
                                    .uid = known->uid,
                                    .is_wrong = told->says_wrong,
                                    .complaint = told->says,
                                    .note = note,
                                    .instance = writer->instance,
                                    .wall_us = moment->wall_us};
    uint32_t count;

    if (told->says_wrong && told->says != told->complaint)
        told->counts[0] = told->counts[1] = 0; /* wrong in another way */
    count = told->counts[told->says_wrong];
    text_clear(&told->event_name);
    event_text_add_name(&said, &told->event_name);
    text_clear(&told->body);
    if (count == 0)
        event_text_add_event(&said, text_bytes(&told->event_name), &told->body);
    else
        event_text_add_series(count + 1, moment->wall_us, &told->body);
    told->is_under_way = true;
    told->write = (struct event_write){.is_more = count > 0,
                                       .ns = told->object.ns,
                                       .name = text_bytes(&told->event_name),
                                       .body = text_bytes(&told->body)};
    writer->send(writer->context, &told->write);
}

/* ---- rounds ---- */

/* False when the round must stop here for now. */
static bool say(struct event_writer *writer, struct told *told, bool is_wrong, uint64_t complaint,
                struct bytes note, const struct moment *moment)
{
    struct kube_status known;

    if (told->is_under_way)
        return true;
    if (moment->now_ms < told->next_at_ms) {
        rounds_wake_by(&writer->rounds, told->next_at_ms);
        return true;
    }
    if (!writer->find(writer->context, told->object.kind, told->object.ns, told->object.name,
                      &known)) {
        told_forget(writer, told);
        return true;
    }
    if (!rounds_may_send(&writer->rounds, moment->now_ms))
        return false;
    told->says_wrong = is_wrong;
    told->says = complaint;
    told->uid = hash_of_uid(&known);
    begin(writer, told, &known, note, moment);
    return true;
}

/* Only the first complaint about an object in a round counts. */
static bool complain(struct event_writer *writer, struct bytes title, struct bytes text,
                     const struct moment *moment)
{
    struct told *told = map_get(&writer->told, title);
    uint64_t complaint = bytes_hash_from(text, COMPLAINT_SEED);

    if (told != NULL && is_of_another(writer, told)) {
        told_forget(writer, told);
        told = NULL;
    }
    if (told == NULL && writer->told.count >= EVENT_TOLD_MAX) {
        writer->leaving_out++;
        return true;
    }
    if (told == NULL)
        told = told_create(writer, title);
    if (told == NULL || told->round == writer->rounds.number)
        return true;
    if (!(told->is_wrong && told->complaint == complaint) &&
        !say(writer, told, true, complaint, text, moment))
        return false;
    told = map_get(&writer->told, title); /* it may have been forgotten */
    if (told != NULL)
        told->round = writer->rounds.number;
    return true;
}

static void enter(struct event_writer *writer, enum stage stage)
{
    writer->stage = stage;
    writer->at = 0;
}

static bool look_at_status(struct event_writer *writer, const struct moment *moment)
{
    const struct object_status *status;

    if (writer->table == NULL || writer->at >= table_statuses_count(writer->table)) {
        enter(writer, STAGE_FINDINGS);
        return true;
    }
    status = table_status(writer->table, writer->at);
    if (status->state == OBJECT_INVALID &&
        !complain(writer, status->object, status->description, moment))
        return false;
    writer->at++;
    return true;
}

static bool look_at_finding(struct event_writer *writer, const struct moment *moment)
{
    const struct finding *finding;

    if (writer->table == NULL || writer->at >= table_findings_count(writer->table)) {
        enter(writer, STAGE_WELL);
        return true;
    }
    finding = table_finding(writer->table, writer->at);
    if (finding->is_error && finding->object.len > 0 &&
        !complain(writer, finding->object, finding->text, moment))
        return false;
    writer->at++;
    return true;
}

/* Nobody complained about it in this round. */
static bool look_at_told(struct event_writer *writer, const struct moment *moment)
{
    size_t at = writer->at;
    struct told *told = map_next(&writer->told, &at);

    if (told == NULL) {
        enter(writer, STAGE_OVER);
        writer->left_out = writer->leaving_out;
        return true;
    }
    if (is_of_another(writer, told)) {
        told_forget(writer, told);
    } else if (told->round != writer->rounds.number && told->is_wrong) {
        if (!say(writer, told, false, told->complaint, BYTES("nothing is wrong any more"), moment))
            return false;
    } else if (told->round != writer->rounds.number && !told->is_under_way) {
        if (moment->now_ms >= told->forget_at_ms)
            told_forget(writer, told);
        else
            rounds_wake_by(&writer->rounds, told->forget_at_ms);
    }
    writer->at = at;
    return true;
}

static bool look_at_next(struct event_writer *writer, const struct moment *moment)
{
    switch (writer->stage) {
    case STAGE_STATUSES:
        return look_at_status(writer, moment);
    case STAGE_FINDINGS:
        return look_at_finding(writer, moment);
    case STAGE_WELL:
        return look_at_told(writer, moment);
    case STAGE_OVER:
        break;
    }
    return false;
}

static void begin_round(struct event_writer *writer, uint64_t now_ms)
{
    rounds_begin(&writer->rounds, now_ms);
    writer->leaving_out = 0;
    enter(writer, STAGE_STATUSES);
}

/* Until the end of the round: when to go on. */
static uint64_t go_round(struct event_writer *writer, const struct moment *moment)
{
    for (int looks = 0; looks < EVENT_LOOKS_MAX && writer->stage != STAGE_OVER; looks++) {
        if (!look_at_next(writer, moment))
            return rounds_send_ms(&writer->rounds, moment->now_ms);
    }
    return moment->now_ms;
}

uint64_t event_writer_run(struct event_writer *writer, uint64_t now_ms, int64_t wall_us)
{
    const struct moment moment = {now_ms, wall_us};

    if (now_ms < writer->rounds.held_until_ms)
        return writer->rounds.held_until_ms;
    if (writer->stage == STAGE_OVER && rounds_is_due(&writer->rounds, now_ms))
        begin_round(writer, now_ms);
    if (writer->stage != STAGE_OVER) {
        uint64_t again_ms = go_round(writer, &moment);

        if (writer->stage != STAGE_OVER)
            return again_ms;
    }
    return rounds_next_ms(&writer->rounds);
}

/* ---- answers ---- */

/* It was said, by us now or by somebody before. */
static void on_said(struct told *told, uint64_t now_ms)
{
    told->is_wrong = told->says_wrong;
    told->complaint = told->says;
    told->counts[told->says_wrong]++;
    told->events++;
    told->next_at_ms = told->events < EVENTS_FREE ? now_ms : now_ms + EVENT_GAP_MS;
    told->forget_at_ms = now_ms + EVENT_KEPT_MS;
}

void event_writer_answered(struct event_writer *writer, struct event_write *write,
                           enum status_answer answer, uint32_t retry_after_ms, uint64_t now_ms)
{
    struct told *told = (struct told *)(void *)write;

    CHECK(told->is_under_way);
    told->is_under_way = false;
    rounds_answered(&writer->rounds, retry_after_ms, now_ms);
    switch (answer) {
    case STATUS_WRITTEN:
    case STATUS_CONFLICT:
        on_said(told, now_ms);
        break;
    case STATUS_GONE:
        if (write->is_more)
            told->counts[told->says_wrong] = 0; /* the API server has forgotten it: say it anew */
        else
            told->next_at_ms = now_ms + EVENT_RETRY_MS;
        break;
    case STATUS_NOT_ALLOWED:
        rounds_hold(&writer->rounds, now_ms + EVENT_FORBIDDEN_MS);
        break;
    case STATUS_MALFORMED:
        on_said(told, now_ms); /* it would not be taken another time either */
        break;
    case STATUS_UNANSWERED:
        told->next_at_ms = now_ms + EVENT_RETRY_MS;
        break;
    case STATUS_ANSWERS_COUNT:
        CHECK(false);
    }
}
