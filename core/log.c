/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.c - one event, one line, one write(2).
 *
 *     log_write -> may the sentence be written? -> line on the stack -> write(2)
 *
 * A line is at most LOG_LINE_BYTES_MAX, which is also what a pipe takes without mixing two writers
 * (PIPE_BUF, pipe(7)). Only the counting of sentences is under the lock; formatting and writing
 * are not, so a slow reader of the log holds up nobody but the threads that log.
 */
#include "core/log.h"

#include "core/check.h"
#include "core/mem.h"

#include <uv.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define LOG_LINE_BYTES_MAX 4096
#define LOG_SENTENCES_MAX  64 /* told apart by the rate limit at the same time */
#define ESCAPED_BYTES_MAX  4  /* \xHH */
#define RATE_WINDOW_MS     1000

/* What one sentence has had of its share. The window starts with the first line in it. */
struct sentence_rate {
    const char *sentence; /* NULL: never used */
    enum log_level level;
    uint32_t written_count;
    uint64_t window_from_ms;
    uint64_t left_out_count; /* in the window, not yet said */
};

struct log {
    int fd; /* borrowed from the caller */
    enum log_level level;
    atomic_uint_fast64_t dropped_count;
    pthread_mutex_t lock; /* of everything below */
    struct sentence_rate sentences[LOG_SENTENCES_MAX];
    struct sentence_rate others; /* shared by the sentences that found no place in the table */
    uint32_t unsaid_count;       /* entries whose left_out_count is not 0 */
};

static const char *const level_words[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARN] = "warn",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
};

struct log *log_create(int fd, enum log_level level)
{
    struct log *log = mem_new(struct log);

    log->fd = fd;
    log->level = level;
    log->others.sentence = "other sentences";
    CHECK(pthread_mutex_init(&log->lock, NULL) == 0);
    return log;
}

bool log_is_on(const struct log *log, enum log_level level)
{
    return log != NULL && level <= log->level;
}

uint64_t log_dropped_count(const struct log *log)
{
    return atomic_load_explicit(&log->dropped_count, memory_order_relaxed);
}

enum status log_level_parse(struct bytes word, enum log_level *level)
{
    for (size_t i = 0; i < sizeof(level_words) / sizeof(level_words[0]); i++) {
        if (bytes_equal(word, bytes_of(level_words[i]))) {
            *level = (enum log_level)i;
            return STATUS_OK;
        }
    }
    return STATUS_INVALID;
}

/*
 * A line being written: a text that stands on the stack and never grows, because every call below
 * looks at the room first. What does not fit is cut and ends in "...".
 */
struct line {
    struct text text;
    bool is_cut;
    char room[LOG_LINE_BYTES_MAX];
};

#define LINE_TAIL "...\"\n" /* what must still fit after a cut, at most */

static void line_init(struct line *line)
{
    line->text = (struct text){line->room, 0, sizeof(line->room)};
    line->is_cut = false;
}

static bool line_has_room(struct line *line, size_t len)
{
    if (!line->is_cut && line->text.capacity - line->text.len < len + sizeof(LINE_TAIL) - 1) {
        line->is_cut = true;
        text_add_str(&line->text, "...");
    }
    return !line->is_cut;
}

static void line_add(struct line *line, const char *words)
{
    if (line_has_room(line, strlen(words)))
        text_add_str(&line->text, words);
}

static void line_add_escaped(struct line *line, struct bytes value)
{
    for (size_t i = 0; i < value.len && line_has_room(line, ESCAPED_BYTES_MAX); i++)
        text_add_escaped(&line->text, bytes_slice(value, i, 1));
}

/* Quotes keep a value with blanks together; quotes inside are escaped, so it can not break out. */
static void line_add_value(struct line *line, struct bytes value)
{
    bool is_quoted = value.len == 0 || bytes_find(value, ' ') != BYTES_NOT_FOUND;

    if (!is_quoted) {
        line_add_escaped(line, value);
        return;
    }
    if (!line_has_room(line, 1))
        return;
    text_add_byte(&line->text, '"');
    line_add_escaped(line, value);
    text_add_byte(&line->text, '"'); /* fits after a cut too: LINE_TAIL */
}

static void line_add_time(struct line *line)
{
    struct timespec now;
    struct tm utc;
    char stamp[64];
    size_t len;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    len = strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(stamp + len, sizeof(stamp) - len, ".%03dZ", (int)(now.tv_nsec / 1000000));
    line_add(line, stamp);
}

static void line_add_uint(struct line *line, uint64_t value)
{
    char digits[24];

    snprintf(digits, sizeof(digits), "%llu", (unsigned long long)value);
    line_add(line, digits);
}

static void line_add_address(struct line *line, const struct address *address)
{
    char room[64]; /* "[" 45 "]:" 5, so this text never grows either */
    struct text name = {room, 0, sizeof(room)};

    address_add(address, &name);
    line_add_value(line, text_bytes(&name));
}

static void line_add_errno(struct line *line, int value)
{
    char words[128];

    uv_strerror_r(value > 0 ? uv_translate_sys_error(value) : value, words, sizeof(words));
    line_add_value(line, bytes_of(words));
}

