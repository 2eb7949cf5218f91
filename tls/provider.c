/* SPDX-License-Identifier: Apache-2.0 */
/*
 * provider.c - kdf.h as OpenSSL's TLS asks for it.
 *
 *     libssl -> EVP_KDF "TLS13-KDF", preferred from here -> [provider] -> kdf.h
 *
 * There is no state between calls: whatever a derivation needs comes with its call and is copied
 * nowhere.
 */
#include "tls/provider.h"

#include "core/check.h"
#include "core/mem.h"
#include "tls/kdf.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include <pthread.h>

#define LABEL_BYTES_MAX 255

/* What libssl gives along; all borrowed. */
struct request {
    int mode;
    struct bytes digest;
    struct bytes key;
    struct bytes salt;
    struct bytes prefix;
    struct bytes label;
    struct bytes data;
};

/* ---- reading a request ---- */

static struct bytes *find_field(struct request *request, const char *name)
{
    const struct {
        const char *name;
        struct bytes *field;
    } fields[] = {
        {OSSL_KDF_PARAM_DIGEST, &request->digest}, {OSSL_KDF_PARAM_KEY, &request->key},
        {OSSL_KDF_PARAM_SALT, &request->salt},     {OSSL_KDF_PARAM_PREFIX, &request->prefix},
        {OSSL_KDF_PARAM_LABEL, &request->label},   {OSSL_KDF_PARAM_DATA, &request->data},
    };

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (strcmp(fields[i].name, name) == 0)
            return fields[i].field;
    return NULL;
}

/* What is not known is not asked for by a schedule of TLS 1.3, and passed over. */
static struct request read_request(const OSSL_PARAM *parameters)
{
    struct request request = {.mode = -1};

    for (; parameters != NULL && parameters->key != NULL; parameters++) {
        struct bytes *field = find_field(&request, parameters->key);

        if (field != NULL)
            *field = bytes_from(parameters->data, parameters->data_size);
        else if (strcmp(parameters->key, OSSL_KDF_PARAM_MODE) == 0)
            (void)OSSL_PARAM_get_int(parameters, &request.mode);
    }
    return request;
}

/* Every name that OpenSSL has for them. */
static bool find_hash(struct bytes name, enum kdf_hash *hash)
{
    static const struct {
        const char *name;
        enum kdf_hash hash;
    } known[] = {
        {"SHA2-256", KDF_SHA256},
        {"SHA256", KDF_SHA256},
        {"SHA2-384", KDF_SHA384},
        {"SHA384", KDF_SHA384},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (!bytes_equal(bytes_of(known[i].name), name))
            continue;
        *hash = known[i].hash;
        return true;
    }
    return false;
}

static bool join_label(const struct request *request, char room[LABEL_BYTES_MAX],
                       struct bytes *label)
{
    if (request->prefix.len == 0 || request->label.len == 0 ||
        request->prefix.len + request->label.len > LABEL_BYTES_MAX)
        return false;
    memcpy(room, request->prefix.at, request->prefix.len);
    memcpy(room + request->prefix.len, request->label.at, request->label.len);
    *label = bytes_from(room, request->prefix.len + request->label.len);
    return true;
}

/* ---- as OpenSSL calls it ---- */

static int derive(void *state, unsigned char *out, size_t out_len, const OSSL_PARAM *parameters)
{
    struct request request = read_request(parameters);
    char room[LABEL_BYTES_MAX] MEM_UNCLEARED;
    struct bytes label;
    enum kdf_hash hash;

    (void)state;
    if (!find_hash(request.digest, &hash) || !join_label(&request, room, &label))
        return 0;
    if (request.mode == EVP_KDF_HKDF_MODE_EXPAND_ONLY)
        return kdf_expand(hash, request.key, label, request.data, out, out_len);
    if (request.mode == EVP_KDF_HKDF_MODE_EXTRACT_ONLY && out_len == kdf_hash_bytes(hash))
        return kdf_next_secret(hash, request.salt, label, request.key, out);
    return 0;
}

/* OpenSSL wants something that is not NULL. */
static void *state_create(void *provider)
{
    static char no_state;

    (void)provider;
    return &no_state;
}

static void state_destroy(void *state)
{
    (void)state;
}

static const OSSL_ALGORITHM *find_algorithms(void *provider, int operation, int *must_ask_again)
{
    static const OSSL_DISPATCH functions[] = {
        {OSSL_FUNC_KDF_NEWCTX, (void (*)(void))state_create},
        {OSSL_FUNC_KDF_FREECTX, (void (*)(void))state_destroy},
        {OSSL_FUNC_KDF_DERIVE, (void (*)(void))derive},
        {0, NULL},
    };
    static const OSSL_ALGORITHM derivations[] = {
        {OSSL_KDF_NAME_TLS1_3_KDF, "provider=fairlead", functions, "the key schedule of TLS 1.3"},
        {NULL, NULL, NULL, NULL},
    };

    (void)provider;
    *must_ask_again = 0;
    return operation == OSSL_OP_KDF ? derivations : NULL;
}

static int init(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *offered,
                const OSSL_DISPATCH **functions, void **provider)
{
    static const OSSL_DISPATCH ours[] = {
        {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))find_algorithms},
        {0, NULL},
    };

    (void)core;
    (void)offered;
    *functions = ours;
    *provider = NULL;
    return 1;
}

/* ---- opening ---- */

/* The others stay as they would be without it: OpenSSL's own, or what the machine's configuration
 * says. Kept until the end, when OpenSSL has let go of it: else it would look lost where leaks are
 * looked for after that. */
static void open_once(void)
{
    static OSSL_PROVIDER *held;

    CHECK(OSSL_PROVIDER_add_builtin(NULL, "fairlead", init) == 1);
    held = OSSL_PROVIDER_try_load(NULL, "fairlead", 1);
    CHECK(held != NULL);
}

void provider_open(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    CHECK(pthread_once(&once, open_once) == 0);
}
