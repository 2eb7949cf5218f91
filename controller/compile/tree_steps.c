/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree_steps.c - one IngressRoute on the way: how it is entered, and what is told of it.
 */
#include "controller/compile/tree_parts.h"

#include <stdarg.h>

/* The values of a text must leave room for what it says of them: findings have a limit, and it cuts
 * off their end. */
#define QUOTED_BYTES_MAX 256

/* Not within a character of UTF-8. */
static size_t cut_at(struct bytes text, size_t len)
{
    while (len > 0 && ((unsigned char)text.at[len] & 0xc0) == 0x80)
        len--;
    return len;
}

struct bytes quoted(struct pass *pass, struct bytes text)
{
    struct text out;
    struct bytes copy;
    bool is_cut = text.len > QUOTED_BYTES_MAX;

    if (is_cut)
        text = bytes_slice(text, 0, cut_at(text, QUOTED_BYTES_MAX));
    text_init(&out);
    text_add_quoted(&out, text);
    if (is_cut) {
        out.len--;
        text_add_str(&out, "...\"");
    }
    copy = arena_copy(pass->scratch, text_bytes(&out));
    text_fini(&out);
    return copy;
}

static void note_fault(struct pass *pass, size_t index, struct bytes text)
{
    struct visit *visit = &pass->visits.visits[index];

    if (visit->fault.len == 0)
        visit->fault = text;
}

void tree_fault_root(struct host_pass *host, struct bytes text)
{
    note_fault(host->pass, host->tree.root_visit, text);
}

static void note_status(struct walk *walk, const struct step *step, struct bytes text)
{
    note_fault(walk->host->pass, step->visit, text);
}

void step_status(struct walk *walk, const struct step *step, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    note_status(walk, step, plain_vprintf(walk->host->pass->scratch, format, args));
    va_end(args);
}

void step_fault(struct walk *walk, const struct step *step, struct bytes field, const char *format,
                ...)
{
    struct bytes text;
    va_list args;

    va_start(args, format);
    text = plain_vprintf(walk->host->pass->scratch, format, args);
    va_end(args);
    note_status(walk, step, text);
    step_tell(walk, step, true, "%.*s: %.*s", BYTES_ARG(field), BYTES_ARG(text));
}

static struct visit *visit_of(struct walk *walk, const struct step *step)
{
    return &walk->host->pass->visits.visits[step->visit];
}

bool step_may_tell_way(struct walk *walk, const struct step *step)
{
    struct visit *visit = visit_of(walk, step);

    if (visit->way == NULL || walk->way_faults_count < FINDINGS_MAX)
        return true;
    visit->way->left_out++;
    return false;
}

void step_way_fault(struct walk *walk, const struct step *step, struct bytes field,
                    const char *format, ...)
{
    struct pass *pass = walk->host->pass;
    struct way_fault fault = {.field = field};
    va_list args;

    if (step->up != NULL && !step_may_tell_way(walk, step))
        return;
    va_start(args, format);
    fault.text = plain_vprintf(pass->scratch, format, args);
    va_end(args);
    if (step->up == NULL) {
        step_fault(walk, step, field, "%.*s", BYTES_ARG(fault.text));
        return;
    }
    walk->way_faults_count++;
    visit_list_blame(&pass->visits, step->visit, pass->scratch, &fault, step->field);
}

/* What was given on the way, and the prefix: a slash at its end says nothing. */
static const uint32_t *add_given(struct arena *arena, const struct step *step)
{
    uint32_t *given;
    size_t len = step->prefix.len;

    if (step->up == NULL)
        return NULL;
    given = arena_alloc(arena, (step->depth - 1) * sizeof(given[0]));
    if (step->depth > 2)
        memcpy(given, step->up->given, (step->depth - 2) * sizeof(given[0]));
    while (len > 0 && step->prefix.at[len - 1] == '/')
        len--;
    given[step->depth - 2] = (uint32_t)len;
    return given;
}

void step_enter(struct walk *walk, struct step *step, struct bytes field)
{
    struct pass *pass = walk->host->pass;
    const struct object *object = &step->object->object;
    const struct step *up = step->up;

    step->visit = visit_list_add(&pass->dag->trees, &pass->visits, object->ns, object->name);
    visit_of(walk, step)->is_evaluated = true;
    visit_of(walk, step)->giver = up == NULL ? NULL : visit_of(walk, up)->node;
    step->field = field;
    step->title = object_title(object, pass->scratch);
    step->depth = up == NULL ? 1 : up->depth + 1;
    step->given = add_given(pass->scratch, step);
    if (up != NULL)
        step->via =
            plain_printf(pass->scratch, "%.*s%s%.*s %.*s", BYTES_ARG(up->via),
                         up->via.len > 0 ? ", " : "", BYTES_ARG(up->title), BYTES_ARG(field));
}
