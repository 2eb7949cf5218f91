/* SPDX-License-Identifier: Apache-2.0 */
/*
 * help.c - what --help prints, from the table of flags.
 */
#include "cli/flags.h"

#define HELP_COLUMN 34
#define HELP_WIDTH  100

static const char program_help[] =
    "fairlead - reverse proxy, load balancer and Kubernetes ingress controller in one process\n"
    "\n"
    "  fairlead serve --objects DIR [flags]    serve what the manifests in DIR describe\n"
    "  fairlead check PATH... [flags]          say what is wrong with manifests\n"
    "  fairlead check --kubeconfig FILE        or with the objects of a cluster\n"
    "  fairlead explain --objects DIR URL      say where a request goes, and why\n"
    "  fairlead table --objects DIR [--json]   print the routing table\n"
    "  fairlead probe alive|ready              ask a running Fairlead how it is\n"
    "  fairlead version                        print the version\n"
    "\n"
    "Each command has its own --help. Flags are --name value or --name=value. In the place of\n"
    "--objects DIR, explain and table take --kubeconfig FILE to read an API server, or\n"
    "--admin ADDR:PORT to ask a running Fairlead.\n"
    "\n"
    "Exit code: 0 fine, 1 something was found (errors by check, no route by explain), 2 wrong "
    "usage,\n"
    "or the objects cannot be read.\n";

static const char serve_help[] =
    "fairlead serve - serve what Kubernetes objects describe\n"
    "\n"
    "  fairlead serve --objects DIR [flags]\n"
    "  fairlead serve [--kubeconfig FILE] [flags]\n"
    "\n"
    "A changed manifest is live within a tenth of a second. SIGTERM drains and stops, SIGHUP "
    "reopens\n"
    "the access log. Each flag is also a key of the --config file: \"http: [':8080', ':8081']\".\n"
    "DUR is a duration with its unit: 90s, 1m30s, 250ms.\n";

static const char check_help[] =
    "fairlead check - say what is wrong with manifests, or with the objects of a cluster\n"
    "\n"
    "  fairlead check PATH... [flags]\n"
    "  fairlead check --kubeconfig FILE [flags]\n"
    "\n"
    "PATH is a manifest or a directory tree of them. One line a finding:\n"
    "  FILE:LINE: error|warning: KIND NS/NAME: text\n"
    "With --kubeconfig the API server is read once, as serve reads it, and nothing is written "
    "there;\n"
    "then findings have no FILE:LINE.\n"
    "Exit code: 0 no errors (warnings may be), 1 errors, 2 wrong usage, or not all could be "
    "read.\n";

static const char explain_help[] =
    "fairlead explain - say where a request goes, and why\n"
    "\n"
    "  fairlead explain --objects DIR [-X METHOD] [-H 'K: V']... URL\n"
    "  fairlead explain --kubeconfig FILE [-X METHOD] [-H 'K: V']... URL\n"
    "  fairlead explain --admin ADDR:PORT [-X METHOD] [-H 'K: V']... URL\n"
    "\n"
    "URL is http://host/path, https://host/path, or /path with -H 'Host: name'. With --admin a\n"
    "running Fairlead is asked, which knows the health of its endpoints.\n"
    "Exit code: 0 a route answers, 1 none does, 2 wrong usage, or not all could be used: a\n"
    "manifest that does not parse or cannot be read is named on stderr.\n";

static const char table_help[] =
    "fairlead table - print the routing table\n"
    "\n"
    "  fairlead table --objects DIR [--json]\n"
    "  fairlead table --kubeconfig FILE [--json]\n"
    "  fairlead table --admin ADDR:PORT [--json]\n"
    "\n"
    "The same objects give the same text, whoever compiles them.\n"
    "Exit code: 0, 1 the admin port did not answer, 2 wrong usage, or not all "
    "could be\nused: a manifest that does not parse or cannot be read is named on "
    "stderr.\n";

static const char probe_help[] =
    "fairlead probe - ask a running Fairlead how it is\n"
    "\n"
    "  fairlead probe alive [--admin ADDR:PORT]\n"
    "  fairlead probe ready [--admin ADDR:PORT]\n"
    "\n"
    "For probes of a container, whose image has no other client. Prints the answer.\n"
    "Exit code: 0 it is, 1 it is not, or does not answer, 2 wrong usage.\n";

static const char version_help[] = "fairlead version - print the version\n";

static const char *intro(enum command command)
{
    switch (command) {
    case COMMAND_SERVE:
        return serve_help;
    case COMMAND_CHECK:
        return check_help;
    case COMMAND_EXPLAIN:
        return explain_help;
    case COMMAND_TABLE:
        return table_help;
    case COMMAND_PROBE:
        return probe_help;
    case COMMAND_VERSION:
        return version_help;
    case COMMAND_HELP:
        return program_help;
    }
    return program_help;
}

static void indent(struct text *out, size_t from)
{
    for (size_t i = from; i < HELP_COLUMN; i++)
        text_add_byte(out, ' ');
}

/* Words up to the width, further lines under the first. */
static void add_wrapped(struct text *out, const char *help)
{
    struct bytes rest = bytes_of(help), word;
    size_t column = HELP_COLUMN;

    while (bytes_next_item(&rest, ' ', &word)) {
        if (column > HELP_COLUMN && column + 1 + word.len > HELP_WIDTH) {
            text_add_byte(out, '\n');
            indent(out, 0);
            column = HELP_COLUMN;
        }
        if (column > HELP_COLUMN) {
            text_add_byte(out, ' ');
            column++;
        }
        text_add(out, word);
        column += word.len;
    }
    text_add_byte(out, '\n');
}

static void add_flag(struct text *out, const struct flag *flag)
{
    struct text name, help;

    text_init(&name);
    text_init(&help);
    if (flag->letter != 0)
        text_printf(&name, "  -%c, --%s", flag->letter, flag->name);
    else
        text_printf(&name, "  --%s", flag->name);
    if (flag->value != NULL)
        text_printf(&name, " %s", flag->value);
    text_add(out, text_bytes(&name));
    if (name.len >= HELP_COLUMN) {
        text_add_byte(out, '\n');
        name.len = 0;
    }
    indent(out, name.len);
    text_add_str(&help, flag->help);
    if (flag->is_list)
        text_add_str(&help, "; may be repeated");
    if (flag->usual != NULL)
        text_printf(&help, " (default %s)", flag->usual);
    text_add_byte(&help, '\0');
    add_wrapped(out, help.at);
    text_fini(&name);
    text_fini(&help);
}

void options_help(enum command command, struct text *out)
{
    size_t count;
    const struct flag *all = flags_all(&count);
    bool has_flags = false;

    text_add_str(out, intro(command));
    for (size_t i = 0; i < count; i++) {
        if (command == COMMAND_HELP || (all[i].commands & FLAG_FOR(command)) == 0)
            continue;
        if (!has_flags)
            text_add_str(out, "\nFlags:\n");
        has_flags = true;
        add_flag(out, &all[i]);
    }
}
