/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syntax.h - which bytes may stand where.
 */
#ifndef PROXY_HTTP_SYNTAX_H
#define PROXY_HTTP_SYNTAX_H

#include "core/bytes.h"

enum syntax_class {
    SYNTAX_TOKEN = 1,      /* tchar, RFC 9110 section 5.6.2 */
    SYNTAX_TARGET = 2,     /* 0x21-0x7E without '#', hostile-input 29 */
    SYNTAX_HOST = 4,       /* unreserved and sub-delims without ',': RFC 3986, hostile-input 23 */
    SYNTAX_REQUEST_ID = 8, /* A-Za-z0-9._:/+=- (design 5.10) */
};

extern const uint8_t syntax_classes[256];

static inline bool syntax_is(char byte, enum syntax_class classes)
{
    return (syntax_classes[(uint8_t)byte] & classes) != 0;
}

static inline bool syntax_is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* Every byte is in the class; true for no bytes at all. */
bool syntax_is_all(struct bytes text, enum syntax_class classes);
/* 1*tchar */
bool syntax_is_token(struct bytes text);

#endif
