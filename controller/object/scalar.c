/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scalar.c - YAML 1.1 scalars, in the reading of sigs.k8s.io/yaml.
 */
#include "controller/object/scalar.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define NUMBER_TEXT_MAX 127 /* longer plain texts are no numbers */

enum word { WORD_TRUE, WORD_FALSE, WORD_NULL, WORD_NO_NUMBER };

static const struct {
    const char *text;
    enum word word;
} words[] = {
    {"", WORD_NULL},           {"~", WORD_NULL},          {"null", WORD_NULL},
    {"Null", WORD_NULL},       {"NULL", WORD_NULL},       {"true", WORD_TRUE},
    {"True", WORD_TRUE},       {"TRUE", WORD_TRUE},       {"yes", WORD_TRUE},
    {"Yes", WORD_TRUE},        {"YES", WORD_TRUE},        {"on", WORD_TRUE},
    {"On", WORD_TRUE},         {"ON", WORD_TRUE},         {"y", WORD_TRUE},
    {"Y", WORD_TRUE},          {"false", WORD_FALSE},     {"False", WORD_FALSE},
    {"FALSE", WORD_FALSE},     {"no", WORD_FALSE},        {"No", WORD_FALSE},
    {"NO", WORD_FALSE},        {"off", WORD_FALSE},       {"Off", WORD_FALSE},
    {"OFF", WORD_FALSE},       {"n", WORD_FALSE},         {"N", WORD_FALSE},
    {".nan", WORD_NO_NUMBER},  {".NaN", WORD_NO_NUMBER},  {".NAN", WORD_NO_NUMBER},
    {".inf", WORD_NO_NUMBER},  {".Inf", WORD_NO_NUMBER},  {".INF", WORD_NO_NUMBER},
    {"+.inf", WORD_NO_NUMBER}, {"+.Inf", WORD_NO_NUMBER}, {"+.INF", WORD_NO_NUMBER},
    {"-.inf", WORD_NO_NUMBER}, {"-.Inf", WORD_NO_NUMBER}, {"-.INF", WORD_NO_NUMBER},
};

#define WORD_BYTES_MAX 5

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static const char *skip_digits(const char *at)
{
    while (is_digit(*at))
        at++;
    return at;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool is_float(const char *at)
{
    const char *digits;

    if (*at == '-' || *at == '+')
        at++;
    digits = at;
    at = skip_digits(at);
    if (at == digits && *at != '.')
        return false;
    if (*at == '.') {
        const char *fraction = ++at;

        at = skip_digits(at);
        if (fraction == digits + 1 && at == fraction)
            return false;
    }
    if (*at == 'e' || *at == 'E') {
        at++;
        if (*at == '-' || *at == '+')
            at++;
        if (!is_digit(*at))
            return false;
        at = skip_digits(at);
    }
    return *at == '\0';
}

static int base_of(const char **at)
{
    if ((*at)[0] != '0' || (*at)[1] == '\0')
        return 10;
    switch ((*at)[1]) {
    case 'x':
    case 'X':
        *at += 2;
        return 16;
    case 'o':
    case 'O':
        *at += 2;
        return 8;
    case 'b':
    case 'B':
        *at += 2;
        return 2;
    default:
        *at += 1;
        return 8;
    }
}

/* A node for an integer that fits 64 bits, NULL otherwise. */
static json_t *integer_node(const char *number)
{
    bool is_negative = *number == '-';
    const char *at = *number == '-' || *number == '+' ? number + 1 : number;
    int base = base_of(&at);
    unsigned long long value;
    char *end;

    if (!is_digit(*at) && !(base == 16 && strchr("abcdefABCDEF", *at) != NULL && *at != '\0'))
        return NULL;
    errno = 0;
    value = strtoull(at, &end, base);
    if (*end != '\0' || errno != 0)
        return NULL;
    if (is_negative && value == (unsigned long long)INT64_MAX + 1)
        return json_integer(INT64_MIN);
    if (value > INT64_MAX)
        return is_negative ? NULL : json_real((double)value);
    return json_integer(is_negative ? -(json_int_t)value : (json_int_t)value);
}

/* The number this plain text is, or NULL. Underscores between digits do not count. */
static json_t *number_node(struct bytes text)
{
    char number[NUMBER_TEXT_MAX + 1];
    size_t length = 0;
    json_t *node;

    if (text.len == 0 || text.len > NUMBER_TEXT_MAX ||
        (!is_digit(text.at[0]) && strchr("+-.", text.at[0]) == NULL))
        return NULL;
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] != '_')
            number[length++] = text.at[i];
    number[length] = '\0';
    node = integer_node(number);
    if (node == NULL && is_float(number))
        node = json_real(strtod(number, NULL)); /* NULL again when it is out of range */
    return node;
}

