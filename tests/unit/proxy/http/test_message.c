/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_message.c - names are recognised, once and in any case.
 */
#include "core/mem.h"
#include "proxy/http/field.h"
#include "proxy/http/message.h"
#include "tests/unit/unit.h"

TEST(every_name_of_fields_def_is_recognised_in_any_case)
{
    for (unsigned id = FIELD_OTHER + 1; id < FIELD_COUNT; id++) {
        struct bytes name = field_name((enum field_id)id);
        char *upper = mem_string(name);

        assert_int_equal(field_identify(name), id);
        for (char *at = upper; *at != '\0'; at++) {
            if (*at >= 'a' && *at <= 'z')
                *at = (char)(*at - 'a' + 'A');
        }
        assert_int_equal(field_identify(bytes_of(upper)), id);
        mem_free(upper);
    }
}

TEST(a_name_that_differs_in_one_byte_is_another)
{
    for (unsigned id = FIELD_OTHER + 1; id < FIELD_COUNT; id++) {
        struct bytes name = field_name((enum field_id)id);

        if (bytes_ends_with(name, BYTES("*")))
            continue;
        for (size_t at = 0; at < name.len; at++) {
            char *other = mem_string(name);

            other[at] = other[at] == '_' ? 'q' : '_';
            assert_int_not_equal(field_identify(bytes_of(other)), id);
            mem_free(other);
        }
        assert_int_not_equal(field_identify(bytes_slice(name, 0, name.len - 1)), id);
    }
}

TEST(a_family_is_recognised_by_its_start)
{
    assert_int_equal(field_identify(BYTES("X-Forwarded-Prefix")), FIELD_X_FORWARDED_OTHER);
    assert_int_equal(field_identify(BYTES("x-forwarded-")), FIELD_X_FORWARDED_OTHER);
    assert_int_equal(field_identify(BYTES("X-Forwarded-Client-Cert-Of-Very-Long-Name")),
                     FIELD_X_FORWARDED_OTHER);
    assert_int_equal(field_identify(BYTES("X-FAIRLEAD-Internal")), FIELD_X_FAIRLEAD);
    assert_int_equal(field_identify(BYTES("SSL-Client-Verify")), FIELD_SSL_CLIENT);
    assert_int_equal(field_identify(BYTES("X-SSL-Client-CN")), FIELD_X_SSL_CLIENT);
    assert_int_equal(field_identify(BYTES("X-Forwarded")), FIELD_OTHER);
    assert_int_equal(field_identify(BYTES("X")), FIELD_OTHER);
    assert_int_equal(field_identify(BYTES("Some-Other-Name")), FIELD_OTHER);
}

TEST(methods_are_told_apart_by_case)
{
    assert_int_equal(method_identify(BYTES("GET")), METHOD_GET);
    assert_int_equal(method_identify(BYTES("OPTIONS")), METHOD_OPTIONS);
    assert_int_equal(method_identify(BYTES("Get")), METHOD_OTHER);
    assert_int_equal(method_identify(BYTES("GETX")), METHOD_OTHER);
    assert_int_equal(method_identify(BYTES("PROPFIND")), METHOD_OTHER);
}

TEST(hostile_58_only_safe_methods_and_put_and_delete_are_idempotent)
{
    assert_true(method_is_idempotent(METHOD_GET));
    assert_true(method_is_idempotent(METHOD_PUT));
    assert_true(method_is_idempotent(METHOD_DELETE));
    assert_false(method_is_idempotent(METHOD_POST));
    assert_false(method_is_idempotent(METHOD_PATCH));
    assert_false(method_is_idempotent(METHOD_OTHER));
}

TEST(the_first_of_several_fields_is_found)
{
    struct field fields[] = {{.id = FIELD_OTHER}, {.id = FIELD_COOKIE}, {.id = FIELD_COOKIE}};
    struct request request = {.fields = fields, .fields_count = 3};

    assert_ptr_equal(request_field(&request, FIELD_COOKIE), &fields[1]);
    assert_null(request_field(&request, FIELD_HOST));
}

TESTS(UNIT(every_name_of_fields_def_is_recognised_in_any_case),
      UNIT(a_name_that_differs_in_one_byte_is_another), UNIT(a_family_is_recognised_by_its_start),
      UNIT(methods_are_told_apart_by_case),
      UNIT(hostile_58_only_safe_methods_and_put_and_delete_are_idempotent),
      UNIT(the_first_of_several_fields_is_found))
