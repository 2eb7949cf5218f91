/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tls_delegation.c - TLSCertificateDelegations from manifests.
 */
#include "controller/object/decode.h"
#include "core/mem.h"
#include "tests/unit/unit.h"

#define HEAD                                                                                       \
    "apiVersion: contour.heptio.com/v1beta1\nkind: TLSCertificateDelegation\n"                     \
    "metadata: {name: d, namespace: certs}\n"
#define GRANTS                                                                                     \
    "spec:\n  delegations:\n"                                                                      \
    "  - {secretName: web, targetNamespaces: [team-a, '*']}\n"                                     \
    "  - {secretName: api}\n"

static struct decoded decode(const char *text)
{
    struct decoded decoded;

    decode_manifest(bytes_of(text), BYTES("dir/a.yaml"), &decoded);
    return decoded;
}

static const struct tls_delegation *only(const struct decoded *decoded)
{
    assert_int_equal(decoded->notes_count, 0);
    assert_int_equal(decoded->objects_count, 1);
    assert_int_equal(decoded->objects[0]->kind, OBJECT_TLS_DELEGATION);
    return as_tls_delegation(decoded->objects[0]);
}

static void assert_grants(const struct tls_delegation *delegation)
{
    assert_int_equal(delegation->grants_count, 2);
    assert_bytes(delegation->grants[0].secret, "web");
    assert_int_equal(delegation->grants[0].namespaces_count, 2);
    assert_bytes(delegation->grants[0].namespaces[0], "team-a");
    assert_bytes(delegation->grants[0].namespaces[1], "*");
    assert_bytes(delegation->grants[1].secret, "api");
    assert_int_equal(delegation->grants[1].namespaces_count, 0);
}

TEST(a_delegation_is_read_whole)
{
    struct decoded decoded = decode(HEAD GRANTS);

    assert_bytes(only(&decoded)->object.ns, "certs");
    assert_grants(only(&decoded));
    decoded_fini(&decoded);
}

TEST(the_one_of_the_newer_group_is_read_alike_and_is_another_kind)
{
    struct decoded decoded =
        decode("apiVersion: projectcontour.io/v1\nkind: TLSCertificateDelegation\n"
               "metadata: {name: d, namespace: certs}\n" GRANTS);

    assert_int_equal(decoded.objects_count, 1);
    assert_int_equal(decoded.objects[0]->kind, OBJECT_PROJECTCONTOUR_TLS_DELEGATION);
    assert_grants(as_tls_delegation(decoded.objects[0]));
    decoded_fini(&decoded);
}

TEST(what_is_absent_or_null_gives_nothing)
{
    struct decoded decoded = decode(HEAD "spec: {delegations: null}\n");

    assert_int_equal(only(&decoded)->grants_count, 0);
    decoded_fini(&decoded);
    decoded = decode(HEAD);
    assert_int_equal(only(&decoded)->grants_count, 0);
    decoded_fini(&decoded);
}

TEST(a_wrong_type_takes_the_whole_delegation_out)
{
    static const char *const wrong[] = {
        HEAD "spec: {delegations: {}}\n",
        HEAD "spec: {delegations: [web]}\n",
        HEAD "spec: {delegations: [{secretName: 5, targetNamespaces: ['*']}]}\n",
        HEAD "spec: {delegations: [{secretName: web, targetNamespaces: '*'}]}\n",
        HEAD "spec: {delegations: [{secretName: web, targetNamespaces: [a, 5]}]}\n",
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct decoded decoded = decode(wrong[i]);

        assert_int_equal(decoded.objects_count, 0);
        assert_int_equal(decoded.notes_count, 1);
        assert_true(decoded.notes[0].is_error);
        decoded_fini(&decoded);
    }
}

TEST(a_delegation_differs_when_a_secret_or_a_namespace_differs)
{
    static const char *const others[] = {
        HEAD "spec: {delegations: [{secretName: wob, targetNamespaces: [a]}]}\n",
        HEAD "spec: {delegations: [{secretName: web, targetNamespaces: [b]}]}\n",
        HEAD "spec: {delegations: [{secretName: web, targetNamespaces: [a, b]}]}\n",
        HEAD "spec: {delegations: [{secretName: web}]}\n",
        HEAD "spec: {delegations: []}\n",
    };
    struct decoded one =
        decode(HEAD "spec: {delegations: [{secretName: web, targetNamespaces: [a]}]}\n");

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct decoded other = decode(others[i]);

        assert_false(object_is_same(one.objects[0], &only(&other)->object));
        decoded_fini(&other);
    }
    decoded_fini(&one);
}

TESTS(UNIT(a_delegation_is_read_whole),
      UNIT(the_one_of_the_newer_group_is_read_alike_and_is_another_kind),
      UNIT(what_is_absent_or_null_gives_nothing), UNIT(a_wrong_type_takes_the_whole_delegation_out),
      UNIT(a_delegation_differs_when_a_secret_or_a_namespace_differs))
