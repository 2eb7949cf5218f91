/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_path.c - where an object is on an API server.
 */
#include "controller/api_path.h"

#include <time.h>

/* Dots alone would climb; the API server has no such names, and answers 404 to this. */
static void add_segment(struct text *path, struct bytes segment)
{
    bool climbs = bytes_equal(segment, BYTES(".")) || bytes_equal(segment, BYTES(".."));

    text_add_byte(path, '/');
    if (climbs)
        text_add_str(path, segment.len == 1 ? "%2E%00" : "%2E%2E%00");
    else
        text_add_percent(path, segment);
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
