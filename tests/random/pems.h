/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pems.h - the certificates of tests/certificates as JSON strings, read once: random worlds write
 * them into thousands of Secrets.
 */
#ifndef TESTS_RANDOM_PEMS_H
#define TESTS_RANDOM_PEMS_H

#include "core/check.h"
#include "core/text.h"

#include <stdio.h>

/* In certificate_names; the last one is a CA and has no key. */
#define PEMS_COUNT 6

struct pems {
    struct text certificates[PEMS_COUNT];
    struct text keys[PEMS_COUNT - 1];
};

/* Tests run in the root of the repository. */
static inline void pem_read(struct text *json, const char *name, const char *extension)
{
    char path[128], part[8192];
    FILE *file;
    size_t len;

    (void)snprintf(path, sizeof(path), "tests/certificates/%s.%s", name, extension);
    file = fopen(path, "r");
    CHECK(file != NULL);
    len = fread(part, 1, sizeof(part), file);
    CHECK(len > 0 && len < sizeof(part));
    (void)fclose(file);
    text_init(json);
    text_add_json_string(json, bytes_from(part, len));
}

static inline void pems_init(struct pems *pems)
{
    static const char *const names[PEMS_COUNT] = {"app",   "wildcard", "app-rsa",
                                                  "ended", "other",    "ca"};

    for (int i = 0; i < PEMS_COUNT; i++)
        pem_read(&pems->certificates[i], names[i], "crt");
    for (int i = 0; i < PEMS_COUNT - 1; i++)
        pem_read(&pems->keys[i], names[i], "key");
}

static inline void pems_fini(struct pems *pems)
{
    for (int i = 0; i < PEMS_COUNT; i++)
        text_fini(&pems->certificates[i]);
    for (int i = 0; i < PEMS_COUNT - 1; i++)
        text_fini(&pems->keys[i]);
}

#endif
