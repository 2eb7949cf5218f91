/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_passed_on.c - connections whose TLS is between the client and an endpoint: all that came of
 * them is handed back.
 */
#include "tests/unit/tls/wire.h"

TEST(a_name_that_is_passed_on_gets_all_bytes_back_and_no_answer)
{
    struct world world;
    struct text hello;

    open_world(&world);
    text_init(&hello);
    begin_hello(&world, "passed.test", &hello);
    run_server(&world);
    assert_int_equal(world.server.passes, 1);
    assert_true(hello.len > 200);
    assert_true(bytes_equal(text_bytes(&world.server.passed), text_bytes(&hello)));
    assert_int_equal(world.server.pipe.writes, 0);
    assert_int_equal(world.server.readies + world.server.breaks + world.server.closes, 0);
    text_fini(&hello);
    close_world(&world);
}

TEST(a_hello_that_comes_byte_by_byte_is_passed_on_whole_with_what_follows)
{
    struct world world;
    struct text hello;

    open_world(&world);
    text_init(&hello);
    begin_hello(&world, "passed.test", &hello);
    text_add(&world.server.pipe.arrived, BYTES("and more"));
    text_add_str(&hello, "and more");
    world.server.pipe.lend_max = 1;
    run_server(&world);
    assert_int_equal(world.server.passes, 1);
    assert_true(bytes_equal(text_bytes(&world.server.passed), text_bytes(&hello)));
    text_fini(&hello);
    close_world(&world);
}

TEST(a_hello_that_had_to_wait_for_its_turn_is_passed_on_whole)
{
    struct world world;
    struct text hello;

    open_world(&world);
    text_init(&hello);
    begin_hello(&world, "passed.test", &hello);
    world.engine->budget_ns = 0;
    world.engine->spent_ns = 1;
    assert_true(pipe_turn(&world.server.pipe));
    assert_int_equal(world.server.passes, 0);
    world.engine->budget_ns = UINT64_MAX;
    run_server(&world);
    assert_int_equal(world.server.passes, 1);
    assert_true(bytes_equal(text_bytes(&world.server.passed), text_bytes(&hello)));
    text_fini(&hello);
    close_world(&world);
}

/* In two records, each with a head of its own: a client may part its hello as it likes. */
TEST(a_hello_of_several_records_is_passed_on_as_it_came)
{
    struct world world;
    struct text hello, parted;
    struct bytes body;

    open_world(&world);
    text_init(&hello);
    text_init(&parted);
    begin_hello(&world, "passed.test", &hello);
    body = bytes_skip(text_bytes(&hello), 5);
    text_add(&parted, bytes_from("\x16\x03\x01\x00\x03", 5));
    text_add(&parted, bytes_slice(body, 0, 3));
    text_add(&parted, bytes_from("\x16\x03\x01", 3));
    text_add_byte(&parted, (char)((body.len - 3) >> 8));
    text_add_byte(&parted, (char)((body.len - 3) & 0xff));
    text_add(&parted, bytes_skip(body, 3));
    text_clear(&world.server.pipe.arrived);
    text_add(&world.server.pipe.arrived, text_bytes(&parted));
    run_server(&world);
    assert_int_equal(world.server.passes, 1);
    assert_true(bytes_equal(text_bytes(&world.server.passed), text_bytes(&parted)));
    text_fini(&hello);
    text_fini(&parted);
    close_world(&world);
}

TEST(a_client_of_any_version_is_passed_on)
{
    struct world world;

    open_world(&world);
    set_versions(&world, TLS1_VERSION, TLS1_VERSION);
    begin(&world, "passed.test");
    run(&world);
    assert_int_equal(world.server.passes, 1);
    assert_int_equal(world.server.pipe.writes, 0);
    close_world(&world);
}

TESTS(UNIT(a_name_that_is_passed_on_gets_all_bytes_back_and_no_answer),
      UNIT(a_hello_that_comes_byte_by_byte_is_passed_on_whole_with_what_follows),
      UNIT(a_hello_that_had_to_wait_for_its_turn_is_passed_on_whole),
      UNIT(a_hello_of_several_records_is_passed_on_as_it_came),
      UNIT(a_client_of_any_version_is_passed_on))
