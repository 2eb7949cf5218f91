/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_limits.c - connections by address, each worker's share of a limit.
 */
#include "core/mem.h"
#include "proxy/limits.h"
#include "tests/unit/unit.h"

struct place {
    struct proxy_config config;
    struct worker *worker;
};

static void open_place(struct place *place, uint32_t per_address_max, uint32_t workers_count)
{
    place->config = (struct proxy_config){.connections_per_address_max = per_address_max,
                                          .workers_count = workers_count};
    place->worker = mem_new(struct worker);
    place->worker->config = &place->config;
    map_init(&place->worker->addresses);
}

/* Nothing is remembered of addresses without a connection. */
static void close_place(struct place *place)
{
    assert_int_equal(place->worker->addresses.count, 0);
    map_fini(&place->worker->addresses);
    mem_free(place->worker);
}

static struct address address_of(const char *text)
{
    struct address address;

    assert_int_equal(address_parse(bytes_of(text), &address), STATUS_OK);
    return address;
}

TEST(hostile_87_an_address_has_its_share_whatever_its_ports)
{
    const struct address first = address_of("10.0.0.1:1000");
    const struct address second = address_of("10.0.0.1:2000");
    const struct address third = address_of("10.0.0.1:3000");
    const struct address other = address_of("10.0.0.2:1000");
    struct place place;

    open_place(&place, 2, 1);
    assert_true(limits_address_take(place.worker, &first));
    assert_true(limits_address_take(place.worker, &second));
    assert_false(limits_address_take(place.worker, &third));
    assert_true(limits_address_take(place.worker, &other));
    limits_address_forget(place.worker, &first);
    assert_true(limits_address_take(place.worker, &third));
    assert_false(limits_address_take(place.worker, &first));
    limits_address_forget(place.worker, &third);
    limits_address_forget(place.worker, &second);
    limits_address_forget(place.worker, &other);
    close_place(&place);
}

TEST(addresses_of_both_families_are_told_apart)
{
    const struct address four = address_of("1.0.0.0:1");
    const struct address six = address_of("[100::]:1");
    struct place place;

    open_place(&place, 1, 1);
    assert_true(limits_address_take(place.worker, &four));
    assert_true(limits_address_take(place.worker, &six));
    assert_false(limits_address_take(place.worker, &six));
    limits_address_forget(place.worker, &four);
    limits_address_forget(place.worker, &six);
    close_place(&place);
}

TEST(without_a_limit_nothing_is_counted)
{
    const struct address address = address_of("10.0.0.1:1000");
    struct place place;

    open_place(&place, 0, 1);
    for (int i = 0; i < 100; i++)
        assert_true(limits_address_take(place.worker, &address));
    limits_address_forget(place.worker, &address);
    close_place(&place);
}

TEST(a_share_is_rounded_up_and_never_nothing)
{
    assert_int_equal(limits_share(10, 1), 10);
    assert_int_equal(limits_share(10, 3), 4);
    assert_int_equal(limits_share(9, 3), 3);
    assert_int_equal(limits_share(1, 8), 1);
}

TEST(thousands_of_addresses_come_and_go)
{
    struct place place;

    open_place(&place, 1, 1);
    for (int round = 0; round < 3; round++) {
        struct address address = address_of("10.0.0.1:1000");

        for (unsigned int i = 0; i < 10000; i++) {
            memcpy(address.ip, &i, sizeof(i));
            assert_true(limits_address_take(place.worker, &address));
            assert_false(limits_address_take(place.worker, &address));
        }
        for (unsigned int i = 0; i < 10000; i++) {
            memcpy(address.ip, &i, sizeof(i));
            limits_address_forget(place.worker, &address);
        }
    }
    close_place(&place);
}

TESTS(UNIT(hostile_87_an_address_has_its_share_whatever_its_ports),
      UNIT(addresses_of_both_families_are_told_apart), UNIT(without_a_limit_nothing_is_counted),
      UNIT(a_share_is_rounded_up_and_never_nothing), UNIT(thousands_of_addresses_come_and_go))
