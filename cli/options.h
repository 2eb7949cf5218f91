/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - what the command line and the config file say, as typed values.
 *
 *     argv, --config FILE -> one table of flags (options_table.c) -> struct options
 *
 * Every command shares the one table, so a flag means the same everywhere. A flag beats the file,
 * and the file beats the default. Source: design 4.2 and 5.7.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "controller/compile/compile.h"
#include "core/address.h"
#include "core/log.h"
#include "core/mem.h"

#define OPTION_LIST_MAX       1024    /* repeats of one flag; items of one list */
#define OPTION_WORKERS_MAX    512     /* more threads than any machine we know has CPUs */
#define CONFIG_BYTES_MAX      1048576 /* of a --config file */
#define DEFAULT_INGRESS_CLASS "fairlead"

enum command {
    COMMAND_SERVE,
    COMMAND_CHECK,
    COMMAND_EXPLAIN,
    COMMAND_TABLE,
    COMMAND_PROBE,
    COMMAND_VERSION,
    COMMAND_HELP, /* no command, or help for `help_for` */
};

enum access_log_format { ACCESS_LOG_TEXT, ACCESS_LOG_JSON };

struct listen_list {
    struct listen_address *at; /* in the options' arena */
    size_t count;
    bool is_off; /* "off" was given, which stands alone */
};

struct string_list {
    const char **at; /* in the options' arena, as are the strings */
    size_t count;
};

struct range_list {
    struct address_range *at; /* in the options' arena */
    size_t count;
};

struct bytes_list {
    struct bytes *at; /* in the options' arena */
    size_t count;
};

/*
 * All values are checked and have their defaults. Times are in milliseconds; 0 stands for "no
 * limit" only where the comment says so.
 */
struct options {
    struct arena arena; /* owns all text and arrays below */
    enum command command;
    bool wants_help; /* --help was given: print it for `command` and stop */

    const char *config; /* --config, or NULL */

    /* where objects come from */
    struct string_list objects; /* --objects; empty: an API server */
    const char *kubeconfig;     /* NULL: in-cluster; but for serve: no API server */
    const char *snapshot;       /* NULL: none is kept */
    uint64_t snapshot_bytes_max;

    /* where to listen */
    struct listen_list http;  /* default [::]:8080 */
    struct listen_list https; /* default [::]:8443; both empty when off */
    bool http_is_given;
    bool https_is_given;
    struct listen_address admin;       /* default 127.0.0.1:9080 */
    bool admin_is_given;               /* of explain and table: a running Fairlead is asked */
    struct listen_list metrics;        /* further ports for /metrics and health only */
    bool share_ports;                  /* a second Fairlead may have the same ports */
    uint32_t workers;                  /* 0: auto, as many as there are CPUs for us */
    bool proxy_protocol;               /* every connection starts with a PROXY header */
    struct range_list trusted_proxies; /* whose forwarding fields and PROXY headers are believed */
    uint16_t public_http_port;         /* default 80 */
    uint16_t public_https_port;        /* default 443 */

    /* what shapes the table */
    struct bytes ingress_class; /* default "fairlead" */
    bool ingress_class_is_given;
    struct bytes_list root_namespaces;
    struct bytes_list watch_namespaces; /* empty: all */
    struct bytes default_certificate;   /* "ns/name"; empty: none */
    bool external_names;                /* default: on with manifests, off in a cluster */
    bool external_names_loopback; /* on with manifests: loopback endpoints are no attack there */

    /* what is told to an API server */
    struct bytes publish_service;        /* "ns/name"; empty: none */
    struct bytes_list publish_addresses; /* of these three one at most */
    struct bytes publish_nodes;          /* labels of our pods, "KEY=VALUE,KEY=VALUE" */
    bool leader_election;                /* default on */
    struct bytes lease_name;             /* "name", or "ns/name" */

    /* what is written */
    const char *access_log; /* a path, "-" for stdout (the default), or NULL for off */
    enum access_log_format access_log_format;
    enum log_level log_level;

    /* how long (design 5.7) */
    uint32_t drain_delay_ms;           /* default 5 s in a cluster, 0 with --objects; 0: none */
    uint32_t drain_timeout_ms;         /* default 60 s; 0: streams are cut at once */
    uint32_t request_head_timeout_ms;  /* default 10 s, the client's whole head */
    uint32_t handshake_timeout_ms;     /* default 10 s, of TLS */
    uint32_t keep_alive_timeout_ms;    /* default 60 s, idle client connections */
    uint32_t stream_idle_timeout_ms;   /* default 5 min, a request or response that stands still */
    uint32_t connect_timeout_ms;       /* default 2 s, to an endpoint */
    uint32_t response_head_timeout_ms; /* default 60 s, from the end of the request */
    uint32_t tunnel_idle_timeout_ms;   /* default 2 h, WebSockets and other upgrades */
    uint32_t tcp_idle_timeout_ms;      /* default 2 h, connections of tcp routes */
    uint32_t upstream_idle_timeout_ms; /* default 60 s, pooled connections to endpoints */
    uint32_t request_body_timeout_ms;  /* default 60 s, silence within a request body */
    uint32_t client_write_timeout_ms;  /* default 60 s, a client that does not read */
    uint32_t pending_timeout_ms;       /* default 10 s, waiting for a connection to an endpoint */

    /* how much */
    uint32_t connections_max;             /* clients, whole process; default 100000 */
    uint32_t handshakes_max;              /* of TLS, whole process; default 1000 */
    uint32_t h2_streams_max;              /* of one client connection; default 128 */
    uint32_t connections_per_address_max; /* default 0: no limit */
    uint32_t request_head_bytes_max;      /* default 65536, at least 1024 */
    uint32_t request_target_bytes_max;    /* default 16384 */
    uint64_t request_body_bytes_max;      /* default 0: no limit */
    uint64_t memory_bytes_max;            /* default 0: no mark */
    uint32_t request_fields_max;          /* default 100 */
    bool allow_underscores;               /* header names with '_' are kept; default off */

    /* arguments of single commands */
    struct string_list paths;   /* check PATH... */
    const char *url;            /* explain URL */
    bool asks_ready;            /* probe ready; else probe alive */
    struct bytes method;        /* explain -X; default GET */
    struct string_list headers; /* explain -H, as written */
    uint32_t list_timeout_ms;   /* check, explain, table; default 30 s, all of an API server */
    bool json;                  /* table --json */
};

/*
 * Read argv. On STATUS_INVALID one line about what is wrong, which flag, which value and what would
 * be right has been appended to *error (no newline, without "fairlead: "); *options is to be ended
 * all the same. Reads the --config file, nothing else.
 */
enum status options_parse(struct options *options, int argc, char **argv, struct text *error);
void options_fini(struct options *options);

/* The part that shapes the table; borrows from the options. */
struct compile_options options_for_compile(const struct options *options);

/* The text of --help for a command, or for the program when COMMAND_HELP. */
void options_help(enum command command, struct text *out);

#endif
