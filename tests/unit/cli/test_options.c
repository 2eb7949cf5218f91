/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_options.c - flags, the config file, and what is said when one of them is wrong.
 */
#include "cli/options.h"
#include "controller/object/published.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ARGS_MAX 16

struct attempt {
    struct options options;
    struct text error;
    enum status status;
};

/* Words separated by blanks; | stands for a blank inside a word. */
static void parse(struct attempt *attempt, const char *line)
{
    char copy[8192], *argv[ARGS_MAX + 1] = {(char *)(uintptr_t) "fairlead"}, *rest = copy;
    int argc = 1;

    (void)snprintf(copy, sizeof(copy), "%s", line);
    for (char *word; (word = strsep(&rest, " ")) != NULL && argc < ARGS_MAX;) {
        for (char *at = word; *at != '\0'; at++)
            *at = *at == '|' ? ' ' : *at;
        argv[argc++] = word;
    }
    argv[argc] = NULL;
    text_init(&attempt->error);
    attempt->status = options_parse(&attempt->options, argc, argv, &attempt->error);
    text_add_byte(&attempt->error, '\0');
}

static void parse_end(struct attempt *attempt)
{
    options_fini(&attempt->options);
    text_fini(&attempt->error);
}

static void assert_taken(struct attempt *attempt, const char *line)
{
    parse(attempt, line);
    if (attempt->status != STATUS_OK)
        fail_msg("%s: %s", line, attempt->error.at);
}

static void assert_refused(const char *line, const char *because)
{
    struct attempt attempt;

    parse(&attempt, line);
    assert_int_equal(attempt.status, STATUS_INVALID);
    if (strstr(attempt.error.at, because) == NULL)
        fail_msg("%s: says \"%s\", not \"%s\"", line, attempt.error.at, because);
    assert_null(strchr(attempt.error.at, '\n'));
    parse_end(&attempt);
}

/* A config file with this content; the caller unlinks it. */
static void write_config(char *path, const char *content)
{
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    assert_int_equal(close(fd), 0);
}

static void parse_with_config(struct attempt *attempt, const char *content, const char *more)
{
    char path[] = "/tmp/fairlead-options-XXXXXX", line[512];

    write_config(path, content);
    (void)snprintf(line, sizeof(line), "serve --objects d --config %s%s", path, more);
    parse(attempt, line);
    (void)unlink(path);
}

TEST(serve_has_the_defaults_of_the_design)
{
    struct attempt attempt;
    const struct options *options = &attempt.options;
    struct text shown;

    text_init(&shown);
    assert_taken(&attempt, "serve --objects manifests");
    assert_int_equal(options->command, COMMAND_SERVE);
    assert_string_equal(options->objects.at[0], "manifests");
    listen_address_add(&options->http.at[0], &shown);
    assert_int_equal(options->http.at[0].address.port, 8080);
    assert_int_equal(options->https.count, 1);
    assert_int_equal(options->https.at[0].address.port, 8443);
    assert_int_equal(options->admin.address.port, 9080);
    assert_true(address_is_loopback(&options->admin.address));
    assert_int_equal(options->workers, 0);
    assert_bytes(options->ingress_class, "fairlead");
    assert_false(options->ingress_class_is_given);
    assert_true(options->external_names);
    assert_true(options->external_names_loopback);
    assert_int_equal(options->drain_delay_ms, 0);
    assert_int_equal(options->drain_timeout_ms, 60000);
    assert_int_equal(options->request_head_timeout_ms, 10000);
    assert_int_equal(options->tunnel_idle_timeout_ms, 7200000);
    assert_int_equal(options->tcp_idle_timeout_ms, 7200000);
    assert_int_equal(options->public_http_port, 80);
    assert_int_equal(options->public_https_port, 443);
    assert_string_equal(options->access_log, "-");
    assert_int_equal(options->log_level, LOG_LEVEL_INFO);
    text_fini(&shown);
    parse_end(&attempt);
}

TEST(in_a_cluster_external_names_are_off_and_draining_waits)
{
    struct attempt attempt;

    assert_taken(&attempt, "serve --kubeconfig file");
    assert_false(attempt.options.external_names);
    assert_false(attempt.options.external_names_loopback);
    assert_int_equal(attempt.options.drain_delay_ms, 5000);
    parse_end(&attempt);
    assert_taken(&attempt, "serve --kubeconfig file --external-names on --drain-delay 1s");
    assert_true(attempt.options.external_names);
    assert_false(attempt.options.external_names_loopback);
    assert_int_equal(attempt.options.drain_delay_ms, 1000);
    parse_end(&attempt);
}

