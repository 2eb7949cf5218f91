/* SPDX-License-Identifier: Apache-2.0 */
/* What calls wait for before they begin: a credential plugin, the address of a name. */
#include "tests/unit/controller/kube/caller.h"

static void serve_plugged(struct served *served)
{
    while (served_read_head(served)) {
        bool is_known = strstr(served->head, "Bearer 2\r\n") != NULL;

        served_write(served, is_known ? "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
                                      : "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
    }
}

static void open_with_plugin(struct caller *caller, const struct tls_server *server,
                             const char *script)
{
    caller_init(caller);
    tree_write(&caller->tree, "plugin", script);
    assert_int_equal(chmod(tree_path(&caller->tree, "plugin"), 0755), 0);
    caller_write_kubeconfig(caller, server->address.port, CALLER_CLUSTER,
                            "exec: {apiVersion: client.authentication.k8s.io/v1, "
                            "command: ./plugin, interactiveMode: Never}");
    caller_open(caller);
}

/* Gives 1, then 2, and so on. */
#define COUNTING_PLUGIN                                                                            \
    "#!/bin/sh\ncd \"$(dirname \"$0\")\"\necho x >>runs\n"                                         \
    "printf '{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\","     \
    "\"status\":{\"token\":\"%s\"}}' \"$(grep -c x runs)\"\n"

TEST(calls_wait_for_the_plugin_which_runs_again_at_a_401)
{
    struct tls_server server = {0};
    struct caller caller;
    struct seen seen[4] = {0};
    struct auth_stats stats;

    tls_server_start(&server, 0, serve_plugged);
    open_with_plugin(&caller, &server, COUNTING_PLUGIN);
    for (size_t i = 0; i < 4; i++)
        caller_start(&caller, &seen[i], "/version");
    for (size_t i = 0; i < 4; i++) {
        caller_until(&caller, &seen[i].is_ended);
        assert_int_equal(seen[i].end, API_ANSWERED);
        assert_int_equal(seen[i].status, 200);
    }
    auth_stats(caller.api->auth, &stats);
    assert_int_equal(stats.readings, 2);
    caller_fini(&caller);
    tls_server_stop(&server);
    for (size_t i = 0; i < 4; i++)
        seen_fini(&seen[i]);
}

TEST(a_plugin_that_fails_fails_the_calls_that_wait_and_is_run_for_the_next)
{
    struct tls_server server = {0};
    struct caller caller;
    struct seen seen = {0};

    tls_server_start(&server, 0, serve_plugged);
    open_with_plugin(&caller, &server, "#!/bin/sh\nexit 4\n");
    caller_get(&caller, &seen, "/version");
    assert_int_equal(seen.end, API_FAILED);
    assert_non_null(strstr(seen.error, "ended with status 4"));
    assert_int_equal(server.connections, 0);
    seen_fini(&seen);
    tree_write(&caller.tree, "runs", "x\n");
    tree_write(&caller.tree, "plugin", COUNTING_PLUGIN);
    caller_get(&caller, &seen, "/version");
    assert_int_equal(seen.status, 200);
    caller_fini(&caller);
    tls_server_stop(&server);
    seen_fini(&seen);
}

TEST(a_call_that_waits_for_a_plugin_can_be_late_and_be_cancelled)
{
    struct tls_server server = {0};
    struct caller caller;
    struct seen late = {0}, cancelled = {0}, left = {0};
    struct api_request request;

    tls_server_start(&server, 0, serve_plugged);
    open_with_plugin(&caller, &server, "#!/bin/sh\nexec sleep 600\n");
    request = caller_request(&caller, &late, "/version");
    request.timeout_ms = 50;
    late.call = api_start(caller.api, &request);
    caller_start(&caller, &cancelled, "/version");
    caller_start(&caller, &left, "/version");
    api_cancel(cancelled.call);
    caller_until(&caller, &late.is_ended);
    assert_int_equal(late.end, API_LATE);
    caller_fini(&caller);
    assert_false(cancelled.is_ended || left.is_ended);
    tls_server_stop(&server);
    seen_fini(&late);
    seen_fini(&cancelled);
    seen_fini(&left);
}

static void write_server(const struct caller *caller, const char *server)
{
    char text[1000];

    snprintf(text, sizeof(text),
             "current-context: h\ncontexts: [{name: h, context: {cluster: c, user: u}}]\n"
             "clusters: [{name: c, cluster: {server: '%s'}}]\nusers: [{name: u, user: {}}]\n",
             server);
    tree_write(&caller->tree, "kubeconfig", text);
}

TEST(a_name_that_nobody_knows_fails_the_calls_that_wait)
{
    struct caller caller;
    struct seen seen = {0};

    caller_init(&caller);
    write_server(&caller, "https://no.such.name.invalid");
    caller_open(&caller);
    caller_get(&caller, &seen, "/version");
    assert_int_equal(seen.end, API_FAILED);
    assert_non_null(strstr(seen.error, "the address of no.such.name.invalid is not known"));
    caller_fini(&caller);
    seen_fini(&seen);
}

TEST(closing_while_a_name_is_asked_for_is_safe)
{
    struct caller caller;
    struct seen seen = {0};

    caller_init(&caller);
    write_server(&caller, "https://no.such.name.invalid");
    caller_open(&caller);
    caller_start(&caller, &seen, "/version");
    caller_fini(&caller);
    assert_false(seen.is_ended);
    seen_fini(&seen);
}

static void serve_hello(struct served *served)
{
    while (served_read_head(served) &&
           served_write(served, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"))
        ;
}

TEST(a_name_is_resolved_and_its_address_used)
{
    struct tls_server server = {0};
    struct caller caller;
    struct seen seen = {0};
    struct text metrics = {0};
    char config[1000], here[PATH_MAX];

    tls_server_start(&server, 0, serve_hello);
    caller_init(&caller);
    assert_non_null(getcwd(here, sizeof(here)));
    snprintf(config, sizeof(config),
             "current-context: h\ncontexts: [{name: h, context: {cluster: c, user: u}}]\n"
             "clusters: [{name: c, cluster: {server: 'https://localhost:%u', tls-server-name: "
             "a.example.com, certificate-authority: '%.500s/tests/certificates/app.crt'}}]\n"
             "users: [{name: u, user: {}}]\n",
             server.address.port, here);
    tree_write(&caller.tree, "kubeconfig", config);
    caller_open(&caller);
    caller_get(&caller, &seen, "/version");
    assert_int_equal(seen.status, 200);
    assert_null(strstr(server.served[0].head, "Authorization"));
    api_write_metrics(caller.api, &metrics);
    text_add_byte(&metrics, '\0');
    assert_non_null(strstr(metrics.at, "fairlead_api_calls_total{result=\"2xx\"} 1\n"));
    assert_non_null(strstr(metrics.at, "fairlead_api_bytes_total 5\n"));
    text_fini(&metrics);
    caller_fini(&caller);
    tls_server_stop(&server);
    seen_fini(&seen);
}

TESTS(UNIT(calls_wait_for_the_plugin_which_runs_again_at_a_401),
      UNIT(a_plugin_that_fails_fails_the_calls_that_wait_and_is_run_for_the_next),
      UNIT(a_call_that_waits_for_a_plugin_can_be_late_and_be_cancelled),
      UNIT(a_name_that_nobody_knows_fails_the_calls_that_wait),
      UNIT(closing_while_a_name_is_asked_for_is_safe),
      UNIT(a_name_is_resolved_and_its_address_used))
