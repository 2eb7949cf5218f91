/* SPDX-License-Identifier: Apache-2.0 */
/* What a kubeconfig and a pod say of an API server, and what is refused. */
#include "controller/kube/access.h"
#include "tests/unit/controller/kube/tree.h"

struct reading {
    struct tree tree;
    struct access access;
    struct text error;
    enum status status;
};

static void begin(struct reading *reading)
{
    *reading = (struct reading){0};
    tree_init(&reading->tree);
}

static void end(struct reading *reading)
{
    access_fini(&reading->access);
    text_fini(&reading->error);
    tree_fini(&reading->tree);
}

static void read_text(struct reading *reading, const char *text)
{
    begin(reading);
    tree_write(&reading->tree, "config", text);
    reading->status = access_from_kubeconfig(tree_path(&reading->tree, "config"), &reading->access,
                                             &reading->error);
}

/* One cluster and one user, as flow mappings without their braces. */
static void read_parts(struct reading *reading, const char *cluster, const char *user)
{
    char text[4000];

    snprintf(text, sizeof(text),
             "apiVersion: v1\nkind: Config\ncurrent-context: here\n"
             "contexts: [{name: here, context: {cluster: c, user: u}}]\n"
             "clusters: [{name: c, cluster: {%s}}]\nusers: [{name: u, user: {%s}}]\n",
             cluster, user);
    read_text(reading, text);
}

#define SERVER "server: 'https://10.0.0.1:6443'"

