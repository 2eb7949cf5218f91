/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity.c - reads what the access names, and looks whether it can be what it should be.
 */
#include "controller/kube/identity.h"

#define PEM_BEGIN "-----BEGIN "

void identity_init(struct identity *identity)
{
    text_init(&identity->ca);
    text_init(&identity->token);
    text_init(&identity->certificate);
    text_init(&identity->key);
}

void identity_fini(struct identity *identity)
{
    text_fini(&identity->ca);
    secret_text_fini(&identity->token);
    text_fini(&identity->certificate);
    secret_text_fini(&identity->key);
}

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* The token goes into a header: what could end the line there must not pass. */
enum status identity_set_token(struct identity *identity, struct bytes token)
{
    while (token.len > 0 && is_space(token.at[token.len - 1]))
        token.len--;
    if (token.len == 0)
        return STATUS_INVALID;
    for (size_t i = 0; i < token.len; i++)
        if (token.at[i] <= ' ' || token.at[i] > '~')
            return STATUS_INVALID;
    text_clear(&identity->token);
    text_add(&identity->token, token);
    return STATUS_OK;
}

static enum status read_credential(const struct credential *credential, struct text *out,
                                   struct text *error)
{
    if (credential->data.len == 0 && credential->path.len > 0)
        return secret_file_read(credential->path.at, CREDENTIAL_BYTES_MAX, out, error);
    text_add(out, credential->data);
    return STATUS_OK;
}

static enum status read_token(const struct credential *credential, struct identity *identity,
                              struct text *error)
{
    struct text token;
    enum status status;

    if (!credential_is_given(credential))
        return STATUS_OK;
    text_init(&token);
    status = read_credential(credential, &token, error);
    if (status == STATUS_OK) {
        status = identity_set_token(identity, text_bytes(&token));
        if (status != STATUS_OK)
            text_printf(error, "%s: is empty or no token",
                        credential->path.len > 0 ? credential->path.at : "token");
    }
    secret_text_fini(&token);
    return status;
}

static bool is_pem(const struct text *text)
{
    return memmem(text->at, text->len, PEM_BEGIN, strlen(PEM_BEGIN)) != NULL;
}

/* A file that is being replaced in place may be empty or cut for a moment: what was read before
 * stays then. */
static enum status read_pem(const struct credential *credential, const char *what, struct text *out,
                            struct text *error)
{
    enum status status;

    if (!credential_is_given(credential))
        return STATUS_OK;
    status = read_credential(credential, out, error);
    if (status != STATUS_OK || is_pem(out))
        return status;
    text_printf(error, "%s: is no PEM", credential->path.len > 0 ? credential->path.at : what);
    return STATUS_INVALID;
}

enum status identity_read(const struct access *access, struct identity *identity,
                          struct text *error)
{
    enum status status;

    identity_init(identity);
    status = read_token(&access->token, identity, error);
    if (status == STATUS_OK)
        status = read_pem(&access->ca, "certificate-authority-data", &identity->ca, error);
    if (status == STATUS_OK)
        status = read_pem(&access->certificate, "client-certificate-data", &identity->certificate,
                          error);
    if (status == STATUS_OK)
        status = read_pem(&access->key, "client-key-data", &identity->key, error);
    return status;
}

static bool same(const struct text *a, const struct text *b)
{
    return bytes_equal(text_bytes(a), text_bytes(b));
}

bool identity_same_tls(const struct identity *a, const struct identity *b)
{
    return same(&a->ca, &b->ca) && same(&a->certificate, &b->certificate) && same(&a->key, &b->key);
}

bool identity_equal(const struct identity *a, const struct identity *b)
{
    return same(&a->token, &b->token) && identity_same_tls(a, b);
}
