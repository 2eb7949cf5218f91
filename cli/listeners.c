/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listeners.c - all listeners in one row, each held against those before it.
 */
#include "cli/listeners.h"

enum listener_kind { LISTENER_HTTP, LISTENER_HTTPS, LISTENER_ADMIN, LISTENER_METRICS };

static const char *const flag_names[] = {
    [LISTENER_HTTP] = "--http",
    [LISTENER_HTTPS] = "--https",
    [LISTENER_ADMIN] = "--admin",
    [LISTENER_METRICS] = "--metrics",
};

struct told_listener {
    enum listener_kind kind;
    const struct listen_address *address; /* borrowed from the options */
};

static size_t listeners_count(const struct options *options)
{
    return options->http.count + options->https.count + 1 + options->metrics.count;
}

/* The one at this place in the row: as many as listeners_count(). */
static struct told_listener listener_at(const struct options *options, size_t at)
{
    if (at < options->http.count)
        return (struct told_listener){LISTENER_HTTP, &options->http.at[at]};
    at -= options->http.count;
    if (at < options->https.count)
        return (struct told_listener){LISTENER_HTTPS, &options->https.at[at]};
    at -= options->https.count;
    if (at == 0)
        return (struct told_listener){LISTENER_ADMIN, &options->admin};
    return (struct told_listener){LISTENER_METRICS, &options->metrics.at[at - 1]};
}

static void add_listener(struct text *out, const struct told_listener *listener)
{
    struct text address;

    text_init(&address);
    listen_address_add(listener->address, &address);
    text_add_str(out, flag_names[listener->kind]);
    text_add_byte(out, ' ');
    text_add_escaped(out, text_bytes(&address));
    text_fini(&address);
}

static bool is_apart(const struct told_listener *one, const struct told_listener *other,
                     struct text *error)
{
    if (!listen_address_overlaps(one->address, other->address))
        return true;
    add_listener(error, one);
    text_add_str(error, " and ");
    add_listener(error, other);
    text_add_str(error, one->address->is_unix
                            ? " are one path; give each listener a path of its own"
                            : " are one port; give each listener a port of its own");
    return false;
}

enum status listeners_check(const struct options *options, struct text *error)
{
    for (size_t i = 1; i < listeners_count(options); i++) {
        const struct told_listener listener = listener_at(options, i);

        for (size_t k = 0; k < i; k++) {
            const struct told_listener before = listener_at(options, k);

            if (!is_apart(&before, &listener, error))
                return STATUS_INVALID;
        }
    }
    return STATUS_OK;
}
