/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_files.c - a real loop, a real directory, and what reaches the owner.
 */
#include "tests/unit/controller/kube/owner.h"
#include "tests/unit/unit.h"

TEST(the_first_batch_is_the_whole_tree)
{
    struct owner owner;

    owner_init(&owner);
    tree_write_service(&owner.tree, "a.yaml", "a", 1);
    tree_mkdir(&owner.tree, "sub");
    tree_mkdir(&owner.tree, "sub/deeper");
    tree_write_service(&owner.tree, "sub/deeper/b.yml", "b", 2);
    tree_write(&owner.tree, "sub/c.json",
               "{\"apiVersion\": \"v1\", \"kind\": \"Service\", \"metadata\": {\"name\": \"c\"}, "
               "\"spec\": {\"ports\": [{\"port\": 3}]}}");
    tree_write_service(&owner.tree, "sub/not.txt", "d", 4);
    tree_write_service(&owner.tree, ".hidden.yaml", "e", 5);
    owner_open(&owner);
    assert_int_equal(owner.files_seen, 3);
    assert_int_equal(port_of(&owner, "a") + port_of(&owner, "b") + port_of(&owner, "c"), 6);
    owner_fini(&owner);
}

TEST(an_empty_directory_gives_an_empty_first_batch)
{
    struct owner owner;

    owner_init(&owner);
    owner_open(&owner);
    assert_int_equal(owner.batches, 1);
    assert_int_equal(owner.files_seen, 0);
    owner_fini(&owner);
}

TEST(a_directory_that_can_not_be_read_is_refused_at_the_start)
{
    struct owner owner;
    const char *missing[] = {"/nowhere/at/all"};
    const char *file[1];

    owner_init(&owner);
    tree_write(&owner.tree, "file", "");
    file[0] = tree_path(&owner.tree, "file");
    assert_int_equal(files_open(&owner.files, &owner.loop, missing, 1, NULL, on_batch, &owner),
                     STATUS_NOT_FOUND);
    assert_int_equal(files_open(&owner.files, &owner.loop, file, 1, NULL, on_batch, &owner),
                     STATUS_REFUSED);
    owner_fini(&owner);
}

/* How soon is told, not asserted: the machine may be busy. scripts/bench measures it. */
TEST(a_changed_a_new_and_a_deleted_file_arrive)
{
    struct owner owner;
    uint64_t wrote_at_ms;

    owner_init(&owner);
    tree_write_service(&owner.tree, "a.yaml", "a", 1);
    owner_open(&owner);
    wrote_at_ms = clock_ms();
    tree_write_service(&owner.tree, "a.yaml", "a", 2);
    assert_true(turn_until(&owner, "a", 2, WAIT_MS));
    print_message("a change took %u ms\n", (unsigned)(owner.batch_at_ms - wrote_at_ms));
    tree_write_service(&owner.tree, "b.yaml", "b", 3);
    assert_true(turn_until(&owner, "b", 3, WAIT_MS));
    assert_int_equal(unlink(tree_path(&owner.tree, "a.yaml")), 0);
    assert_true(turn_until(&owner, "a", 0, WAIT_MS));
    assert_int_equal(port_of(&owner, "b"), 3);
    assert_int_equal(owner.files_seen, 4);
    owner_fini(&owner);
}

TEST(files_written_in_one_go_arrive_in_one_batch)
{
    struct owner owner;

    owner_init(&owner);
    owner_open(&owner);
    tree_write_service(&owner.tree, "a.yaml", "a", 1);
    tree_write_service(&owner.tree, "b.yaml", "b", 1);
    tree_write_service(&owner.tree, "c.yaml", "c", 1);
    assert_true(turn_until(&owner, "c", 1, WAIT_MS));
    assert_int_equal(owner.batches, 2);
    assert_int_equal(owner.last_batch_files, 3);
    owner_fini(&owner);
}