TEST(an_api_server_is_read_as_serve_reads_it)
{
    static const char *const lines[] = {"check --kubeconfig file", "table --kubeconfig file",
                                        "explain --kubeconfig file /"};
    struct attempt attempt;

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        assert_taken(&attempt, lines[i]);
        assert_string_equal(attempt.options.kubeconfig, "file");
        assert_false(attempt.options.external_names);
        assert_false(attempt.options.external_names_loopback);
        assert_false(attempt.options.admin_is_given);
        assert_int_equal(attempt.options.list_timeout_ms, 30000);
        parse_end(&attempt);
    }
    assert_taken(&attempt, "check --kubeconfig file --external-names on --list-timeout 2m");
    assert_true(attempt.options.external_names);
    assert_false(attempt.options.external_names_loopback);
    assert_int_equal(attempt.options.list_timeout_ms, 120000);
    parse_end(&attempt);
}

TEST(values_follow_their_flag_or_an_equals_sign)
{
    struct attempt attempt;

    assert_taken(&attempt, "serve --objects=a --objects b --http=:80 --http unix:/run/x "
                           "--workers=4 --proxy-protocol --ingress-class=edge");
    assert_int_equal(attempt.options.objects.count, 2);
    assert_string_equal(attempt.options.objects.at[1], "b");
    assert_int_equal(attempt.options.http.count, 2);
    assert_true(attempt.options.http.at[0].is_any);
    assert_true(attempt.options.http.at[1].is_unix);
    assert_true(attempt.options.http_is_given);
    assert_false(attempt.options.https_is_given);
    assert_int_equal(attempt.options.workers, 4);
    assert_true(attempt.options.proxy_protocol);
    assert_true(attempt.options.ingress_class_is_given);
    parse_end(&attempt);
}

TEST(lists_of_namespaces_are_split_at_commas)
{
    struct attempt attempt;

    assert_taken(&attempt, "check --watch-namespaces a,b --watch-namespaces=c path");
    assert_int_equal(attempt.options.watch_namespaces.count, 3);
    assert_bytes(attempt.options.watch_namespaces.at[2], "c");
    assert_string_equal(attempt.options.paths.at[0], "path");
    parse_end(&attempt);
    assert_refused("check --watch-namespaces a,,b path",
                   "--watch-namespaces \"a,,b\": a namespace");
}

TEST(bad_values_name_the_flag_the_value_and_the_remedy)
{
    assert_refused("serve --objects d --workers 0",
                   "--workers \"0\": give a number from 1 to 512, or auto");
    assert_refused("serve --objects d --workers four", "or auto");
    assert_refused("serve --objects d --drain-timeout 90",
                   "--drain-timeout \"90\": give a duration");
    assert_refused("serve --objects d --connect-timeout 0s", "give a duration over 0");
    assert_refused("serve --objects d --http 80", "--http \"80\": ");
    assert_refused("serve --objects d --log-level loud", "give error, warn, info or debug");
    assert_refused("serve --objects d --access-log-format xml", "give json or text");
    assert_refused("serve --objects d --external-names maybe", "give on or off");
    assert_refused("serve --objects d --public-http-port 70000", "from 1 to 65535");
    assert_refused("serve --objects d --default-certificate secret", "give namespace/name");
    assert_refused("serve --objects d --max-connections -1", "give a number from 1");
    assert_refused("serve --objects=", "--objects \"\": give a DIR");
    assert_refused("explain --objects d -H nocolon /", "-H \"nocolon\": give a header");
}

TEST(addresses_to_publish_are_as_many_as_an_ingress_gets)
{
    struct attempt attempt;
    char line[8000];
    int len = snprintf(line, sizeof(line), "serve --kubeconfig f --publish-address 192.0.2.0");

    for (int i = 1; i < PUBLISHED_MAX; i++)
        len += snprintf(line + len, sizeof(line) - (size_t)len, ",192.0.2.%d", i);
    assert_taken(&attempt, line);
    assert_int_equal(attempt.options.publish_addresses.count, PUBLISHED_MAX);
    parse_end(&attempt);
    (void)snprintf(line + len, sizeof(line) - (size_t)len, " --publish-address a.test");
    assert_refused(line, "no more than 256 are taken");
}

