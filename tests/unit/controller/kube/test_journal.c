/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_journal.c - a snapshot's file: what counts in it, what a broken one still says, and that it
 * is whole at any moment.
 */
#include "controller/kube/journal.h"
#include "controller/kube/journal_index.h"
#include "controller/kube/place.h"
#include "controller/object/record.h"
#include "tests/unit/controller/kube/tree.h"
#include "tests/unit/unit.h"

#include <signal.h>

#include <sys/resource.h>

#define MAX        (64u * 1024 * 1024)
#define LIST       "/api/v1/services"
#define HEADER     RECORD_OURS "\"version\":1,\"server\":\"s\"}\n"
#define MARK(l, t) "{\"list\":\"" l "\",\"type\":\"" t "\"}\n"
#define LISTING    MARK(LIST, "LISTING")
#define LISTED     MARK(LIST, "LISTED")
#define OBJECT(type, name)                                                                         \
    "{\"list\":\"" LIST "\",\"type\":\"" type "\",\"object\":{\"metadata\":{\"namespace\":\"n\","  \
    "\"name\":\"" name "\"}}}\n"
#define ADDED(name)   OBJECT("ADDED", name)
#define DELETED(name) OBJECT("DELETED", name)
#define TIME          "{\"type\":\"TIME\",\"time\":5}\n"

struct scene {
    struct tree tree;
    char *path; /* owned */
    struct journal_index index;
    struct text error;
    struct text seen; /* "a b" : names of the list, sorted */
};

static void scene_init(struct scene *scene)
{
    *scene = (struct scene){0};
    tree_init(&scene->tree);
    journal_index_init(&scene->index);
    scene->path = mem_string(bytes_of(tree_path(&scene->tree, "snapshot")));
}

static void scene_fini(struct scene *scene)
{
    journal_index_fini(&scene->index);
    text_fini(&scene->error);
    text_fini(&scene->seen);
    mem_free(scene->path);
    tree_fini(&scene->tree);
}

static int compare_names(const void *a, const void *b)
{
    const struct journal_entry *const *left = a;
    const struct journal_entry *const *right = b;

    return bytes_compare((*left)->key, (*right)->key);
}

/* What the list has, read from the lines themselves. */
static const char *names(struct scene *scene, int fd)
{
    const struct journal_list *list = journal_index_list(&scene->index, BYTES(LIST));
    const struct journal_entry *entries[16], *entry;
    size_t count = 0, at = 0;
    struct arena arena;

    text_clear(&scene->seen);
    if (list == NULL || !list->is_whole)
        return "no list";
    while ((entry = map_next(&list->entries, &at)) != NULL)
        entries[count++] = entry;
    if (count > 1)
        qsort(entries, count, sizeof(entries[0]), compare_names);
    arena_init(&arena, 256);
    for (size_t i = 0; i < count; i++) {
        struct record record;
        struct text line;

        text_init(&line);
        assert_int_equal(journal_index_line(fd, entries[i], &line), STATUS_OK);
        assert_int_equal(
            record_read(bytes_slice(text_bytes(&line), 0, line.len - 1), &arena, &record),
            STATUS_OK);
        assert_int_equal(record.type, RECORD_CHANGED);
        text_printf(&scene->seen, "%s%.*s", i > 0 ? " " : "", BYTES_ARG(record.name));
        text_fini(&line);
    }
    arena_fini(&arena);
    text_add_byte(&scene->seen, '\0');
    return scene->seen.at;
}

/* Of the file that is there now. */
static enum status read_file(struct scene *scene, uint64_t bytes_max, const char **seen)
{
    enum status status;
    int fd = -1;

    journal_index_fini(&scene->index);
    journal_index_init(&scene->index);
    text_clear(&scene->error);
    assert_int_equal(place_look(scene->path, &fd, &scene->error), STATUS_OK);
    assert_true(fd >= 0);
    status = journal_index_read(&scene->index, fd, bytes_max, &scene->error);
    *seen = names(scene, fd);
    close(fd);
    return status;
}

static void expect(const char *text, const char *expected, bool is_broken)
{
    struct scene scene;
    const char *seen;

    scene_init(&scene);
    tree_write(&scene.tree, "snapshot", text);
    assert_int_equal(read_file(&scene, MAX, &seen), STATUS_OK);
    assert_string_equal(seen, expected);
    assert_int_equal(scene.index.is_broken, is_broken);
    if (!is_broken)
        assert_int_equal(scene.index.good_bytes, strlen(text));
    scene_fini(&scene);
}

TEST(the_last_line_of_an_object_counts)
{
    expect(HEADER LISTING ADDED("a") ADDED("b") LISTED TIME ADDED("a") DELETED("b") ADDED("c"),
           "a c", false);
}

