/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_slow_writers.c - files that are written in pieces, and links that change what is behind
 * names. docs/decisions/0012-half-written-files.md has the rules.
 */
#include "controller/kube/settle.h"
#include "tests/unit/controller/kube/owner.h"
#include "tests/unit/unit.h"

#define SLACK_MS 7000 /* for a busy machine; well below the 10 s of a rescan */

/* Two Services as two documents, the second one by far the longer. */
static void two_services(char *text, size_t size, int port)
{
    size_t length = (size_t)snprintf(
        text, size,
        "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: %d}]}\n"
        "---\napiVersion: v1\nkind: Service\nmetadata: {name: b}\nspec: {ports: [{port: %d}]}\n",
        port, port);

    for (int i = 0; i < 8; i++)
        length += (size_t)snprintf(text + length, size - length, "# one more line\n");
}

static void write_two_services(const struct tree *tree, const char *name, int port)
{
    char text[1000];

    two_services(text, sizeof(text), port);
    tree_write(tree, name, text);
}

static FILE *truncate_in_place(const struct tree *tree, const char *name)
{
    FILE *file = fopen(tree_path(tree, name), "w");

    assert_non_null(file);
    return file;
}

static void write_piece(FILE *file, const char *text, size_t length)
{
    assert_int_equal(fwrite(text, 1, length, file), length);
    assert_int_equal(fflush(file), 0);
}

/* How much of the text there is up to the second document: a prefix that parses. */
static size_t first_document(const char *text)
{
    return (size_t)(strstr(text, "---\n") - text);
}

TEST(a_file_written_slowly_in_place_is_not_read_before_it_is_whole)
{
    struct owner owner;
    char text[1000];
    size_t length, step;
    FILE *file;

    owner_init(&owner);
    write_two_services(&owner.tree, "a.yaml", 1);
    owner_open(&owner);
    two_services(text, sizeof(text), 2);
    length = strlen(text);
    step = length / 20;
    file = truncate_in_place(&owner.tree, "a.yaml");
    for (size_t at = 0; at < length; at += step) {
        write_piece(file, text + at, length - at < step ? length - at : step);
        turn_for(&owner, 10);
        assert_int_equal(port_of(&owner, "b"), port_of(&owner, "a"));
    }
    fclose(file);
    assert_true(turn_until(&owner, "b", 2, WAIT_MS));
    assert_int_equal(owner.batches, 2);
    assert_int_equal(owner.broken_seen, 0);
    owner_fini(&owner);
}

/* The pause is longer than SETTLE_QUIET_MS, and the half that is there parses. */
TEST(half_a_file_deletes_no_objects_while_its_writer_pauses)
{
    struct owner owner;
    char text[1000];
    FILE *file;

    owner_init(&owner);
    write_two_services(&owner.tree, "a.yaml", 1);
    owner_open(&owner);
    two_services(text, sizeof(text), 2);
    file = truncate_in_place(&owner.tree, "a.yaml");
    write_piece(file, text, first_document(text));
    turn_for(&owner, 100);
    assert_int_equal(port_of(&owner, "a"), 1);
    assert_int_equal(port_of(&owner, "b"), 1);
    write_piece(file, text + first_document(text), strlen(text) - first_document(text));
    fclose(file);
    assert_true(turn_until(&owner, "b", 2, WAIT_MS));
    assert_int_equal(owner.batches, 2);
    owner_fini(&owner);
}

TEST(a_half_that_ends_in_the_middle_of_a_line_waits_too)
{
    struct owner owner;
    FILE *file;

    owner_init(&owner);
    tree_write_service(&owner.tree, "a.yaml", "a", 8080);
    owner_open(&owner);
    file = truncate_in_place(&owner.tree, "a.yaml");
    fputs("spec: {ports: [{port: 8081}]}\napiVersion: v1\nkind: Service\nmetadata:\n  name: a",
          file);
    fflush(file);
    turn_for(&owner, 100);
    assert_int_equal(port_of(&owner, "a"), 8080);
    fputs("bc\n", file);
    fclose(file);
    assert_true(turn_until(&owner, "abc", 8081, WAIT_MS));
    assert_int_equal(owner.batches, 2);
    owner_fini(&owner);
}