TEST(an_event_for_one_file_reads_no_other)
{
    struct files_stats before, after;
    struct owner owner;

    owner_init(&owner);
    for (int i = 0; i < 50; i++) {
        char name[20];

        snprintf(name, sizeof(name), "f%d.yaml", i);
        tree_write_service(&owner.tree, name, "x", 1);
    }
    owner_open(&owner);
    files_stats(owner.files, &before);
    tree_write_service(&owner.tree, "f0.yaml", "x", 2);
    assert_true(turn_until(&owner, "x", 2, WAIT_MS));
    files_stats(owner.files, &after);
    assert_int_equal(after.reads, before.reads + 1);
    assert_int_equal(after.rescans, before.rescans);
    assert_int_equal(after.files, 50);
    owner_fini(&owner);
}

TEST(a_touched_file_with_the_same_bytes_is_no_news)
{
    struct owner owner;

    owner_init(&owner);
    tree_write_service(&owner.tree, "a.yaml", "a", 1);
    owner_open(&owner);
    tree_write_service(&owner.tree, "a.yaml", "a", 1);
    turn_for(&owner, CALM_MS);
    assert_int_equal(owner.batches, 1);
    owner_fini(&owner);
}

TEST(a_file_that_does_not_parse_keeps_its_last_good_objects)
{
    struct files_stats stats;
    struct owner owner;

    owner_init(&owner);
    tree_write_service(&owner.tree, "a.yaml", "a", 1);
    owner_open(&owner);
    tree_write(&owner.tree, "a.yaml", "apiVersion: v1\nkind: [");
    turn_for(&owner, 200 + CALM_MS); /* it may be half a file for 200 ms */
    assert_int_equal(owner.broken_seen, 1);
    assert_int_equal(port_of(&owner, "a"), 1);
    files_stats(owner.files, &stats);
    assert_int_equal(stats.files_broken, 1);
    assert_int_equal(stats.parse_errors, 1);
    tree_write_service(&owner.tree, "a.yaml", "a", 2);
    assert_true(turn_until(&owner, "a", 2, WAIT_MS));
    files_stats(owner.files, &stats);
    assert_int_equal(stats.files_broken, 0);
    owner_fini(&owner);
}

TEST(a_truncated_file_is_believed_only_after_a_second)
{
    struct owner owner;
    uint64_t truncated_at_ms;

    owner_init(&owner);
    tree_write_service(&owner.tree, "a.yaml", "a", 1);
    owner_open(&owner);
    tree_write(&owner.tree, "a.yaml", "");
    turn_for(&owner, 300);
    assert_int_equal(port_of(&owner, "a"), 1);
    tree_write_service(&owner.tree, "a.yaml", "a", 2);
    assert_true(turn_until(&owner, "a", 2, WAIT_MS));
    tree_write(&owner.tree, "a.yaml", "");
    truncated_at_ms = clock_ms();
    assert_true(turn_until(&owner, "a", 0, WAIT_MS));
    assert_true(clock_ms() - truncated_at_ms >= 1000);
    owner_fini(&owner);
}

TEST(a_file_written_in_two_halves_is_not_read_between_them)
{
    struct owner owner;
    FILE *file;

    owner_init(&owner);
    owner_open(&owner);
    file = fopen(tree_path(&owner.tree, "a.yaml"), "w");
    assert_non_null(file);
    fputs("apiVersion: v1\nkind: Service\n", file);
    fflush(file);
    turn_for(&owner, 10);
    fputs("metadata: {name: a}\nspec: {ports: [{port: 1}]}\n", file);
    fclose(file);
    assert_true(turn_until(&owner, "a", 1, WAIT_MS));
    assert_int_equal(owner.batches, 2);
    assert_int_equal(owner.broken_seen, 0);
    owner_fini(&owner);
}

