/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_client_hello.c - any bytes from a client to a server that speaks TLS.
 *
 * The first byte says in what pieces they come, the rest is what comes. Beyond not crashing: nobody
 * gets through a handshake by chance, nothing reaches the owner, a failure is told once and has a
 * reason, names that are asked for are host names, and the connection closes. What is passed on is
 * all that came, byte for byte.
 */
#include "core/check.h"
#include "core/mem.h"
#include "core/text.h"
#include "tls/tls.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- a transport of memory ---- */

struct pipe {
    struct transport transport; /* first field */
    bool is_reading, is_closing, is_passed;
    struct bytes lent; /* so far, as it came */
};

static void on_resume(struct transport *transport)
{
    ((struct pipe *)transport)->is_reading = true;
}

static void on_pause(struct transport *transport)
{
    ((struct pipe *)transport)->is_reading = false;
}

static enum status on_write(struct transport *transport, const struct bytes *parts, size_t count)
{
    CHECK(count == 1 && parts[0].len > 0 && !((struct pipe *)transport)->is_closing);
    return STATUS_OK;
}

static void on_finish(struct transport *transport)
{
    CHECK(!((struct pipe *)transport)->is_closing);
}

static void on_close(struct transport *transport, bool reset)
{
    (void)reset;
    ((struct pipe *)transport)->is_closing = true;
}

static const struct transport_ops pipe_ops = {
    .resume = on_resume,
    .pause = on_pause,
    .write = on_write,
    .finish = on_finish,
    .close = on_close,
};

/* ---- the owner ---- */

struct owner {
    struct pipe *pipe;
    int breaks;
};

static void on_passed(struct tls *tls, struct bytes data)
{
    struct owner *owner = tls_transport(tls)->owner;

    CHECK(bytes_equal(data, owner->pipe->lent));
    owner->pipe->is_passed = true;
    tls_destroy(tls);
}

static void on_ready(struct tls *tls)
{
    CHECK(tls == NULL);
}

static void on_bytes(struct transport *transport, struct bytes data)
{
    CHECK(transport == NULL && data.len == 0);
}

static void on_quiet(struct transport *transport)
{
    CHECK(transport == NULL);
}

static void on_broken(struct transport *transport, enum status why)
{
    struct owner *owner = transport->owner;

    CHECK(++owner->breaks == 1);
    CHECK(why == STATUS_INVALID || why == STATUS_CLOSED);
    CHECK(tls_failure_of(tls_of(transport)) != TLS_FAILURE_NONE);
    transport_close(transport);
}

static void on_closed(struct transport *transport)
{
    tls_destroy(tls_of(transport));
}

static const struct transport_events events = {
    .on_bytes = on_bytes,
    .on_end = on_quiet,
    .on_drained = on_quiet,
    .on_broken = on_broken,
    .on_closed = on_closed,
};

/* ---- the host ---- */

static struct tls_choice choose(void *context, void *owner, struct bytes name)
{
    (void)owner;
    CHECK(name.len <= TLS_SERVER_NAME_MAX);
    for (size_t i = 0; i < name.len; i++)
        CHECK(name.at[i] > 0x20 && name.at[i] < 0x7f && name.at[i] == ascii_lower(name.at[i]));
    switch (name.len % 10) {
    case 1:
    case 7:
        return (struct tls_choice){TLS_PASS_ON, NULL};
    case 3:
        return (struct tls_choice){TLS_SERVE_BYTES, context};
    case 5:
        return (struct tls_choice){TLS_UNAVAILABLE, NULL};
    case 9:
        return (struct tls_choice){TLS_UNKNOWN_NAME, NULL};
    default:
        return (struct tls_choice){TLS_SERVE, context};
    }
}

static struct bytes bytes_of_bio(BIO *bio)
{
    char *at = NULL;
    long length = BIO_get_mem_data(bio, &at);

    return bytes_from(at, (size_t)length);
}

static struct certificate *make_certificate(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *leaf = X509_new();
    BIO *chain_pem = BIO_new(BIO_s_mem());
    BIO *key_pem = BIO_new(BIO_s_mem());
    struct certificate *certificate = NULL;
    struct text fault;

    text_init(&fault);
    (void)X509_NAME_add_entry_by_txt(X509_get_subject_name(leaf), "CN", MBSTRING_ASC,
                                     (const unsigned char *)"a.test", -1, -1, 0);
    (void)X509_set_issuer_name(leaf, X509_get_subject_name(leaf));
    (void)X509_gmtime_adj(X509_getm_notBefore(leaf), 0);
    (void)X509_gmtime_adj(X509_getm_notAfter(leaf), 86400);
    (void)X509_set_pubkey(leaf, key);
    CHECK(X509_sign(leaf, key, EVP_sha256()) > 0);
    CHECK(PEM_write_bio_X509(chain_pem, leaf) == 1);
    CHECK(PEM_write_bio_PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL) == 1);
    CHECK(certificate_parse(bytes_of_bio(chain_pem), bytes_of_bio(key_pem), BYTES_NONE,
                            &certificate, &fault) == STATUS_OK);
    text_fini(&fault);
    BIO_free(chain_pem);
    BIO_free(key_pem);
    X509_free(leaf);
    EVP_PKEY_free(key);
    return certificate;
}

/* Made once, for it takes longer than a run; never freed. */
static struct tls_engine *get_engine(void)
{
    static struct tls_engine *engine;
    struct tls_host_config config = {.version_max = TLS_VERSION_1_3};

    if (engine == NULL) {
        config.certificates[CERTIFICATE_ECDSA] = make_certificate();
        engine = tls_engine_create(tls_tickets_create(TLS_TICKETS_ROTATE_S), choose,
                                   tls_host_create(&config));
    }
    return engine;
}

/* ---- one connection ---- */

/* A copy, so that a look past the piece is found out. */
static void lend(struct pipe *pipe, struct bytes piece)
{
    char *copy = mem_alloc(piece.len);

    memcpy(copy, piece.at, piece.len);
    pipe->transport.events->on_bytes(&pipe->transport, bytes_from(copy, piece.len));
    mem_free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tls_engine *engine = get_engine();
    struct pipe pipe = {.transport = {.ops = &pipe_ops}};
    struct bytes rest = bytes_from((const char *)data, size);
    size_t piece_max = size == 0 || data[0] == 0 ? SIZE_MAX : data[0];
    struct owner owner = {.pipe = &pipe};
    struct tls *tls;

    rest = bytes_skip(rest, 1);
    pipe.lent = bytes_slice(rest, 0, 0);
    tls = tls_accept(engine, &pipe.transport, &events, &owner, on_ready, on_passed);
    while (rest.len > 0 && !pipe.is_closing && !pipe.is_passed) {
        struct bytes piece = bytes_slice(rest, 0, piece_max);

        CHECK(pipe.is_reading);
        pipe.lent.len += piece.len;
        lend(&pipe, piece);
        rest = bytes_skip(rest, piece.len);
        while (tls_engine_turn(engine))
            ;
    }
    if (!pipe.is_closing && !pipe.is_passed)
        pipe.transport.events->on_end(&pipe.transport);
    CHECK(ERR_peek_error() == 0);
    if (pipe.is_passed) {
        CHECK(!pipe.is_closing && owner.breaks == 0);
        return 0;
    }
    CHECK(pipe.is_closing && owner.breaks == 1);
    CHECK(pipe.transport.owner == tls);
    pipe.transport.events->on_closed(&pipe.transport);
    return 0;
}
