/* SPDX-License-Identifier: Apache-2.0 */
/*
 * staple.c - does an OCSP response speak of this certificate?
 */
#include "tls/staple.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>

#include <limits.h>

static bool is_about(OCSP_SINGLERESP *single, X509 *leaf, X509 *issuer)
{
    /* The accessors take it writable and only read. */
    union {
        const OCSP_CERTID *given;
        OCSP_CERTID *asked;
    } id = {.given = OCSP_SINGLERESP_get0_id(single)};
    ASN1_OBJECT *digest = NULL;
    ASN1_INTEGER *serial = NULL;
    OCSP_CERTID *expected;
    bool is_same;

    if (OCSP_id_get0_info(NULL, &digest, NULL, &serial, id.asked) != 1)
        return false;
    if (issuer == NULL)
        return ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(leaf)) == 0;
    expected = OCSP_cert_to_id(EVP_get_digestbyobj(digest), leaf, issuer);
    is_same = expected != NULL && OCSP_id_cmp(expected, id.given) == 0;
    OCSP_CERTID_free(expected);
    return is_same;
}

static bool has_answer_about(OCSP_BASICRESP *basic, X509 *leaf, X509 *issuer)
{
    for (int i = 0; i < OCSP_resp_count(basic); i++)
        if (is_about(OCSP_resp_get0(basic, i), leaf, issuer))
            return true;
    return false;
}

static const char *response_fault(OCSP_RESPONSE *response, X509 *leaf, X509 *issuer)
{
    OCSP_BASICRESP *basic;
    bool is_ours;

    if (OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL ||
        (basic = OCSP_response_get1_basic(response)) == NULL)
        return "the OCSP response to staple is not a successful one";
    is_ours = has_answer_about(basic, leaf, issuer);
    OCSP_BASICRESP_free(basic);
    return is_ours ? NULL : "the OCSP response to staple is for another certificate";
}

const char *staple_fault(struct bytes der, X509 *leaf, X509 *issuer)
{
    const unsigned char *at = (const unsigned char *)der.at;
    OCSP_RESPONSE *response;
    const char *fault;

    if (der.len == 0)
        return NULL;
    if (der.len > 65535)
        return "the OCSP response to staple is larger than 64 KiB";
    response = d2i_OCSP_RESPONSE(NULL, &at, (long)der.len);
    if (response == NULL || at != (const unsigned char *)der.at + der.len)
        fault = "the OCSP response to staple is not a valid one";
    else
        fault = response_fault(response, leaf, issuer);
    OCSP_RESPONSE_free(response);
    ERR_clear_error();
    return fault;
}