TEST(labels_of_pods_are_taken_as_the_api_server_takes_them)
{
    static const char *const wrong[] = {"",         "name",  "=x",    "a/=x",    "a/b/c=x", "-a=x",
                                        "a=x,,b=y", "a=b=c", "a=x|y", "A.b/c=x", "a!=x"};
    struct attempt attempt;
    char line[128];

    assert_taken(&attempt,
                 "serve --kubeconfig f --publish-nodes app.kubernetes.io/name=fairlead,a=");
    assert_bytes(attempt.options.publish_nodes, "app.kubernetes.io/name=fairlead,a=");
    parse_end(&attempt);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        (void)snprintf(line, sizeof(line), "serve --kubeconfig f --publish-nodes=%s", wrong[i]);
        assert_refused(line, "give labels of our pods as KEY=VALUE");
    }
    assert_refused("serve --kubeconfig f --publish-nodes a=b --publish-address 192.0.2.1",
                   "exclude each other; give one of them");
    assert_refused("serve --kubeconfig f --publish-nodes a=b --publish-service a/b",
                   "exclude each other; give one of them");
}

TEST(unknown_words_are_refused)
{
    assert_refused("frob", "unknown command \"frob\"");
    assert_refused("serve --objects d --frob", "unknown flag --frob");
    assert_refused("serve --objects d --frob=1", "unknown flag --frob=1");
    assert_refused("serve --objects d -q", "unknown flag -q");
    assert_refused("check --http :80 path", "no such flag here: --http");
    assert_refused("serve --objects d stray", "unexpected argument \"stray\"");
    assert_refused("serve --objects", "--objects needs a value: DIR");
    assert_refused("version 2", "unexpected argument \"2\"");
}

TEST(hostile_52_a_bad_argument_cannot_forge_a_line)
{
    struct attempt attempt;

    parse(&attempt, "serve --objects d --workers 1\nfine");
    assert_int_equal(attempt.status, STATUS_INVALID);
    assert_null(strchr(attempt.error.at, '\n'));
    parse_end(&attempt);
}

TEST(commands_say_what_they_miss)
{
    assert_refused("serve --objects a --kubeconfig b", "exclude each other");
    assert_refused("serve --objects a --snapshot s", "--snapshot is for objects of an API server");
    assert_refused("serve --kubeconfig b --max-snapshot-bytes 1000", "1048576");
    assert_refused("check", "name what to check: fairlead check PATH...");
    assert_refused("check --kubeconfig f path", "PATH and --kubeconfig exclude each other");
    assert_refused("explain --objects d", "name the URL to explain");
    assert_refused("table", "give --objects DIR");
    assert_refused("table --objects d --admin :1", "exclude each other");
    assert_refused("table --kubeconfig f --admin :1", "exclude each other; give one of them");
    assert_refused("explain --objects d --kubeconfig f /", "exclude each other; give one of them");
    assert_refused("serve --kubeconfig f --list-timeout 1s", "no such flag here: --list-timeout");
    assert_refused("check --kubeconfig f --list-timeout 0s", "give a duration over 0");
    assert_refused("probe", "name what to ask: fairlead probe alive|ready");
    assert_refused("probe well", "name what to ask: fairlead probe alive|ready");
    assert_refused("probe alive ready", "unexpected argument \"ready\"");
}

TEST(explain_takes_a_method_and_headers)
{
    struct attempt attempt;

    assert_taken(&attempt, "explain --objects d -XPOST -H Host:|a.example.com -H Upgrade:x /path");
    assert_bytes(attempt.options.method, "POST");
    assert_int_equal(attempt.options.headers.count, 2);
    assert_string_equal(attempt.options.headers.at[0], "Host: a.example.com");
    assert_string_equal(attempt.options.url, "/path");
    parse_end(&attempt);
}

TEST(two_dashes_end_the_flags)
{
    struct attempt attempt;

    assert_taken(&attempt, "check -- --odd-name");
    assert_string_equal(attempt.options.paths.at[0], "--odd-name");
    parse_end(&attempt);
}

TEST(help_needs_nothing_else)
{
    struct attempt attempt;

    assert_taken(&attempt, "serve --help");
    assert_true(attempt.options.wants_help);
    parse_end(&attempt);
    assert_taken(&attempt, "--help");
    assert_int_equal(attempt.options.command, COMMAND_HELP);
    parse_end(&attempt);
}

