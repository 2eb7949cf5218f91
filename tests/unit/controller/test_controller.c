/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_controller.c - from files on disk to published tables, on a real loop.
 */
#include "controller/controller.h"
#include "core/check.h"
#include "route/dump.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/stat.h>

#define WAIT_MS 10000

struct bench {
    uv_loop_t loop;
    uv_timer_t patience;
    char directory[64];
    const char *directories[1];
    struct controller *controller;
    struct table *table; /* ref; the last one published */
    int publications;
    bool was_synced; /* when it was published */
    bool is_closed;
    bool is_late;
};

static void on_publish(void *context, struct table *table)
{
    struct bench *bench = context;

    if (bench->table != NULL)
        table_unref(bench->table);
    bench->table = table;
    bench->publications++;
    bench->was_synced = controller_is_synced(bench->controller);
    uv_stop(&bench->loop);
}

static void on_late(uv_timer_t *timer)
{
    struct bench *bench = timer->data;

    bench->is_late = true;
    uv_stop(&bench->loop);
}

static void on_closed(void *context)
{
    struct bench *bench = context;

    bench->is_closed = true;
    uv_close((uv_handle_t *)&bench->patience, NULL);
}

static void put_file(const struct bench *bench, const char *name, const char *content)
{
    char path[128], fresh[128];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/%s", bench->directory, name);
    (void)snprintf(fresh, sizeof(fresh), "%s/.%s", bench->directory, name);
    file = fopen(fresh, "we");
    assert_non_null(file);
    assert_true(fputs(content, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(fresh, path), 0);
}

static void bench_init(struct bench *bench)
{
    *bench = (struct bench){.directory = "/tmp/fairlead-controller-XXXXXX"};
    assert_non_null(mkdtemp(bench->directory));
    bench->directories[0] = bench->directory;
    assert_int_equal(uv_loop_init(&bench->loop), 0);
    assert_int_equal(uv_timer_init(&bench->loop, &bench->patience), 0);
    bench->patience.data = bench;
}

static enum status bench_open(struct bench *bench)
{
    const struct controller_config config = {
        .loop = &bench->loop,
        .directories = bench->directories,
        .directories_count = 1,
        .options = {.ingress_class = BYTES("fairlead"),
                    .external_names = true,
                    .external_names_loopback = true},
        .publish = on_publish,
        .context = bench,
        .resolve_interval_ms = 50,
    };

    return controller_open(&bench->controller, &config);
}

/* Run until the next publication. */
static void wait_for_table(struct bench *bench)
{
    int before = bench->publications;

    (void)uv_timer_start(&bench->patience, on_late, WAIT_MS, 0);
    (void)uv_run(&bench->loop, UV_RUN_DEFAULT);
    (void)uv_timer_stop(&bench->patience);
    assert_false(bench->is_late);
    assert_int_equal(bench->publications, before + 1);
}

static void remove_files(const struct bench *bench)
{
    static const char *const names[] = {"a.yaml", "b.yaml"};
    char path[128];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", bench->directory, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(bench->directory);
}

static void bench_close(struct bench *bench)
{
    controller_close(bench->controller, on_closed, bench);
    (void)uv_run(&bench->loop, UV_RUN_DEFAULT);
    assert_true(bench->is_closed);
    assert_int_equal(uv_loop_close(&bench->loop), 0);
    if (bench->table != NULL)
        table_unref(bench->table);
    remove_files(bench);
}

static void assert_dump_has(const struct table *table, const char *part)
{
    struct text dump;

    text_init(&dump);
    table_dump_text(table, &dump);
    text_add_byte(&dump, '\0');
    if (strstr(dump.at, part) == NULL)
        fail_msg("not found: %s\nin:\n%s", part, dump.at);
    text_fini(&dump);
}

#define WEB(host)                                                                                  \
    "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web}\nspec:\n  rules:\n"    \
    "  - host: " host "\n    http:\n      paths:\n"                                                \
    "      - {path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}\n"
#define NAMED(name)                                                                                \
    "---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\n"                                  \
    "spec: {type: ExternalName, externalName: " name "}\n"

TEST(the_first_table_has_all_files_and_means_synced)
{
    struct bench bench;

    bench_init(&bench);
    put_file(&bench, "a.yaml", WEB("a.example.com"));
    put_file(&bench, "b.yaml",
             "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n"
             "spec: {ports: [{port: 80}]}\n");
    assert_int_equal(bench_open(&bench), STATUS_OK);
    assert_false(controller_is_synced(bench.controller));
    wait_for_table(&bench);
    assert_true(bench.was_synced);
    assert_dump_has(bench.table, "-> default/web/80 (0 endpoints)");
    bench_close(&bench);
}

TEST(an_empty_directory_gives_an_empty_table)
{
    struct bench bench;

    bench_init(&bench);
    assert_int_equal(bench_open(&bench), STATUS_OK);
    wait_for_table(&bench);
    assert_int_equal(table_hosts_count(bench.table), 0);
    bench_close(&bench);
}

TEST(a_changed_file_is_published)
{
    struct bench bench;

    bench_init(&bench);
    put_file(&bench, "a.yaml", WEB("a.example.com"));
    assert_int_equal(bench_open(&bench), STATUS_OK);
    wait_for_table(&bench);
    put_file(&bench, "a.yaml", WEB("b.example.com"));
    wait_for_table(&bench);
    assert_dump_has(bench.table, "host b.example.com");
    bench_close(&bench);
}

TEST(the_first_table_waits_for_external_names)
{
    struct bench bench;

    bench_init(&bench);
    put_file(&bench, "a.yaml", WEB("a.example.com") NAMED("192.0.2.9"));
    assert_int_equal(bench_open(&bench), STATUS_OK);
    wait_for_table(&bench);
    assert_int_equal(bench.publications, 1);
    assert_dump_has(bench.table, "  192.0.2.9:80\n");
    bench_close(&bench);
}

TEST(an_external_name_that_appears_later_is_looked_up_at_once)
{
    struct bench bench;

    bench_init(&bench);
    put_file(&bench, "a.yaml", WEB("a.example.com"));
    assert_int_equal(bench_open(&bench), STATUS_OK);
    wait_for_table(&bench);
    put_file(&bench, "a.yaml", WEB("a.example.com") NAMED("192.0.2.9"));
    wait_for_table(&bench);
    wait_for_table(&bench);
    assert_dump_has(bench.table, "  192.0.2.9:80\n");
    bench_close(&bench);
}

TEST(a_directory_that_is_not_there_is_refused)
{
    struct bench bench;

    bench_init(&bench);
    bench.directories[0] = "/nonexistent/directory";
    assert_int_not_equal(bench_open(&bench), STATUS_OK);
    uv_close((uv_handle_t *)&bench.patience, NULL);
    (void)uv_run(&bench.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&bench.loop), 0);
    remove_files(&bench);
}

