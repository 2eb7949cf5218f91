/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret_content.c - from the values of a Secret to a certificate, or to whom to believe.
 *
 * Faults name the Secret and what is wrong with it, never a value.
 */
#include "controller/compile/secrets.h"

#define KIB 1024

_Static_assert(SECRET_PEM_BYTES_MAX <= CERTIFICATE_PEM_BYTES_MAX, "what is kept can be parsed");

static void begin_fault(const struct secret_node *secret, struct text *fault)
{
    text_clear(fault);
    text_add_str(fault, "Secret ");
    text_add_plain(fault, secret_title(secret));
}

static bool fits(const struct secret_node *secret, const struct secret *object, enum secret_key key,
                 struct text *fault)
{
    size_t kib = secret_key_bytes_max(key) / KIB;

    if (!object->is_too_large[key])
        return true;
    begin_fault(secret, fault);
    text_printf(fault, ": %s is larger than %zu %s", secret_key_name(key),
                kib < KIB ? kib : kib / KIB, kib < KIB ? "KiB" : "MiB");
    return false;
}

static bool has_value(const struct secret_node *secret, const struct secret *object,
                      enum secret_key key, struct text *fault)
{
    if (!fits(secret, object, key, fault))
        return false;
    if (object->values[key].len > 0)
        return true;
    begin_fault(secret, fault);
    text_printf(fault, " has no value under the key %s", secret_key_name(key));
    return false;
}

static bool has_certificate_type(const struct secret_node *secret, const struct secret *object,
                                 struct text *fault)
{
    if (bytes_equal(object->type, BYTES("kubernetes.io/tls")) ||
        bytes_equal(object->type, BYTES("Opaque")))
        return true;
    begin_fault(secret, fault);
    text_add_str(fault, " is of type ");
    text_add_plain(fault, object->type);
    text_add_str(fault, ", not kubernetes.io/tls or Opaque");
    return false;
}

static const struct secret *existing(const struct secret_node *secret, const struct cache *cache,
                                     struct text *fault)
{
    const struct object *object = cache_get(cache, OBJECT_SECRET, secret->ns, secret->name);

    if (object != NULL)
        return as_secret(object);
    begin_fault(secret, fault);
    text_add_str(fault, " not found");
    return NULL;
}

/* The sentence of a parser, with the Secret's name before it. */
static void take_fault(const struct secret_node *secret, struct text *fault,
                       const struct text *sentence)
{
    begin_fault(secret, fault);
    text_add_str(fault, ": ");
    text_add_plain(fault, text_bytes(sentence));
}

static enum secret_key staple_of(const struct secret *object)
{
    bool has_one = object->values[SECRET_STAPLE].len > 0 || object->is_too_large[SECRET_STAPLE];

    return has_one ? SECRET_STAPLE : SECRET_OTHER_STAPLE;
}

static void read_certificate(struct secret_node *secret, const struct cache *cache)
{
    struct text *fault = &secret->certificate_fault;
    const struct secret *object = existing(secret, cache, fault);
    struct text sentence;

    if (object == NULL || !has_certificate_type(secret, object, fault) ||
        !has_value(secret, object, SECRET_CERTIFICATE, fault) ||
        !has_value(secret, object, SECRET_PRIVATE_KEY, fault) ||
        !fits(secret, object, staple_of(object), fault))
        return;
    text_init(&sentence);
    if (certificate_parse(object->values[SECRET_CERTIFICATE], object->values[SECRET_PRIVATE_KEY],
                          object->values[staple_of(object)], &secret->certificate,
                          &sentence) != STATUS_OK)
        take_fault(secret, fault, &sentence);
    text_fini(&sentence);
}

static void read_trust(struct secret_node *secret, const struct cache *cache)
{
    struct text *fault = &secret->trust_fault;
    const struct secret *object = existing(secret, cache, fault);
    struct text sentence;
    struct bytes crl;

    if (object == NULL || !has_value(secret, object, SECRET_CA, fault) ||
        !fits(secret, object, SECRET_CRL, fault))
        return;
    crl = object->values[SECRET_CRL];
    /* An empty list would be none, and so nobody would be revoked. */
    if (crl.at != NULL && crl.len == 0) {
        begin_fault(secret, fault);
        text_printf(fault, " has an empty value under the key %s", secret_key_name(SECRET_CRL));
        return;
    }
    text_init(&sentence);
    if (trust_parse(object->values[SECRET_CA], crl, &secret->trust, &sentence) != STATUS_OK)
        take_fault(secret, fault, &sentence);
    text_fini(&sentence);
}

struct certificate *secret_certificate(struct secret_node *secret, const struct cache *cache,
                                       struct bytes *fault)
{
    if (!secret->certificate_is_read)
        read_certificate(secret, cache);
    secret->certificate_is_read = true;
    if (secret->certificate == NULL)
        *fault = text_bytes(&secret->certificate_fault);
    return secret->certificate;
}

struct trust *secret_trust(struct secret_node *secret, const struct cache *cache,
                           struct bytes *fault)
{
    if (!secret->trust_is_read)
        read_trust(secret, cache);
    secret->trust_is_read = true;
    if (secret->trust == NULL)
        *fault = text_bytes(&secret->trust_fault);
    return secret->trust;
}

struct secret_ref secret_ref_parse(struct bytes written, struct bytes own_ns)
{
    size_t slash = bytes_find(written, '/');

    if (slash == BYTES_NOT_FOUND)
        return (struct secret_ref){own_ns, written};
    return (struct secret_ref){slash == 0 ? own_ns : bytes_slice(written, 0, slash),
                               bytes_skip(written, slash + 1)};
}