TEST(the_config_file_has_the_flags_as_keys_and_a_flag_beats_it)
{
    struct attempt attempt;

    parse_with_config(&attempt,
                      "# ours\nworkers: 3\nhttp: [':8081', ':8082']\nproxy-protocol: true\n"
                      "watch-namespaces:\n- a\n- b,c\ndrain-delay: 2s\ningress-class: edge\n",
                      " --workers 5 --http :9000");
    assert_int_equal(attempt.status, STATUS_OK);
    assert_int_equal(attempt.options.workers, 5);
    assert_int_equal(attempt.options.http.count, 1);
    assert_int_equal(attempt.options.http.at[0].address.port, 9000);
    assert_true(attempt.options.proxy_protocol);
    assert_int_equal(attempt.options.watch_namespaces.count, 3);
    assert_int_equal(attempt.options.drain_delay_ms, 2000);
    assert_true(attempt.options.ingress_class_is_given);
    parse_end(&attempt);
}

static void assert_config_refused(const char *content, const char *because)
{
    struct attempt attempt;

    parse_with_config(&attempt, content, "");
    assert_int_equal(attempt.status, STATUS_INVALID);
    if (strstr(attempt.error.at, because) == NULL)
        fail_msg("%s: says \"%s\", not \"%s\"", content, attempt.error.at, because);
    parse_end(&attempt);
}

TEST(a_bad_config_file_is_refused_with_file_and_line)
{
    assert_config_refused("\nfrob: 1\n", ":2: frob: unknown key");
    assert_config_refused("workers: 0\n",
                          ":1: workers \"0\": give a number from 1 to 512, or auto");
    assert_config_refused("workers: [1, 2]\n", ":1: workers: one value belongs here, not a list");
    assert_config_refused("json: true\n", "for the command line only");
    assert_config_refused("config: x\n", "for the command line only");
    assert_config_refused("http: {a: b}\n", "line 1: a mapping where a value belongs");
    assert_config_refused("workers: 1\nworkers: 2\n", "line 2: the same key a second time");
    assert_config_refused("a: [\n", "line ");
    assert_config_refused("--- {}\n--- {}\n", "a second document");
    assert_config_refused("just text\n", "no mapping of keys");
    assert_refused("serve --objects d --config /nonexistent/file",
                   "--config /nonexistent/file: No such file or directory");
}

TEST(an_empty_config_file_is_fine)
{
    struct attempt attempt;

    parse_with_config(&attempt, "", "");
    assert_int_equal(attempt.status, STATUS_OK);
    parse_end(&attempt);
    parse_with_config(&attempt, "# nothing yet\n", "");
    assert_int_equal(attempt.status, STATUS_OK);
    parse_end(&attempt);
}

TEST(a_config_file_of_the_proxy_serves_table_and_explain_too)
{
    struct attempt attempt;
    char path[] = "/tmp/fairlead-options-XXXXXX", line[128];

    write_config(path, "objects: manifests\nadmin: 127.0.0.1:9999\nhttp: ':80'\n");
    (void)snprintf(line, sizeof(line), "table --config %s", path);
    assert_taken(&attempt, line);
    assert_int_equal(attempt.options.objects.count, 1);
    parse_end(&attempt);
    (void)snprintf(line, sizeof(line), "table --config %s --admin :7", path);
    assert_taken(&attempt, line);
    assert_int_equal(attempt.options.objects.count, 0);
    assert_int_equal(attempt.options.admin.address.port, 7);
    parse_end(&attempt);
    (void)unlink(path);
}

TEST(the_kubeconfig_of_a_config_file_counts_where_the_command_line_names_no_source)
{
    static const struct {
        const char *command;
        const char *rest;
        bool reads_api_server;
    } cases[] = {
        {"table", "", true}, {"table", " --objects d", false}, {"table", " --admin :7", false},
        {"check", "", true}, {"check", " path", false},
    };
    char path[] = "/tmp/fairlead-options-XXXXXX", line[128];

    write_config(path, "kubeconfig: file\nadmin: 127.0.0.1:9999\n");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct attempt attempt;

        (void)snprintf(line, sizeof(line), "%s --config %s%s", cases[i].command, path,
                       cases[i].rest);
        assert_taken(&attempt, line);
        assert_int_equal(attempt.options.kubeconfig != NULL, cases[i].reads_api_server);
        assert_int_equal(attempt.options.external_names, !cases[i].reads_api_server);
        parse_end(&attempt);
    }
    (void)unlink(path);
}

