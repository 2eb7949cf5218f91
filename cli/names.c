/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names.c - byte by byte, as the API server has it.
 */
#include "cli/names.h"

bool name_is_namespace(struct bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        char byte = name.at[i];

        if (!(byte >= 'a' && byte <= 'z') && !(byte >= '0' && byte <= '9') && byte != '-')
            return false;
    }
    return name.len > 0 && name.len <= 63;
}

bool name_is_host(struct bytes value)
{
    bool is_label_open = false;

    for (size_t i = 0; i < value.len; i++) {
        char byte = value.at[i];
        bool is_word = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');

        if (!is_word && !(is_label_open && (byte == '-' || byte == '.')))
            return false;
        is_label_open = byte != '.';
    }
    return value.len > 0 && value.len <= 253 && is_label_open && value.at[value.len - 1] != '-';
}

bool name_is_object(struct bytes value)
{
    size_t slash = bytes_find(value, '/');

    return slash != BYTES_NOT_FOUND && name_is_namespace(bytes_slice(value, 0, slash)) &&
           name_is_host(bytes_skip(value, slash + 1));
}
