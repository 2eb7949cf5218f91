/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h - values as they were given, on the command line or in the config file, before they are
 * set.
 */
#ifndef CLI_CONFIG_H
#define CLI_CONFIG_H

#include "cli/flags.h"

struct given {
    const struct flag *flag;
    struct bytes value; /* borrowed */
    uint32_t line;      /* in the config file; 0 on the command line */
};

struct given_list {
    struct given *at; /* owned */
    size_t count;
    size_t capacity;
};

void given_add(struct given_list *list, const struct flag *flag, struct bytes value, uint32_t line);
bool given_has(const struct given_list *list, const struct flag *flag);
void given_fini(struct given_list *list);

/*
 * Read a config file into the list; texts go into the arena. On STATUS_INVALID one line that names
 * the file and the place has been appended to *error: it cannot be read, is no flat YAML mapping,
 * has a key that is no flag, or a list where one value belongs.
 */
enum status config_read(const char *path, struct arena *arena, struct given_list *list,
                        struct text *error);

#endif
