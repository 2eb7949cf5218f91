/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_certificate.c - any bytes as what Secrets bring: chain, key, authorities, lists and staple,
 * with a NUL between them.
 *
 * Beyond not crashing: what is not taken has a fault that can be shown, what is taken answers all
 * questions, and OpenSSL's error queue is left empty.
 */
#include "core/check.h"
#include "core/mem.h"
#include "tls/host.h"

#include <openssl/err.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct bytes next_part(struct bytes *rest)
{
    size_t end = bytes_find(*rest, '\0');
    struct bytes part = bytes_slice(*rest, 0, end == BYTES_NOT_FOUND ? rest->len : end);

    *rest = bytes_skip(*rest, part.len + 1);
    return part;
}

static void check_printable(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++)
        CHECK(text.at[i] >= 0x20 && text.at[i] <= 0x7e);
}

static void check_fault(const struct text *fault)
{
    CHECK(fault->len > 0 && fault->len < 200 && fault->at[fault->len - 1] != '.');
    check_printable(text_bytes(fault));
}

static void check_certificate(struct certificate *certificate, struct bytes host)
{
    CHECK(certificate_kind(certificate) < CERTIFICATE_KINDS);
    CHECK(certificate_id(certificate).len == CERTIFICATE_ID_BYTES);
    check_printable(certificate_subject(certificate));
    check_printable(certificate_issuer(certificate));
    (void)certificate_covers(certificate, host);
    certificate_unref(certificate);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes rest = bytes_from((const char *)data, size);
    struct bytes chain = next_part(&rest);
    struct bytes key = next_part(&rest);
    struct bytes authorities = next_part(&rest);
    struct bytes lists = next_part(&rest);
    struct bytes staple = rest; /* the last, for it may have NULs itself */
    struct certificate *certificate = NULL;
    struct trust *trust = NULL;
    struct text fault;

    text_init(&fault);
    if (certificate_parse(chain, key, staple, &certificate, &fault) == STATUS_OK)
        check_certificate(certificate, bytes_slice(lists, 0, 64));
    else
        check_fault(&fault);
    CHECK(ERR_peek_error() == 0);
    text_clear(&fault);
    if (trust_parse(authorities, lists, &trust, &fault) == STATUS_OK)
        trust_unref(trust);
    else
        check_fault(&fault);
    CHECK(ERR_peek_error() == 0);
    text_fini(&fault);
    return 0;
}
