/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bio.c - a BIO_METHOD over borrowed bytes.
 */
#include "tls/bio.h"

#include "core/check.h"

static int on_read(BIO *bio, char *into, size_t room, size_t *count)
{
    struct bio_ends *ends = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (ends->input.len == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    *count = room < ends->input.len ? room : ends->input.len;
    memcpy(into, ends->input.at, *count);
    ends->input = bytes_skip(ends->input, *count);
    ends->taken_bytes += *count;
    return 1;
}

static int on_write(BIO *bio, const char *from, size_t length, size_t *count)
{
    struct bio_ends *ends = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    text_add(ends->output, bytes_from(from, length));
    *count = length;
    return 1;
}

/* Everything is out as soon as it is written; kernel TLS and the rest are not offered. */
static long on_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *bio_method_create(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "lent bytes");

    CHECK(method != NULL && BIO_meth_set_read_ex(method, on_read) == 1 &&
          BIO_meth_set_write_ex(method, on_write) == 1 &&
          BIO_meth_set_ctrl(method, on_control) == 1);
    return method;
}

BIO *bio_create(const BIO_METHOD *method, struct bio_ends *ends)
{
    BIO *bio = BIO_new(method);

    CHECK(bio != NULL);
    BIO_set_data(bio, ends);
    BIO_set_init(bio, 1);
    return bio;
}
