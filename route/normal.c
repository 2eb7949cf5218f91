/* SPDX-License-Identifier: Apache-2.0 */
/*
 * normal.c - paths: one pass to see that nothing is to be done, one pass to do it.
 *
 * Writing never overtakes reading, for every step writes at most as much as it reads. An escape is
 * decoded once: what comes out of it is a letter, a digit or one of "-._~", and can not begin
 * another escape.
 */
#include "route/normal.h"

/* What a byte of a path is. A table of 256 classes keeps path_is_normal() at a few instructions a
 * byte: it runs for every request. */
enum byte_class {
    BYTE_PLAIN,
    BYTE_DOT, /* the last one that needs no look while it stands inside a segment */
    BYTE_BAD, /* outside 0x21-0x7E, '#', '?' (no query here) */
    BYTE_SLASH,
    BYTE_PERCENT,
    BYTE_BACKSLASH,
};

#define P BYTE_PLAIN
#define X BYTE_BAD
/* clang-format off */
static const uint8_t byte_classes[256] = {
    [0x00] = X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
    [0x10] = X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
    /*            !  "  #  $  %             &  '  (  )  *  +  ,  -  .         / */
    [0x20] = X, P, P, X, P, BYTE_PERCENT, P, P, P, P, P, P, P, P, BYTE_DOT, BYTE_SLASH,
    /* 0x30    0  1  2  3  4  5  6  7  8  9  :  ;  <  =  >  ? */
    [0x30] = P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, X,
    [0x40] = P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
    /* 0x50    P  Q  R  S  T  U  V  W  X  Y  Z  [  \               ]  ^  _ */
    [0x50] = P, P, P, P, P, P, P, P, P, P, P, P, BYTE_BACKSLASH, P, P, P,
    [0x60] = P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
    [0x70] = P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, X,
    [0x80] = X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
    [0x90] = X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
    [0xa0] = X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
    [0xb0] = X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
    [0xc0] = X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
    [0xd0] = X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
    [0xe0] = X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
    [0xf0] = X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
};
/* clang-format on */
#undef P
#undef X

static enum byte_class class_of(char byte)
{
    return byte_classes[(unsigned char)byte];
}

