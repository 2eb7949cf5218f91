/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.c - argv and the config file into struct options.
 *
 *     argv          -> given[] --\
 *     --config FILE -> given[] ---+-> for each flag: argv's, else the file's, else the usual
 *
 * First everything is gathered, then set flag by flag: so the order of flags never matters, and a
 * list on the command line takes the place of the file's.
 */
#include "cli/options.h"

#include "cli/config.h"
#include "cli/flags.h"
#include "cli/listeners.h"

#include <stdlib.h>

static const struct {
    const char *name;
    enum command command;
} commands[] = {
    {"serve", COMMAND_SERVE},       {"check", COMMAND_CHECK}, {"explain", COMMAND_EXPLAIN},
    {"table", COMMAND_TABLE},       {"probe", COMMAND_PROBE}, {"version", COMMAND_VERSION},
    {"help", COMMAND_HELP},         {"--help", COMMAND_HELP}, {"-h", COMMAND_HELP},
    {"--version", COMMAND_VERSION},
};

/* Parsing state; gone afterwards. */
struct parse {
    struct options *options;
    struct text *error;
    struct given_list argv;
    struct given_list file;
    struct string_list words; /* arguments that are no flags */
};

static enum status find_command(const char *word, enum command *command, struct text *error)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(word, commands[i].name) == 0) {
            *command = commands[i].command;
            return STATUS_OK;
        }
    }
    text_add_str(error, "unknown command \"");
    text_add_escaped(error, bytes_of(word));
    text_add_str(error, "\"; the commands are serve, check, explain, table, probe and version");
    return STATUS_INVALID;
}

static const char *command_name(enum command command)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (commands[i].command == command)
            return commands[i].name;
    }
    return "";
}

/* Taken by this command at all? */
static enum status check_flag(struct parse *parse, const struct flag *flag, const char *word)
{
    enum command command = parse->options->command;

    if (flag != NULL && (flag->commands & FLAG_FOR(command)) != 0)
        return STATUS_OK;
    text_add_str(parse->error, flag == NULL ? "unknown flag " : "no such flag here: ");
    text_add_escaped(parse->error, bytes_of(word));
    text_printf(parse->error, "; fairlead %s --help lists the flags", command_name(command));
    return STATUS_INVALID;
}

static void add_word(struct parse *parse, const char *word)
{
    struct options *options = parse->options;
    const char **grown =
        arena_alloc(&options->arena, (parse->words.count + 1) * sizeof(const char *));

    if (parse->words.count > 0)
        memcpy(grown, parse->words.at, parse->words.count * sizeof(const char *));
    grown[parse->words.count++] = word;
    parse->words.at = grown;
}

/* One argument and, if it takes one, its value, which may be the next argument. */
static enum status take_flag(struct parse *parse, int argc, char **argv, int *at)
{
    const char *word = argv[*at];
    bool is_long = word[1] == '-';
    struct bytes name = bytes_of(is_long ? word + 2 : word + 1);
    size_t equals = is_long ? bytes_find(name, '=') : BYTES_NOT_FOUND;
    const struct flag *flag =
        is_long ? flags_find(bytes_slice(name, 0, equals)) : flags_find_letter(word[1]);
    struct bytes value = BYTES("true");

    if (check_flag(parse, flag, word) != STATUS_OK)
        return STATUS_INVALID;
    if (equals != BYTES_NOT_FOUND) {
        value = bytes_skip(name, equals + 1);
    } else if (!is_long && name.len > 1 && !flag->is_switch) {
        value = bytes_skip(name, 1); /* -XPOST */
    } else if (!flag->is_switch) {
        if (*at + 1 >= argc) {
            text_printf(parse->error, "%s needs a value: %s", word, flag->value);
            return STATUS_INVALID;
        }
        value = bytes_of(argv[++*at]);
    }
    given_add(&parse->argv, flag, value, 0);
    return STATUS_OK;
}

static enum status take_arguments(struct parse *parse, int argc, char **argv)
{
    bool only_words = false;

    for (int at = 2; at < argc; at++) {
        const char *word = argv[at];

        if (only_words || word[0] != '-' || word[1] == '\0')
            add_word(parse, word);
        else if (strcmp(word, "--") == 0)
            only_words = true;
        else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
            parse->options->wants_help = true;
        else if (take_flag(parse, argc, argv, &at) != STATUS_OK)
            return STATUS_INVALID;
    }
    return STATUS_OK;
}

static enum status set_one(struct parse *parse, const struct given *given)
{
    struct text remedy;
    bool is_set;

    text_init(&remedy);
    is_set = given->flag->set(given->flag, parse->options, given->value, &remedy);
    if (!is_set) {
        if (given->line > 0)
            text_printf(parse->error, "%s:%u: %s", parse->options->config, given->line,
                        given->flag->name);
        else if (given->flag->letter != 0)
            text_printf(parse->error, "-%c", given->flag->letter);
        else
            text_printf(parse->error, "--%s", given->flag->name);
        text_add_str(parse->error, " \"");
        text_add_escaped(parse->error, given->value);
        text_add_str(parse->error, "\": ");
        text_add(parse->error, text_bytes(&remedy));
    }
    text_fini(&remedy);
    return is_set ? STATUS_OK : STATUS_INVALID;
}

