/* SPDX-License-Identifier: Apache-2.0 */
/* Who we are, read again and again: from files, and from credential plugins. */
#include "controller/kube/auth.h"
#include "controller/kube/exec_credential.h"
#include "controller/kube/exec_plugin.h"
#include "tests/unit/controller/kube/tree.h"

#include <poll.h>
#include <signal.h>
#include <time.h>

struct holder {
    struct tree tree;
    uv_loop_t loop;
    struct access access;
    struct auth *auth;
    struct text error;
    size_t reads;
    bool is_closed;
};

static void on_read(void *context)
{
    struct holder *holder = context;

    holder->reads++;
    uv_stop(&holder->loop);
}

static void holder_init(struct holder *holder)
{
    *holder = (struct holder){0};
    tree_init(&holder->tree);
    uv_loop_init(&holder->loop);
    arena_init(&holder->access.arena, 1024);
}

static struct bytes path_of(struct holder *holder, const char *name)
{
    return arena_copy(&holder->access.arena, bytes_of(tree_path(&holder->tree, name)));
}

static enum status holder_open(struct holder *holder, uint32_t period_ms)
{
    struct auth_config config = {.loop = &holder->loop,
                                 .access = &holder->access,
                                 .period_ms = period_ms,
                                 .on_read = on_read,
                                 .context = holder};

    return auth_open(&holder->auth, &config, &holder->error);
}

static void turn_until_reads(struct holder *holder, size_t reads)
{
    while (holder->reads < reads)
        uv_run(&holder->loop, UV_RUN_ONCE);
}

static void on_closed(void *context)
{
    ((struct holder *)context)->is_closed = true;
}

static void holder_fini(struct holder *holder)
{
    if (holder->auth != NULL) {
        auth_close(holder->auth, on_closed, holder);
        uv_run(&holder->loop, UV_RUN_DEFAULT);
        assert_true(holder->is_closed);
    }
    assert_int_equal(uv_loop_close(&holder->loop), 0);
    access_fini(&holder->access);
    text_fini(&holder->error);
    tree_fini(&holder->tree);
}

static void expect_token(const struct holder *holder, const char *token)
{
    assert_non_null(auth_identity(holder->auth));
    assert_bytes(text_bytes(&auth_identity(holder->auth)->token), token);
}

TEST(watch_20_a_token_file_is_read_again_by_the_clock)
{
    struct holder holder;
    uint64_t number;

    holder_init(&holder);
    tree_write(&holder.tree, "token", "one\n");
    holder.access.token.path = path_of(&holder, "token");
    assert_int_equal(holder_open(&holder, 5), STATUS_OK);
    expect_token(&holder, "one");
    number = auth_number(holder.auth);
    turn_until_reads(&holder, 2);
    assert_int_equal(auth_number(holder.auth), number);
    tree_write(&holder.tree, "next", "two\n");
    tree_rename(&holder.tree, "next", "token");
    turn_until_reads(&holder, holder.reads + 2); /* one may have been under way */
    expect_token(&holder, "two");
    assert_int_equal(auth_number(holder.auth), number + 1);
    assert_int_equal(auth_tls_number(holder.auth), 0);
    assert_true(AUTH_PERIOD_MS <= 60000);
    holder_fini(&holder);
}

TEST(a_token_that_can_not_be_read_any_more_stays)
{
    struct holder holder;
    struct auth_stats stats;

    holder_init(&holder);
    tree_write(&holder.tree, "token", "one\n");
    holder.access.token.path = path_of(&holder, "token");
    assert_int_equal(holder_open(&holder, 0), STATUS_OK);
    tree_write(&holder.tree, "token", "\n");
    auth_read(holder.auth);
    turn_until_reads(&holder, 1);
    expect_token(&holder, "one");
    assert_true(auth_error(holder.auth).len > 0);
    tree_write(&holder.tree, "token", "two");
    auth_read(holder.auth);
    turn_until_reads(&holder, 2);
    expect_token(&holder, "two");
    assert_int_equal(auth_error(holder.auth).len, 0);
    auth_stats(holder.auth, &stats);
    assert_int_equal(stats.readings_failed, 1);
    assert_int_equal(stats.readings, 1);
    holder_fini(&holder);
}

