/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_compile.c - bytes as throws of dice for random worlds (tests/random/objects.h): files come,
 * change and go, some compiled at once and some together, and in the end the table is that which
 * compiling anew gives.
 *
 * The certificates are those of tests/certificates: it runs in the root of the repository.
 */
#include "controller/compile/compile.h"
#include "route/dump.h"
#include "tests/random/objects.h"
#include "tls/host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FILES     8
#define EDITS_MAX 32

struct world {
    struct compiler *compiler;
    struct dice dice;
    const struct pems *pems;
    struct table *table; /* ref; the last one */
};

static void put(struct world *world, struct bytes path, struct bytes content, bool is_gone)
{
    struct source_file file = {.path = path, .is_gone = is_gone};
    struct source_batch batch = {.files = &file, .files_count = 1};

    if (!is_gone)
        decode_manifest(content, path, &file.decoded);
    compiler_apply(world->compiler, &batch);
    if (!is_gone)
        decoded_fini(&file.decoded);
}

static void edit(struct world *world)
{
    unsigned number = below(&world->dice, FILES * 8);
    char name[] = {'f', (char)('0' + number % FILES)};
    struct bytes path = bytes_from(name, sizeof(name));
    struct text content;

    text_init(&content);
    switch (number / FILES) {
    case 6:
        put(world, path, BYTES_NONE, true);
        break;
    case 7:
        put(world, path, BYTES("{"), false);
        break;
    default:
        add_file(&content, &world->dice, world->pems);
        put(world, path, bytes_slice(text_bytes(&content), 0, content.len - 1), false);
        break;
    }
    text_fini(&content);
}

static void run(struct world *world)
{
    struct table *table = compiler_run(world->compiler, 0);

    if (table == NULL)
        return;
    if (world->table != NULL)
        table_unref(world->table);
    world->table = table;
}

static void check(const struct world *world)
{
    struct table *fresh = compiler_run_fresh(world->compiler);
    struct text one, other;

    text_init(&one);
    text_init(&other);
    table_dump_text(world->table, &one);
    table_dump_text(fresh, &other);
    CHECK(bytes_equal(text_bytes(&one), text_bytes(&other)));
    text_fini(&one);
    text_fini(&other);
    table_unref(fresh);
}

static struct compile_options choose_options(struct dice *dice)
{
    static const struct bytes namespaces[] = {{"default", 7}, {"team", 4}};

    return (struct compile_options){
        .ingress_class = BYTES("fairlead"),
        .ingress_class_is_given = once_in(dice, 4),
        .root_namespaces = namespaces,
        .root_namespaces_count = once_in(dice, 4),
        .watch_namespaces = namespaces,
        .watch_namespaces_count = once_in(dice, 8) ? 2 : 0,
        .external_names = true,
        .default_certificate = once_in(dice, 3) ? BYTES("default/t0") : BYTES_NONE,
    };
}

static const struct pems *shared_pems(void)
{
    static struct pems pems; /* read once, not once a run */
    static bool is_read;

    if (!is_read)
        pems_init(&pems);
    is_read = true;
    return &pems;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world world = {.dice = dice_of_bytes(bytes_from((const char *)data, size)),
                          .pems = shared_pems()};
    struct compile_options options = choose_options(&world.dice);

    world.compiler = compiler_create(&options);
    for (unsigned i = 0; i < EDITS_MAX && world.dice.bytes.len > 0; i++) {
        edit(&world);
        if (once_in(&world.dice, 2))
            run(&world);
    }
    run(&world);
    check(&world);
    table_unref(world.table);
    compiler_destroy(world.compiler);
    return 0;
}
