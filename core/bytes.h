/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bytes.h - a borrowed run of bytes: pointer and length, never NUL-terminated by contract.
 */
#ifndef CORE_BYTES_H
#define CORE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const char *at; /* borrowed; may be NULL only when len is 0 */
    size_t len;
};

#define BYTES(literal) ((struct bytes){"" literal, sizeof(literal) - 1})
#define BYTES_NONE     ((struct bytes){NULL, 0})
/* For printf: printf("%.*s", BYTES_ARG(name)) */
#define BYTES_ARG(bytes) (int)(bytes).len, ((bytes).at != NULL ? (bytes).at : "")
#define BYTES_NOT_FOUND  SIZE_MAX

static inline struct bytes bytes_of(const char *text)
{
    return (struct bytes){text, text != NULL ? strlen(text) : 0};
}

static inline struct bytes bytes_from(const char *at, size_t len)
{
    return (struct bytes){at, len};
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static inline bool bytes_starts_with(struct bytes text, struct bytes prefix)
{
    return text.len >= prefix.len &&
           (prefix.len == 0 || memcmp(text.at, prefix.at, prefix.len) == 0);
}

static inline bool bytes_ends_with(struct bytes text, struct bytes suffix)
{
    return text.len >= suffix.len &&
           (suffix.len == 0 || memcmp(text.at + text.len - suffix.len, suffix.at, suffix.len) == 0);
}

/* text[from, from + len), cut to what there is. */
static inline struct bytes bytes_slice(struct bytes text, size_t from, size_t len)
{
    if (from > text.len)
        from = text.len;
    if (len > text.len - from)
        len = text.len - from;
    return (struct bytes){text.at == NULL ? NULL : text.at + from, len};
}

static inline struct bytes bytes_skip(struct bytes text, size_t count)
{
    return bytes_slice(text, count, text.len);
}

static inline char ascii_lower(char byte)
{
    return (byte >= 'A' && byte <= 'Z') ? (char)(byte | 0x20) : byte;
}

/* ASCII letters compare equal in either case. */
bool bytes_equal_nocase(struct bytes a, struct bytes b);
/* <0, 0, >0 as memcmp(), a shorter prefix first. */
int bytes_compare(struct bytes a, struct bytes b);
/* Index of the first such byte, or BYTES_NOT_FOUND. */
size_t bytes_find(struct bytes text, char byte);
size_t bytes_find_last(struct bytes text, char byte);
/* Without SP and HTAB at both ends (optional whitespace, RFC 9110 section 5.6.3). */
struct bytes bytes_trim(struct bytes text);
/*
 * Cut the text before the first `separator` off *rest, trimmed, and write it to *item. False when
 * *rest has no more items. Empty items are returned too: ",a" gives "" and "a".
 */
bool bytes_next_item(struct bytes *rest, char separator, struct bytes *item);
/* 1*DIGIT and no more than `max`; false otherwise, *value is untouched then. */
bool bytes_to_uint(struct bytes text, uint64_t max, uint64_t *value);
/* A hash for tables, seeded once per process so that nobody outside can choose collisions. */
uint64_t bytes_hash(struct bytes text);
/* The same, but with a seed of the caller's: alike in all processes and on all machines, so whoever
 * chooses the text chooses collisions. Not for tables that a peer can fill. */
uint64_t bytes_hash_from(struct bytes text, uint64_t seed);

/* Copies the text to *at, which then points behind it; returns the copy. For blocks of memory with
 * their texts at the end. */
struct bytes bytes_pack(char **at, struct bytes text);

#endif
