/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certificates.h - the certificates of tests/certificates, by name.
 */
#ifndef TESTS_UNIT_CERTIFICATES_H
#define TESTS_UNIT_CERTIFICATES_H

#include "core/text.h"
#include "tests/unit/unit.h"

#include <stdio.h>

/* Tests run in the root of the repository. The caller ends the text. */
static inline struct text certificate_file(const char *name, const char *extension)
{
    char path[128], part[4096];
    struct text text;
    FILE *file;
    size_t len;

    (void)snprintf(path, sizeof(path), "tests/certificates/%s.%s", name, extension);
    file = fopen(path, "r");
    assert_non_null(file);
    text_init(&text);
    while ((len = fread(part, 1, sizeof(part), file)) > 0)
        text_add(&text, bytes_from(part, len));
    (void)fclose(file);
    return text;
}

#endif
