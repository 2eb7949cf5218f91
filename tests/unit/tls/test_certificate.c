/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_certificate.c - what is taken as a host's certificate, and what is said of the rest.
 */
#include "tests/unit/tls/make.h"

/* Parse, and hold what is said against `fault`; "" when it is fine. */
static void assert_fault_of(struct bytes chain, struct bytes key, struct bytes staple,
                            const char *expected)
{
    struct certificate *certificate = NULL;
    struct text fault;
    enum status status;

    text_init(&fault);
    status = certificate_parse(chain, key, staple, &certificate, &fault);
    assert_bytes(text_bytes(&fault), expected);
    assert_int_equal(status, expected[0] == '\0' ? STATUS_OK : STATUS_INVALID);
    assert_int_equal(certificate != NULL, status == STATUS_OK);
    assert_int_equal(ERR_peek_error(), 0);
    if (certificate != NULL)
        certificate_unref(certificate);
    text_fini(&fault);
}

static void assert_chain_fault(const struct text *chain, const struct identity *key,
                               const char *expected)
{
    struct text pem = make_key_pem(key);

    assert_fault_of(text_bytes(chain), text_bytes(&pem), BYTES_NONE, expected);
    text_fini(&pem);
}

/* A self-signed certificate and its key with one thing out of order. */
static void assert_recipe_fault(const struct recipe *recipe, const char *expected)
{
    struct identity identity = make_identity(recipe);
    struct text chain = make_pem(1, &identity);

    assert_chain_fault(&chain, &identity, expected);
    text_fini(&chain);
    identity_free(&identity);
}

static void assert_key_fault(struct bytes key, const char *expected)
{
    struct identity identity = make_identity(&(struct recipe){.name = "a.test"});
    struct text chain = make_pem(1, &identity);

    assert_fault_of(text_bytes(&chain), key, BYTES_NONE, expected);
    text_fini(&chain);
    identity_free(&identity);
}

/* ---- chains ---- */

TEST(a_leaf_with_its_issuers_is_taken_with_or_without_the_root)
{
    struct identity root = make_identity(&(struct recipe){.name = "root", .is_ca = true});
    struct identity middle =
        make_identity(&(struct recipe){.name = "middle", .is_ca = true, .issuer = &root});
    struct identity leaf = make_identity(&(struct recipe){.name = "a.test", .issuer = &middle});
    struct text with = make_pem(3, &leaf, &middle, &root);
    struct text without = make_pem(2, &leaf, &middle);

    assert_chain_fault(&with, &leaf, "");
    assert_chain_fault(&without, &leaf, "");
    text_fini(&with);
    text_fini(&without);
    identity_free(&root);
    identity_free(&middle);
    identity_free(&leaf);
}

TEST(a_chain_out_of_order_is_a_fault_that_names_the_place)
{
    struct identity root = make_identity(&(struct recipe){.name = "root", .is_ca = true});
    struct identity middle =
        make_identity(&(struct recipe){.name = "middle", .is_ca = true, .issuer = &root});
    struct identity leaf = make_identity(&(struct recipe){.name = "a.test", .issuer = &middle});
    struct text wrong = make_pem(3, &leaf, &root, &middle);

    assert_chain_fault(&wrong, &leaf,
                       "certificate 1 of tls.crt is not signed by certificate 2; the order is the "
                       "host's own certificate, then its issuer, then the issuer's issuer");
    text_fini(&wrong);
    identity_free(&root);
    identity_free(&middle);
    identity_free(&leaf);
}

TEST(an_issuer_that_only_has_the_right_name_is_a_fault)
{
    struct identity root = make_identity(&(struct recipe){.name = "root", .is_ca = true});
    struct identity other = make_identity(&(struct recipe){.name = "root", .is_ca = true});
    struct identity leaf = make_identity(&(struct recipe){.name = "a.test", .issuer = &root});
    struct text wrong = make_pem(2, &leaf, &other);

    assert_chain_fault(&wrong, &leaf,
                       "certificate 1 of tls.crt is not signed by certificate 2; the order is the "
                       "host's own certificate, then its issuer, then the issuer's issuer");
    text_fini(&wrong);
    identity_free(&root);
    identity_free(&other);
    identity_free(&leaf);
}