TEST(directories_that_come_go_and_are_renamed_are_followed)
{
    struct owner owner;

    owner_init(&owner);
    owner_open(&owner);
    tree_mkdir(&owner.tree, "new");
    tree_mkdir(&owner.tree, "new/deep");
    tree_write_service(&owner.tree, "new/deep/a.yaml", "a", 1);
    assert_true(turn_until(&owner, "a", 1, WAIT_MS));
    turn_for(&owner, 60);
    tree_write_service(&owner.tree, "new/deep/a.yaml", "a", 2);
    assert_true(turn_until(&owner, "a", 2, WAIT_MS));
    tree_rename(&owner.tree, "new", "other");
    turn_for(&owner, CALM_MS);
    assert_int_equal(port_of(&owner, "a"), 2);
    tree_write_service(&owner.tree, "other/deep/a.yaml", "a", 3);
    assert_true(turn_until(&owner, "a", 3, WAIT_MS));
    tree_remove_dir(tree_path(&owner.tree, "other"));
    assert_true(turn_until(&owner, "a", 0, WAIT_MS));
    tree_mkdir(&owner.tree, "other");
    tree_write_service(&owner.tree, "other/a.yaml", "a", 4);
    assert_true(turn_until(&owner, "a", 4, WAIT_MS));
    turn_for(&owner, 60);
    tree_write_service(&owner.tree, "other/a.yaml", "a", 5);
    assert_true(turn_until(&owner, "a", 5, 500));
    owner_fini(&owner);
}

TEST(a_deleted_root_is_believed_after_a_second_and_seen_when_it_is_back)
{
    struct owner owner;
    uint64_t removed_at_ms;
    char moved[TREE_PATH_MAX + 10];

    owner_init(&owner);
    tree_write_service(&owner.tree, "a.yaml", "a", 1);
    owner_open(&owner);
    snprintf(moved, sizeof(moved), "%s-moved", owner.tree.root);
    assert_int_equal(rename(owner.tree.root, moved), 0);
    turn_for(&owner, 300);
    assert_int_equal(port_of(&owner, "a"), 1);
    assert_int_equal(rename(moved, owner.tree.root), 0);
    turn_for(&owner, CALM_MS);
    tree_write_service(&owner.tree, "a.yaml", "a", 2);
    assert_true(turn_until(&owner, "a", 2, 500));
    removed_at_ms = clock_ms();
    tree_remove_dir(owner.tree.root);
    assert_true(turn_until(&owner, "a", 0, WAIT_MS));
    assert_true(clock_ms() - removed_at_ms >= 900);
    assert_int_equal(mkdir(owner.tree.root, 0755), 0);
    tree_write_service(&owner.tree, "a.yaml", "a", 3);
    assert_true(turn_until(&owner, "a", 3, 500));
    turn_for(&owner, 60);
    tree_write_service(&owner.tree, "a.yaml", "a", 4);
    assert_true(turn_until(&owner, "a", 4, 500));
    owner_fini(&owner);
}

/* As the kubelet writes a mounted ConfigMap: everything changes with one rename. */
TEST(a_config_map_volume_changes_all_at_once)
{
    struct owner owner;

    owner_init(&owner);
    tree_mkdir(&owner.tree, "..1");
    tree_write_service(&owner.tree, "..1/a.yaml", "a", 1);
    tree_write_service(&owner.tree, "..1/b.yaml", "b", 1);
    tree_symlink(&owner.tree, "..1", "..data");
    tree_symlink(&owner.tree, "..data/a.yaml", "a.yaml");
    tree_symlink(&owner.tree, "..data/b.yaml", "b.yaml");
    owner_open(&owner);
    assert_int_equal(owner.files_seen, 2);
    for (int round = 2; round < 5; round++) {
        char dir[20], name[40];

        snprintf(dir, sizeof(dir), "..%d", round);
        tree_mkdir(&owner.tree, dir);
        snprintf(name, sizeof(name), "%s/a.yaml", dir);
        tree_write_service(&owner.tree, name, "a", round);
        snprintf(name, sizeof(name), "%s/b.yaml", dir);
        tree_write_service(&owner.tree, name, "b", round);
        tree_symlink(&owner.tree, dir, "..data_tmp");
        tree_rename(&owner.tree, "..data_tmp", "..data");
        snprintf(dir, sizeof(dir), "..%d", round - 1);
        tree_remove_dir(tree_path(&owner.tree, dir));
        assert_true(turn_until(&owner, "a", round, 500));
        assert_int_equal(port_of(&owner, "b"), round);
        assert_int_equal(owner.last_batch_files, 2);
        turn_for(&owner, 60);
        assert_int_equal(owner.batches, round);
    }
    owner_fini(&owner);
}

