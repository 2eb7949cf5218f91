/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth.c - one reading at a time, and a timer that asks for the next.
 */
#include "controller/kube/auth.h"

#include "controller/kube/exec_credential.h"
#include "controller/kube/exec_plugin.h"
#include "core/check.h"

#include <time.h>

struct auth {
    uv_loop_t *loop;             /* borrowed */
    struct log *log;             /* borrowed */
    const struct access *access; /* borrowed */
    uint32_t period_ms;
    auth_read_fn *on_read;
    void *context;

    struct identity identity;
    uint64_t number; /* 0: there is none */
    uint64_t tls_number;
    int64_t expires_at;
    struct text error;
    struct auth_stats stats;

    uv_timer_t timer;
    uv_work_t work;
    struct exec_plugin *plugin; /* of the reading under way, or NULL */
    struct identity fresh;      /* being read */
    struct text fresh_error;
    enum status fresh_status;
    int64_t fresh_expires_at;
    bool is_reading;
    bool needs_plugin; /* in this reading */
    bool lacks_plugin; /* by the last reading that ran it, it is not there */

    auth_closed_fn *on_closed; /* NULL until closing */
    void *closed_context;
    bool is_timer_closed;
};

static int64_t now_s(void)
{
    return (int64_t)time(NULL);
}

static bool is_expiring(const struct auth *auth, int64_t slack_s)
{
    return auth->expires_at != INT64_MAX && now_s() >= auth->expires_at - slack_s;
}

const struct identity *auth_identity(const struct auth *auth)
{
    return auth->number == 0 || is_expiring(auth, 0) ? NULL : &auth->identity;
}

uint64_t auth_number(const struct auth *auth)
{
    return auth->number;
}

uint64_t auth_tls_number(const struct auth *auth)
{
    return auth->tls_number;
}

struct bytes auth_error(const struct auth *auth)
{
    return text_bytes(&auth->error);
}

bool auth_lacks_plugin(const struct auth *auth)
{
    return auth->lacks_plugin && auth_identity(auth) == NULL;
}

void auth_stats(const struct auth *auth, struct auth_stats *stats)
{
    *stats = auth->stats;
}

static void end_if_closed(struct auth *auth)
{
    if (auth->on_closed == NULL || !auth->is_timer_closed || auth->is_reading)
        return;
    identity_fini(&auth->identity);
    text_fini(&auth->error);
    auth->on_closed(auth->closed_context);
    mem_free(auth);
}

static void on_good_reading(struct auth *auth)
{
    auth->stats.readings++;
    if (auth->error.len > 0)
        log_info(auth->log, "the credentials for the API server can be read again");
    text_clear(&auth->error);
    auth->expires_at = auth->fresh_expires_at;
    if (auth->number > 0 && identity_equal(&auth->identity, &auth->fresh)) {
        identity_fini(&auth->fresh);
        return;
    }
    if (!identity_same_tls(&auth->identity, &auth->fresh))
        auth->tls_number++;
    identity_fini(&auth->identity);
    auth->identity = auth->fresh;
    auth->number++;
    auth->stats.changes++;
}

/* Told when it begins, and not at each attempt. */
static void on_bad_reading(struct auth *auth)
{
    auth->stats.readings_failed++;
    if (!bytes_equal(text_bytes(&auth->error), text_bytes(&auth->fresh_error)))
        log_warn(auth->log, "the credentials for the API server can not be read, the last stay",
                 LOG_BYTES("why", text_bytes(&auth->fresh_error)));
    text_clear(&auth->error);
    text_add(&auth->error, text_bytes(&auth->fresh_error));
    identity_fini(&auth->fresh);
}

static void end_reading(struct auth *auth)
{
    auth->is_reading = false;
    if (auth->fresh_status == STATUS_OK)
        on_good_reading(auth);
    else
        on_bad_reading(auth);
    text_fini(&auth->fresh_error);
    if (auth->on_closed != NULL)
        end_if_closed(auth);
    else
        auth->on_read(auth->context);
}

static void on_plugin_end(void *context, enum status status, struct bytes output,
                          struct bytes error)
{
    struct auth *auth = context;

