/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leader.c - lease.h with a timer and calls.
 *
 *     timer -> lease_next() -> call -> lease_answered() -> timer
 *
 * One call at a time. Its own timeout is short, so that a server that does not answer costs one try
 * and not the Lease.
 */
#include "controller/leader.h"

#include "controller/api_path.h"
#include "controller/lease.h"
#include "core/check.h"
#include "core/metrics.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define ROOT           "/apis/coordination.k8s.io/v1"
#define RESOURCE       "leases"
#define CALL_MS        2500  /* three of them fit between a renewal and the deadline */
#define RELEASE_MS     1500  /* of the shutdown, for giving the Lease back */
#define ANSWER_MAX     65536 /* bytes; a Lease with what others hang on it */
#define HOST_BYTES_MAX 128   /* of the host's name in the identity */

struct leader {
    struct leader_config config;
    struct lease lease;
    uv_timer_t timer;
    struct api_call *call; /* under way, or NULL */
    struct text answer;    /* its body */
    bool is_answer_too_large;
    bool was_leading; /* as last told */
    bool is_closing;
    uint64_t close_by_ms;  /* then, by clock_ms() */
    bool has_said_refused; /* that we may not; said once until it goes well again */
    uint64_t transitions;
    uint64_t failures;
    leader_closed_fn *on_closed;
    void *closed_context;
};

static void go_on(struct leader *leader);