TEST(symlinked_files_and_directories_are_followed_and_loops_end)
{
    struct tree other;
    struct owner owner;

    tree_init(&other);
    tree_write_service(&other, "x.txt", "a", 1);
    tree_mkdir(&other, "dir");
    tree_write_service(&other, "dir/b.yaml", "b", 1);
    owner_init(&owner);
    tree_symlink(&owner.tree, tree_path(&other, "x.txt"), "a.yaml");
    tree_symlink(&owner.tree, tree_path(&other, "dir"), "linked");
    tree_symlink(&owner.tree, ".", "loop");
    tree_symlink(&owner.tree, "self.yaml", "self.yaml");
    tree_symlink(&owner.tree, "nowhere", "dangling.yaml");
    owner_open(&owner);
    assert_int_equal(owner.files_seen, 2);
    tree_write_service(&other, "x.txt", "a", 2);
    assert_true(turn_until(&owner, "a", 2, 500));
    tree_write_service(&other, "dir/b.yaml", "b", 2);
    assert_true(turn_until(&owner, "b", 2, 500));
    owner_fini(&owner);
    tree_fini(&other);
}

TEST(what_is_no_regular_file_is_never_opened_and_a_large_one_is_refused)
{
    struct files_stats stats;
    struct owner owner;

    owner_init(&owner);
    tree_write_service(&owner.tree, "a.yaml", "a", 1);
    assert_int_equal(mkfifo(tree_path(&owner.tree, "fifo.yaml"), 0644), 0);
    tree_write(&owner.tree, "large.yaml", "");
    assert_int_equal(truncate(tree_path(&owner.tree, "large.yaml"), MANIFEST_BYTES_MAX + 1), 0);
    owner_open(&owner);
    assert_int_equal(owner.broken_seen, 2);
    assert_int_equal(port_of(&owner, "a"), 1);
    files_stats(owner.files, &stats);
    assert_int_equal(stats.too_large, 1);
    assert_int_equal(stats.files_broken, 2);
    owner_fini(&owner);
}

/* The superuser may read everything, so this shows nothing then. */
TEST(what_may_not_be_read_keeps_its_objects_until_it_may)
{
    struct owner owner;

    if (geteuid() == 0)
        skip();
    owner_init(&owner);
    tree_mkdir(&owner.tree, "d");
    tree_write_service(&owner.tree, "a.yaml", "a", 1);
    tree_write_service(&owner.tree, "d/b.yaml", "b", 1);
    owner_open(&owner);
    assert_int_equal(chmod(tree_path(&owner.tree, "d"), 0), 0);
    assert_int_equal(chmod(tree_path(&owner.tree, "a.yaml"), 0), 0);
    turn_for(&owner, CALM_MS);
    assert_int_equal(owner.broken_seen, 1);
    assert_int_equal(port_of(&owner, "a") + port_of(&owner, "b"), 2);
    assert_int_equal(chmod(tree_path(&owner.tree, "d"), 0755), 0);
    assert_int_equal(chmod(tree_path(&owner.tree, "a.yaml"), 0644), 0);
    turn_for(&owner, CALM_MS);
    assert_int_equal(owner.files_seen, 4);
    tree_write_service(&owner.tree, "d/b.yaml", "b", 2);
    assert_true(turn_until(&owner, "b", 2, 500));
    owner_fini(&owner);
}

TEST(hostile_100_a_storm_of_changes_ends_in_the_last_state)
{
    struct owner owner;

    owner_init(&owner);
    owner_open(&owner);
    for (int round = 1; round <= 5; round++) {
        for (int i = 0; i < 300; i++) {
            char file[20], name[20];

            snprintf(file, sizeof(file), "f%d.yaml", i);
            snprintf(name, sizeof(name), "s%d", i);
            tree_write_service(&owner.tree, file, name, round);
        }
        turn_for(&owner, 5);
    }
    assert_true(turn_until(&owner, "s299", 5, WAIT_MS));
    turn_for(&owner, CALM_MS);
    for (int i = 0; i < 300; i++) {
        char name[20];

        snprintf(name, sizeof(name), "s%d", i);
        assert_int_equal(port_of(&owner, name), 5);
    }
    print_message("%zu batches\n", owner.batches);
    assert_true(owner.batches < 12);
    owner_fini(&owner);
}

