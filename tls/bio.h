/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bio.h - where OpenSSL reads and writes: bytes lent for one call, and a text. Internal to tls/.
 */
#ifndef TLS_BIO_H
#define TLS_BIO_H

#include "core/bytes.h"
#include "core/text.h"

#include <openssl/bio.h>

struct bio_ends {
    struct bytes input;   /* borrowed for one call; shrinks as it is read */
    uint64_t taken_bytes; /* of all input so far */
    struct text *output;  /* borrowed */
};

BIO_METHOD *bio_method_create(void);
/* ends: borrowed as long as the BIO lives. Reading past the input says "later", never "end": what
 * an end means is for the transport to decide. */
BIO *bio_create(const BIO_METHOD *method, struct bio_ends *ends);

#endif