TEST(a_list_counts_when_it_is_whole)
{
    expect(HEADER, "no list", false);
    expect(HEADER ADDED("a"), "no list", false);
    expect(HEADER LISTING ADDED("a"), "no list", false);
    expect(HEADER LISTING ADDED("a") LISTED, "a", false);
    expect(HEADER LISTING LISTED, "", false);
    expect(HEADER LISTED, "no list", false);
}

TEST(a_list_takes_the_place_of_the_one_before_when_it_is_whole)
{
    expect(HEADER LISTING ADDED("a") LISTED LISTING ADDED("b"), "a", false);
    expect(HEADER LISTING ADDED("a") LISTED LISTING ADDED("b") LISTED, "b", false);
    expect(HEADER LISTING ADDED("a") LISTED LISTING ADDED("b") LISTING ADDED("c") LISTED, "c",
           false);
}

TEST(a_list_of_what_is_not_installed_is_whole_and_empty)
{
    expect(HEADER MARK(LIST, "ABSENT"), "", false);
    expect(HEADER LISTING ADDED("a") LISTED MARK(LIST, "ABSENT"), "", false);
    expect(HEADER LISTING MARK(LIST, "ABSENT") LISTING ADDED("a") LISTED, "a", false);
}

TEST(what_stands_before_a_broken_line_counts_and_nothing_behind_it)
{
#define GOOD HEADER LISTING ADDED("a") LISTED
    expect(GOOD "{\"list\":\"" LIST "\",\"ty", "a", true);
    expect(GOOD "{\"list\":\"" LIST "\",\"ty\n" DELETED("a"), "a", true);
    expect(GOOD "\n" ADDED("b"), "a", true);
    expect(GOOD "\1\2\3\n", "a", true);
    expect(GOOD "x", "a", true);
    expect(HEADER LISTING ADDED("a") "x\n" LISTED, "no list", true);
}

TEST(every_beginning_of_a_file_can_be_read)
{
    static const char text[] = HEADER LISTING ADDED("a") LISTED TIME ADDED("b") DELETED("a") TIME;
    size_t shortest = sizeof(HEADER) - 1;

    for (size_t len = shortest; len < sizeof(text) - 1; len++) {
        char *begin = mem_string(bytes_from(text, len));
        bool ends_line = begin[len - 1] == '\n';
        struct scene scene;
        const char *seen;

        scene_init(&scene);
        tree_write(&scene.tree, "snapshot", begin);
        assert_int_equal(read_file(&scene, MAX, &seen), STATUS_OK);
        assert_int_equal(scene.index.is_broken, !ends_line);
        scene_fini(&scene);
        mem_free(begin);
    }
}

TEST(a_first_line_that_is_not_ours_or_too_new_is_refused)
{
    struct scene scene;
    const char *seen;

    scene_init(&scene);
    tree_write(&scene.tree, "snapshot", RECORD_OURS "\"version\":2}\n" LISTING LISTED);
    assert_int_equal(read_file(&scene, MAX, &seen), STATUS_REFUSED);
    tree_write(&scene.tree, "snapshot", RECORD_OURS);
    assert_int_equal(read_file(&scene, MAX, &seen), STATUS_INVALID);
    tree_write(&scene.tree, "snapshot", "");
    assert_int_equal(read_file(&scene, MAX, &seen), STATUS_INVALID);
    scene_fini(&scene);
}

TEST(a_file_or_a_line_over_its_limit_is_not_read)
{
    struct scene scene;
    struct text line;
    const char *seen;

    scene_init(&scene);
    tree_write(&scene.tree, "snapshot", HEADER LISTING ADDED("a") LISTED);
    assert_int_equal(read_file(&scene, 100, &seen), STATUS_TOO_LARGE);
    text_init(&line);
    text_add_str(&line, HEADER LISTING ADDED("a") LISTED);
    while (line.len < JOURNAL_LINE_MAX + 1000)
        text_add_str(&line, "      ");
    text_add_str(&line, ADDED("b"));
    text_add_byte(&line, '\0');
    tree_write(&scene.tree, "snapshot", line.at);
    assert_int_equal(read_file(&scene, MAX, &seen), STATUS_OK);
    assert_true(scene.index.is_broken);
    assert_string_equal(seen, "a");
    text_fini(&line);
    scene_fini(&scene);
}

/* ---- writing ---- */

static bool is_there(struct scene *scene, const char *name)
{
    return access(tree_path(&scene->tree, name), F_OK) == 0;
}