static size_t count_in_log(int fd, const char *part)
{
    static char text[65536];
    ssize_t length = pread(fd, text, sizeof(text) - 1, 0);
    size_t count = 0;

    assert_true(length >= 0);
    text[length] = '\0';
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
        count++;
    return count;
}

TEST(a_kind_nobody_serves_is_told_once_and_a_fault_with_its_place)
{
    char name[] = "/tmp/fairlead-test-log-XXXXXX";
    int fd = mkstemp(name);
    struct owner owner;

    owner_init(&owner);
    owner.log = log_create(fd, LOG_LEVEL_DEBUG);
    tree_write(&owner.tree, "a.yaml", "apiVersion: apps/v1\nkind: Deployment\n");
    tree_write(&owner.tree, "b.yaml", "# 2\napiVersion: apps/v1\nkind: Deployment\n");
    tree_write(&owner.tree, "bad.yaml", "apiVersion: v1\nkind: {\n");
    owner_open(&owner);
    tree_write(&owner.tree, "a.yaml", "# 3\napiVersion: apps/v1\nkind: Deployment\n");
    turn_for(&owner, CALM_MS);
    assert_int_equal(count_in_log(fd, "manifests have a kind that is not served"), 1);
    assert_int_equal(count_in_log(fd, "bad.yaml"), 1);
    assert_int_equal(count_in_log(fd, "line=3"), 1);
    owner_fini(&owner);
    log_destroy(owner.log);
    close(fd);
    unlink(name);
}

TEST(closing_in_the_middle_of_a_job_leaves_nothing_behind)
{
    struct owner owner;
    const char *roots[1];

    owner_init(&owner);
    tree_write_service(&owner.tree, "a.yaml", "a", 1);
    roots[0] = owner.tree.root;
    assert_int_equal(files_open(&owner.files, &owner.loop, roots, 1, NULL, on_batch, &owner),
                     STATUS_OK);
    owner_fini(&owner);
    assert_int_equal(owner.batches, 0);
}

TEST(reading_once_takes_files_of_any_name_and_directories)
{
    struct source_batch *batch = NULL;
    const char *paths[3];
    struct tree tree;

    tree_init(&tree);
    tree_mkdir(&tree, "d");
    tree_write_service(&tree, "d/b.yaml", "b", 1);
    tree_write_service(&tree, "a.txt", "a", 1);
    paths[0] = tree_path(&tree, "d/");
    paths[1] = tree_path(&tree, "a.txt");
    paths[2] = tree_path(&tree, "d/b.yaml");
    assert_int_equal(files_read_once(paths, 3, false, NULL, &batch), STATUS_OK);
    assert_true(batch->is_first);
    assert_int_equal(batch->files_count, 2);
    assert_int_equal(batch->files[0].decoded.objects_count, 1);
    assert_int_equal(batch->files[1].decoded.objects_count, 1);
    assert_true(bytes_ends_with(batch->files[1].path, BYTES("/d/b.yaml")));
    source_batch_destroy(batch);
    paths[1] = tree_path(&tree, "none.yaml");
    assert_int_equal(files_read_once(paths, 3, false, NULL, &batch), STATUS_NOT_FOUND);
    tree_fini(&tree);
}

/* What readiness says becomes this. */
static void wait_for_detail(struct owner *owner, const char *expected)
{
    struct text text;
    bool is_said = false;

    text_init(&text);
    for (uint64_t waited_ms = 0; !is_said && waited_ms < WAIT_MS; waited_ms += 20) {
        const struct source source = files_source(owner->files);

        text_clear(&text);
        source.ops->add_detail(source.self, &text);
        is_said = bytes_equal(text_bytes(&text), bytes_of(expected));
        if (!is_said)
            turn_for(owner, 20);
    }
    assert_bytes(text_bytes(&text), expected);
    text_fini(&text);
}

