/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turn.c - one turn of the compiler on the thread pool.
 *
 *     waiting (loop) -> turn_start() -> running (thread) -> on_done (loop)
 *
 * What arrives during a run waits and goes into the next run together.
 */
#include "controller/turn.h"

#include "controller/resolver.h"
#include "core/check.h"
#include "core/env.h"

#include <time.h>

#define TRIM_CHANGES_MIN 4096 /* so many leave much behind that can be given back */

/* What goes into one run. */
struct input {
    struct source_batch **batches; /* owned, as are the batches */
    size_t batches_count;
    struct answer **answers; /* owned, as are the answers */
    size_t answers_count;
};

struct turn {
    uv_loop_t *loop;
    struct log *log; /* borrowed */
    turn_done_fn *on_done;
    void *context;
    uv_work_t work;
    bool is_running;
    bool is_whole;
    struct compiler *compiler; /* owned; the thread's while one is running */
    struct input waiting;
    struct input running;
    struct turn_result result;
    struct bytes *names; /* owned, as are the texts */
    size_t names_count;
    struct arena names_arena;
    struct map told; /* findings that have been logged; keys are the values */
};

struct turn *turn_create(uv_loop_t *loop, const struct compile_options *options, struct log *log,
                         turn_done_fn *on_done, void *context)
{
    struct turn *turn = mem_new(struct turn);

    turn->loop = loop;
    turn->log = log;
    turn->on_done = on_done;
    turn->context = context;
    turn->work.data = turn;
    turn->compiler = compiler_create(options);
    arena_init(&turn->names_arena, 1024);
    map_init(&turn->told);
    return turn;
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

void turn_destroy(struct turn *turn)
{
    CHECK(!turn->is_running);
    input_clear(&turn->waiting);
    compiler_destroy(turn->compiler);
    arena_fini(&turn->names_arena);
    mem_free(turn->names);
    told_clear(&turn->told);
    mem_free(turn);
}

void turn_add_batch(struct turn *turn, struct source_batch *batch)
{
    struct input *input = &turn->waiting;

    input->batches =
        mem_resize(input->batches, (input->batches_count + 1) * sizeof(*input->batches));
    input->batches[input->batches_count++] = batch;
}

void turn_add_answer(struct turn *turn, struct answer *answer)
{
    struct input *input = &turn->waiting;

    input->answers =
        mem_resize(input->answers, (input->answers_count + 1) * sizeof(*input->answers));
    input->answers[input->answers_count++] = answer;
}

bool turn_is_running(const struct turn *turn)
{
    return turn->is_running;
}

bool turn_has_input(const struct turn *turn)
{
    return turn->waiting.batches_count + turn->waiting.answers_count > 0;
}

struct turn_result *turn_result(struct turn *turn)
{
    return &turn->result;
}

static void copy_names(struct turn *turn)
{
    size_t count;
    const struct bytes *names = compiler_external_names(turn->compiler, &count);

    arena_reset(&turn->names_arena);
    turn->names = mem_resize(turn->names, (count + 1) * sizeof(*turn->names));
    for (size_t i = 0; i < count; i++)
        turn->names[i] = arena_copy(&turn->names_arena, names[i]);
    turn->result.names = turn->names;
    turn->result.names_count = count;
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

/* Each is logged once, when it appears; again only after it had gone. Notes of the decoder were
 * logged by whoever read the file. */
static void log_findings(struct turn *turn, const struct table *table)
{
    struct map told;

    map_init(&told);
    for (size_t i = 0; i < table_findings_count(table); i++) {
        const struct finding *finding = table_finding(table, i);
        char *key, *same;

        if (compiler_is_note(turn->compiler, finding))
            continue;
        key = finding_key(finding);
        if (map_get(&turn->told, bytes_of(key)) == NULL && map_get(&told, bytes_of(key)) == NULL)
            log_finding(turn->log, finding);
        same = map_put(&told, bytes_of(key), key);
        mem_free(same);
    }
    told_clear(&turn->told);
    turn->told = told;
}

/* A list of a large cluster, the first one or one that had to be read anew. */
static bool is_large(const struct input *input)
{
    size_t changes = 0;

    for (size_t i = 0; i < input->batches_count; i++)
        changes += input->batches[i]->changes_count + input->batches[i]->files_count;
    return changes >= TRIM_CHANGES_MIN;
}

static void on_work(uv_work_t *work)
{
    struct turn *turn = work->data;
    struct input *input = &turn->running;
    bool was_large = is_large(input);
    uint64_t started_ns = uv_hrtime();

    env_step_back();
    for (size_t i = 0; i < input->batches_count; i++) {
        turn->is_whole = turn->is_whole || input->batches[i]->is_whole;
        compiler_apply(turn->compiler, input->batches[i]);
    }
    for (size_t i = 0; i < input->answers_count; i++)
        compiler_resolved(turn->compiler, &input->answers[i]->resolved);
    turn->result.table = compiler_run(turn->compiler, (int64_t)time(NULL));
    turn->result.is_whole = turn->is_whole;
    turn->result.compile_us = (uv_hrtime() - started_ns) / 1000;
    compiler_stats(turn->compiler, &turn->result.stats);
    copy_names(turn);
    turn->result.served = compiler_served_ingresses(turn->compiler, &turn->result.served_count);
    if (turn->result.table != NULL)
        log_findings(turn, turn->result.table);
    input_clear(input);
    if (was_large)
        mem_trim();
}

static void on_work_done(uv_work_t *work, int status)
{
    struct turn *turn = work->data;

    CHECK(status == 0); /* nobody cancels it */
    turn->is_running = false;
    turn->on_done(turn->context);
}

void turn_start(struct turn *turn)
{
    CHECK(!turn->is_running);
    turn->is_running = true;
    turn->running = turn->waiting;
    turn->waiting = (struct input){0};
    turn->result = (struct turn_result){0};
    CHECK(uv_queue_work(turn->loop, &turn->work, on_work, on_work_done) == 0);
}
