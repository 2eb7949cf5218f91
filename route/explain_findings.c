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

/* Each is told once, though several steps of the walk may meet it. */
static bool is_told(struct explainer *explainer, size_t index)
{
    bool was;

    if (explainer->told == NULL)
        explainer->told = arena_zeroed(&explainer->arena, table_findings_count(explainer->table));
    was = explainer->told[index];
    explainer->told[index] = true;
    return was;
}

/* Where the object itself does not count its place is the way to it. */
static void add_finding(struct explainer *explainer, const struct finding *finding)
{
    hints_add_label(explainer->out, finding->is_error ? "error" : "warning");
    if (finding->is_left_out && finding->location.len > 0) {
        words_add_text(explainer->out, finding->location);
        text_add_str(explainer->out, ": ");
    }
    words_add_text(explainer->out, finding->object);
    text_add_str(explainer->out, finding->object.len > 0 ? ": " : "");
    words_add_text(explainer->out, finding->text);
    text_add_byte(explainer->out, '\n');
}

/* Whether a finding is one to tell. */
struct filter {
    struct bytes object; /* empty: by the host */
    struct bytes host;
    struct bytes field; /* of the object: findings about its other routes are not meant */
    /* Only what is left out, where one of these is set: */
    const char *const *kinds; /* files, and objects of these kinds */
    struct bytes sentence;    /* files, and objects that this names */
    struct bytes ns;          /* objects of this namespace alone; empty: of any */
    bool is_any;              /* not only what is left out */
};

static bool is_of_routes(struct bytes text)
{
    return bytes_starts_with(text, BYTES("spec.routes[")) ||
           bytes_starts_with(text, BYTES("spec.rules["));
}

static bool is_of_kind(struct bytes object, const struct filter *filter)
{
    struct bytes kind = bytes_slice(object, 0, bytes_find(object, ' '));
    struct bytes rest = bytes_skip(object, kind.len + 1);

    for (const char *const *at = filter->kinds; *at != NULL; at++) {
        if (bytes_equal(kind, bytes_of(*at)))
            return filter->ns.len == 0 ||
                   bytes_equal(bytes_slice(rest, 0, bytes_find(rest, '/')), filter->ns);
    }
    return false;
}

static bool is_meant(const struct filter *filter, const struct finding *finding)
{
    if (filter->kinds != NULL)
        return finding->is_left_out &&
               (finding->object.len == 0 || is_of_kind(finding->object, filter));
    if (filter->is_any)
        return finding->object.len > 0 && mentions(filter->sentence, finding->object);
    if (filter->sentence.len > 0)
        return finding->is_left_out &&
               (finding->object.len == 0 || mentions(filter->sentence, finding->object));
    if (filter->object.len == 0)
        return mentions(finding->text, filter->host);
    if (!bytes_equal(finding->object, filter->object))
        return false;
    return filter->field.len == 0 || !is_of_routes(finding->text) ||
           bytes_starts_with(finding->text, filter->field);
}

/* How many were meant and not told before. */
static size_t add_findings(struct explainer *explainer, const struct filter *filter)
{
    size_t shown = 0;

    for (size_t i = 0; i < table_findings_count(explainer->table); i++) {
        const struct finding *finding = table_finding(explainer->table, i);

        if (is_meant(filter, finding) && !is_told(explainer, i) && shown++ < FINDINGS_SHOWN_MAX)
            add_finding(explainer, finding);
    }
    if (shown <= FINDINGS_SHOWN_MAX)
        return shown;
    hints_add_label(explainer->out, "warning");
    words_add_count(explainer->out, shown - FINDINGS_SHOWN_MAX, "more finding");
    text_add_str(explainer->out, ", see the table\n");
    return shown;
}

void explain_add_findings(struct explainer *explainer, struct bytes object, struct bytes host)
{
    const struct filter filter = {.object = object, .host = host};

    (void)add_findings(explainer, &filter);
}

void explain_add_field_findings(struct explainer *explainer, struct bytes object,
                                struct bytes field)
{
    const struct filter filter = {.object = object, .field = field};

    (void)add_findings(explainer, &filter);
}

void explain_add_named_findings(struct explainer *explainer, struct bytes sentence)
{
    const struct filter filter = {.sentence = sentence, .is_any = true};

    (void)add_findings(explainer, &filter);
}

static void add_left_out(struct explainer *explainer, const struct filter *filter)
{
    if (add_findings(explainer, filter) == 0)
        return;
    explain_add_fact(explainer, "hint",
                     "what was left out may be what is missing here: mend it first");
    explainer->is_left_out_told = true;
}

void explain_add_left_out(struct explainer *explainer, const char *const *kinds)
{
    const struct filter filter = {.kinds = kinds};

    add_left_out(explainer, &filter);
}

void explain_add_left_out_named(struct explainer *explainer, struct bytes sentence)
{
    const struct filter filter = {.sentence = sentence};

    add_left_out(explainer, &filter);
}

void explain_add_left_out_endpoints(struct explainer *explainer, struct bytes ns)
{
    static const char *const kinds[] = {"EndpointSlice", "Endpoints", NULL};
    const struct filter filter = {.kinds = kinds, .ns = ns};

    add_left_out(explainer, &filter);
}

void explain_add_left_out_hosts(struct explainer *explainer)
{
    static const char *const kinds[] = {"Ingress", "IngressRoute", "IngressClass", NULL};

    explain_add_left_out(explainer, kinds);
}
