/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flags.h - the one table of flags: name, who takes it, what it sets, its default, its help.
 *
 * A flag is a line of the table in flags.c and a field of struct options; parsing, the config file,
 * defaults and --help all follow from that line.
 */
#ifndef CLI_FLAGS_H
#define CLI_FLAGS_H

#include "cli/options.h"

/* Which commands take a flag: a set of bits by enum command. */
#define FLAG_FOR(command) (1u << (command))
#define FLAG_FOR_SERVE    FLAG_FOR(COMMAND_SERVE)
#define FLAG_FOR_EXPLAIN  FLAG_FOR(COMMAND_EXPLAIN)
#define FLAG_FOR_TABLE    FLAG_FOR(COMMAND_TABLE)
#define FLAG_FOR_ONCE     (FLAG_FOR_EXPLAIN | FLAG_FOR_TABLE | FLAG_FOR(COMMAND_CHECK))
#define FLAG_FOR_READERS  (FLAG_FOR_SERVE | FLAG_FOR_EXPLAIN | FLAG_FOR_TABLE)
#define FLAG_FOR_COMPILE  (FLAG_FOR_READERS | FLAG_FOR(COMMAND_CHECK))

struct flag;

/* Set the field from a value. False when it is not valid; then what would be has been appended to
 * *remedy. */
typedef bool flag_set_fn(const struct flag *flag, struct options *options, struct bytes value,
                         struct text *remedy);

struct flag {
    const char *name;  /* without dashes; also the key in the config file */
    char letter;       /* the short form, or 0 */
    bool is_list;      /* may be given several times; a list in the config file */
    bool is_switch;    /* takes no value */
    bool is_argument;  /* of one command's run, so the config file cannot have it */
    uint32_t commands; /* set of FLAG_FOR() */
    const char *value; /* what the value is called in --help */
    const char *usual; /* the default, as a value; NULL: none, or it depends */
    flag_set_fn *set;
    size_t field; /* offset in struct options */
    uint64_t min; /* of a number */
    uint64_t max; /* of a number, or of what a list takes */
    const char *help;
};

/* All flags, in the order of --help; *count of them. */
const struct flag *flags_all(size_t *count);
/* NULL when there is none of that name or letter. */
const struct flag *flags_find(struct bytes name);
const struct flag *flags_find_letter(char letter);

#endif