TEST(a_file_broken_at_the_start_has_no_good_objects_to_keep)
{
    struct owner owner;

    owner_init(&owner);
    tree_write_service(&owner.tree, "a.yaml", "a", 1);
    tree_write(&owner.tree, "bad.yaml", "kind: [");
    owner_open(&owner);
    wait_for_detail(&owner, "1 manifest file can not be used; nothing of it is served\n");
    tree_write(&owner.tree, "a.yaml", "apiVersion: v1\nkind: [");
    wait_for_detail(&owner,
                    "2 manifest files can not be used; the last good objects of 1 are served\n");
    tree_write(&owner.tree, "bad.yaml", "");
    wait_for_detail(&owner,
                    "1 manifest file can not be used; its last good objects are served\n");
    tree_write_service(&owner.tree, "a.yaml", "a", 2);
    wait_for_detail(&owner, "");
    owner_fini(&owner);
}

static void assert_remark(const struct source_file *file, const char *path, const char *sentence)
{
    assert_true(bytes_ends_with(file->path, bytes_of(path)));
    assert_false(file->decoded.is_broken);
    assert_int_equal(file->decoded.objects_count, 0);
    assert_int_equal(file->decoded.notes_count, 1);
    assert_false(file->decoded.notes[0].is_error);
    assert_bytes(file->decoded.notes[0].text, sentence);
}

TEST(reading_once_may_tell_of_paths_without_manifests)
{
    struct source_batch *batch = NULL;
    const char *paths[3];
    struct tree tree;

    tree_init(&tree);
    tree_mkdir(&tree, "bare");
    tree_mkdir(&tree, "full");
    tree_write(&tree, "bare/notes.txt", "kind: [");
    tree_write_service(&tree, "full/a.yaml", "a", 1);
    assert_int_equal(symlink("nowhere.yaml", tree_path(&tree, "full/link.yaml")), 0);
    assert_int_equal(symlink("nowhere", tree_path(&tree, "full/other")), 0);
    paths[0] = tree_path(&tree, "bare");
    paths[1] = tree_path(&tree, "full");
    paths[2] = paths[1]; /* a second time: not bare, only known already */
    assert_int_equal(files_read_once(paths, 3, true, NULL, &batch), STATUS_OK);
    assert_int_equal(batch->files_count, 3);
    assert_remark(&batch->files[1], "/bare",
                  "there are no manifests here: their names end in .yaml, .yml or .json");
    assert_remark(&batch->files[2], "/full/link.yaml",
                  "a symbolic link that leads nowhere, so it does nothing");
    source_batch_destroy(batch);
    assert_int_equal(files_read_once(paths, 3, false, NULL, &batch), STATUS_OK);
    assert_int_equal(batch->files_count, 1);
    source_batch_destroy(batch);
    tree_fini(&tree);
}

TESTS(UNIT(the_first_batch_is_the_whole_tree), UNIT(an_empty_directory_gives_an_empty_first_batch),
      UNIT(a_directory_that_can_not_be_read_is_refused_at_the_start),
      UNIT(a_changed_a_new_and_a_deleted_file_arrive),
      UNIT(files_written_in_one_go_arrive_in_one_batch), UNIT(an_event_for_one_file_reads_no_other),
      UNIT(a_touched_file_with_the_same_bytes_is_no_news),
      UNIT(a_file_that_does_not_parse_keeps_its_last_good_objects),
      UNIT(a_truncated_file_is_believed_only_after_a_second),
      UNIT(a_file_written_in_two_halves_is_not_read_between_them),
      UNIT(directories_that_come_go_and_are_renamed_are_followed),
      UNIT(a_deleted_root_is_believed_after_a_second_and_seen_when_it_is_back),
      UNIT(a_config_map_volume_changes_all_at_once),
      UNIT(symlinked_files_and_directories_are_followed_and_loops_end),
      UNIT(what_is_no_regular_file_is_never_opened_and_a_large_one_is_refused),
      UNIT(what_may_not_be_read_keeps_its_objects_until_it_may),
      UNIT(hostile_100_a_storm_of_changes_ends_in_the_last_state),
      UNIT(a_kind_nobody_serves_is_told_once_and_a_fault_with_its_place),
      UNIT(closing_in_the_middle_of_a_job_leaves_nothing_behind),
      UNIT(reading_once_takes_files_of_any_name_and_directories),
      UNIT(a_file_broken_at_the_start_has_no_good_objects_to_keep),
      UNIT(reading_once_may_tell_of_paths_without_manifests))