TEST(watch_21_another_ca_is_another_kind_of_connection)
{
    struct holder holder;

    holder_init(&holder);
    tree_write(&holder.tree, "ca.crt", "-----BEGIN CERTIFICATE-----\none\n");
    holder.access.ca.path = path_of(&holder, "ca.crt");
    assert_int_equal(holder_open(&holder, 0), STATUS_OK);
    assert_int_equal(auth_tls_number(holder.auth), 0);
    tree_write(&holder.tree, "ca.crt", "-----BEGIN CERTIFICATE-----\ntwo\n");
    auth_read(holder.auth);
    turn_until_reads(&holder, 1);
    assert_int_equal(auth_tls_number(holder.auth), 1);
    tree_write(&holder.tree, "ca.crt", "half");
    auth_read(holder.auth);
    turn_until_reads(&holder, 2);
    assert_int_equal(auth_tls_number(holder.auth), 1);
    holder_fini(&holder);
}

static void expect_not_opened(const char *token, enum status status, const char *why)
{
    struct holder holder;

    holder_init(&holder);
    if (token != NULL)
        tree_write(&holder.tree, "token", token);
    holder.access.token.path = path_of(&holder, "token");
    assert_int_equal(holder_open(&holder, 0), status);
    text_add_byte(&holder.error, '\0');
    if (strstr(holder.error.at, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", holder.error.at, why);
    holder_fini(&holder);
}

TEST(a_token_that_could_end_its_header_is_refused)
{
    expect_not_opened("a\r\nX-Evil: b", STATUS_INVALID, "no token");
    expect_not_opened("a b", STATUS_INVALID, "no token");
    expect_not_opened("", STATUS_INVALID, "empty");
    expect_not_opened(NULL, STATUS_NOT_FOUND, "token: No such file");
}

TEST(a_token_file_without_bound_is_refused)
{
    struct holder holder;
    int fd;

    holder_init(&holder);
    tree_write(&holder.tree, "token", "one");
    fd = open(tree_path(&holder.tree, "token"), O_WRONLY | O_CLOEXEC);
    assert_int_equal(ftruncate(fd, CREDENTIAL_BYTES_MAX + 1), 0);
    close(fd);
    holder.access.token.path = path_of(&holder, "token");
    assert_int_equal(holder_open(&holder, 0), STATUS_TOO_LARGE);
    holder_fini(&holder);
}

/* A plugin that is a shell script. */
static void holder_plug(struct holder *holder, const char *script)
{
    struct arena *arena = &holder->access.arena;
    struct exec_config *exec = arena_new(arena, struct exec_config);

    tree_write(&holder->tree, "plugin", script);
    assert_int_equal(chmod(tree_path(&holder->tree, "plugin"), 0755), 0);
    exec->command = path_of(holder, "plugin");
    exec->api_version = BYTES("client.authentication.k8s.io/v1");
    exec->args = arena_zeroed(arena, sizeof(exec->args[0]));
    exec->args[0] = BYTES("$(touch no); 'a b'");
    exec->args_count = 1;
    exec->variables = arena_zeroed(arena, 2 * sizeof(exec->variables[0]));
    exec->variables[0] = (struct exec_variable){BYTES("DIR"), bytes_of(holder->tree.root)};
    exec->variables[1] = (struct exec_variable){BYTES("HOME"), BYTES("ours")};
    exec->variables_count = 2;
    exec->provides_cluster_info = true;
    holder->access.exec = exec;
    holder->access.host = BYTES("fd00::1");
    holder->access.port = 6443;
}

#define CREDENTIAL(status)                                                                         \
    "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\","             \
    "\"status\":{" status "}}"

static void read_file(const struct holder *holder, const char *name, struct text *content)
{
    struct text error = {0};

    assert_int_equal(secret_file_read(tree_path(&holder->tree, name), 65536, content, &error),
                     STATUS_OK);
    text_add_byte(content, '\0');
}

TEST(a_plugin_gets_arguments_and_variables_as_they_are_and_gives_a_token)
{
    struct holder holder;
    struct text seen = {0};

    holder_init(&holder);
    holder_plug(&holder, "#!/bin/sh\n"
                         "printf '%s|%s|%s' \"$1\" \"$HOME\" \"$KUBERNETES_EXEC_INFO\" >$DIR/seen\n"
                         "echo '" CREDENTIAL("\"token\":\"plugged\"") "'\n");
    assert_int_equal(holder_open(&holder, 0), STATUS_OK);
    assert_null(auth_identity(holder.auth)); /* not run before it is needed */
    auth_read(holder.auth);
    turn_until_reads(&holder, 1);
    expect_token(&holder, "plugged");
    read_file(&holder, "seen", &seen);
    assert_string_equal(seen.at, "$(touch no); 'a b'|ours|"
                                 "{\"apiVersion\":\"client.authentication.k8s.io/v1\","
                                 "\"kind\":\"ExecCredential\",\"spec\":{\"interactive\":false,"
                                 "\"cluster\":{\"server\":\"https://[fd00::1]:6443\"}}}");
    text_fini(&seen);
    holder_fini(&holder);
}

static void expect_plugin_fails(const char *script, const char *why)
{
    struct holder holder;
    struct text error = {0};

    holder_init(&holder);
    holder_plug(&holder, script);
    assert_int_equal(holder_open(&holder, 0), STATUS_OK);
    auth_read(holder.auth);
    turn_until_reads(&holder, 1);
    assert_null(auth_identity(holder.auth));
    text_add(&error, auth_error(holder.auth));
    text_add_byte(&error, '\0');
    if (strstr(error.at, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.at, why);
    text_fini(&error);
    holder_fini(&holder);
}

#define PRINTS(text) "#!/bin/sh\necho '" text "'\n"

TEST(what_a_plugin_does_wrong_is_told_and_nothing_is_sent)
{
    expect_plugin_fails("#!/bin/sh\nexit 3\n", "ended with status 3");
    expect_plugin_fails("#!/bin/sh\nkill -9 $$\n", "signal 9");
    expect_plugin_fails("#!/nowhere/at/all\n", "can not be run");
    expect_plugin_fails("#!/bin/sh\nexec cat /dev/zero\n", "more than 1 MiB");
    expect_plugin_fails(PRINTS("{"), "plugin printed ");
    expect_plugin_fails(PRINTS("{}"), "is no ExecCredential");
    expect_plugin_fails(PRINTS(CREDENTIAL("")), "neither a token");
    expect_plugin_fails(PRINTS(CREDENTIAL("\"token\":7")), "token must be a text");
    expect_plugin_fails(PRINTS(CREDENTIAL("\"token\":\"a b\"")), "blanks");
    expect_plugin_fails(PRINTS(CREDENTIAL("\"clientKeyData\":\"k\",\"token\":\"t\"")),
                        "only one of");
    expect_plugin_fails(PRINTS(CREDENTIAL("\"token\":\"t\",\"expirationTimestamp\":\"x\"")),
                        "expirationTimestamp");
    expect_plugin_fails(PRINTS("{\"kind\":\"ExecCredential\",\"apiVersion\":"
                               "\"client.authentication.k8s.io/v1beta1\","
                               "\"status\":{\"token\":\"t\"}}"),
                        "apiVersion");
}

TEST(a_plugin_that_leaves_a_child_behind_is_not_waited_for)
{
    struct holder holder;

    holder_init(&holder);
    holder_plug(&holder, "#!/bin/sh\nsleep 600 & echo $! >$DIR/child\n"
                         "echo '" CREDENTIAL("\"token\":\"t\"") "'\n");
    assert_int_equal(holder_open(&holder, 0), STATUS_OK);
    auth_read(holder.auth);
    turn_until_reads(&holder, 1);
    expect_token(&holder, "t");
    {
        struct text child = {0};

        read_file(&holder, "child", &child);
        (void)kill((pid_t)atoi(child.at), SIGKILL);
        text_fini(&child);
    }
    holder_fini(&holder);
}

TEST(closing_ends_a_plugin_that_runs)
{
    struct holder holder;

    holder_init(&holder);
    holder_plug(&holder, "#!/bin/sh\nexec sleep 600\n");
    assert_int_equal(holder_open(&holder, 0), STATUS_OK);
    auth_read(holder.auth);
    uv_run(&holder.loop, UV_RUN_ONCE);
    holder_fini(&holder);
}

/* The loop turns meanwhile. The end of a child interrupts poll(). */
static void expect_event(struct holder *holder, int fd, short event)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

    for (int tries = 0; tries < 800 && (poll_fd.revents & event) == 0; tries++) {
        uv_run(&holder->loop, UV_RUN_NOWAIT);
        if (poll(&poll_fd, 1, 10) < 0)
            poll_fd.revents = 0;
    }
    assert_true((poll_fd.revents & event) != 0);
}

/* All of them hold the pipe, which ends when the last one does. */
TEST(closing_ends_what_a_plugin_has_started)
{
    struct holder holder;
    char byte;
    int fifo;

    holder_init(&holder);
    assert_int_equal(mkfifo(tree_path(&holder.tree, "fifo"), 0600), 0);
    fifo = open(tree_path(&holder.tree, "fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    holder_plug(&holder, "#!/bin/sh\nexec 9>$DIR/fifo\nsleep 600 & echo >&9\nwait\n");
    assert_int_equal(holder_open(&holder, 0), STATUS_OK);
    auth_read(holder.auth);
    expect_event(&holder, fifo, POLLIN);
    assert_int_equal(read(fifo, &byte, 1), 1);
    auth_close(holder.auth, on_closed, &holder);
    expect_event(&holder, fifo, POLLHUP);
    close(fifo);
    holder.auth = NULL;
    uv_run(&holder.loop, UV_RUN_DEFAULT);
    holder_fini(&holder);
}

TEST(what_has_expired_is_not_used_and_the_plugin_runs_again_before)
{
    struct holder holder;
    char script[2000], expires[64];
    time_t at = time(NULL) + AUTH_EXPIRY_SLACK_S / 2;
    struct tm tm;

    holder_init(&holder);
    strftime(expires, sizeof(expires), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&at, &tm));
    snprintf(script, sizeof(script),
             "#!/bin/sh\necho x >>$DIR/runs\n"
             "echo '" CREDENTIAL(
                 "\"token\":\"'$(wc -l <$DIR/runs)'\",\"expirationTimestamp\":\"%s\"") "'\n",
             expires);
    holder_plug(&holder, script);
    assert_int_equal(holder_open(&holder, 5), STATUS_OK);
    auth_read(holder.auth);
    turn_until_reads(&holder, 1);
    expect_token(&holder, "1");
    turn_until_reads(&holder, 2); /* by the clock, being about to expire */
    expect_token(&holder, "2");
    holder_fini(&holder);
    holder_init(&holder);
    holder_plug(&holder, PRINTS(CREDENTIAL(
                             "\"token\":\"t\",\"expirationTimestamp\":\"2020-01-01T00:00:00Z\"")));
    assert_int_equal(holder_open(&holder, 0), STATUS_OK);
    auth_read(holder.auth);
    turn_until_reads(&holder, 1);
    assert_null(auth_identity(holder.auth));
    holder_fini(&holder);
}

TEST(times_of_plugins_are_rfc_3339)
{
    int64_t at = 0;

    assert_int_equal(exec_time_parse(BYTES("2026-01-02T03:04:05Z"), &at), STATUS_OK);
    assert_int_equal(at, 1767323045);
    assert_int_equal(exec_time_parse(BYTES("2026-01-02T03:04:05.678Z"), &at), STATUS_OK);
    assert_int_equal(at, 1767323045);
    assert_int_equal(exec_time_parse(BYTES("2026-01-02T05:04:05+02:00"), &at), STATUS_OK);
    assert_int_equal(at, 1767323045);
    assert_int_equal(exec_time_parse(BYTES("2026-01-02"), &at), STATUS_INVALID);
    assert_int_equal(exec_time_parse(BYTES("2026-01-02T03:04:05"), &at), STATUS_INVALID);
    assert_int_equal(exec_time_parse(BYTES(""), &at), STATUS_INVALID);
}

TESTS(UNIT(watch_20_a_token_file_is_read_again_by_the_clock),
      UNIT(a_token_that_can_not_be_read_any_more_stays),
      UNIT(watch_21_another_ca_is_another_kind_of_connection),
      UNIT(a_token_that_could_end_its_header_is_refused),
      UNIT(a_token_file_without_bound_is_refused),
      UNIT(a_plugin_gets_arguments_and_variables_as_they_are_and_gives_a_token),
      UNIT(what_a_plugin_does_wrong_is_told_and_nothing_is_sent),
      UNIT(a_plugin_that_leaves_a_child_behind_is_not_waited_for),
      UNIT(closing_ends_a_plugin_that_runs), UNIT(closing_ends_what_a_plugin_has_started),
      UNIT(what_has_expired_is_not_used_and_the_plugin_runs_again_before),
      UNIT(times_of_plugins_are_rfc_3339))
