/* SPDX-License-Identifier: Apache-2.0 */
/*
 * follow_trouble.c - what is amiss with a follow, in words: for the log, and for readiness.
 */
#include "controller/kube/follow_parts.h"

bool follow_is_missed(const struct follow *follow)
{
    return follow->reflector.trouble == TROUBLE_ABSENT && follow->config.what->outlives_api &&
           follow->known.map.count > 0;
}

/* A kind that need not be installed and is not is no trouble. */
static enum reflector_trouble trouble_to_tell(const struct follow *follow)
{
    enum reflector_trouble trouble = follow->reflector.trouble;

    return trouble == TROUBLE_ABSENT && follow->config.what->may_be_absent &&
                   !follow_is_missed(follow)
               ? TROUBLE_NONE
               : trouble;
}

static const char *trouble_words(enum reflector_trouble trouble)
{
    switch (trouble) {
    case TROUBLE_NONE:
        return "not listed yet";
    case TROUBLE_AWAY:
        return "the API server does not answer, or not to the end";
    case TROUBLE_FORBIDDEN:
        return "not permitted to list and watch";
    case TROUBLE_ABSENT:
        return "not installed";
    case TROUBLE_SERVER:
        return "the API server refuses";
    }
    return "";
}

static void follow_add_name(const struct follow *follow, struct text *out)
{
    const struct followed *what = follow->config.what;

    text_printf(out, "%s %s", what->resource, what->api_version);
    if (follow->config.ns.len > 0)
        text_printf(out, " in %.*s", BYTES_ARG(follow->config.ns));
}

/* Quotes stay: a server's sentences are full of them. */
static void add_printable(struct text *out, struct bytes text)
{
    for (size_t i = 0; i < text.len; i++)
        text_add_byte(out, text.at[i] >= ' ' && text.at[i] <= '~' ? text.at[i] : ' ');
}

void follow_add_detail(const struct follow *follow, struct text *out)
{
    enum reflector_trouble trouble = trouble_to_tell(follow);
    struct bytes message = bytes_slice(text_bytes(&follow->message), 0, MESSAGE_BYTES_MAX);

    if (follow->is_synced && trouble == TROUBLE_NONE)
        return;
    follow_add_name(follow, out);
    text_printf(out, ": %s", trouble_words(trouble));
    if (trouble == TROUBLE_NONE || message.len == 0)
        return;
    text_add_str(out, " (");
    add_printable(out, message);
    text_add_byte(out, ')');
}

/* Once, when it begins and when it is over. */
void follow_log_trouble(struct follow *follow)
{
    enum reflector_trouble trouble = trouble_to_tell(follow);
    struct text text;

    if (trouble == follow->told)
        return;
    follow->told = trouble;
    text_init(&text);
    if (trouble != TROUBLE_NONE) {
        follow_add_detail(follow, &text);
        log_warn(follow->config.log, "objects cannot be followed on the API server",
                 LOG_BYTES("why", text_bytes(&text)));
    } else {
        follow_add_name(follow, &text);
        log_info(follow->config.log, "objects are followed on the API server again",
                 LOG_BYTES("objects", text_bytes(&text)));
    }
    text_fini(&text);
}
