/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret_manifests.h - Secrets with the certificates of tests/certificates.
 */
#ifndef TESTS_UNIT_CONTROLLER_COMPILE_SECRET_MANIFESTS_H
#define TESTS_UNIT_CONTROLLER_COMPILE_SECRET_MANIFESTS_H

#include "tests/unit/certificates.h"
#include "tests/unit/controller/compile/world.h"

static inline void add_pem(struct text *manifest, const char *key, const char *name,
                           const char *extension)
{
    struct text pem = certificate_file(name, extension);

    text_printf(manifest, "\"%s\": ", key);
    text_add_json_string(manifest, text_bytes(&pem));
    text_fini(&pem);
}

/* The Secret `name` holds these from now on, in a manifest of its name. */
static inline void put_secret(struct world *world, const char *name, const char *certificate,
                              const char *key)
{
    struct text manifest;

    text_init(&manifest);
    text_printf(&manifest,
                "{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"metadata\": {\"name\": \"%s\"}, "
                "\"type\": \"kubernetes.io/tls\", \"stringData\": {",
                name);
    add_pem(&manifest, "tls.crt", certificate, "crt");
    text_add_str(&manifest, ", ");
    add_pem(&manifest, "tls.key", key, "key");
    text_add_str(&manifest, "}}");
    text_add_byte(&manifest, '\0');
    world_put(world, name, manifest.at);
    text_fini(&manifest);
}

#endif
