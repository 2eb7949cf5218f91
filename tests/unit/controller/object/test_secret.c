/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_secret.c - what is kept of a Secret, and of a ConfigMap, and what is not.
 */
#include "controller/object/base64.h"
#include "controller/object/decode.h"
#include "core/mem.h"
#include "tests/unit/unit.h"

#include <malloc.h>

#define HEAD "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n"

static struct decoded decode(const char *text)
{
    struct decoded decoded;

    decode_manifest(bytes_of(text), BYTES("a.yaml"), &decoded);
    return decoded;
}

static const struct object *only(const struct decoded *decoded)
{
    assert_false(decoded->is_broken);
    assert_int_equal(decoded->objects_count, 1);
    return decoded->objects[0];
}

TEST(string_data_wins_over_data)
{
    struct decoded decoded = decode(HEAD "data:\n  tls.key: YmFzZQ==\n  tls.crt: |\n    QUFB\n"
                                         "    QQ==\nstringData: {tls.key: plain}\n");
    const struct secret *secret = as_secret(only(&decoded));

    assert_bytes(secret->type, "Opaque");
    assert_bytes(secret->values[SECRET_CERTIFICATE], "AAAA");
    assert_bytes(secret->values[SECRET_PRIVATE_KEY], "plain");
    decoded_fini(&decoded);
}

TEST(an_empty_value_is_told_from_one_that_is_not_there)
{
    struct decoded decoded = decode(HEAD "data: {ca.crt: null, ca.crl: ''}\n");
    const struct secret *secret = as_secret(only(&decoded));

    assert_null(secret->values[SECRET_CA].at);
    assert_non_null(secret->values[SECRET_CRL].at);
    assert_int_equal(secret->values[SECRET_CRL].len, 0);
    decoded_fini(&decoded);
}

TEST(values_that_nobody_may_ask_for_are_not_looked_at)
{
    struct decoded decoded = decode(HEAD "data: {tls.crt: QUFB, password: '!', number: 7}\n");

    assert_bytes(as_secret(only(&decoded))->values[SECRET_CERTIFICATE], "AAA");
    assert_int_equal(decoded.notes_count, 0);
    decoded_fini(&decoded);
}

TEST(a_value_that_is_asked_for_and_is_no_base64_leaves_the_secret_out)
{
    struct decoded decoded = decode(HEAD "data: {tls.crt: QUFBQUFB!}\n");

    assert_int_equal(decoded.objects_count, 0);
    assert_int_equal(decoded.notes_count, 1);
    assert_bytes(decoded.notes[0].text,
                 "data.tls.crt: is no base64: encode the value, or move it to "
                 "the field for plain text");
    decoded_fini(&decoded);
}

/* ---- what it weighs ---- */

#define MUCH_BYTES 700000

/* What is kept of a manifest that goes on with much. */
static size_t kept_bytes(const char *manifest)
{
    struct decoded decoded;
    struct text text;
    size_t kept;

    text_init(&text);
    text_add_str(&text, manifest);
    for (size_t i = 0; i < MUCH_BYTES; i++)
        text_add_byte(&text, 'A');
    text_add_str(&text, "}\n");
    decode_manifest(text_bytes(&text), BYTES("a.yaml"), &decoded);
    kept = malloc_usable_size((void *)(uintptr_t)only(&decoded));
    decoded_fini(&decoded);
    text_fini(&text);
    return kept;
}

TEST(a_secret_weighs_what_may_be_asked_for)
{
    assert_in_range(kept_bytes(HEAD "data: {tls.crt: "), MUCH_BYTES / 4 * 3, MUCH_BYTES);
    assert_in_range(kept_bytes(HEAD "data: {password: "), 1, 400);
    assert_in_range(kept_bytes(HEAD "data: {tls.crt: QUFB, tls.crt2: "), 1, 400);
    assert_in_range(kept_bytes(HEAD "stringData: {password: "), 1, 400);
    assert_in_range(kept_bytes(HEAD "more: {tls.crt: "), 1, 400);
}

TEST(a_secret_has_no_annotations)
{
    struct decoded decoded = decode("apiVersion: v1\nkind: Secret\n"
                                    "metadata: {name: s, annotations: {a: b}}\n");

    assert_int_equal(only(&decoded)->annotations_count, 0);
    decoded_fini(&decoded);
}

TEST(a_config_map_weighs_nothing)
{
    assert_in_range(kept_bytes("apiVersion: v1\nkind: ConfigMap\n"
                               "metadata: {name: c, annotations: {a: b}}\n"
                               "binaryData: {bin: AAEC}\ndata: {ca.crt: "),
                    1, 300);
}

/* ---- limits ---- */

static void add_secret(struct text *out, const char *field, const char *key, size_t bytes)
{
    struct text value;

    text_init(&value);
    for (size_t i = 0; i < bytes; i++)
        text_add_byte(&value, 'A');
    text_printf(out,
                "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"s\"},"
                "\"%s\":{\"%s\":\"",
                field, key);
    if (strcmp(field, "data") == 0)
        base64_add(text_bytes(&value), out);
    else
        text_add(out, text_bytes(&value));
    text_add_str(out, "\"}}");
    text_fini(&value);
}

static void assert_limit(enum secret_key key, const char *field)
{
    for (size_t over = 0; over < 2; over++) {
        size_t bytes = secret_key_bytes_max(key) + over;
        const struct secret *secret;
        struct decoded decoded;
        struct text text;

        text_init(&text);
        add_secret(&text, field, secret_key_name(key), bytes);
        decode_manifest(text_bytes(&text), BYTES("a.json"), &decoded);
        secret = as_secret(only(&decoded));
        assert_int_equal(secret->is_too_large[key], over);
        assert_int_equal(secret->values[key].len, over == 0 ? bytes : 0);
        decoded_fini(&decoded);
        text_fini(&text);
    }
}

TEST(values_up_to_their_limits_are_kept)
{
    for (size_t key = 0; key < SECRET_KEYS_COUNT; key++) {
        assert_limit((enum secret_key)key, "data");
        assert_limit((enum secret_key)key, "stringData");
    }
}

TEST(a_value_over_its_limit_is_another_secret_than_one_without_it)
{
    struct decoded without = decode(HEAD);
    struct decoded over;
    struct text text;

    text_init(&text);
    add_secret(&text, "data", "tls.ocsp", SECRET_STAPLE_BYTES_MAX + 1);
    decode_manifest(text_bytes(&text), BYTES("a.json"), &over);
    assert_false(object_is_same(only(&without), only(&over)));
    decoded_fini(&without);
    decoded_fini(&over);
    text_fini(&text);
}

TESTS(UNIT(string_data_wins_over_data), UNIT(an_empty_value_is_told_from_one_that_is_not_there),
      UNIT(values_that_nobody_may_ask_for_are_not_looked_at),
      UNIT(a_value_that_is_asked_for_and_is_no_base64_leaves_the_secret_out),
      UNIT(a_secret_weighs_what_may_be_asked_for), UNIT(a_secret_has_no_annotations),
      UNIT(a_config_map_weighs_nothing), UNIT(values_up_to_their_limits_are_kept),
      UNIT(a_value_over_its_limit_is_another_secret_than_one_without_it))
