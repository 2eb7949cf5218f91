/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syntax.c - the table behind syntax.h. Bytes of 0x80 and above are in no class.
 */
#include "proxy/http/syntax.h"

/* clang-format off */
const uint8_t syntax_classes[256] = {
     0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0, /* 0x00 */
     0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0, /* 0x10 */
     0,  7,  2,  1,  7,  3,  7,  7,  6,  6,  7, 15,  2, 15, 15, 10, /* 0x20 */
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 10,  6,  2, 14,  2,  2, /* 0x30 */
     2, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, /* 0x40 */
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  2,  2,  2,  3, 15, /* 0x50 */
     3, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, /* 0x60 */
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  2,  3,  2,  7,  0, /* 0x70 */
};
/* clang-format on */

bool syntax_is_all(struct bytes text, enum syntax_class classes)
{
    for (size_t at = 0; at < text.len; at++) {
        if (!syntax_is(text.at[at], classes))
            return false;
    }
    return true;
}

bool syntax_is_token(struct bytes text)
{
    return text.len > 0 && syntax_is_all(text, SYNTAX_TOKEN);
}
