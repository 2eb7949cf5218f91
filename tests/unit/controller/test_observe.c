/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_observe.c - the metrics that follow the table: the ends of certificates, which are bounded,
 * and the statuses of IngressRoutes.
 */
#include "controller/observe.h"
#include "route/builder.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#define SECRETS_MAX 1002

/* A table that serves the certificates of so many Secrets, each ending at `not_after_s`. */
static struct table *serve(struct table *previous, size_t count, int64_t not_after_s)
{
    struct builder *builder = builder_create(previous);
    struct served_certificate list[SECRETS_MAX];
    char names[SECRETS_MAX][16];

    for (size_t i = 0; i < count; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "ns/s%04zu", i);
        list[i] = (struct served_certificate){bytes_of(names[i]), BYTES("CN=x"), not_after_s};
    }
    builder_set_certificates(builder, list, count);
    return builder_finish(builder);
}

static const char *metrics_of(const struct observed *observed, struct text *out)
{
    text_clear(out);
    observed_write(observed, out);
    text_add_byte(out, '\0');
    return out->at;
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;

    for (; (text = strstr(text, part)) != NULL; text++)
        count++;
    return count;
}

#define SERIES "\nfairlead_certificate_not_after_seconds{"

TEST(each_certificate_served_shows_when_it_ends)
{
    struct observed observed;
    struct table *first = serve(NULL, 2, 4733510400), *second, *third;
    struct text out;

    observed_init(&observed);
    text_init(&out);
    observed_publish(&observed, first);
    assert_non_null(
        strstr(metrics_of(&observed, &out), SERIES "secret=\"ns/s0001\"} 4733510400\n"));
    assert_non_null(strstr(out.at, "fairlead_certificates_left_out 0\n"));
    second = serve(first, 1, 1609459200);
    observed_publish(&observed, second);
    assert_non_null(strstr(metrics_of(&observed, &out), "{secret=\"ns/s0000\"} 1609459200\n"));
    assert_int_equal(count_of(out.at, SERIES), 1);
    third = serve(second, 0, 0);
    observed_publish(&observed, third);
    assert_int_equal(count_of(metrics_of(&observed, &out), SERIES), 0);
    text_fini(&out);
    observed_fini(&observed);
    table_unref(first);
    table_unref(second);
    table_unref(third);
}

TEST(at_most_a_thousand_certificates_have_series_and_the_rest_is_counted)
{
    struct observed observed;
    struct table *table = serve(NULL, SECRETS_MAX, 1);
    struct text out;

    observed_init(&observed);
    text_init(&out);
    observed_publish(&observed, table);
    assert_int_equal(count_of(metrics_of(&observed, &out), SERIES), 1000);
    assert_non_null(strstr(out.at, "fairlead_certificates_left_out 2\n"));
    text_fini(&out);
    observed_fini(&observed);
    table_unref(table);
}

static struct table *judge(struct table *previous, const struct object_status *list, size_t count)
{
    struct builder *builder = builder_create(previous);

    builder_set_statuses(builder, list, count);
    return builder_finish(builder);
}

TEST(ingress_routes_are_counted_by_status)
{
    const struct object_status list[] = {
        {BYTES("IngressRoute a/a"), BYTES_NONE, BYTES("-"), OBJECT_VALID},
        {BYTES("IngressRoute a/b"), BYTES_NONE, BYTES("-"), OBJECT_INVALID},
        {BYTES("IngressRoute a/c"), BYTES_NONE, BYTES("-"), OBJECT_VALID},
        {BYTES("IngressRoute a/d"), BYTES_NONE, BYTES("-"), OBJECT_ORPHANED},
    };
    struct observed observed;
    struct table *first = judge(NULL, list, 4), *second = judge(first, list, 1), *third;
    struct text out;

    observed_init(&observed);
    text_init(&out);
    observed_publish(&observed, first);
    assert_non_null(strstr(metrics_of(&observed, &out), "_routes{status=\"valid\"} 2\n"));
    assert_non_null(strstr(out.at, "fairlead_ingress_routes{status=\"invalid\"} 1\n"));
    assert_non_null(strstr(out.at, "fairlead_ingress_routes{status=\"orphaned\"} 1\n"));
    observed_publish(&observed, second);
    assert_non_null(strstr(metrics_of(&observed, &out), "_routes{status=\"valid\"} 1\n"));
    assert_non_null(strstr(out.at, "fairlead_ingress_routes{status=\"invalid\"} 0\n"));
    third = judge(second, NULL, 0);
    observed_publish(&observed, third);
    assert_non_null(strstr(metrics_of(&observed, &out), "_routes{status=\"valid\"} 0\n"));
    text_fini(&out);
    observed_fini(&observed);
    table_unref(first);
    table_unref(second);
    table_unref(third);
}

TEST(objects_of_both_groups_of_one_name_are_counted_as_one_kind)
{
    struct observed observed;
    struct text out;

    observed_init(&observed);
    text_init(&out);
    observed.stats.objects[OBJECT_TLS_DELEGATION] = 2;
    observed.stats.objects[OBJECT_PROJECTCONTOUR_TLS_DELEGATION] = 3;
    assert_non_null(strstr(metrics_of(&observed, &out), "{kind=\"TLSCertificateDelegation\"} 5\n"));
    assert_int_equal(count_of(out.at, "TLSCertificateDelegation"), 1);
    text_fini(&out);
    observed_fini(&observed);
}

TESTS(UNIT(ingress_routes_are_counted_by_status), UNIT(each_certificate_served_shows_when_it_ends),
      UNIT(at_most_a_thousand_certificates_have_series_and_the_rest_is_counted),
      UNIT(objects_of_both_groups_of_one_name_are_counted_as_one_kind))