TEST(a_half_that_does_not_parse_is_no_error_while_its_writer_pauses)
{
    struct owner owner;
    FILE *file;

    owner_init(&owner);
    tree_write_service(&owner.tree, "a.yaml", "a", 1);
    owner_open(&owner);
    file = truncate_in_place(&owner.tree, "a.yaml");
    fputs("apiVersion: v1\nkind: Service\nmetadata: {name: a", file);
    fflush(file);
    turn_for(&owner, 100);
    fputs("}\nspec: {ports: [{port: 2}]}\n", file);
    fclose(file);
    assert_true(turn_until(&owner, "a", 2, WAIT_MS));
    assert_int_equal(owner.broken_seen, 0);
    owner_fini(&owner);
}

TEST(objects_taken_out_in_place_are_gone_when_the_file_was_quiet)
{
    struct owner owner;
    uint64_t wrote_at_ms;

    owner_init(&owner);
    write_two_services(&owner.tree, "a.yaml", 1);
    owner_open(&owner);
    wrote_at_ms = clock_ms();
    tree_write_service(&owner.tree, "a.yaml", "a", 2);
    assert_true(turn_until(&owner, "b", 0, WAIT_MS));
    assert_in_range(owner.batch_at_ms - wrote_at_ms, 100, 200 + SLACK_MS);
    owner_fini(&owner);
}

TEST(objects_taken_out_by_a_rename_are_gone_at_once)
{
    struct owner owner;
    uint64_t renamed_at_ms;

    owner_init(&owner);
    write_two_services(&owner.tree, "a.yaml", 1);
    owner_open(&owner);
    tree_write_service(&owner.tree, ".a.new", "a", 2);
    renamed_at_ms = clock_ms();
    tree_rename(&owner.tree, ".a.new", "a.yaml");
    assert_true(turn_until(&owner, "b", 0, WAIT_MS));
    assert_in_range(owner.batch_at_ms - renamed_at_ms, 0, 25 + SLACK_MS);
    owner_fini(&owner);
}

/* Some editors move the old file away and write a new one under its name: a new inode, and yet
 * half of it may be there. */
TEST(a_new_file_written_under_an_old_name_is_not_believed_to_be_whole)
{
    struct owner owner;
    char text[1000];
    FILE *file;

    owner_init(&owner);
    write_two_services(&owner.tree, "a.yaml", 1);
    owner_open(&owner);
    two_services(text, sizeof(text), 2);
    tree_rename(&owner.tree, "a.yaml", "a.yaml~");
    file = truncate_in_place(&owner.tree, "a.yaml");
    write_piece(file, text, first_document(text));
    turn_for(&owner, 100);
    assert_int_equal(port_of(&owner, "b"), 1);
    write_piece(file, text + first_document(text), strlen(text) - first_document(text));
    fclose(file);
    assert_true(turn_until(&owner, "b", 2, WAIT_MS));
    owner_fini(&owner);
}

/* Not how soon: a busy machine makes it quiet. test_settle.c says when, by a clock of its own. */
TEST(a_file_that_is_never_quiet_is_read_in_the_end_and_holds_up_no_other)
{
    struct owner owner;
    uint64_t began_at_ms, other_at_ms = 0;
    unsigned rounds = 0;
    FILE *file;

    owner_init(&owner);
    tree_write_service(&owner.tree, "busy.yaml", "busy", 1);
    owner_open(&owner);
    file = fopen(tree_path(&owner.tree, "busy.yaml"), "w");
    assert_non_null(file);
    fputs("apiVersion: v1\nkind: Service\nmetadata: {name: busy}\nspec: {ports: [{port: 2}]}\n",
          file);
    began_at_ms = clock_ms();
    while (port_of(&owner, "busy") == 1 && clock_ms() - began_at_ms < WAIT_MS) {
        write_piece(file, "# and on\n", 9);
        if (++rounds == 10) {
            tree_write_service(&owner.tree, "other.yaml", "other", 1);
            other_at_ms = clock_ms();
        }
        turn_for(&owner, 5);
        if (other_at_ms != 0 && port_of(&owner, "other") == 1) {
            assert_in_range(owner.batch_at_ms - other_at_ms, 0, 25 + SLACK_MS);
            other_at_ms = 0;
        }
    }
    fclose(file);
    assert_int_equal(port_of(&owner, "other"), 1);
    assert_in_range(owner.batch_at_ms - began_at_ms, 0, 1000 + SLACK_MS);
    owner_fini(&owner);
}