static enum status set_from(struct parse *parse, const struct flag *flag,
                            const struct given_list *list, bool *is_given)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->at[i].flag != flag)
            continue;
        *is_given = true;
        if (set_one(parse, &list->at[i]) != STATUS_OK)
            return STATUS_INVALID;
    }
    return STATUS_OK;
}

static enum status set_flag(struct parse *parse, const struct flag *flag)
{
    bool is_given = false;

    if (set_from(parse, flag, &parse->argv, &is_given) != STATUS_OK)
        return STATUS_INVALID;
    if (!is_given && set_from(parse, flag, &parse->file, &is_given) != STATUS_OK)
        return STATUS_INVALID;
    if (!is_given && flag->usual != NULL) {
        const struct given usual = {flag, bytes_of(flag->usual), 0};

        return set_one(parse, &usual);
    }
    return STATUS_OK;
}

static bool is_given(const struct parse *parse, const char *name)
{
    const struct flag *flag = flags_find(bytes_of(name));

    return given_has(&parse->argv, flag) || given_has(&parse->file, flag);
}

/* What depends on other flags, and on where objects come from. */
static void set_dependent(struct parse *parse)
{
    struct options *options = parse->options;
    bool has_files = options->command == COMMAND_SERVE ? options->objects.count > 0
                                                       : options->kubeconfig == NULL;

    options->http_is_given = is_given(parse, "http");
    options->https_is_given = is_given(parse, "https");
    options->ingress_class_is_given = is_given(parse, "ingress-class");
    options->external_names_loopback = has_files;
    if (!is_given(parse, "external-names"))
        options->external_names = has_files;
    if (!is_given(parse, "drain-delay"))
        options->drain_delay_ms = has_files ? 0 : 5000;
}

static enum status set_all(struct parse *parse)
{
    const struct flag *config = flags_find(BYTES("config"));
    size_t count;
    const struct flag *all = flags_all(&count);

    if (set_flag(parse, config) != STATUS_OK)
        return STATUS_INVALID;
    if (parse->options->config != NULL &&
        config_read(parse->options->config, &parse->options->arena, &parse->file, parse->error) !=
            STATUS_OK)
        return STATUS_INVALID;
    for (size_t i = 0; i < count; i++) {
        if (&all[i] != config && set_flag(parse, &all[i]) != STATUS_OK)
            return STATUS_INVALID;
    }
    return STATUS_OK;
}

static enum status refuse(const struct parse *parse, const char *sentence)
{
    text_add_str(parse->error, sentence);
    return STATUS_INVALID;
}

