/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret_content.c - from the values of a Secret to a certificate, or to whom to believe.
 *
 * Faults name the Secret and what is wrong with it, never a value.
 */
#include "controller/compile/secrets.h"

static const struct data_object *find_object(const struct secret_node *secret,
                                             const struct cache *cache)
{
    const struct object *object = cache_get(cache, OBJECT_SECRET, secret->ns, secret->name);

    return (const struct data_object *)(const void *)object;
}

/* BYTES_NONE with at == NULL when there is no such key. */
static struct bytes value_of(const struct data_object *object, const char *key)
{
    for (uint32_t i = 0; i < object->entries_count; i++) {
        if (bytes_equal(object->entries[i].name, bytes_of(key)))
            return object->entries[i].value;
    }
    return BYTES_NONE;
}

static void begin_fault(const struct secret_node *secret, struct text *fault)
{
    text_clear(fault);
    text_add_str(fault, "Secret ");
    text_add_plain(fault, secret_title(secret));
}

static bool has_keys(const struct secret_node *secret, const struct data_object *object,
                     const char *const *keys, struct text *fault)
{
    for (; *keys != NULL; keys++) {
        if (value_of(object, *keys).len > 0)
            continue;
        begin_fault(secret, fault);
        text_printf(fault, " has no value under the key %s", *keys);
        return false;
    }
    return true;
}

static bool has_certificate_type(const struct secret_node *secret, const struct data_object *object,
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

static const struct data_object *existing(const struct secret_node *secret,
                                          const struct cache *cache, struct text *fault)
{
    const struct data_object *object = find_object(secret, cache);

    if (object != NULL)
        return object;
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

static void read_certificate(struct secret_node *secret, const struct cache *cache)
{
    static const char *const keys[] = {"tls.crt", "tls.key", NULL};
    struct text *fault = &secret->certificate_fault;
    const struct data_object *object = existing(secret, cache, fault);
    struct bytes staple;
    struct text sentence;

    if (object == NULL || !has_certificate_type(secret, object, fault) ||
        !has_keys(secret, object, keys, fault))
        return;
    staple = value_of(object, "tls.ocsp");
    if (staple.len == 0)
        staple = value_of(object, "tls.ocsp-staple");
    text_init(&sentence);
    if (certificate_parse(value_of(object, "tls.crt"), value_of(object, "tls.key"), staple,
                          &secret->certificate, &sentence) != STATUS_OK)
        take_fault(secret, fault, &sentence);
    text_fini(&sentence);
}

static void read_trust(struct secret_node *secret, const struct cache *cache)
{
    static const char *const keys[] = {"ca.crt", NULL};
    struct text *fault = &secret->trust_fault;
    const struct data_object *object = existing(secret, cache, fault);
    struct text sentence;
    struct bytes crl;

    if (object == NULL || !has_keys(secret, object, keys, fault))
        return;
    crl = value_of(object, "ca.crl");
    /* An empty list would be none, and so nobody would be revoked. */
    if (crl.at != NULL && crl.len == 0) {
        begin_fault(secret, fault);
        text_add_str(fault, " has an empty value under the key ca.crl");
        return;
    }
    text_init(&sentence);
    if (trust_parse(value_of(object, "ca.crt"), crl, &secret->trust, &sentence) != STATUS_OK)
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
