/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flags.c - the table of flags, and how values of each type are read.
 */
#include "cli/flags.h"

#include "cli/names.h"
#include "controller/object/published.h"
#include "core/duration.h"

#include <stddef.h>

static void *field_of(const struct flag *flag, struct options *options)
{
    return (char *)options + flag->field;
}

static bool set_string(const struct flag *flag, struct options *options, struct bytes value,
                       struct text *remedy)
{
    const char **field = field_of(flag, options);

    if (value.len == 0) {
        text_printf(remedy, "give a %s", flag->value);
        return false;
    }
    *field = arena_copy(&options->arena, value).at;
    return true;
}

static bool set_bytes(const struct flag *flag, struct options *options, struct bytes value,
                      struct text *remedy)
{
    struct bytes *field = field_of(flag, options);

    if (value.len == 0) {
        text_printf(remedy, "give a %s", flag->value);
        return false;
    }
    *field = arena_copy(&options->arena, value);
    return true;
}

/* Room for one more in an arena's array. Lists are short, so copying them each time is fine. */
static void *grow(struct options *options, const void *at, size_t count, size_t size)
{
    char *grown = arena_alloc(&options->arena, (count + 1) * size);

    if (count > 0)
        memcpy(grown, at, count * size);
    return grown;
}

static bool has_room(const struct flag *flag, size_t count, struct text *remedy)
{
    size_t max = flag->max > 0 ? flag->max : OPTION_LIST_MAX;

    if (count >= max)
        text_printf(remedy, "no more than %zu are taken", max);
    return count < max;
}

static bool add_string(const struct flag *flag, struct options *options, struct bytes value,
                       struct text *remedy)
{
    struct string_list *list = field_of(flag, options);

    if (value.len == 0)
        text_printf(remedy, "give a %s", flag->value);
    if (value.len == 0 || !has_room(flag, list->count, remedy))
        return false;
    list->at = grow(options, list->at, list->count, sizeof(*list->at));
    list->at[list->count++] = arena_copy(&options->arena, value).at;
    return true;
}

static bool add_namespaces(const struct flag *flag, struct options *options, struct bytes value,
                           struct text *remedy)
{
    struct bytes_list *list = field_of(flag, options);
    struct bytes item;

    if (value.len == 0) {
        text_add_str(remedy, "give namespaces, separated by commas");
        return false;
    }
    while (bytes_next_item(&value, ',', &item)) {
        if (!name_is_namespace(item)) {
            text_add_str(remedy, "a namespace is 1 to 63 of a-z, 0-9 and -, several are separated "
                                 "by commas");
            return false;
        }
        if (!has_room(flag, list->count, remedy))
            return false;
        list->at = grow(options, list->at, list->count, sizeof(*list->at));
        list->at[list->count++] = arena_copy(&options->arena, item);
    }
    return true;
}

static bool add_ranges(const struct flag *flag, struct options *options, struct bytes value,
                       struct text *remedy)
{
    struct range_list *list = field_of(flag, options);
    struct address_range range;
    struct bytes item;

    while (bytes_next_item(&value, ',', &item)) {
        if (address_range_parse(item, &range) != STATUS_OK) {
            text_add_str(remedy,
                         "give addresses or ranges such as 10.0.0.0/8 or 2001:db8::/32, with "
                         "no bits set after the prefix, separated by commas");
            return false;
        }
        if (!has_room(flag, list->count, remedy))
            return false;
        list->at = grow(options, list->at, list->count, sizeof(*list->at));
        list->at[list->count++] = range;
    }
    return true;
}

static bool set_certificate(const struct flag *flag, struct options *options, struct bytes value,
                            struct text *remedy)
{
    size_t slash = bytes_find(value, '/');

    if (slash == BYTES_NOT_FOUND || !name_is_namespace(bytes_slice(value, 0, slash)) ||
        slash + 1 == value.len ||
        bytes_find(bytes_skip(value, slash + 1), '/') != BYTES_NOT_FOUND) {
        text_add_str(remedy, "give namespace/name of a Secret");
        return false;
    }
    return set_bytes(flag, options, value, remedy);
}

static bool set_service(const struct flag *flag, struct options *options, struct bytes value,
                        struct text *remedy)
{
    if (!name_is_object(value)) {
        text_add_str(remedy, "give namespace/name of a Service");
        return false;
    }
    return set_bytes(flag, options, value, remedy);
}