static void expect_refused(const char *cluster, const char *user, const char *why)
{
    struct reading reading;

    read_parts(&reading, cluster, user);
    assert_int_equal(reading.status, STATUS_INVALID);
    text_add_byte(&reading.error, '\0');
    if (strstr(reading.error.at, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", reading.error.at, why);
    if (strstr(reading.error.at, "config: ") == NULL)
        fail_msg("\"%s\" does not name the file", reading.error.at);
    end(&reading);
}

TEST(the_current_context_chooses_cluster_user_and_namespace)
{
    struct reading reading;

    read_text(&reading, "current-context: b\n"
                        "contexts:\n"
                        "- {name: a, context: {cluster: ca, user: ua}}\n"
                        "- {name: b, context: {cluster: cb, user: ub, namespace: edge}}\n"
                        "clusters:\n"
                        "- {name: ca, cluster: {server: 'https://a'}}\n"
                        "- {name: cb, cluster: {server: 'https://b.example/prefix/'}}\n"
                        "users:\n"
                        "- {name: ua, user: {token: ta}}\n"
                        "- {name: ub, user: {token: tb}}\n");
    assert_int_equal(reading.status, STATUS_OK);
    assert_bytes(reading.access.host, "b.example");
    assert_int_equal(reading.access.port, 443);
    assert_bytes(reading.access.path, "/prefix");
    assert_bytes(reading.access.token.data, "tb");
    assert_bytes(reading.access.ns, "edge");
    end(&reading);
}

TEST(an_ipv6_server_is_read_without_its_brackets)
{
    struct reading reading;

    read_parts(&reading, "server: 'https://[fd00::1]:6443'", "token: t");
    assert_int_equal(reading.status, STATUS_OK);
    assert_bytes(reading.access.host, "fd00::1");
    assert_int_equal(reading.access.port, 6443);
    assert_bytes(reading.access.path, "");
    assert_bytes(reading.access.ns, "default");
    end(&reading);
}

TEST(data_is_decoded_and_wins_over_files_that_are_relative_to_the_kubeconfig)
{
    struct reading reading;

    read_parts(&reading, SERVER ", certificate-authority: pki/ca.crt, tls-server-name: api.test",
               "client-certificate: /abs/c.crt, client-certificate-data: Y2VydA==, "
               "client-key: k.key");
    assert_int_equal(reading.status, STATUS_OK);
    assert_bytes(reading.access.ca.path, tree_path(&reading.tree, "pki/ca.crt"));
    assert_bytes(reading.access.certificate.data, "cert");
    assert_bytes(reading.access.certificate.path, "");
    assert_bytes(reading.access.key.path, tree_path(&reading.tree, "k.key"));
    assert_bytes(reading.access.tls_server_name, "api.test");
    end(&reading);
}

TEST(a_token_file_wins_over_a_token)
{
    struct reading reading;

    read_parts(&reading, SERVER, "token: t, tokenFile: token");
    assert_int_equal(reading.status, STATUS_OK);
    assert_bytes(reading.access.token.path, tree_path(&reading.tree, "token"));
    assert_bytes(reading.access.token.data, "");
    end(&reading);
}

TEST(a_kubeconfig_may_be_json)
{
    struct reading reading;

    read_text(&reading,
              "{\"current-context\":\"x\",\"contexts\":[{\"name\":\"x\",\"context\":"
              "{\"cluster\":\"c\",\"user\":\"u\"}}],\"clusters\":[{\"name\":\"c\",\"cluster\":"
              "{\"server\":\"https://h\"}}],\"users\":[{\"name\":\"u\",\"user\":{}}]}");
    assert_int_equal(reading.status, STATUS_OK);
    assert_bytes(reading.access.host, "h");
    end(&reading);
}

TEST(a_plugin_is_read_with_its_arguments_and_variables)
{
    struct reading reading;
    const struct exec_config *exec;

    read_parts(&reading,
               SERVER
               ", extensions: [{name: client.authentication.k8s.io/exec, extension: {a: [1, x]}}]",
               "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plug, "
               "args: [get, 'a b'], env: [{name: NAME, value: V}], interactiveMode: IfAvailable, "
               "provideClusterInfo: true, installHint: get it}");
    assert_int_equal(reading.status, STATUS_OK);
    exec = reading.access.exec;
    assert_bytes(exec->command, tree_path(&reading.tree, "./plug"));
    assert_int_equal(exec->args_count, 2);
    assert_bytes(exec->args[1], "a b");
    assert_bytes(exec->variables[0].name, "NAME");
    assert_bytes(exec->variables[0].value, "V");
    assert_true(exec->provides_cluster_info);
    assert_bytes(exec->cluster_config, "{\"a\":[1,\"x\"]}");
    assert_bytes(exec->install_hint, "get it");
    end(&reading);
}

TEST(what_would_weaken_the_connection_is_refused_by_name)
{
    expect_refused(SERVER ", insecure-skip-tls-verify: true", "", "insecure-skip-tls-verify");
    expect_refused("server: 'http://10.0.0.1'", "", "https://");
    expect_refused("server: 'https://u:p@10.0.0.1'", "", "no more than");
    expect_refused("server: 'https://10.0.0.1/?a=b'", "", "no more than");
    expect_refused("server: 'https://10.0.0.1:0'", "", "port");
    expect_refused("server: 'not a url'", "", "URL");
    expect_refused(SERVER ", proxy-url: 'http://p'", "", "proxy-url");
}

TEST(users_we_can_not_be_are_refused_by_name)
{
    expect_refused(SERVER, "username: a, password: b", "username");
    expect_refused(SERVER, "auth-provider: {name: gcp}", "auth-provider");
    expect_refused(SERVER, "as: root", "another user");
    expect_refused(SERVER, "client-certificate-data: Y2VydA==", "together");
    expect_refused(SERVER, "client-certificate-data: '*', client-key: k", "base64");
    expect_refused(SERVER,
                   "token: t, exec: {apiVersion: client.authentication.k8s.io/v1, command: p}",
                   "take one");
    expect_refused(SERVER, "exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: p}",
                   "apiVersion");
    expect_refused(SERVER, "exec: {apiVersion: client.authentication.k8s.io/v1}", "command");
    expect_refused(SERVER,
                   "exec: {apiVersion: client.authentication.k8s.io/v1, command: p, "
                   "interactiveMode: Always}",
                   "Always");
}

TEST(wrong_types_are_told_with_their_line_and_never_with_their_value)
{
    struct reading reading;

    expect_refused(SERVER, "token: 12345678901", "line 6: token must be a text");
    expect_refused("server: [a]", "", "line 5: server must be");
    read_parts(&reading, SERVER, "token: 12345678901");
    text_add_byte(&reading.error, '\0');
    assert_null(strstr(reading.error.at, "12345678901"));
    end(&reading);
}

static void expect_error(const char *text, const char *why)
{
    struct reading reading;

    read_text(&reading, text);
    assert_int_equal(reading.status, STATUS_INVALID);
    text_add_byte(&reading.error, '\0');
    if (strstr(reading.error.at, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", reading.error.at, why);
    end(&reading);
}

TEST(what_is_missing_is_named)
{
    expect_error("", "current-context is not set");
    expect_error("current-context: x", "context \"x\"");
    expect_error("current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]",
                 "cluster \"c\"");
    expect_error("current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
                 "clusters: [{name: c, cluster: {server: 'https://h'}}]",
                 "user \"u\"");
    expect_error("a: [", "line ");
    expect_error("- a", "an object was expected");
}

TEST(a_kubeconfig_that_is_missing_or_no_file_is_told_by_its_path)
{
    struct reading reading;

    begin(&reading);
    reading.status = access_from_kubeconfig("/nowhere/config", &reading.access, &reading.error);
    assert_int_equal(reading.status, STATUS_NOT_FOUND);
    assert_bytes(text_bytes(&reading.error), "/nowhere/config: No such file or directory");
    access_fini(&reading.access);
    text_clear(&reading.error);
    assert_int_equal(mkfifo(tree_path(&reading.tree, "fifo"), 0600), 0);
    reading.status =
        access_from_kubeconfig(tree_path(&reading.tree, "fifo"), &reading.access, &reading.error);
    assert_int_equal(reading.status, STATUS_REFUSED);
    end(&reading);
}

static void read_pod(struct reading *reading, const char *host, const char *port)
{
    begin(reading);
    tree_write(&reading->tree, "namespace", "ingress\n");
    setenv("FAIRLEAD_SERVICE_ACCOUNT_DIR", reading->tree.root, 1);
    setenv("KUBERNETES_SERVICE_HOST", host, 1);
    setenv("KUBERNETES_SERVICE_PORT", port, 1);
    reading->status = access_in_cluster(&reading->access, &reading->error);
}

TEST(in_a_pod_the_environment_and_the_service_account_say_all)
{
    struct reading reading;

    read_pod(&reading, "10.96.0.1", "443");
    assert_int_equal(reading.status, STATUS_OK);
    assert_bytes(reading.access.host, "10.96.0.1");
    assert_int_equal(reading.access.port, 443);
    assert_bytes(reading.access.ns, "ingress");
    assert_bytes(reading.access.token.path, tree_path(&reading.tree, "token"));
    assert_bytes(reading.access.ca.path, tree_path(&reading.tree, "ca.crt"));
    end(&reading);
    read_pod(&reading, "fd00::1", "443");
    assert_bytes(reading.access.host, "fd00::1");
    end(&reading);
    read_pod(&reading, "[fd00::1]", "443");
    assert_bytes(reading.access.host, "fd00::1");
    end(&reading);
}

TEST(outside_of_a_pod_the_error_names_the_flag)
{
    struct reading reading;

    read_pod(&reading, "", "443");
    assert_int_equal(reading.status, STATUS_NOT_FOUND);
    text_add_byte(&reading.error, '\0');
    assert_non_null(strstr(reading.error.at, "--kubeconfig"));
    end(&reading);
    read_pod(&reading, "10.96.0.1", "x");
    assert_int_equal(reading.status, STATUS_INVALID);
    end(&reading);
}

TESTS(UNIT(the_current_context_chooses_cluster_user_and_namespace),
      UNIT(an_ipv6_server_is_read_without_its_brackets),
      UNIT(data_is_decoded_and_wins_over_files_that_are_relative_to_the_kubeconfig),
      UNIT(a_token_file_wins_over_a_token), UNIT(a_kubeconfig_may_be_json),
      UNIT(a_plugin_is_read_with_its_arguments_and_variables),
      UNIT(what_would_weaken_the_connection_is_refused_by_name),
      UNIT(users_we_can_not_be_are_refused_by_name),
      UNIT(wrong_types_are_told_with_their_line_and_never_with_their_value),
      UNIT(what_is_missing_is_named),
      UNIT(a_kubeconfig_that_is_missing_or_no_file_is_told_by_its_path),
      UNIT(in_a_pod_the_environment_and_the_service_account_say_all),
      UNIT(outside_of_a_pod_the_error_names_the_flag))