TEST(help_names_every_flag_of_a_command)
{
    struct text help;

    text_init(&help);
    options_help(COMMAND_SERVE, &help);
    text_add_byte(&help, '\0');
    assert_non_null(strstr(help.at, "--objects DIR"));
    assert_non_null(strstr(help.at, "--workers N|auto"));
    assert_null(strstr(help.at, "--json"));
    text_fini(&help);
}

TEST(probe_asks_the_usual_admin_port_unless_told_another)
{
    struct attempt attempt;

    assert_taken(&attempt, "probe ready");
    assert_true(attempt.options.asks_ready);
    assert_int_equal(attempt.options.admin.address.port, 9080);
    parse_end(&attempt);
    assert_taken(&attempt, "probe alive --admin unix:/run/x");
    assert_false(attempt.options.asks_ready);
    assert_true(attempt.options.admin.is_unix);
    parse_end(&attempt);
}

TEST(metrics_have_no_port_of_their_own_and_ports_are_not_shared_unless_asked)
{
    struct attempt attempt;

    assert_taken(&attempt, "serve --objects d");
    assert_int_equal(attempt.options.metrics.count, 0);
    assert_false(attempt.options.share_ports);
    parse_end(&attempt);
    assert_taken(&attempt, "serve --objects d --share-ports --metrics :9090 --metrics unix:/m");
    assert_int_equal(attempt.options.metrics.count, 2);
    assert_int_equal(attempt.options.metrics.at[0].address.port, 9090);
    assert_true(attempt.options.share_ports);
    parse_end(&attempt);
}

TEST(off_and_addresses_exclude_each_other_in_either_order)
{
    assert_refused("serve --objects d --http off --http :8080", "off stands alone");
    assert_refused("serve --objects d --http :8080 --http off", "off stands alone");
    assert_refused("serve --objects d --https off --https :8443", "off stands alone");
}

TEST(what_is_no_url_is_wrong_usage_of_explain)
{
    struct attempt attempt;

    assert_refused("explain --objects d foo", "\"foo\" is no URL: write http://HOST/PATH");
    assert_refused("explain --objects d ftp://a.test/", "is no URL");
    assert_refused("explain --admin :9080 a.test/x", "is no URL");
    assert_taken(&attempt, "explain --objects d HTTPS://a.test");
    parse_end(&attempt);
    assert_taken(&attempt, "explain --objects d /x");
    parse_end(&attempt);
}

TEST(without_a_command_all_of_them_are_named)
{
    struct attempt attempt;
    char *argv[] = {(char *)(uintptr_t) "fairlead", NULL};

    text_init(&attempt.error);
    assert_int_equal(options_parse(&attempt.options, 1, argv, &attempt.error), STATUS_INVALID);
    text_add_byte(&attempt.error, '\0');
    assert_non_null(strstr(attempt.error.at, "serve, check, explain, table, probe and version"));
    parse_end(&attempt);
}

TESTS(UNIT(probe_asks_the_usual_admin_port_unless_told_another),
      UNIT(metrics_have_no_port_of_their_own_and_ports_are_not_shared_unless_asked),
      UNIT(serve_has_the_defaults_of_the_design),
      UNIT(in_a_cluster_external_names_are_off_and_draining_waits),
      UNIT(an_api_server_is_read_as_serve_reads_it),
      UNIT(values_follow_their_flag_or_an_equals_sign),
      UNIT(lists_of_namespaces_are_split_at_commas),
      UNIT(bad_values_name_the_flag_the_value_and_the_remedy), UNIT(unknown_words_are_refused),
      UNIT(addresses_to_publish_are_as_many_as_an_ingress_gets),
      UNIT(labels_of_pods_are_taken_as_the_api_server_takes_them),
      UNIT(hostile_52_a_bad_argument_cannot_forge_a_line), UNIT(commands_say_what_they_miss),
      UNIT(explain_takes_a_method_and_headers), UNIT(two_dashes_end_the_flags),
      UNIT(help_needs_nothing_else),
      UNIT(the_config_file_has_the_flags_as_keys_and_a_flag_beats_it),
      UNIT(a_bad_config_file_is_refused_with_file_and_line), UNIT(an_empty_config_file_is_fine),
      UNIT(a_config_file_of_the_proxy_serves_table_and_explain_too),
      UNIT(the_kubeconfig_of_a_config_file_counts_where_the_command_line_names_no_source),
      UNIT(help_names_every_flag_of_a_command),
      UNIT(off_and_addresses_exclude_each_other_in_either_order),
      UNIT(what_is_no_url_is_wrong_usage_of_explain), UNIT(without_a_command_all_of_them_are_named))