TEST(closing_before_the_first_table_frees_everything)
{
    struct bench bench;

    bench_init(&bench);
    put_file(&bench, "a.yaml", WEB("a.example.com") NAMED("192.0.2.9"));
    assert_int_equal(bench_open(&bench), STATUS_OK);
    bench_close(&bench);
    assert_int_equal(bench.publications, 0);
}

TEST(a_table_that_is_retired_is_freed_before_closing_ends)
{
    struct bench bench;
    size_t live = table_live_count();

    bench_init(&bench);
    put_file(&bench, "a.yaml", WEB("a.example.com"));
    assert_int_equal(bench_open(&bench), STATUS_OK);
    wait_for_table(&bench);
    controller_retire(bench.controller, bench.table);
    bench.table = NULL;
    bench_close(&bench);
    assert_int_equal(table_live_count(), live);
}

TEST(metrics_name_objects_files_and_the_table)
{
    struct bench bench;
    struct text out;

    bench_init(&bench);
    text_init(&out);
    put_file(&bench, "a.yaml", WEB("a.example.com"));
    assert_int_equal(bench_open(&bench), STATUS_OK);
    wait_for_table(&bench);
    controller_write_metrics(bench.controller, &out);
    text_add_byte(&out, '\0');
    assert_non_null(strstr(out.at, "fairlead_objects{kind=\"Ingress\"} 1\n"));
    assert_non_null(strstr(out.at, "fairlead_findings{severity=\"error\"} 1\n"));
    assert_non_null(strstr(out.at, "fairlead_files 1\n"));
    assert_non_null(strstr(out.at, "fairlead_table_routes 1\n"));
    text_fini(&out);
    bench_close(&bench);
}

TESTS(UNIT(the_first_table_has_all_files_and_means_synced),
      UNIT(an_empty_directory_gives_an_empty_table), UNIT(a_changed_file_is_published),
      UNIT(the_first_table_waits_for_external_names),
      UNIT(an_external_name_that_appears_later_is_looked_up_at_once),
      UNIT(a_directory_that_is_not_there_is_refused),
      UNIT(closing_before_the_first_table_frees_everything),
      UNIT(a_table_that_is_retired_is_freed_before_closing_ends),
      UNIT(metrics_name_objects_files_and_the_table))