TEST(a_seventeenth_certificate_is_a_fault)
{
    struct identity leaf = make_identity(&(struct recipe){.name = "a.test", .is_ca = true});
    struct text one = make_pem(1, &leaf);
    struct text many;

    text_init(&many);
    for (int i = 0; i < CERTIFICATE_CHAIN_MAX; i++)
        text_add(&many, text_bytes(&one));
    assert_chain_fault(&many, &leaf, "");
    text_add(&many, text_bytes(&one));
    assert_chain_fault(&many, &leaf, "tls.crt has more than 16 certificates");
    text_fini(&one);
    text_fini(&many);
    identity_free(&leaf);
}

TEST(text_between_blocks_is_passed_over)
{
    struct identity leaf = make_identity(&(struct recipe){.name = "a.test"});
    struct text pem = make_pem(1, &leaf);
    struct text chain;

    text_init(&chain);
    text_add_str(&chain, "subject=/CN=a.test\n\n");
    text_add(&chain, text_bytes(&pem));
    text_add_str(&chain, "\nthat was all\n");
    assert_chain_fault(&chain, &leaf, "");
    text_fini(&chain);
    text_fini(&pem);
    identity_free(&leaf);
}

TEST(a_chain_without_certificates_is_a_fault)
{
    assert_fault_of(BYTES_NONE, BYTES_NONE, BYTES_NONE, "tls.crt is empty");
    assert_fault_of(BYTES("hello"), BYTES_NONE, BYTES_NONE, "tls.crt has no CERTIFICATE block");
    assert_fault_of(BYTES("-----BEGIN CERTIFICATE-----\nAAAA\n"), BYTES_NONE, BYTES_NONE,
                    "tls.crt has a block that is not valid PEM");
    assert_fault_of(BYTES("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
                    BYTES_NONE, BYTES_NONE,
                    "certificate 1 of tls.crt is not a valid X.509 certificate");
}

TEST(a_key_in_the_place_of_the_certificate_is_a_fault_without_the_key_in_it)
{
    struct identity leaf = make_identity(&(struct recipe){.name = "a.test"});
    struct text key = make_key_pem(&leaf);

    assert_fault_of(text_bytes(&key), text_bytes(&key), BYTES_NONE,
                    "tls.crt has a block that is no CERTIFICATE; only the certificate and its "
                    "issuers belong there");
    text_fini(&key);
    identity_free(&leaf);
}

TEST(more_than_a_mebibyte_is_a_fault)
{
    struct text large;

    text_init(&large);
    text_reserve(&large, CERTIFICATE_PEM_BYTES_MAX + 1);
    memset(large.at, ' ', CERTIFICATE_PEM_BYTES_MAX + 1);
    large.len = CERTIFICATE_PEM_BYTES_MAX + 1;
    assert_fault_of(text_bytes(&large), BYTES_NONE, BYTES_NONE, "tls.crt is larger than 1 MiB");
    assert_key_fault(text_bytes(&large), "tls.key is larger than 1 MiB");
    text_fini(&large);
}

/* ---- the leaf ---- */

TEST(a_leaf_needs_a_common_name_or_an_alternative_name)
{
    assert_recipe_fault(&(struct recipe){.sans = "DNS:a.test"}, "");
    assert_recipe_fault(&(struct recipe){.name = NULL},
                        "the first certificate of tls.crt has neither a common name nor a subject "
                        "alternative name");
}

TEST(weak_keys_and_digests_are_faults)
{
    struct identity ca = make_identity(&(struct recipe){.name = "ca", .is_ca = true});
    struct identity leaf =
        make_identity(&(struct recipe){.name = "a.test", .issuer = &ca, .is_sha1 = true});
    struct text chain = make_pem(1, &leaf);

    assert_recipe_fault(&(struct recipe){.name = "a.test", .type = KEY_RSA_1024},
                        "certificate 1 of tls.crt has an RSA key of less than 2048 bits");
    assert_recipe_fault(&(struct recipe){.name = "a.test", .type = KEY_SECP256K1},
                        "certificate 1 of tls.crt has a key of a kind that is not supported; use "
                        "RSA, ECDSA on P-256, P-384 or P-521, or Ed25519");
    assert_chain_fault(&chain, &leaf,
                       "certificate 1 of tls.crt is signed with a weak digest; SHA-256 or better "
                       "is needed");
    text_fini(&chain);
    identity_free(&ca);
    identity_free(&leaf);
}

TEST(a_self_signed_certificate_may_bear_any_digest_for_nobody_looks_at_it)
{
    assert_recipe_fault(&(struct recipe){.name = "a.test", .is_sha1 = true}, "");
}

TEST(each_kind_of_key_is_told)
{
    const enum key_type types[CERTIFICATE_KINDS] = {KEY_RSA, KEY_P256, KEY_ED25519};

    for (int kind = 0; kind < CERTIFICATE_KINDS; kind++) {
        struct identity leaf =
            make_identity(&(struct recipe){.name = "a.test", .type = types[kind]});
        struct certificate *certificate = make_certificate(&leaf, NULL);

        assert_int_equal(certificate_kind(certificate), kind);
        certificate_unref(certificate);
        identity_free(&leaf);
    }
}

/* ---- keys ---- */

TEST(a_key_of_another_certificate_is_a_fault)
{
    struct identity other = make_identity(&(struct recipe){.name = "b.test"});
    struct identity rsa = make_identity(&(struct recipe){.name = "b.test", .type = KEY_RSA});
    struct text key = make_key_pem(&other);
    struct text rsa_key = make_key_pem(&rsa);

    assert_key_fault(text_bytes(&key),
                     "tls.key does not belong to the first certificate of tls.crt");
    assert_key_fault(text_bytes(&rsa_key),
                     "tls.key does not belong to the first certificate of tls.crt");
    text_fini(&key);
    text_fini(&rsa_key);
    identity_free(&other);
    identity_free(&rsa);
}

TEST(what_is_no_single_plain_key_is_a_fault)
{
    struct identity other = make_identity(&(struct recipe){.name = "b.test"});
    struct text key = make_key_pem(&other);
    struct text chain = make_pem(1, &other);
    struct text twice;

    text_init(&twice);
    text_add(&twice, text_bytes(&key));
    text_add(&twice, text_bytes(&key));
    assert_key_fault(BYTES_NONE, "tls.key is empty");
    assert_key_fault(BYTES("hello"), "tls.key has no private key");
    assert_key_fault(text_bytes(&twice), "tls.key has more than one private key");
    assert_key_fault(text_bytes(&chain), "tls.key has a block that is no private key");
    assert_key_fault(BYTES("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
                     "tls.key has a private key that is not valid");
    assert_key_fault(BYTES("-----BEGIN PRIVATE KEY-----\nAAAA\n"),
                     "tls.key has a block that is not valid PEM");
    text_fini(&key);
    text_fini(&chain);
    text_fini(&twice);
    identity_free(&other);
}

TEST(a_key_with_a_passphrase_is_a_fault_in_its_new_form_and_its_old_one)
{
    struct identity identity = make_identity(&(struct recipe){.name = "a.test"});
    unsigned char word[] = "secret";
    BIO *new_form = BIO_new(BIO_s_mem());
    BIO *old_form = BIO_new(BIO_s_mem());
    struct text key;

    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(new_form, identity.key, EVP_aes_128_cbc(),
                                                   (char *)word, 6, NULL, NULL),
                     1);
    key = make_text_of_bio(new_form);
    assert_key_fault(text_bytes(&key), "tls.key is encrypted; store it without a passphrase");
    text_fini(&key);
    assert_int_equal(PEM_write_bio_PrivateKey_traditional(old_form, identity.key, EVP_aes_128_cbc(),
                                                          word, 6, NULL, NULL),
                     1);
    key = make_text_of_bio(old_form);
    assert_key_fault(text_bytes(&key), "tls.key is encrypted; store it without a passphrase");
    text_fini(&key);
    identity_free(&identity);
}

TEST(parameters_before_the_key_and_the_old_form_of_keys_are_fine)
{
    struct identity identity = make_identity(&(struct recipe){.name = "a.test"});
    struct text chain = make_pem(1, &identity);
    BIO *bio = BIO_new(BIO_s_mem());
    struct text key;

    (void)BIO_puts(bio, "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n"
                        "-----END EC PARAMETERS-----\n");
    assert_int_equal(
        PEM_write_bio_PrivateKey_traditional(bio, identity.key, NULL, NULL, 0, NULL, NULL), 1);
    key = make_text_of_bio(bio);
    assert_fault_of(text_bytes(&chain), text_bytes(&key), BYTES_NONE, "");
    text_fini(&key);
    text_fini(&chain);
    identity_free(&identity);
}

TEST(a_chain_cut_at_any_byte_is_a_fault_and_no_more)
{
    struct identity identity = make_identity(&(struct recipe){.name = "a.test"});
    struct text chain = make_pem(1, &identity);
    struct text key = make_key_pem(&identity);
    struct certificate *certificate;
    struct text fault;

    text_init(&fault);
    for (size_t length = 0; length + 1 < chain.len; length++)
        assert_int_equal(certificate_parse(bytes_from(chain.at, length), text_bytes(&key),
                                           BYTES_NONE, &certificate, &fault),
                         STATUS_INVALID);
    for (size_t length = 0; length + 1 < key.len; length++)
        assert_int_equal(certificate_parse(text_bytes(&chain), bytes_from(key.at, length),
                                           BYTES_NONE, &certificate, &fault),
                         STATUS_INVALID);
    text_fini(&fault);
    text_fini(&chain);
    text_fini(&key);
    identity_free(&identity);
}

/* ---- staples ---- */

TEST(a_staple_must_be_an_answer_about_the_leaf)
{
    struct identity ca = make_identity(&(struct recipe){.name = "ca", .is_ca = true});
    struct identity leaf = make_identity(&(struct recipe){.name = "a.test", .issuer = &ca});
    struct identity other = make_identity(&(struct recipe){.name = "b.test", .issuer = &ca});
    struct text chain = make_pem(2, &leaf, &ca);
    struct text short_chain = make_pem(1, &leaf);
    struct text key = make_key_pem(&leaf);
    struct text right = make_staple(&ca, &leaf);
    struct text wrong = make_staple(&ca, &other);

    assert_fault_of(text_bytes(&chain), text_bytes(&key), text_bytes(&right), "");
    assert_fault_of(text_bytes(&short_chain), text_bytes(&key), text_bytes(&right), "");
    assert_fault_of(text_bytes(&chain), text_bytes(&key), text_bytes(&wrong),
                    "the OCSP response to staple is for another certificate");
    assert_fault_of(text_bytes(&short_chain), text_bytes(&key), text_bytes(&wrong),
                    "the OCSP response to staple is for another certificate");
    assert_fault_of(text_bytes(&chain), text_bytes(&key), BYTES("junk"),
                    "the OCSP response to staple is not a valid one");
    assert_fault_of(text_bytes(&chain), text_bytes(&key), BYTES("\x30\x03\x0a\x01\x06"),
                    "the OCSP response to staple is not a successful one");
    text_fini(&chain);
    text_fini(&short_chain);
    text_fini(&key);
    text_fini(&right);
    text_fini(&wrong);
    identity_free(&ca);
    identity_free(&leaf);
    identity_free(&other);
}

/* ---- questions ---- */

TEST(names_are_covered_by_alternative_names_alone)
{
    struct identity leaf = make_identity(
        &(struct recipe){.name = "common.test",
                         .sans = "DNS:a.test,DNS:*.wild.test,IP:10.1.2.3,IP:::1,DNS:p*.part.test"});
    struct certificate *certificate = make_certificate(&leaf, NULL);

    assert_true(certificate_covers(certificate, BYTES("a.test")));
    assert_true(certificate_covers(certificate, BYTES("x.wild.test")));
    assert_true(certificate_covers(certificate, BYTES("*.wild.test")));
    assert_true(certificate_covers(certificate, BYTES("10.1.2.3")));
    assert_true(certificate_covers(certificate, BYTES("::1")));
    assert_false(certificate_covers(certificate, BYTES("common.test")));
    assert_false(certificate_covers(certificate, BYTES("wild.test")));
    assert_false(certificate_covers(certificate, BYTES("x.y.wild.test")));
    assert_false(certificate_covers(certificate, BYTES("*.test")));
    assert_false(certificate_covers(certificate, BYTES("px.part.test")));
    assert_false(certificate_covers(certificate, BYTES(".wild.test")));
    assert_false(certificate_covers(certificate, BYTES("a.test\0.b.test")));
    assert_false(certificate_covers(certificate, BYTES("10.1.2.4")));
    assert_false(certificate_covers(certificate, BYTES_NONE));
    certificate_unref(certificate);
    identity_free(&leaf);
}

TEST(the_time_is_what_the_whole_chain_has_in_common)
{
    struct identity ca = make_identity(
        &(struct recipe){.name = "ca", .is_ca = true, .from_days = -9, .until_days = 5});
    struct identity leaf = make_identity(
        &(struct recipe){.name = "a.test", .issuer = &ca, .from_days = -2, .until_days = 20});
    struct certificate *certificate = make_certificate(&leaf, &ca);

    assert_int_equal(certificate_not_after_s(certificate) - certificate_not_before_s(certificate),
                     7 * 86400);
    certificate_unref(certificate);
    identity_free(&ca);
    identity_free(&leaf);
}

TEST(names_for_people_hold_nothing_but_printable_characters)
{
    struct identity ca =
        make_identity(&(struct recipe){.name = "the\x7f\033[31m ca\n", .is_ca = true});
    struct identity leaf = make_identity(&(struct recipe){.name = "a\"b,c", .issuer = &ca});
    struct certificate *certificate = make_certificate(&leaf, &ca);
    struct bytes issuer = certificate_issuer(certificate);

    assert_bytes(certificate_subject(certificate), "CN=a\\\"b\\,c");
    assert_true(bytes_starts_with(issuer, BYTES("CN=the")));
    for (size_t i = 0; i < issuer.len; i++)
        assert_true(issuer.at[i] >= 0x20 && issuer.at[i] <= 0x7e);
    certificate_unref(certificate);
    identity_free(&ca);
    identity_free(&leaf);
}

TEST(the_id_is_that_of_the_whole_chain)
{
    struct identity ca = make_identity(&(struct recipe){.name = "ca", .is_ca = true});
    struct identity leaf = make_identity(&(struct recipe){.name = "a.test", .issuer = &ca});
    struct certificate *with = make_certificate(&leaf, &ca);
    struct certificate *again = make_certificate(&leaf, &ca);
    struct certificate *without = make_certificate(&leaf, NULL);

    assert_int_equal(certificate_id(with).len, CERTIFICATE_ID_BYTES);
    assert_true(bytes_equal(certificate_id(with), certificate_id(again)));
    assert_false(bytes_equal(certificate_id(with), certificate_id(without)));
    certificate_unref(with);
    certificate_unref(again);
    certificate_unref(without);
    identity_free(&ca);
    identity_free(&leaf);
}

TESTS(UNIT(a_leaf_with_its_issuers_is_taken_with_or_without_the_root),
      UNIT(a_chain_out_of_order_is_a_fault_that_names_the_place),
      UNIT(an_issuer_that_only_has_the_right_name_is_a_fault),
      UNIT(a_seventeenth_certificate_is_a_fault), UNIT(text_between_blocks_is_passed_over),
      UNIT(a_chain_without_certificates_is_a_fault),
      UNIT(a_key_in_the_place_of_the_certificate_is_a_fault_without_the_key_in_it),
      UNIT(more_than_a_mebibyte_is_a_fault),
      UNIT(a_leaf_needs_a_common_name_or_an_alternative_name),
      UNIT(weak_keys_and_digests_are_faults),
      UNIT(a_self_signed_certificate_may_bear_any_digest_for_nobody_looks_at_it),
      UNIT(each_kind_of_key_is_told), UNIT(a_key_of_another_certificate_is_a_fault),
      UNIT(what_is_no_single_plain_key_is_a_fault),
      UNIT(a_key_with_a_passphrase_is_a_fault_in_its_new_form_and_its_old_one),
      UNIT(parameters_before_the_key_and_the_old_form_of_keys_are_fine),
      UNIT(a_chain_cut_at_any_byte_is_a_fault_and_no_more),
      UNIT(a_staple_must_be_an_answer_about_the_leaf),
      UNIT(names_are_covered_by_alternative_names_alone),
      UNIT(the_time_is_what_the_whole_chain_has_in_common),
      UNIT(names_for_people_hold_nothing_but_printable_characters),
      UNIT(the_id_is_that_of_the_whole_chain))