static void begin(struct scene *scene, struct journal *journal)
{
    journal_init(journal);
    assert_int_equal(journal_begin(journal, scene->path, MAX, BYTES("s"), &scene->error),
                     STATUS_OK);
}

static void append(struct scene *scene, struct journal *journal, const char *lines)
{
    assert_int_equal(journal_append(journal, bytes_of(lines), &scene->error), STATUS_OK);
}

TEST(the_old_file_stands_until_the_new_one_is_published)
{
    struct journal journal;
    struct scene scene;
    const char *seen;

    scene_init(&scene);
    tree_write(&scene.tree, "snapshot", HEADER LISTING ADDED("old") LISTED);
    begin(&scene, &journal);
    append(&scene, &journal, LISTING ADDED("new") LISTED TIME);
    assert_int_equal(read_file(&scene, MAX, &seen), STATUS_OK);
    assert_string_equal(seen, "old");
    assert_int_equal(journal_publish(&journal, &scene.error), STATUS_OK);
    append(&scene, &journal, ADDED("more"));
    assert_int_equal(read_file(&scene, MAX, &seen), STATUS_OK);
    assert_string_equal(seen, "more new");
    assert_bytes(scene.index.server, "s");
    assert_int_equal(scene.index.time_s, 5);
    journal_close(&journal);
    assert_true(is_there(&scene, "snapshot") && !is_there(&scene, "snapshot.new"));
    scene_fini(&scene);
}

TEST(one_that_is_not_published_leaves_nothing)
{
    struct journal journal;
    struct scene scene;

    scene_init(&scene);
    begin(&scene, &journal);
    assert_true(is_there(&scene, "snapshot.new"));
    journal_close(&journal);
    assert_true(!is_there(&scene, "snapshot.new") && !is_there(&scene, "snapshot"));
    scene_fini(&scene);
}

TEST(two_do_not_write_one_file)
{
    struct journal first, second;
    struct scene scene;

    scene_init(&scene);
    begin(&scene, &first);
    journal_init(&second);
    assert_int_equal(journal_begin(&second, scene.path, MAX, BYTES("s"), &scene.error),
                     STATUS_AGAIN);
    journal_close(&second);
    assert_int_equal(journal_publish(&first, &scene.error), STATUS_OK);
    begin(&scene, &second);
    assert_int_equal(journal_check(&first, &scene.error), STATUS_OK);
    assert_int_equal(journal_publish(&second, &scene.error), STATUS_OK);
    assert_int_equal(journal_check(&first, &scene.error), STATUS_CLOSED);
    assert_int_equal(journal_compact(&first, &scene.error), STATUS_CLOSED);
    assert_int_equal(journal_check(&second, &scene.error), STATUS_OK);
    journal_close(&first);
    journal_close(&second);
    assert_true(is_there(&scene, "snapshot"));
    scene_fini(&scene);
}

TEST(a_compacted_file_says_the_same)
{
    struct journal journal;
    struct scene scene;
    const char *seen;
    uint64_t before;

    scene_init(&scene);
    begin(&scene, &journal);
    append(&scene, &journal, LISTING ADDED("a") ADDED("b") LISTED MARK("/b", "ABSENT") TIME);
    assert_int_equal(journal_publish(&journal, &scene.error), STATUS_OK);
    for (int i = 0; i < 20000; i++)
        append(&scene, &journal, ADDED("a"));
    append(&scene, &journal, DELETED("b") ADDED("c") LISTING ADDED("of-the-next-list"));
    assert_true(journal_wants_compaction(&journal));
    before = journal.bytes;
    assert_int_equal(journal_compact(&journal, &scene.error), STATUS_OK);
    assert_true(journal.bytes < before / 1000 && !journal_wants_compaction(&journal));
    assert_false(is_there(&scene, "snapshot.compact"));
    assert_int_equal(read_file(&scene, MAX, &seen), STATUS_OK);
    assert_string_equal(seen, "a c");
    assert_int_equal(scene.index.time_s, 5);
    assert_true(journal_index_list(&scene.index, BYTES("/b"))->is_absent);
    append(&scene, &journal, LISTED);
    assert_int_equal(read_file(&scene, MAX, &seen), STATUS_OK);
    assert_string_equal(seen, "of-the-next-list");
    journal_close(&journal);
    scene_fini(&scene);
}