static bool set_lease(const struct flag *flag, struct options *options, struct bytes value,
                      struct text *remedy)
{
    if (!name_is_object(value) && !name_is_host(value)) {
        text_add_str(remedy, "give namespace/name of a Lease, or a name in our own namespace");
        return false;
    }
    return set_bytes(flag, options, value, remedy);
}

static bool add_addresses(const struct flag *flag, struct options *options, struct bytes value,
                          struct text *remedy)
{
    struct bytes_list *list = field_of(flag, options);
    struct address address;
    struct bytes item;

    while (bytes_next_item(&value, ',', &item)) {
        if (address_parse_ip(item, 0, &address) != STATUS_OK && !name_is_host(item)) {
            text_add_str(remedy, "give IP addresses or host names, separated by commas");
            return false;
        }
        if (!has_room(flag, list->count, remedy))
            return false;
        list->at = grow(options, list->at, list->count, sizeof(*list->at));
        list->at[list->count++] = arena_copy(&options->arena, item);
    }
    return list->count > 0;
}

static bool set_labels(const struct flag *flag, struct options *options, struct bytes value,
                       struct text *remedy)
{
    struct bytes rest = value, label;
    bool is_fine = value.len > 0;

    while (is_fine && bytes_next_item(&rest, ',', &label))
        is_fine = name_is_label(label);
    if (is_fine)
        return set_bytes(flag, options, value, remedy);
    text_add_str(remedy, "give labels of our pods as KEY=VALUE, separated by commas, such as "
                         "app.kubernetes.io/name=fairlead");
    return false;
}

static bool parse_listen(struct bytes value, struct listen_address *address, struct text *remedy)
{
    const char *error = "";

    if (listen_address_parse(value, address, &error) == STATUS_OK)
        return true;
    text_printf(remedy, "%s; give ADDR:PORT, [v6]:PORT, :PORT or unix:PATH", error);
    return false;
}

static bool set_listen(const struct flag *flag, struct options *options, struct bytes value,
                       struct text *remedy)
{
    return parse_listen(value, field_of(flag, options), remedy);
}

static bool refuse(struct text *remedy, const char *sentence)
{
    text_add_str(remedy, sentence);
    return false;
}

/* "off" leaves the list empty. */
static bool add_listen(const struct flag *flag, struct options *options, struct bytes value,
                       struct text *remedy)
{
    struct listen_list *list = field_of(flag, options);
    struct listen_address address = {0};

    if (bytes_equal(value, BYTES("off"))) {
        list->is_off = true;
        return list->count == 0 || refuse(remedy, "off stands alone: leave the addresses out");
    }
    if (list->is_off)
        return refuse(remedy, "off stands alone: leave it or the addresses out");
    if (!parse_listen(value, &address, remedy) || !has_room(flag, list->count, remedy))
        return false;
    list->at = grow(options, list->at, list->count, sizeof(*list->at));
    list->at[list->count++] = address;
    return true;
}

static bool parse_number(const struct flag *flag, struct bytes value, uint64_t *number,
                         struct text *remedy)
{
    if (bytes_to_uint(value, flag->max, number) && *number >= flag->min)
        return true;
    text_printf(remedy, "give a number from %llu to %llu", (unsigned long long)flag->min,
                (unsigned long long)flag->max);
    return false;
}

static bool set_number(const struct flag *flag, struct options *options, struct bytes value,
                       struct text *remedy)
{
    uint32_t *field = field_of(flag, options);
    uint64_t number = 0;

    if (!parse_number(flag, value, &number, remedy))
        return false;
    *field = (uint32_t)number;
    return true;
}

static bool set_number64(const struct flag *flag, struct options *options, struct bytes value,
                         struct text *remedy)
{
    return parse_number(flag, value, field_of(flag, options), remedy);
}

static bool set_port(const struct flag *flag, struct options *options, struct bytes value,
                     struct text *remedy)
{
    uint16_t *field = field_of(flag, options);
    uint64_t number = 0;

    if (!parse_number(flag, value, &number, remedy))
        return false;
    *field = (uint16_t)number;
    return true;
}

static bool set_workers(const struct flag *flag, struct options *options, struct bytes value,
                        struct text *remedy)
{
    if (bytes_equal(value, BYTES("auto"))) {
        options->workers = 0;
        return true;
    }
    if (set_number(flag, options, value, remedy))
        return true;
    text_add_str(remedy, ", or auto");
    return false;
}

