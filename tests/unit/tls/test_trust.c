/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_trust.c - what is taken as CA certificates and revocation lists. What they do is in
 * test_client_certificates.c.
 */
#include "tests/unit/tls/make.h"

static void assert_fault_of(struct bytes ca, struct bytes crl, const char *expected)
{
    struct trust *trust = NULL;
    struct text fault;
    enum status status;

    text_init(&fault);
    status = trust_parse(ca, crl, &trust, &fault);
    assert_bytes(text_bytes(&fault), expected);
    assert_int_equal(status, expected[0] == '\0' ? STATUS_OK : STATUS_INVALID);
    assert_int_equal(trust != NULL, status == STATUS_OK);
    assert_int_equal(ERR_peek_error(), 0);
    if (trust != NULL)
        trust_unref(trust);
    text_fini(&fault);
}

TEST(several_authorities_and_the_same_one_twice_are_fine)
{
    struct identity a = make_identity(&(struct recipe){.name = "a", .is_ca = true});
    struct identity b = make_identity(&(struct recipe){.name = "b", .is_ca = true});
    struct text pem = make_pem(3, &a, &b, &a);

    assert_fault_of(text_bytes(&pem), BYTES_NONE, "");
    text_fini(&pem);
    identity_free(&a);
    identity_free(&b);
}

TEST(what_is_no_authority_is_a_fault)
{
    struct identity ca = make_identity(&(struct recipe){.name = "a", .is_ca = true});
    struct text key = make_key_pem(&ca);

    assert_fault_of(BYTES_NONE, BYTES_NONE, "ca.crt is empty");
    assert_fault_of(BYTES("hello"), BYTES_NONE, "ca.crt has no CERTIFICATE block");
    assert_fault_of(text_bytes(&key), BYTES_NONE, "ca.crt has a block that is no CERTIFICATE");
    assert_fault_of(BYTES("-----BEGIN CERTIFICATE-----\nAAAA\n"), BYTES_NONE,
                    "ca.crt has a block that is not valid PEM");
    assert_fault_of(BYTES("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
                    BYTES_NONE, "certificate 1 of ca.crt is not a valid X.509 certificate");
    text_fini(&key);
    identity_free(&ca);
}

TEST(what_is_no_revocation_list_is_a_fault)
{
    struct identity ca = make_identity(&(struct recipe){.name = "a", .is_ca = true});
    struct text pem = make_pem(1, &ca);
    struct text crl = make_crl(&ca, NULL, false);

    assert_fault_of(text_bytes(&pem), text_bytes(&crl), "");
    assert_fault_of(text_bytes(&pem), BYTES("hello"), "crl.pem has no X509 CRL block");
    assert_fault_of(text_bytes(&pem), text_bytes(&pem), "crl.pem has a block that is no X509 CRL");
    assert_fault_of(text_bytes(&pem), BYTES("-----BEGIN X509 CRL-----\nAAAA\n"),
                    "crl.pem has a block that is not valid PEM");
    assert_fault_of(text_bytes(&pem),
                    BYTES("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"),
                    "list 1 of crl.pem is not a valid X.509 revocation list");
    text_fini(&pem);
    text_fini(&crl);
    identity_free(&ca);
}

TEST(more_than_512_authorities_are_a_fault)
{
    struct identity ca = make_identity(&(struct recipe){.name = "a", .is_ca = true});
    struct text one = make_pem(1, &ca);
    struct text many;

    text_init(&many);
    for (int i = 0; i < TRUST_CERTIFICATES_MAX; i++)
        text_add(&many, text_bytes(&one));
    assert_fault_of(text_bytes(&many), BYTES_NONE, "");
    text_add(&many, text_bytes(&one));
    assert_fault_of(text_bytes(&many), BYTES_NONE, "ca.crt has more than 512 certificates");
    text_fini(&one);
    text_fini(&many);
    identity_free(&ca);
}

TEST(the_id_is_that_of_authorities_and_lists)
{
    struct identity ca = make_identity(&(struct recipe){.name = "a", .is_ca = true});
    struct text crl = make_crl(&ca, NULL, false);
    struct trust *plain = make_trust(&ca, NULL);
    struct trust *again = make_trust(&ca, NULL);
    struct trust *with = make_trust(&ca, &crl);

    assert_true(bytes_equal(trust_id(plain), trust_id(again)));
    assert_false(bytes_equal(trust_id(plain), trust_id(with)));
    trust_unref(plain);
    trust_unref(again);
    trust_unref(with);
    text_fini(&crl);
    identity_free(&ca);
}

TESTS(UNIT(several_authorities_and_the_same_one_twice_are_fine),
      UNIT(what_is_no_authority_is_a_fault), UNIT(what_is_no_revocation_list_is_a_fault),
      UNIT(more_than_512_authorities_are_a_fault), UNIT(the_id_is_that_of_authorities_and_lists))
