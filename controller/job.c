/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job.c - one turn of the compiler on the thread pool.
 *
 *     waiting (loop) -> job_start() -> running (thread) -> on_done (loop)
 *
 * What arrives during a run waits and goes into the next run together.
 */
#include "controller/job.h"

#include "controller/resolver.h"
#include "core/check.h"

/* What goes into one run. */
struct input {
    struct source_batch **batches; /* owned, as are the batches */
    size_t batches_count;
    struct answer **answers; /* owned, as are the answers */
    size_t answers_count;
};

struct job {
    uv_loop_t *loop;
    struct log *log; /* borrowed */
    job_done_fn *on_done;
    void *context;
    uv_work_t work;
    bool is_running;
    struct compiler *compiler; /* owned; the thread's while one is running */
    struct input waiting;
    struct input running;
    struct job_result result;
    struct bytes *names; /* owned, as are the texts */
    size_t names_count;
    struct arena names_arena;
    struct map told; /* findings that have been logged; keys are the values */
};

struct job *job_create(uv_loop_t *loop, const struct compile_options *options, struct log *log,
                       job_done_fn *on_done, void *context)
{
    struct job *job = mem_new(struct job);

    job->loop = loop;
    job->log = log;
    job->on_done = on_done;
    job->context = context;
    job->work.data = job;
    job->compiler = compiler_create(options);
    arena_init(&job->names_arena, 1024);
    map_init(&job->told);
    return job;
}

static void input_clear(struct input *input)
{
    for (size_t i = 0; i < input->batches_count; i++)
        source_batch_destroy(input->batches[i]);
    for (size_t i = 0; i < input->answers_count; i++)
        mem_free(input->answers[i]);
    mem_free(input->batches);
    mem_free(input->answers);
    *input = (struct input){0};
}

static void told_clear(struct map *told)
{
    size_t at = 0;
    void *key;

    while ((key = map_next(told, &at)) != NULL)
        mem_free(key);
    map_fini(told);
}

void job_destroy(struct job *job)
{
    CHECK(!job->is_running);
    input_clear(&job->waiting);
    compiler_destroy(job->compiler);
    arena_fini(&job->names_arena);
    mem_free(job->names);
    told_clear(&job->told);
    mem_free(job);
}

void job_add_batch(struct job *job, struct source_batch *batch)
{
    struct input *input = &job->waiting;

    input->batches =
        mem_resize(input->batches, (input->batches_count + 1) * sizeof(*input->batches));
    input->batches[input->batches_count++] = batch;
}

void job_add_answer(struct job *job, struct answer *answer)
{
    struct input *input = &job->waiting;

    input->answers =
        mem_resize(input->answers, (input->answers_count + 1) * sizeof(*input->answers));
    input->answers[input->answers_count++] = answer;
}

bool job_is_running(const struct job *job)
{
    return job->is_running;
}

bool job_has_input(const struct job *job)
{
    return job->waiting.batches_count + job->waiting.answers_count > 0;
}

struct job_result *job_result(struct job *job)
{
    return &job->result;
}

static void copy_names(struct job *job)
{
    size_t count;
    const struct bytes *names = compiler_external_names(job->compiler, &count);

    arena_reset(&job->names_arena);
    job->names = mem_resize(job->names, (count + 1) * sizeof(*job->names));
    for (size_t i = 0; i < count; i++)
        job->names[i] = arena_copy(&job->names_arena, names[i]);
    job->result.names = job->names;
    job->result.names_count = count;
}

/* Where it was read is left out: a finding that only moved to another line is known already. */
static char *finding_key(const struct finding *finding)
{
    struct text key;

    text_init(&key);
    text_add_byte(&key, finding->is_error ? 'e' : 'w');
    text_add(&key, finding->object.len > 0 ? finding->object : finding->location);
    text_add_byte(&key, ' ');
    text_add(&key, finding->text);
    text_add_byte(&key, '\0');
    return key.at; /* the text's memory is the key now */
}

static void log_finding(struct log *log, const struct finding *finding)
{
    if (finding->is_error)
        log_error(log, "manifest error", LOG_BYTES("at", finding->location),
                  LOG_BYTES("object", finding->object), LOG_BYTES("text", finding->text));
    else
        log_warn(log, "manifest warning", LOG_BYTES("at", finding->location),
                 LOG_BYTES("object", finding->object), LOG_BYTES("text", finding->text));
}

/* Each is logged once, when it appears; again only after it had gone. */
static void log_findings(struct job *job, const struct table *table)
{
    struct map told;

    map_init(&told);
    for (size_t i = 0; i < table_findings_count(table); i++) {
        const struct finding *finding = table_finding(table, i);
        char *key = finding_key(finding);
        char *same;

        if (map_get(&job->told, bytes_of(key)) == NULL && map_get(&told, bytes_of(key)) == NULL)
            log_finding(job->log, finding);
        same = map_put(&told, bytes_of(key), key);
        mem_free(same);
    }
    told_clear(&job->told);
    job->told = told;
}

static void on_work(uv_work_t *work)
{
    struct job *job = work->data;
    struct input *input = &job->running;
    uint64_t started_ns = uv_hrtime();

    for (size_t i = 0; i < input->batches_count; i++)
        compiler_apply(job->compiler, input->batches[i]);
    for (size_t i = 0; i < input->answers_count; i++)
        compiler_resolved(job->compiler, &input->answers[i]->resolved);
    job->result.table = compiler_run(job->compiler);
    job->result.compile_us = (uv_hrtime() - started_ns) / 1000;
    compiler_stats(job->compiler, &job->result.stats);
    copy_names(job);
    if (job->result.table != NULL)
        log_findings(job, job->result.table);
    input_clear(input);
}

static void on_work_done(uv_work_t *work, int status)
{
    struct job *job = work->data;

    CHECK(status == 0); /* nobody cancels it */
    job->is_running = false;
    job->on_done(job->context);
}

void job_start(struct job *job)
{
    CHECK(!job->is_running);
    job->is_running = true;
    job->running = job->waiting;
    job->waiting = (struct input){0};
    job->result = (struct job_result){0};
    CHECK(uv_queue_work(job->loop, &job->work, on_work, on_work_done) == 0);
}
