/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubeconfig_exec.c - command, arguments and variables of a credential plugin.
 */
#include "controller/kube/kubeconfig_exec.h"

#define EXTENSION "client.authentication.k8s.io/exec"

void kubeconfig_exec_read_cluster(struct kubeconfig *config, struct config_node cluster)
{
    struct config_node extensions = config_list(config->tree, cluster, "extensions");
    struct text json;

    for (size_t i = 0; i < config_count(extensions); i++) {
        struct config_node entry = config_item(config->tree, extensions, i);
        struct config_node extension;

        if (!bytes_equal(config_text(config->tree, entry, "name"), BYTES(EXTENSION)))
            continue;
        extension = config_object(config->tree, entry, "extension");
        if (extension.at == NULL)
            continue;
        text_init(&json);
        config_add_json(extension, &json);
        config->cluster_config = arena_copy(&config->access->arena, text_bytes(&json));
        text_fini(&json);
    }
}

static bool is_known_version(struct bytes version)
{
    return bytes_equal(version, BYTES("client.authentication.k8s.io/v1")) ||
           bytes_equal(version, BYTES("client.authentication.k8s.io/v1beta1"));
}

static void read_args(struct kubeconfig *config, struct config_node args, struct exec_config *exec)
{
    struct arena *arena = &config->access->arena;

    exec->args_count = config_count(args);
    exec->args = arena_zeroed(arena, exec->args_count * sizeof(exec->args[0]));
    for (size_t i = 0; i < exec->args_count; i++)
        exec->args[i] = arena_copy(arena, config_item_text(config->tree, args, i));
}

static void read_variables(struct kubeconfig *config, struct config_node list,
                           struct exec_config *exec)
{
    struct arena *arena = &config->access->arena;

    exec->variables_count = config_count(list);
    exec->variables = arena_zeroed(arena, exec->variables_count * sizeof(exec->variables[0]));
    for (size_t i = 0; i < exec->variables_count; i++) {
        struct config_node item = config_item(config->tree, list, i);

        exec->variables[i] = (struct exec_variable){
            arena_copy(arena, config_text(config->tree, item, "name")),
            arena_copy(arena, config_text(config->tree, item, "value")),
        };
    }
}

/* As exec.LookPath does: a name is looked for in PATH, a path stands relative to the file. */
static struct bytes read_command(struct kubeconfig *config, struct config_node node)
{
    struct bytes command = config_text(config->tree, node, "command");

    if (bytes_find(command, '/') != BYTES_NOT_FOUND)
        return kubeconfig_path(config, command);
    return arena_copy(&config->access->arena, command);
}

static const char *check(struct kubeconfig *config, struct config_node node)
{
    if (!is_known_version(config_text(config->tree, node, "apiVersion")))
        return "exec.apiVersion must be client.authentication.k8s.io/v1 or .../v1beta1";
    if (config_text(config->tree, node, "command").len == 0)
        return "exec.command is missing";
    if (bytes_equal(config_text(config->tree, node, "interactiveMode"), BYTES("Always")))
        return "exec.interactiveMode is Always, but nobody sits here to answer: use a plugin that "
               "needs no terminal";
    if (config_count(config_list(config->tree, node, "args")) > EXEC_ARGS_MAX ||
        config_count(config_list(config->tree, node, "env")) > EXEC_ARGS_MAX)
        return "exec has more than 1000 args or variables";
    return NULL;
}

const char *kubeconfig_exec_read(struct kubeconfig *config, struct config_node user)
{
    struct config_node node = config_object(config->tree, user, "exec");
    struct arena *arena = &config->access->arena;
    struct exec_config *exec;
    const char *fault;

    if (node.at == NULL)
        return NULL;
    fault = check(config, node);
    if (fault != NULL)
        return fault;
    exec = arena_new(arena, struct exec_config);
    exec->command = read_command(config, node);
    exec->api_version = arena_copy(arena, config_text(config->tree, node, "apiVersion"));
    exec->install_hint = arena_copy(arena, config_text(config->tree, node, "installHint"));
    exec->provides_cluster_info = config_bool(config->tree, node, "provideClusterInfo");
    exec->cluster_config = config->cluster_config;
    read_args(config, config_list(config->tree, node, "args"), exec);
    read_variables(config, config_list(config->tree, node, "env"), exec);
    config->access->exec = exec;
    return NULL;
}
