/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_path.c - where an object is on an API server.
 */
#include "controller/api_path.h"

#include <time.h>

static bool is_plain(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '-' || byte == '_' || byte == '.';
}

/* Dots alone would climb; the API server has no such names, and answers 404 to this. */
static void add_segment(struct text *path, struct bytes segment)
{
    bool climbs = bytes_equal(segment, BYTES(".")) || bytes_equal(segment, BYTES(".."));

    text_add_byte(path, '/');
    for (size_t i = 0; i < segment.len; i++) {
        if (is_plain(segment.at[i]) && !climbs)
            text_add_byte(path, segment.at[i]);
        else
            text_printf(path, "%%%02X", (unsigned char)segment.at[i]);
    }
    if (climbs)
        text_add_str(path, "%00");
}

void api_path_add_list(struct text *path, const char *root, struct bytes ns, const char *resource)
{
    text_add_str(path, root);
    text_add_str(path, "/namespaces");
    add_segment(path, ns);
    text_add_byte(path, '/');
    text_add_str(path, resource);
}

void api_path_add_object(struct text *path, const char *root, struct bytes ns, const char *resource,
                         struct bytes name)
{
    api_path_add_list(path, root, ns, resource);
    add_segment(path, name);
}

void api_path_add_time(struct text *out, int64_t us)
{
    time_t seconds = (time_t)(us / 1000000);
    char text[32];
    struct tm parts;

    (void)gmtime_r(&seconds, &parts);
    (void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
    text_add_str(out, text);
    text_printf(out, ".%06dZ", (int)(us % 1000000));
}