/* The clock that goes on while the machine sleeps: what slept for a minute leads no more. */
static uint64_t clock_ms(void)
{
    struct timespec now;

    CHECK(clock_gettime(CLOCK_BOOTTIME, &now) == 0);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void leader_make_identity(struct text *identity)
{
    const char *pod = getenv("POD_NAME");
    char host[HOST_BYTES_MAX] = "";
    uint64_t random;

    CHECK(uv_random(NULL, NULL, &random, sizeof(random), 0, NULL) == 0);
    if (pod == NULL || pod[0] == '\0') {
        (void)gethostname(host, sizeof(host) - 1);
        pod = host;
    }
    text_init(identity);
    text_add(identity, bytes_slice(bytes_of(pod), 0, HOST_BYTES_MAX));
    text_printf(identity, "_%016llx", (unsigned long long)random);
}

bool leader_is_leading(const struct leader *leader)
{
    return !leader->is_closing && lease_is_leading(&leader->lease, clock_ms());
}

static void tell_change(struct leader *leader)
{
    bool leads = leader_is_leading(leader);

    if (leads == leader->was_leading || leader->is_closing)
        return;
    leader->was_leading = leads;
    leader->transitions += leads;
    if (leads)
        log_info(leader->config.log, "leading: statuses and events are written from here");
    else
        log_warn(leader->config.log, "leading no more: the lease could not be renewed or is "
                                     "another's; serving goes on");
    leader->config.on_changed(leader->config.context);
}

/* ---- calls ---- */

static void on_bytes(void *context, int status, struct bytes bytes)
{
    struct leader *leader = context;

    (void)status;
    if (leader->answer.len + bytes.len > ANSWER_MAX)
        leader->is_answer_too_large = true;
    else
        text_add(&leader->answer, bytes);
}

static void say_refusal(struct leader *leader, const struct api_result *result)
{
    if (leader->has_said_refused)
        return;
    leader->has_said_refused = true;
    log_error(leader->config.log,
              "may not use the lease: no statuses and events are written; the role lacks get, "
              "create or patch on leases",
              LOG_BYTES("namespace", leader->config.ns), LOG_BYTES("lease", leader->config.name),
              LOG_UINT("status", (uint64_t)result->status));
}

static enum lease_answer answer_of(struct leader *leader, const struct api_result *result,
                                   struct arena *arena, struct lease_record *record)
{
    if (result->end != API_ANSWERED)
        return LEASE_FAILED;
    if (result->status == 404 && leader->lease.asked == LEASE_READ)
        return LEASE_ABSENT;
    if (result->status == 409)
        return LEASE_CONFLICT;
    if (result->status == 403 || result->status == 401 || result->status == 404)
        say_refusal(leader, result);
    if (result->status < 200 || result->status > 299 || leader->is_answer_too_large ||
        lease_record_read(text_bytes(&leader->answer), arena, record) != STATUS_OK)
        return LEASE_FAILED;
    leader->has_said_refused = false;
    return LEASE_GOT;
}

static void on_end(void *context, const struct api_result *result)
{
    struct leader *leader = context;
    struct lease_record record = {0};
    enum lease_answer answer;
    struct arena arena;

    leader->call = NULL;
    arena_init(&arena, 512);
    answer = answer_of(leader, result, &arena, &record);
    leader->failures += answer == LEASE_FAILED;
    lease_answered(&leader->lease, answer, answer == LEASE_GOT ? &record : NULL, clock_ms());
    arena_fini(&arena);
    go_on(leader);
}

static void write_record(struct leader *leader, struct text *body)
{
    struct lease_record record;
    struct timespec now;
    struct text time;

    CHECK(clock_gettime(CLOCK_REALTIME, &now) == 0);
    text_init(&time);
    api_path_add_time(&time, (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    record = lease_record_to_write(&leader->lease, text_bytes(&time));
    lease_record_write(&record, leader->config.ns, leader->config.name, body);
    text_fini(&time);
}

static const struct {
    const char *method;
    const char *content_type;
} asks[] = {
    [LEASE_READ] = {"GET", NULL},
    [LEASE_CREATE] = {"POST", "application/json"},
    [LEASE_WRITE] = {"PATCH", "application/merge-patch+json"},
};

/* All that is asked for giving the Lease back has one time together. */
static uint32_t timeout_ms(const struct leader *leader)
{
    uint64_t now_ms = clock_ms();

    if (!leader->is_closing)
        return CALL_MS;
    return now_ms < leader->close_by_ms ? (uint32_t)(leader->close_by_ms - now_ms) : 1;
}

static void ask(struct leader *leader, enum lease_ask ask)
{
    struct text path, body;
    struct api_request request = {.method = asks[ask].method,
                                  .content_type = asks[ask].content_type,
                                  .timeout_ms = timeout_ms(leader),
                                  .on_bytes = on_bytes,
                                  .on_end = on_end,
                                  .context = leader};

    text_init(&path);
    text_init(&body);
    if (ask == LEASE_CREATE)
        api_path_add_list(&path, ROOT, leader->config.ns, RESOURCE);
    else
        api_path_add_object(&path, ROOT, leader->config.ns, RESOURCE, leader->config.name);
    if (ask != LEASE_READ)
        write_record(leader, &body);
    request.path = text_bytes(&path);
    request.body = text_bytes(&body);
    text_clear(&leader->answer);
    leader->is_answer_too_large = false;
    leader->call = api_start(leader->config.api, &request);
    text_fini(&path);
    text_fini(&body);
}

/* ---- the course of it ---- */

static void leader_destroy(struct leader *leader)
{
    leader_closed_fn *on_closed = leader->on_closed;
    void *context = leader->closed_context;

    lease_fini(&leader->lease);
    text_fini(&leader->answer);
    mem_free(leader);
    on_closed(context);
}

static void on_timer_closed(uv_handle_t *handle)
{
    leader_destroy(handle->data);
}

static void on_timer(uv_timer_t *timer)
{
    go_on(timer->data);
}

static void set_timer(struct leader *leader)
{
    uint64_t now_ms = clock_ms(), wake_ms = lease_wake_at_ms(&leader->lease);

    if (wake_ms == UINT64_MAX)
        (void)uv_timer_stop(&leader->timer);
    else
        (void)uv_timer_start(&leader->timer, on_timer, wake_ms > now_ms ? wake_ms - now_ms : 0, 0);
}

/* The last statement of every callback: the leader may be gone afterwards. */
static void go_on(struct leader *leader)
{
    enum lease_ask next = lease_next(&leader->lease, clock_ms());

    tell_change(leader);
    if (next != LEASE_NOTHING)
        ask(leader, next);
    if (!leader->is_closing)
        set_timer(leader);
    else if (leader->call == NULL)
        uv_close((uv_handle_t *)&leader->timer, on_timer_closed);
}

struct leader *leader_open(const struct leader_config *config)
{
    struct leader *leader = mem_new(struct leader);
    uint64_t seed;

    leader->config = *config;
    CHECK(uv_random(NULL, NULL, &seed, sizeof(seed), 0, NULL) == 0);
    text_init(&leader->answer);
    lease_init(&leader->lease, config->identity, seed, clock_ms());
    CHECK(uv_timer_init(config->loop, &leader->timer) == 0);
    leader->timer.data = leader;
    (void)uv_timer_start(&leader->timer, on_timer, 0, 0);
    return leader;
}

void leader_close(struct leader *leader, leader_closed_fn *on_closed, void *context)
{
    leader->is_closing = true;
    leader->close_by_ms = clock_ms() + RELEASE_MS;
    leader->on_closed = on_closed;
    leader->closed_context = context;
    (void)uv_timer_stop(&leader->timer);
    if (leader->call != NULL) {
        api_cancel(leader->call);
        leader->call = NULL;
        lease_answered(&leader->lease, LEASE_FAILED, NULL, clock_ms());
    }
    lease_release(&leader->lease);
    go_on(leader);
}

static void write_one(struct text *out, const char *name, enum metric_type type, const char *help,
                      uint64_t value)
{
    metrics_family(out, name, type, help);
    metrics_sample(out, name, NULL, value);
}

void leader_write_metrics(const struct leader *leader, struct text *out)
{
    write_one(out, "fairlead_leader", METRIC_GAUGE,
              "1 where statuses and events are written from, else 0.", leader_is_leading(leader));
    write_one(out, "fairlead_leader_transitions_total", METRIC_COUNTER,
              "Times this process became the leader.", leader->transitions);
    write_one(out, "fairlead_leader_failures_total", METRIC_COUNTER,
              "Readings and writings of the lease that failed.", leader->failures);
}