static void line_add_field(struct line *line, const struct log_field *field)
{
    line_add(line, " ");
    line_add(line, field->name);
    line_add(line, "=");
    switch (field->type) {
    case LOG_FIELD_BYTES:
        line_add_value(line, field->bytes);
        break;
    case LOG_FIELD_UINT:
        line_add_uint(line, field->number);
        break;
    case LOG_FIELD_ADDRESS:
        line_add_address(line, field->address);
        break;
    case LOG_FIELD_ERRNO:
        line_add_errno(line, (int)(int64_t)field->number);
        break;
    }
}

static void write_line(const struct log *log, enum log_level level, const char *sentence,
                       const struct log_field *fields, size_t count)
{
    struct line line;
    ssize_t written;

    line_init(&line);
    line_add_time(&line);
    line_add(&line, " ");
    line_add(&line, level_words[level]);
    line_add(&line, " ");
    line_add(&line, sentence);
    for (size_t i = 0; i < count; i++)
        line_add_field(&line, &fields[i]);
    text_add_byte(&line.text, '\n');
    CHECK(line.text.at == line.room);
    do /* any other failure has nowhere to be told */
        written = write(log->fd, line.text.at, line.text.len);
    while (written < 0 && errno == EINTR);
}

static uint64_t monotonic_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool is_window_over(const struct sentence_rate *rate, uint64_t now_ms)
{
    return now_ms - rate->window_from_ms >= RATE_WINDOW_MS;
}

/* The sentence's own entry; else a new one, in the place of one that has nothing left to say. */
static struct sentence_rate *find_rate(struct log *log, const char *sentence, uint64_t now_ms)
{
    struct sentence_rate *free_place = NULL;

    for (size_t i = 0; i < LOG_SENTENCES_MAX; i++) {
        struct sentence_rate *rate = &log->sentences[i];

        if (rate->sentence == sentence)
            return rate;
        if (free_place == NULL && rate->left_out_count == 0 &&
            (rate->sentence == NULL || is_window_over(rate, now_ms)))
            free_place = rate;
    }
    if (free_place == NULL)
        return &log->others;
    *free_place = (struct sentence_rate){.sentence = sentence, .window_from_ms = now_ms};
    return free_place;
}

/* Counts a line; false when it must be left out. */
static bool may_write(struct log *log, enum log_level level, const char *sentence, uint64_t now_ms)
{
    struct sentence_rate *rate;
    bool may;

    pthread_mutex_lock(&log->lock);
    rate = find_rate(log, sentence, now_ms);
    if (is_window_over(rate, now_ms) && rate->left_out_count == 0) {
        rate->window_from_ms = now_ms;
        rate->written_count = 0;
    }
    may = rate->written_count < LOG_LINES_PER_SECOND_MAX;
    if (may) {
        rate->written_count++;
    } else {
        rate->level = level;
        if (rate->left_out_count++ == 0)
            log->unsaid_count++;
    }
    pthread_mutex_unlock(&log->lock);
    if (!may)
        atomic_fetch_add_explicit(&log->dropped_count, 1, memory_order_relaxed);
    return may;
}

/* Takes one count that is due to be said. `at` goes on where the last call stopped. */
static bool take_unsaid(struct log *log, uint64_t now_ms, bool is_end, size_t *at,
                        struct sentence_rate *taken)
{
    bool found = false;

    pthread_mutex_lock(&log->lock);
    for (; !found && log->unsaid_count > 0 && *at <= LOG_SENTENCES_MAX; (*at)++) {
        struct sentence_rate *rate = *at == LOG_SENTENCES_MAX ? &log->others : &log->sentences[*at];

        if (rate->left_out_count == 0 || !(is_end || is_window_over(rate, now_ms)))
            continue;
        *taken = *rate;
        rate->left_out_count = 0;
        log->unsaid_count--;
        found = true;
    }
    pthread_mutex_unlock(&log->lock);
    return found;
}

static void say_left_out(struct log *log, uint64_t now_ms, bool is_end)
{
    struct sentence_rate taken;
    size_t at = 0;

    while (take_unsaid(log, now_ms, is_end, &at, &taken)) {
        const struct log_field fields[] = {LOG_STRING("sentence", taken.sentence),
                                           LOG_UINT("count", taken.left_out_count)};

        write_line(log, taken.level, "log lines were left out", fields, 2);
    }
}

void log_write(struct log *log, enum log_level level, const char *sentence,
               const struct log_field *fields, size_t count)
{
    uint64_t now_ms;

    if (!log_is_on(log, level))
        return;
    now_ms = monotonic_ms();
    say_left_out(log, now_ms, false);
    if (may_write(log, level, sentence, now_ms))
        write_line(log, level, sentence, fields, count);
}

void log_destroy(struct log *log)
{
    if (log == NULL)
        return;
    say_left_out(log, monotonic_ms(), true);
    CHECK(pthread_mutex_destroy(&log->lock) == 0);
    mem_free(log);
}
