/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain_findings.c - what has been told already about the objects that an explanation meets.
 */
#include "route/explain_parts.h"
#include "route/hints.h"
#include "route/words.h"

#define FINDINGS_SHOWN_MAX 5

static bool is_part_of_name(char byte)
{
    byte = ascii_lower(byte);
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-';
}

/* Does the text name this host, and not only one that ends or begins alike? */
static bool mentions(struct bytes text, struct bytes host)
{
    const char *found;

    while (host.len > 0 && text.len >= host.len) {
        found = memmem(text.at, text.len, host.at, host.len);
        if (found == NULL)
            return false;
        if ((found == text.at || (!is_part_of_name(found[-1]) && found[-1] != '.')) &&
            (found + host.len == text.at + text.len || !is_part_of_name(found[host.len])))
            return true;
        text = bytes_skip(text, (size_t)(found - text.at) + 1);
    }
    return false;
}

/* What was said about the object, or where there is none, about the host. */
void explain_add_findings(struct explainer *explainer, struct bytes object, struct bytes host)
{
    size_t shown = 0;

    for (size_t i = 0; i < table_findings_count(explainer->table); i++) {
        const struct finding *finding = table_finding(explainer->table, i);
        bool is_about =
            object.len > 0 ? bytes_equal(finding->object, object) : mentions(finding->text, host);

        if (!is_about || shown++ >= FINDINGS_SHOWN_MAX)
            continue;
        hints_add_label(explainer->out, finding->is_error ? "error" : "warning");
        words_add_text(explainer->out, finding->object);
        text_add_str(explainer->out, finding->object.len > 0 ? ": " : "");
        words_add_text(explainer->out, finding->text);
        text_add_byte(explainer->out, '\n');
    }
    if (shown <= FINDINGS_SHOWN_MAX)
        return;
    hints_add_label(explainer->out, "warning");
    words_add_count(explainer->out, shown - FINDINGS_SHOWN_MAX, "more finding");
    text_add_str(explainer->out, ", see the table\n");
}