/* A literal node for one of the words; STATUS_NOT_FOUND when the text is none of them. */
static enum status word_node(struct bytes text, json_t **node)
{
    if (text.len > WORD_BYTES_MAX)
        return STATUS_NOT_FOUND;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (!bytes_equal(text, bytes_of(words[i].text)))
            continue;
        if (words[i].word == WORD_NO_NUMBER)
            return STATUS_INVALID;
        *node = words[i].word == WORD_NULL ? json_null() : json_boolean(words[i].word == WORD_TRUE);
        return STATUS_OK;
    }
    return STATUS_NOT_FOUND;
}

static enum status text_node(struct bytes text, json_t **node)
{
    *node = json_stringn(text.len == 0 ? "" : text.at, text.len);
    return *node == NULL ? STATUS_INVALID : STATUS_OK;
}

static enum status plain_node(struct bytes text, json_t **node)
{
    enum status status = word_node(text, node);

    if (status != STATUS_NOT_FOUND)
        return status;
    *node = number_node(text);
    return *node != NULL ? STATUS_OK : text_node(text, node);
}

/* A float tag also takes an integer, as a float. */
static json_t *as_float(json_t *node)
{
    json_t *real;

    if (!json_is_integer(node))
        return node;
    real = json_real((double)json_integer_value(node));
    json_decref(node);
    return real;
}

enum status scalar_resolve(struct bytes text, const char *tag, bool is_plain, json_t **node)
{
    const char *name = "";
    bool fits;
    json_t *found = NULL;

    if (tag == NULL)
        return is_plain ? plain_node(text, node) : text_node(text, node);
    if (strcmp(tag, "!") == 0)
        return text_node(text, node);
    if (strncmp(tag, "tag:yaml.org,2002:", 18) == 0)
        name = tag + 18;
    if (strcmp(name, "str") == 0 || strcmp(name, "timestamp") == 0)
        return text_node(text, node);
    if (plain_node(text, &found) != STATUS_OK)
        return STATUS_INVALID;
    if (strcmp(name, "float") == 0)
        found = as_float(found);
    fits = (strcmp(name, "bool") == 0 && json_is_boolean(found)) ||
           (strcmp(name, "int") == 0 && json_is_integer(found)) ||
           (strcmp(name, "float") == 0 && json_is_real(found)) ||
           (strcmp(name, "null") == 0 && json_is_null(found));
    if (!fits) {
        json_decref(found);
        return STATUS_INVALID;
    }
    *node = found;
    return STATUS_OK;
}

/* The shortest text that reads back as the same number. */
static void add_real(double value, struct text *key)
{
    char number[40];

    for (int digits = 1; digits <= 17; digits++) {
        snprintf(number, sizeof(number), "%.*g", digits, value);
        if (fabs(strtod(number, NULL) - value) <= 0.0)
            break;
    }
    text_add_str(key, number);
}

enum status scalar_key(const json_t *node, struct text *key)
{
    if (json_is_string(node))
        text_add(key, bytes_from(json_string_value(node), json_string_length(node)));
    else if (json_is_boolean(node))
        text_add_str(key, json_is_true(node) ? "true" : "false");
    else if (json_is_integer(node))
        text_printf(key, "%" JSON_INTEGER_FORMAT, json_integer_value(node));
    else if (json_is_real(node))
        add_real(json_real_value(node), key);
    else
        return STATUS_INVALID; /* null and what is no scalar */
    return STATUS_OK;
}