/* No event has the name by which the file is known. */
TEST(a_symlinked_file_written_slowly_is_not_read_before_it_is_whole)
{
    struct owner owner;
    struct tree other;
    char text[1000];
    size_t length, step;
    FILE *file;

    tree_init(&other);
    write_two_services(&other, "x.txt", 1);
    owner_init(&owner);
    tree_symlink(&owner.tree, tree_path(&other, "x.txt"), "a.yaml");
    owner_open(&owner);
    two_services(text, sizeof(text), 2);
    length = strlen(text);
    step = length / 20;
    file = truncate_in_place(&other, "x.txt");
    for (size_t at = 0; at < length; at += step) {
        write_piece(file, text + at, length - at < step ? length - at : step);
        turn_for(&owner, 10);
        assert_int_equal(port_of(&owner, "b"), port_of(&owner, "a"));
    }
    fclose(file);
    assert_true(turn_until(&owner, "b", 2, WAIT_MS));
    assert_int_equal(owner.broken_seen, 0);
    owner_fini(&owner);
    tree_fini(&other);
}

static void publish(struct owner *owner, int round, bool has_b)
{
    char dir[20], name[40];

    snprintf(dir, sizeof(dir), "..%d", round);
    tree_mkdir(&owner->tree, dir);
    snprintf(name, sizeof(name), "%s/a.yaml", dir);
    if (has_b)
        write_two_services(&owner->tree, name, round);
    else
        tree_write_service(&owner->tree, name, "a", round);
    tree_symlink(&owner->tree, dir, "..data_tmp");
    tree_rename(&owner->tree, "..data_tmp", "..data");
}

TEST(a_config_map_mounted_at_run_time_follows_its_first_swap)
{
    struct owner owner;
    uint64_t swapped_at_ms;

    owner_init(&owner);
    owner_open(&owner);
    publish(&owner, 1, true);
    tree_symlink(&owner.tree, "..data/a.yaml", "a.yaml");
    assert_true(turn_until(&owner, "b", 1, WAIT_MS));
    publish(&owner, 2, false); /* whole, though it has fewer objects */
    swapped_at_ms = clock_ms();
    assert_true(turn_until(&owner, "b", 0, WAIT_MS));
    assert_in_range(owner.batch_at_ms - swapped_at_ms, 0, 25 + SLACK_MS);
    assert_int_equal(port_of(&owner, "a"), 2);
    owner_fini(&owner);
}

/* The swap comes while the links are being looked at: at any time in that, it must not be lost. */
TEST(a_swap_right_after_the_links_appeared_is_not_lost)
{
    for (uint64_t pause_ms = 0; pause_ms < 48; pause_ms += 3) {
        struct owner owner;

        owner_init(&owner);
        owner_open(&owner);
        publish(&owner, 1, true);
        tree_symlink(&owner.tree, "..data/a.yaml", "a.yaml");
        turn_for(&owner, pause_ms);
        publish(&owner, 2, true);
        assert_true(turn_until(&owner, "b", 2, 500));
        owner_fini(&owner);
    }
}

TESTS(UNIT(a_file_written_slowly_in_place_is_not_read_before_it_is_whole),
      UNIT(half_a_file_deletes_no_objects_while_its_writer_pauses),
      UNIT(a_half_that_ends_in_the_middle_of_a_line_waits_too),
      UNIT(a_half_that_does_not_parse_is_no_error_while_its_writer_pauses),
      UNIT(objects_taken_out_in_place_are_gone_when_the_file_was_quiet),
      UNIT(objects_taken_out_by_a_rename_are_gone_at_once),
      UNIT(a_new_file_written_under_an_old_name_is_not_believed_to_be_whole),
      UNIT(a_file_that_is_never_quiet_is_read_in_the_end_and_holds_up_no_other),
      UNIT(a_symlinked_file_written_slowly_is_not_read_before_it_is_whole),
      UNIT(a_config_map_mounted_at_run_time_follows_its_first_swap),
      UNIT(a_swap_right_after_the_links_appeared_is_not_lost))
