/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - events for people: a constant sentence with typed fields, one line each.
 *
 *     2026-01-02T03:04:05.678Z warn endpoint refused the connection endpoint=10.0.0.1:80 attempt=2
 *
 * The writer escapes values, so no peer can forge a line. Every line is one write(2), so threads
 * may share a log. Each sentence is limited to LOG_LINES_PER_SECOND_MAX a second (by its address,
 * it being a constant); what was left out is counted and said once a second.
 */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include "core/address.h"
#include "core/bytes.h"

#define LOG_LINES_PER_SECOND_MAX 50

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

enum log_field_type { LOG_FIELD_BYTES, LOG_FIELD_UINT, LOG_FIELD_ADDRESS, LOG_FIELD_ERRNO };

struct log_field {
    const char *name;
    enum log_field_type type;
    struct bytes bytes;
    uint64_t number;
    const struct address *address; /* borrowed for the call */
};

#define LOG_BYTES(name, value)   ((struct log_field){name, LOG_FIELD_BYTES, value, 0, NULL})
#define LOG_STRING(name, value)  LOG_BYTES(name, bytes_of(value))
#define LOG_UINT(name, value)    ((struct log_field){name, LOG_FIELD_UINT, BYTES_NONE, value, NULL})
#define LOG_ADDRESS(name, value) ((struct log_field){name, LOG_FIELD_ADDRESS, BYTES_NONE, 0, value})
/* value: an errno or a negative libuv error; written as its text */
#define LOG_ERRNO(value)                                                                           \
    ((struct log_field){"error", LOG_FIELD_ERRNO, BYTES_NONE, (uint64_t)(int64_t)(value), NULL})

struct log;

struct log *log_create(int fd, enum log_level level); /* the fd stays the caller's */
void log_destroy(struct log *log);
bool log_is_on(const struct log *log, enum log_level level);
/* Lines left out by the rate limit since the start; for the metric. */
uint64_t log_dropped_count(const struct log *log);
/* "warn" and so on; STATUS_INVALID for another word. */
enum status log_level_parse(struct bytes word, enum log_level *level);

/* Use the macros below. log may be NULL: then nothing is written. */
void log_write(struct log *log, enum log_level level, const char *sentence,
               const struct log_field *fields, size_t count);

/* The sentence and its fields; the unnamed last field lets the list be empty, and is skipped. */
#define LOG_AT(log, level, sentence, ...)                                                          \
    do {                                                                                           \
        if (log_is_on((log), (level))) {                                                           \
            const struct log_field log_fields_[] = {__VA_ARGS__};                                  \
            log_write((log), (level), (sentence), log_fields_,                                     \
                      sizeof(log_fields_) / sizeof(log_fields_[0]) - 1);                           \
        }                                                                                          \
    } while (0)
#define LOG_LAST            ((struct log_field){NULL, LOG_FIELD_UINT, BYTES_NONE, 0, NULL})
#define log_error(log, ...) LOG_AT(log, LOG_LEVEL_ERROR, __VA_ARGS__, LOG_LAST)
#define log_warn(log, ...)  LOG_AT(log, LOG_LEVEL_WARN, __VA_ARGS__, LOG_LAST)
#define log_info(log, ...)  LOG_AT(log, LOG_LEVEL_INFO, __VA_ARGS__, LOG_LAST)
#define log_debug(log, ...) LOG_AT(log, LOG_LEVEL_DEBUG, __VA_ARGS__, LOG_LAST)

#endif
