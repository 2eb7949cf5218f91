/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.c - the config file: a flat YAML mapping whose keys are the flags.
 */
#include "cli/config.h"

#include "controller/object/yaml_map.h"

#include <errno.h>
#include <stdio.h>

void given_add(struct given_list *list, const struct flag *flag, struct bytes value, uint32_t line)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity * 2 + 16;
        list->at = mem_resize(list->at, list->capacity * sizeof(*list->at));
    }
    list->at[list->count++] = (struct given){flag, value, line};
}

bool given_has(const struct given_list *list, const struct flag *flag)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->at[i].flag == flag)
            return true;
    }
    return false;
}

void given_fini(struct given_list *list)
{
    mem_free(list->at);
    *list = (struct given_list){0};
}

static enum status read_open(FILE *file, const char *path, struct text *content, struct text *error)
{
    size_t got;

    do {
        text_reserve(content, 65536);
        got = fread(content->at + content->len, 1, 65536, file);
        content->len += got;
    } while (got > 0 && content->len <= CONFIG_BYTES_MAX);
    if (ferror(file)) {
        text_printf(error, "--config %s: %s", path, strerror(errno));
        return STATUS_INVALID;
    }
    if (content->len > CONFIG_BYTES_MAX) {
        text_printf(error, "--config %s: more than %d bytes; is this a config file?", path,
                    CONFIG_BYTES_MAX);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static enum status read_file(const char *path, struct text *content, struct text *error)
{
    FILE *file = fopen(path, "re");
    enum status status;

    if (file == NULL) {
        text_printf(error, "--config %s: %s", path, strerror(errno));
        return STATUS_INVALID;
    }
    status = read_open(file, path, content, error);
    (void)fclose(file);
    return status;
}

static enum status refuse(const char *path, const struct yaml_map_entry *entry, const char *what,
                          struct text *error)
{
    text_printf(error, "%s:%u: ", path, entry->line);
    text_add_escaped(error, entry->key);
    text_printf(error, ": %s", what);
    return STATUS_INVALID;
}

static enum status take_entry(const char *path, struct arena *arena,
                              const struct yaml_map_entry *entry, struct given_list *list,
                              struct text *error)
{
    const struct flag *flag = flags_find(entry->key);

    if (flag == NULL)
        return refuse(path, entry,
                      "unknown key; the keys are the flags without dashes, see "
                      "fairlead serve --help",
                      error);
    if (flag->is_argument)
        return refuse(path, entry, "this flag is for the command line only", error);
    if (entry->is_item && !flag->is_list)
        return refuse(path, entry, "one value belongs here, not a list", error);
    given_add(list, flag, arena_copy(arena, entry->value), entry->line);
    return STATUS_OK;
}

static enum status take_content(const char *path, struct arena *arena, struct bytes content,
                                struct given_list *list, struct text *error)
{
    struct yaml_map map;
    enum status status;
    struct text problem;

    text_init(&problem);
    status = yaml_map_read(content, &map, &problem);
    if (status != STATUS_OK)
        text_printf(error, "--config %s: %.*s", path, BYTES_ARG(text_bytes(&problem)));
    for (size_t i = 0; status == STATUS_OK && i < map.count; i++)
        status = take_entry(path, arena, &map.entries[i], list, error);
    yaml_map_fini(&map);
    text_fini(&problem);
    return status;
}

enum status config_read(const char *path, struct arena *arena, struct given_list *list,
                        struct text *error)
{
    struct text content;
    enum status status;

    text_init(&content);
    status = read_file(path, &content, error);
    if (status == STATUS_OK)
        status = take_content(path, arena, text_bytes(&content), list, error);
    text_fini(&content);
    return status;
}