/* The value of a hex digit, or -1. */
static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    digit = ascii_lower(digit);
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* The byte that "%XY" at the start of the text stands for, or -1. */
static int escape_value(const char *at, const char *end)
{
    int high, low;

    if (end - at < 3)
        return -1;
    high = hex_value(at[1]);
    low = hex_value(at[2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* RFC 3986 section 2.3 */
static bool is_unreserved(int byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= 'a' && byte <= 'z') || byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

static bool is_lower_hex(char digit)
{
    return digit >= 'a' && digit <= 'f';
}

/* An escape that is well-formed, may stay and has the form in which it stays. */
static bool is_normal_escape(const char *at, const char *end)
{
    int value = escape_value(at, end);

    return value > 0 && value != '\\' && !is_unreserved(value) && !is_lower_hex(at[1]) &&
           !is_lower_hex(at[2]);
}

/* at: behind a slash. True for the segments "." and "..". */
static bool is_dot_segment(const char *at, const char *end)
{
    size_t dots = 0;

    while (at < end && dots < 3 && *at == '.') {
        at++;
        dots++;
    }
    return (dots == 1 || dots == 2) && (at == end || *at == '/');
}

/* The first byte from here on that is neither plain nor a dot, or the end. */
static const char *skip_plain(const char *at, const char *end)
{
    while (at < end && byte_classes[(unsigned char)*at] <= BYTE_DOT)
        at++;
    return at;
}

bool path_is_normal(struct bytes path)
{
    const char *at = path.at;
    const char *end;

    if (path.len == 0 || *at != '/')
        return false;
    for (end = at + path.len; at < end; at = skip_plain(at, end)) {
        enum byte_class class = class_of(*at++);

        if (class == BYTE_SLASH) {
            if (at < end && (*at == '/' || (*at == '.' && is_dot_segment(at, end))))
                return false;
        } else if (class != BYTE_PERCENT || !is_normal_escape(at - 1, end)) {
            return false;
        }
    }
    return true;
}

bool path_is_within(struct bytes path, struct bytes prefix)
{
    while (prefix.len > 0 && prefix.at[prefix.len - 1] == '/')
        prefix.len--;
    return bytes_starts_with(path, prefix) &&
           (path.len == prefix.len || path.at[prefix.len] == '/');
}

/* The path while it is rewritten. */
struct rewrite {
    const char *at; /* next byte to read */
    const char *end;
    char *start; /* of what was written; always begins with '/' */
    char *to;    /* next byte to write */
};

/* Read an escape: decoded, or kept with upper-case digits. */
static enum path_fault rewrite_escape(struct rewrite *rewrite)
{
    static const char digits[] = "0123456789ABCDEF";
    int value = escape_value(rewrite->at, rewrite->end);

    if (value < 0)
        return PATH_BAD_ESCAPE;
    if (value == 0)
        return PATH_NUL;
    if (value == '\\')
        return PATH_BACKSLASH;
    rewrite->at += 3;
    if (is_unreserved(value)) {
        *rewrite->to++ = (char)value;
        return PATH_FINE;
    }
    *rewrite->to++ = '%';
    *rewrite->to++ = digits[value >> 4];
    *rewrite->to++ = digits[value & 15];
    return PATH_FINE;
}

/* Read up to the next slash. */
static enum path_fault rewrite_segment(struct rewrite *rewrite)
{
    enum path_fault fault = PATH_FINE;

    while (fault == PATH_FINE && rewrite->at < rewrite->end) {
        switch (class_of(*rewrite->at)) {
        case BYTE_PLAIN:
        case BYTE_DOT:
            *rewrite->to++ = *rewrite->at++;
            break;
        case BYTE_SLASH:
            return PATH_FINE;
        case BYTE_PERCENT:
            fault = rewrite_escape(rewrite);
            break;
        case BYTE_BACKSLASH:
            fault = PATH_BACKSLASH;
            break;
        case BYTE_BAD:
            fault = PATH_BAD_BYTE;
            break;
        }
    }
    return fault;
}

/* The segment just written, from `segment` on, was decoded: resolve it if it is a dot segment
 * (RFC 3986 section 5.2.4, but a climb above the root is a fault). */
static enum path_fault resolve_dots(struct rewrite *rewrite, char *segment)
{
    struct bytes written = bytes_from(segment, (size_t)(rewrite->to - segment));

    if (bytes_equal(written, BYTES("."))) {
        rewrite->to = segment;
        return PATH_FINE;
    }
    if (!bytes_equal(written, BYTES("..")))
        return PATH_FINE;
    if (segment - rewrite->start == 1)
        return PATH_ABOVE_ROOT;
    rewrite->to = segment - 1;
    while (rewrite->to[-1] != '/')
        rewrite->to--;
    return PATH_FINE;
}

enum path_fault path_normalise(struct bytes path, char *out, struct bytes *normal)
{
    struct rewrite rewrite;

    if (path.len == 0 || path.at[0] != '/')
        return PATH_BAD_BYTE;
    rewrite = (struct rewrite){path.at, path.at + path.len, out, out};
    *rewrite.to++ = '/';
    while (rewrite.at < rewrite.end) {
        char *segment = rewrite.to;
        enum path_fault fault;

        /* What was written ends with a slash, so slashes here are repeats. */
        while (rewrite.at < rewrite.end && *rewrite.at == '/')
            rewrite.at++;
        fault = rewrite_segment(&rewrite);
        if (fault == PATH_FINE)
            fault = resolve_dots(&rewrite, segment);
        if (fault != PATH_FINE)
            return fault;
        if (rewrite.at < rewrite.end && rewrite.to[-1] != '/')
            *rewrite.to++ = '/';
    }
    *normal = bytes_from(out, (size_t)(rewrite.to - out));
    return PATH_FINE;
}