static enum status check_words(const struct parse *parse, size_t min, size_t max,
                               const char *too_few)
{
    if (parse->words.count < min)
        return refuse(parse, too_few);
    if (parse->words.count > max) {
        text_add_str(parse->error, "unexpected argument \"");
        text_add_escaped(parse->error, bytes_of(parse->words.at[max]));
        text_printf(parse->error, "\"; see fairlead %s --help",
                    command_name(parse->options->command));
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static bool is_on_command_line(const struct parse *parse, const char *name)
{
    return given_has(&parse->argv, flags_find(bytes_of(name)));
}

/*
 * explain and table read directories, an API server, or ask a running proxy. A config file may well
 * have several, as it is the proxy's; then the command line says which, and else the objects are
 * read where the proxy has them from.
 */
static enum status choose_source(struct parse *parse)
{
    struct options *options = parse->options;
    bool has_objects = is_on_command_line(parse, "objects");
    bool has_kubeconfig = is_on_command_line(parse, "kubeconfig");
    bool has_admin = is_on_command_line(parse, "admin");

    if (has_objects + has_kubeconfig + has_admin > 1)
        return refuse(parse, "--objects, --kubeconfig and --admin exclude each other; give one of "
                             "them");
    if (has_kubeconfig || has_admin)
        options->objects.count = 0;
    if (has_admin || options->objects.count > 0)
        options->kubeconfig = NULL;
    options->admin_is_given =
        options->objects.count == 0 && options->kubeconfig == NULL && is_given(parse, "admin");
    if (options->objects.count == 0 && options->kubeconfig == NULL && !options->admin_is_given)
        return refuse(parse, "give --objects DIR to read manifests, --kubeconfig FILE to read an "
                             "API server, or --admin ADDR:PORT to ask a running Fairlead");
    return STATUS_OK;
}

/* Manifests, or an API server. That of a config file is the proxy's: paths come first. */
static enum status check_check(struct parse *parse)
{
    struct options *options = parse->options;

    options->paths = parse->words;
    if (options->paths.count == 0 && options->kubeconfig == NULL)
        return refuse(parse, "name what to check: fairlead check PATH..., or fairlead check "
                             "--kubeconfig FILE for an API server");
    if (options->paths.count > 0 && is_on_command_line(parse, "kubeconfig"))
        return refuse(parse, "PATH and --kubeconfig exclude each other; check manifests or an API "
                             "server");
    if (options->paths.count > 0)
        options->kubeconfig = NULL;
    return check_words(parse, 0, OPTION_LIST_MAX, "");
}

static enum status check_serve(struct parse *parse)
{
    const struct options *options = parse->options;

    if (options->objects.count > 0 && options->kubeconfig != NULL)
        return refuse(parse, "--objects and --kubeconfig exclude each other; give one of them");
    if (options->objects.count == 0 && options->kubeconfig == NULL &&
        getenv("KUBERNETES_SERVICE_HOST") == NULL)
        return refuse(parse, "nothing to serve: give --objects DIR, or --kubeconfig FILE outside a "
                             "cluster");
    if (options->snapshot != NULL && options->objects.count > 0)
        return refuse(parse, "--snapshot is for objects of an API server; leave it out with "
                             "--objects");
    if ((options->publish_service.len > 0) + (options->publish_addresses.count > 0) +
            (options->publish_nodes.len > 0) >
        1)
        return refuse(parse,
                      "--publish-service, --publish-address and --publish-nodes exclude each "
                      "other; give one of them");
    if (listeners_check(options, parse->error) != STATUS_OK)
        return STATUS_INVALID;
    return check_words(parse, 0, 0, "");
}

static enum status check_probe(struct parse *parse)
{
    static const char asked[] = "name what to ask: fairlead probe alive|ready";

    if (check_words(parse, 1, 1, asked) != STATUS_OK)
        return STATUS_INVALID;
    parse->options->asks_ready = strcmp(parse->words.at[0], "ready") == 0;
    if (!parse->options->asks_ready && strcmp(parse->words.at[0], "alive") != 0)
        return refuse(parse, asked);
    return STATUS_OK;
}

/* What is behind the scheme is for explain to judge, as the proxy would. */
static enum status check_url(struct parse *parse)
{
    static const struct bytes beginnings[] = {{"http://", 7}, {"https://", 8}, {"/", 1}};
    struct bytes url = bytes_of(parse->options->url);

    for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++)
        if (bytes_equal_nocase(bytes_slice(url, 0, beginnings[i].len), beginnings[i]))
            return STATUS_OK;
    text_add_str(parse->error, "\"");
    text_add_escaped(parse->error, url);
    return refuse(parse,
                  "\" is no URL: write http://HOST/PATH, https://HOST/PATH, or /PATH with -H "
                  "'Host: NAME'");
}

/* What a command needs beyond its flags. */
static enum status finish(struct parse *parse)
{
    struct options *options = parse->options;

    switch (options->command) {
    case COMMAND_SERVE:
        return check_serve(parse);
    case COMMAND_CHECK:
        return check_check(parse);
    case COMMAND_EXPLAIN:
        if (choose_source(parse) != STATUS_OK ||
            check_words(parse, 1, 1,
                        "name the URL to explain: fairlead explain --objects DIR URL") != STATUS_OK)
            return STATUS_INVALID;
        options->url = parse->words.at[0];
        return check_url(parse);
    case COMMAND_TABLE:
        if (choose_source(parse) != STATUS_OK)
            return STATUS_INVALID;
        return check_words(parse, 0, 0, "");
    case COMMAND_PROBE:
        return check_probe(parse);
    case COMMAND_VERSION:
        return check_words(parse, 0, 0, "");
    case COMMAND_HELP:
        return STATUS_OK;
    }
    return STATUS_OK;
}

enum status options_parse(struct options *options, int argc, char **argv, struct text *error)
{
    struct parse parse = {.options = options, .error = error};
    enum status status = STATUS_OK;

    *options = (struct options){.command = COMMAND_HELP};
    arena_init(&options->arena, 4096);
    if (argc >= 2)
        status = find_command(argv[1], &options->command, error);
    else
        status = refuse(&parse, "no command given; the commands are serve, check, explain, table, "
                                "probe and version, and fairlead --help says more");
    if (status == STATUS_OK && options->command != COMMAND_HELP)
        status = take_arguments(&parse, argc, argv);
    if (status == STATUS_OK && !options->wants_help && options->command != COMMAND_HELP) {
        status = set_all(&parse);
        if (status == STATUS_OK)
            status = finish(&parse);
        if (status == STATUS_OK)
            set_dependent(&parse);
    }
    given_fini(&parse.argv);
    given_fini(&parse.file);
    return status;
}

void options_fini(struct options *options)
{
    arena_fini(&options->arena);
}

struct compile_options options_for_compile(const struct options *options)
{
    return (struct compile_options){
        .ingress_class = options->ingress_class,
        .ingress_class_is_given = options->ingress_class_is_given,
        .watch_namespaces = options->watch_namespaces.at,
        .watch_namespaces_count = options->watch_namespaces.count,
        .root_namespaces = options->root_namespaces.at,
        .root_namespaces_count = options->root_namespaces.count,
        .external_names = options->external_names,
        .external_names_loopback = options->external_names_loopback,
        .default_certificate = options->default_certificate,
    };
}
