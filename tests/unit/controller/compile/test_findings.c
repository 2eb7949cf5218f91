/* SPDX-License-Identifier: Apache-2.0 */
/* How much is told about whom. */
#include "controller/compile/findings.h"
#include "tests/unit/unit.h"

#include <stdio.h>

static const struct object ours = {
    .kind = OBJECT_INGRESS, .ns = {"good", sizeof("good") - 1}, .name = {"web", sizeof("web") - 1}};
static const struct object theirs = {
    .kind = OBJECT_INGRESS, .ns = {"bad", sizeof("bad") - 1}, .name = {"web", sizeof("web") - 1}};

static void add_many(struct findings *findings, const struct object *object, bool is_error,
                     int count)
{
    for (int i = 0; i < count; i++)
        findings_add(findings, is_error, object, "path %d", i);
}

static size_t count_about(const struct findings *findings, const struct object *object,
                          bool is_error)
{
    size_t count = 0;

    for (size_t i = 0; i < findings->count; i++)
        count += findings->drafts[i].is_error == is_error &&
                 bytes_equal(findings->drafts[i].ns, object->ns);
    return count;
}

static struct arena arena;

/* What every promise below is asked of; close_findings() frees it. */
static struct findings open_findings(void)
{
    struct findings findings;

    arena_init(&arena, 4096);
    findings_init(&findings, &arena);
    return findings;
}

static void close_findings(void)
{
    arena_fini(&arena);
}

TEST(what_is_said_about_one_object_pushes_out_nothing_about_another)
{
    struct findings findings = open_findings();

    add_many(&findings, &theirs, false, FINDINGS_MAX + 5);
    findings_add(&findings, true, &ours, "Service good/web not found");
    findings_finish(&findings);
    assert_int_equal(count_about(&findings, &ours, true), 1);
    assert_int_equal(count_about(&findings, &theirs, false), FINDINGS_MAX + 1);
    assert_int_equal(findings.left_out, 5);
    assert_bytes(findings.drafts[findings.count - 1].text,
                 "5 more findings about this one are left out (FINDINGS_MAX)");
    assert_bytes(findings.drafts[findings.count - 1].ns, "bad");
    close_findings();
}

TEST(a_warning_gives_way_to_an_error_and_no_error_to_anything)
{
    struct findings findings = open_findings();

    add_many(&findings, &ours, false, FINDINGS_MAX);
    add_many(&findings, &ours, true, 3);
    assert_int_equal(count_about(&findings, &ours, true), 3);
    assert_int_equal(count_about(&findings, &ours, false), FINDINGS_MAX - 3);
    add_many(&findings, &ours, true, FINDINGS_MAX);
    add_many(&findings, &ours, false, 1);
    assert_int_equal(count_about(&findings, &ours, true), FINDINGS_MAX);
    assert_int_equal(count_about(&findings, &ours, false), 0);
    assert_int_equal(findings.left_out, FINDINGS_MAX + 4);
    close_findings();
}

TEST(a_warning_is_skipped_only_where_enough_was_said_about_the_same_object)
{
    struct findings findings = open_findings();

    add_many(&findings, &theirs, false, FINDINGS_MAX);
    assert_false(findings_skip(&findings, &ours));
    assert_true(findings_skip(&findings, &theirs));
    findings_finish(&findings);
    assert_int_equal(findings.left_out, 1);
    assert_int_equal(count_about(&findings, &ours, false), 0);
    assert_bytes(findings.drafts[findings.count - 1].text,
                 "1 more finding about this one is left out (FINDINGS_MAX)");
    close_findings();
}

TEST(what_others_left_out_is_told_with_what_is_left_out_here)
{
    struct findings findings = open_findings();

    findings_leave_out(&findings, &theirs, 0);
    findings_leave_out(&findings, &ours, 40);
    findings_leave_out(&findings, &ours, 2);
    findings_finish(&findings);
    assert_int_equal(findings.left_out, 42);
    assert_int_equal(findings.count, 1);
    assert_bytes(findings.drafts[0].ns, "good");
    assert_bytes(findings.drafts[0].text,
                 "42 more findings about this one are left out (FINDINGS_MAX)");
    close_findings();
}

TEST(findings_of_a_file_count_together_whatever_they_name)
{
    struct findings findings = open_findings();
    char name[32];

    for (int i = 0; i < FINDINGS_MAX + 7; i++) {
        (void)snprintf(name, sizeof(name), "Ingress a/i%d", i);
        findings_add_located(&findings, true, BYTES("a.yaml:3"), bytes_of(name), BYTES("wrong"));
    }
    findings_finish(&findings);
    assert_int_equal(findings.count, FINDINGS_MAX + 1);
    assert_bytes(findings.drafts[FINDINGS_MAX].object, "Ingress a/i0");
    assert_int_equal(findings.left_out, 7);
    close_findings();
}

TEST(nothing_left_out_is_not_told)
{
    struct findings findings = open_findings();

    add_many(&findings, &ours, false, FINDINGS_MAX);
    findings_finish(&findings);
    assert_int_equal(findings.count, FINDINGS_MAX);
    close_findings();
}

TESTS(UNIT(what_is_said_about_one_object_pushes_out_nothing_about_another),
      UNIT(a_warning_gives_way_to_an_error_and_no_error_to_anything),
      UNIT(a_warning_is_skipped_only_where_enough_was_said_about_the_same_object),
      UNIT(what_others_left_out_is_told_with_what_is_left_out_here),
      UNIT(findings_of_a_file_count_together_whatever_they_name),
      UNIT(nothing_left_out_is_not_told))
