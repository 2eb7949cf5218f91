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

/* Up to 63 of letters, digits, '-', '_' and '.', the first and the last a letter or digit. */
static bool is_label_word(struct bytes word)
{
    for (size_t i = 0; i < word.len; i++) {
        char byte = word.at[i];
        bool is_inside = i > 0 && i + 1 < word.len;
        bool is_alphanumeric = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                               (byte >= '0' && byte <= '9');

        if (!is_alphanumeric && !(is_inside && (byte == '-' || byte == '_' || byte == '.')))
            return false;
    }
    return word.len <= 63;
}

bool name_is_label(struct bytes label)
{
    size_t equals = bytes_find(label, '=');
    struct bytes key = bytes_slice(label, 0, equals);
    size_t slash = bytes_find(key, '/');
    struct bytes name = slash == BYTES_NOT_FOUND ? key : bytes_skip(key, slash + 1);

    if (equals == BYTES_NOT_FOUND || name.len == 0 || !is_label_word(name))
        return false;
    if (slash != BYTES_NOT_FOUND && !name_is_host(bytes_slice(key, 0, slash)))
        return false;
    return is_label_word(bytes_skip(label, equals + 1));
}
