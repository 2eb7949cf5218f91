/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain.c - where a request goes and why, by manifests, an API server or a running Fairlead.
 */
#include "route/explain.h"

#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/offline.h"

#include <time.h>

/* The request as the flags describe it. */
static struct explain_request request_of(const struct options *options)
{
    struct explain_request request = {
        .method = options->method, .url = bytes_of(options->url), .now_s = (int64_t)time(NULL)};

    for (size_t i = 0; i < options->headers.count; i++) {
        struct bytes header = bytes_of(options->headers.at[i]);
        size_t colon = bytes_find(header, ':');
        struct bytes name = bytes_trim(bytes_slice(header, 0, colon));
        struct bytes value = bytes_trim(bytes_skip(header, colon + 1));

        if (bytes_equal_nocase(name, BYTES("host")))
            request.host = value;
        if (bytes_equal_nocase(name, BYTES("upgrade")))
            request.wants_websocket = bytes_equal_nocase(value, BYTES("websocket"));
    }
    return request;
}

static void add_target(struct text *out, const struct explain_request *request)
{
    text_add_str(out, "/explain?method=");
    text_add_percent(out, request->method);
    text_add_str(out, "&url=");
    text_add_percent(out, request->url);
    if (request->host.len > 0) {
        text_add_str(out, "&host=");
        text_add_percent(out, request->host);
    }
    if (request->wants_websocket)
        text_add_str(out, "&websocket=true");
}

/* The admin port answers 200 when a route answers and 404 when none does, both with the walk. */
static int from_admin(const struct options *options, const struct explain_request *request)
{
    struct text target, answer;
    uint16_t code = 0;
    int result = EXIT_FOUND;

    text_init(&target);
    text_init(&answer);
    add_target(&target, request);
    if (ask_admin(&options->admin, text_bytes(&target), &code, &answer) == STATUS_OK) {
        if (print(text_bytes(&answer)) && code == 200)
            result = EXIT_FINE;
    }
    text_fini(&target);
    text_fini(&answer);
    return result;
}

int explain_run(const struct options *options)
{
    const struct explain_request request = request_of(options);
    struct offline offline;
    struct text out;
    bool answers, is_whole;

    if (options->admin_is_given)
        return from_admin(options, &request);
    if (offline_open(&offline, options, &options->objects, false) != STATUS_OK)
        return EXIT_USAGE;
    text_init(&out);
    answers = explain(offline.table, &request, NULL, NULL, &out);
    if (!print(text_bytes(&out)))
        answers = false;
    text_fini(&out);
    is_whole = offline.files_broken == 0;
    offline_close(&offline);
    if (!is_whole)
        return EXIT_USAGE;
    return answers ? EXIT_FINE : EXIT_FOUND;
}
