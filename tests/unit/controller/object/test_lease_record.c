/* SPDX-License-Identifier: Apache-2.0 */
/* A Lease as text, both ways. */
#include "controller/object/lease_record.h"
#include "tests/unit/unit.h"

static enum status read_text(const char *text, struct arena *arena, struct lease_record *record)
{
    return lease_record_read(bytes_of(text), arena, record);
}

TEST(a_lease_is_read)
{
    struct lease_record record;
    struct arena arena;

    arena_init(&arena, 256);
    assert_int_equal(
        read_text("{\"metadata\":{\"name\":\"x\",\"resourceVersion\":\"42\"},\"spec\":{"
                  "\"holderIdentity\":\"pod_1\",\"leaseDurationSeconds\":15,"
                  "\"acquireTime\":\"then\",\"renewTime\":\"now\","
                  "\"leaseTransitions\":3,\"strategy\":\"new\"}}",
                  &arena, &record),
        STATUS_OK);
    assert_bytes(record.version, "42");
    assert_bytes(record.holder, "pod_1");
    assert_bytes(record.acquired, "then");
    assert_bytes(record.renewed, "now");
    assert_int_equal(record.duration_s, 15);
    assert_int_equal(record.transitions, 3);
    arena_fini(&arena);
}

TEST(a_lease_without_a_spec_is_one_that_nobody_holds)
{
    struct lease_record record;
    struct arena arena;

    arena_init(&arena, 256);
    assert_int_equal(read_text("{\"metadata\":{\"resourceVersion\":\"42\"},\"spec\":{"
                               "\"holderIdentity\":null,\"leaseDurationSeconds\":-5,"
                               "\"leaseTransitions\":99999999999999}}",
                               &arena, &record),
                     STATUS_OK);
    assert_int_equal(record.holder.len, 0);
    assert_int_equal(record.duration_s, 0);
    assert_int_equal(record.transitions, 0);
    arena_fini(&arena);
}

TEST(what_is_no_lease_is_refused)
{
    static const char *const texts[] = {"",
                                        "x",
                                        "[]",
                                        "7",
                                        "{}",
                                        "{\"metadata\":{}}",
                                        "{\"metadata\":{\"resourceVersion\":42}}",
                                        "{\"metadata\":{\"resourceVersion\":\"42\"}"};
    struct lease_record record;
    struct arena arena;

    arena_init(&arena, 256);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(read_text(texts[i], &arena, &record), STATUS_INVALID);
    arena_fini(&arena);
}

TEST(what_is_written_can_be_read)
{
    struct lease_record record = {BYTES("42"), BYTES("po\"d"), BYTES("then"), BYTES("now"), 15, 3};
    struct lease_record read;
    struct arena arena;
    struct text text;

    text_init(&text);
    arena_init(&arena, 256);
    lease_record_write(&record, BYTES("edge"), BYTES("fairlead"), &text);
    assert_int_equal(lease_record_read(text_bytes(&text), &arena, &read), STATUS_OK);
    assert_bytes(read.version, "42");
    assert_bytes(read.holder, "po\"d");
    assert_bytes(read.acquired, "then");
    assert_bytes(read.renewed, "now");
    assert_int_equal(read.duration_s, 15);
    assert_int_equal(read.transitions, 3);
    text_clear(&text);
    record.version = BYTES_NONE;
    lease_record_write(&record, BYTES("edge"), BYTES("fairlead"), &text);
    text_add_byte(&text, '\0');
    assert_non_null(
        strstr(text.at, "{\"metadata\":{\"namespace\":\"edge\",\"name\":\"fairlead\"}"));
    arena_fini(&arena);
    text_fini(&text);
}

TESTS(UNIT(a_lease_is_read), UNIT(a_lease_without_a_spec_is_one_that_nobody_holds),
      UNIT(what_is_no_lease_is_refused), UNIT(what_is_written_can_be_read))