TEST(lines_that_cannot_be_written_to_their_end_are_cut_off)
{
    struct rlimit unlimited, limit;
    struct journal journal;
    struct scene scene;
    const char *seen;

    scene_init(&scene);
    begin(&scene, &journal);
    append(&scene, &journal, LISTING ADDED("a") LISTED);
    assert_int_equal(journal_publish(&journal, &scene.error), STATUS_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &unlimited), 0);
    limit = unlimited;
    limit.rlim_cur = journal.bytes + 10;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(journal_append(&journal, bytes_of(ADDED("b")), &scene.error), STATUS_IO);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &unlimited), 0);
    assert_int_equal(read_file(&scene, MAX, &seen), STATUS_OK);
    assert_string_equal(seen, "a");
    assert_false(scene.index.is_broken);
    append(&scene, &journal, ADDED("c"));
    assert_int_equal(read_file(&scene, MAX, &seen), STATUS_OK);
    assert_string_equal(seen, "a c");
    journal_close(&journal);
    scene_fini(&scene);
}

TEST(a_journal_does_not_grow_over_its_limit)
{
    struct journal journal;
    struct scene scene;

    scene_init(&scene);
    journal_init(&journal);
    assert_int_equal(journal_begin(&journal, scene.path, 100, BYTES("s"), &scene.error), STATUS_OK);
    assert_int_equal(journal_append(&journal, bytes_of(ADDED("b")), &scene.error),
                     STATUS_TOO_LARGE);
    assert_true(journal.bytes < 100);
    journal_close(&journal);
    scene_fini(&scene);
}

TEST(a_new_file_is_readable_for_its_owner_alone_whatever_was_there)
{
    struct journal journal;
    struct scene scene;
    struct stat found;

    scene_init(&scene);
    tree_write(&scene.tree, "snapshot.new", HEADER "left by one who was killed");
    assert_int_equal(chmod(tree_path(&scene.tree, "snapshot.new"), 0644), 0);
    begin(&scene, &journal);
    assert_int_equal(stat(tree_path(&scene.tree, "snapshot.new"), &found), 0);
    assert_int_equal(found.st_mode & 07777, 0600);
    assert_int_equal(found.st_size, sizeof(HEADER) - 1);
    journal_close(&journal);
    scene_fini(&scene);
}

TEST(a_new_file_that_lost_its_power_is_taken_over)
{
    static const char zeros[5000];
    struct journal journal;
    struct scene scene;
    int fd;

    scene_init(&scene);
    tree_write(&scene.tree, "snapshot.new", "{\"snap");
    begin(&scene, &journal);
    journal_close(&journal);
    fd = open(tree_path(&scene.tree, "snapshot.new"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, zeros, sizeof(zeros)), sizeof(zeros));
    close(fd);
    begin(&scene, &journal);
    journal_close(&journal);
    scene_fini(&scene);
}

TEST(what_is_not_ours_is_not_taken_for_the_new_file)
{
    struct journal journal;
    struct scene scene;

    scene_init(&scene);
    journal_init(&journal);
    tree_write(&scene.tree, "snapshot.new", "notes of somebody");
    assert_int_equal(journal_begin(&journal, scene.path, MAX, BYTES("s"), &scene.error),
                     STATUS_REFUSED);
    journal_close(&journal);
    assert_true(is_there(&scene, "snapshot.new"));
    tree_write(&scene.tree, "victim", "precious");
    assert_int_equal(unlink(tree_path(&scene.tree, "snapshot.new")), 0);
    assert_int_equal(
        symlink(tree_path(&scene.tree, "victim"), tree_path(&scene.tree, "snapshot.new")), 0);
    assert_int_equal(journal_begin(&journal, scene.path, MAX, BYTES("s"), &scene.error),
                     STATUS_REFUSED);
    journal_close(&journal);
    assert_true(is_there(&scene, "victim"));
    scene_fini(&scene);
}

TESTS(UNIT(the_last_line_of_an_object_counts), UNIT(a_list_counts_when_it_is_whole),
      UNIT(a_list_takes_the_place_of_the_one_before_when_it_is_whole),
      UNIT(a_list_of_what_is_not_installed_is_whole_and_empty),
      UNIT(what_stands_before_a_broken_line_counts_and_nothing_behind_it),
      UNIT(every_beginning_of_a_file_can_be_read),
      UNIT(a_first_line_that_is_not_ours_or_too_new_is_refused),
      UNIT(a_file_or_a_line_over_its_limit_is_not_read),
      UNIT(the_old_file_stands_until_the_new_one_is_published),
      UNIT(one_that_is_not_published_leaves_nothing), UNIT(two_do_not_write_one_file),
      UNIT(a_compacted_file_says_the_same),
      UNIT(lines_that_cannot_be_written_to_their_end_are_cut_off),
      UNIT(a_journal_does_not_grow_over_its_limit),
      UNIT(a_new_file_is_readable_for_its_owner_alone_whatever_was_there),
      UNIT(a_new_file_that_lost_its_power_is_taken_over),
      UNIT(what_is_not_ours_is_not_taken_for_the_new_file))