/* min 1 in the table: this time cannot be 0, which would end everything at once. */
static bool set_duration(const struct flag *flag, struct options *options, struct bytes value,
                         struct text *remedy)
{
    uint32_t *field = field_of(flag, options);
    uint32_t ms = 0;

    if (duration_parse_ms(value, &ms) == STATUS_OK && ms >= flag->min) {
        *field = ms;
        return true;
    }
    text_printf(remedy, "give a duration%s with its unit, such as 90s, 1m30s or 250ms",
                flag->min > 0 ? " over 0" : "");
    return false;
}

static bool set_on_off(const struct flag *flag, struct options *options, struct bytes value,
                       struct text *remedy)
{
    bool *field = field_of(flag, options);

    *field = bytes_equal(value, BYTES("on")) || bytes_equal(value, BYTES("true"));
    if (*field || bytes_equal(value, BYTES("off")) || bytes_equal(value, BYTES("false")))
        return true;
    text_add_str(remedy, flag->is_switch ? "give true or false, or no value" : "give on or off");
    return false;
}

static bool set_log_level(const struct flag *flag, struct options *options, struct bytes value,
                          struct text *remedy)
{
    if (log_level_parse(value, field_of(flag, options)) == STATUS_OK)
        return true;
    text_add_str(remedy, "give error, warn, info or debug");
    return false;
}

static bool set_access_log(const struct flag *flag, struct options *options, struct bytes value,
                           struct text *remedy)
{
    if (bytes_equal(value, BYTES("off"))) {
        options->access_log = NULL;
        return true;
    }
    return set_string(flag, options, value, remedy);
}

static bool set_access_log_format(const struct flag *flag, struct options *options,
                                  struct bytes value, struct text *remedy)
{
    enum access_log_format *field = field_of(flag, options);

    *field = bytes_equal(value, BYTES("json")) ? ACCESS_LOG_JSON : ACCESS_LOG_TEXT;
    if (*field == ACCESS_LOG_JSON || bytes_equal(value, BYTES("text")))
        return true;
    text_add_str(remedy, "give json or text");
    return false;
}

static bool set_method(const struct flag *flag, struct options *options, struct bytes value,
                       struct text *remedy)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] <= ' ' || value.at[i] > '~') {
            text_add_str(remedy, "give a method such as GET");
            return false;
        }
    }
    return set_bytes(flag, options, value, remedy);
}

static bool add_header(const struct flag *flag, struct options *options, struct bytes value,
                       struct text *remedy)
{
    size_t colon = bytes_find(value, ':');

    if (colon == BYTES_NOT_FOUND || colon == 0) {
        text_add_str(remedy, "give a header as 'Name: value'");
        return false;
    }
    return add_string(flag, options, value, remedy);
}

static const struct flag flags[] = {
#define FLAG(name_, letter_, kind, commands_, value_, usual_, set_, field_, min_, max_, help_)     \
    {.name = name_,                                                                                \
     .letter = letter_,                                                                            \
     .is_list = ((kind)&1) != 0,                                                                   \
     .is_switch = ((kind)&2) != 0,                                                                 \
     .is_argument = ((kind)&4) != 0,                                                               \
     .commands = commands_,                                                                        \
     .value = value_,                                                                              \
     .usual = usual_,                                                                              \
     .set = set_,                                                                                  \
     .field = offsetof(struct options, field_),                                                    \
     .min = min_,                                                                                  \
     .max = max_,                                                                                  \
     .help = help_},
#include "cli/flags.def"
#undef FLAG
};

#define FLAGS_COUNT (sizeof(flags) / sizeof(flags[0]))

const struct flag *flags_all(size_t *count)
{
    *count = FLAGS_COUNT;
    return flags;
}

const struct flag *flags_find(struct bytes name)
{
    for (size_t i = 0; i < FLAGS_COUNT; i++) {
        if (bytes_equal(name, bytes_of(flags[i].name)))
            return &flags[i];
    }
    return NULL;
}

const struct flag *flags_find_letter(char letter)
{
    for (size_t i = 0; i < FLAGS_COUNT; i++) {
        if (flags[i].letter != 0 && flags[i].letter == letter)
            return &flags[i];
    }
    return NULL;
}