    auth->plugin = NULL;
    auth->lacks_plugin = status == STATUS_NOT_FOUND;
    auth->fresh_status = status;
    if (status != STATUS_OK)
        text_add(&auth->fresh_error, error);
    else
        auth->fresh_status = exec_credential_read(output, auth->access->exec, &auth->fresh,
                                                  &auth->fresh_expires_at, &auth->fresh_error);
    end_reading(auth);
}

static void run_plugin(struct auth *auth)
{
    struct text info;

    text_init(&info);
    exec_info_add(auth->access, text_bytes(&auth->fresh.ca), &info);
    auth->plugin =
        exec_plugin_start(auth->loop, auth->access->exec, text_bytes(&info), on_plugin_end, auth);
    text_fini(&info);
}

static void copy(struct text *to, const struct text *from)
{
    text_clear(to);
    text_add(to, text_bytes(from));
}

/* What the plugin gave last goes with what the files hold now. */
static void keep_plugin_answer(struct auth *auth)
{
    copy(&auth->fresh.token, &auth->identity.token);
    copy(&auth->fresh.certificate, &auth->identity.certificate);
    copy(&auth->fresh.key, &auth->identity.key);
    auth->fresh_expires_at = auth->expires_at;
}

/* Thread pool: nothing but what belongs to this reading is touched. */
static void work(uv_work_t *request)
{
    struct auth *auth = request->data;

    auth->fresh_status = identity_read(auth->access, &auth->fresh, &auth->fresh_error);
}

static void on_work_done(uv_work_t *request, int status)
{
    struct auth *auth = request->data;

    CHECK(status == 0);
    if (auth->access->exec != NULL && auth->fresh_status == STATUS_OK && auth->on_closed == NULL) {
        if (auth->needs_plugin) {
            run_plugin(auth);
            return;
        }
        keep_plugin_answer(auth);
    }
    end_reading(auth);
}

static void start_reading(struct auth *auth, bool needs_plugin)
{
    if (auth->is_reading || auth->on_closed != NULL)
        return;
    auth->is_reading = true;
    auth->needs_plugin = needs_plugin;
    auth->fresh_expires_at = INT64_MAX;
    text_init(&auth->fresh_error);
    CHECK(uv_queue_work(auth->loop, &auth->work, work, on_work_done) == 0);
}

void auth_read(struct auth *auth)
{
    start_reading(auth, auth->access->exec != NULL);
}

/* A plugin that has never been needed is not run by the clock either. */
static void on_timer(uv_timer_t *timer)
{
    struct auth *auth = timer->data;

    if (auth->access->exec != NULL && auth->number == 0)
        return;
    start_reading(auth, is_expiring(auth, AUTH_EXPIRY_SLACK_S));
}

static void start_timer(struct auth *auth)
{
    uv_timer_init(auth->loop, &auth->timer);
    auth->timer.data = auth;
    auth->work.data = auth;
    uv_timer_start(&auth->timer, on_timer, auth->period_ms, auth->period_ms);
}

enum status auth_open(struct auth **auth, const struct auth_config *config, struct text *error)
{
    struct auth *fresh = mem_new(struct auth);
    enum status status;

    *fresh = (struct auth){
        .loop = config->loop,
        .log = config->log,
        .access = config->access,
        .period_ms = config->period_ms > 0 ? config->period_ms : AUTH_PERIOD_MS,
        .on_read = config->on_read,
        .context = config->context,
        .expires_at = INT64_MAX,
    };
    text_init(&fresh->error);
    status = identity_read(config->access, &fresh->identity, error);
    if (status != STATUS_OK) {
        identity_fini(&fresh->identity);
        mem_free(fresh);
        return status;
    }
    fresh->number = config->access->exec == NULL ? 1 : 0;
    start_timer(fresh);
    *auth = fresh;
    return STATUS_OK;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct auth *auth = handle->data;

    auth->is_timer_closed = true;
    end_if_closed(auth);
}

void auth_close(struct auth *auth, auth_closed_fn *on_closed, void *context)
{
    auth->on_closed = on_closed;
    auth->closed_context = context;
    if (auth->plugin != NULL)
        exec_plugin_stop(auth->plugin);
    uv_close((uv_handle_t *)&auth->timer, on_timer_closed);
}
