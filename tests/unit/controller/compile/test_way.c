/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_way.c - ways to use a port as words, which are what tells clusters apart.
 */
#include "controller/compile/way.h"
#include "core/mem.h"
#include "tests/unit/unit.h"

static void assert_words(const struct way *way, const char *words)
{
    struct text text;

    text_init(&text);
    way_add_words(way, &text);
    assert_bytes(text_bytes(&text), words);
    text_fini(&text);
}

static struct way checked(const char *path)
{
    return (struct way){.has_health = true,
                        .health = {HEALTH_CHECK_HTTP, bytes_of(path), HEALTH_HOST,
                                   HEALTH_INTERVAL_MS, HEALTH_TIMEOUT_MS,
                                   HEALTH_UNHEALTHY_THRESHOLD, HEALTH_HEALTHY_THRESHOLD}};
}

static struct way verified(const char *ca, const char *subject)
{
    return (struct way){
        .is_verified = true, .ca_secret = bytes_of(ca), .subject_name = bytes_of(subject)};
}

TEST(the_usual_way_has_no_words)
{
    assert_words(&usual_way, "");
}

TEST(each_strategy_is_a_word_but_the_usual_one)
{
    struct way way = usual_way;

    way.policy = CLUSTER_LEAST_REQUEST;
    assert_words(&way, " least_request");
    way.policy = CLUSTER_RANDOM;
    assert_words(&way, " random");
    way.policy = CLUSTER_RING_HASH;
    assert_words(&way, " ring_hash");
    way.policy = CLUSTER_MAGLEV;
    assert_words(&way, " maglev");
}

TEST(of_a_health_check_only_what_is_unusual_is_said)
{
    struct way way = checked("/ready");

    assert_words(&way, " health=/ready");
    way.health.host = BYTES("web.internal");
    way.health.interval_ms = 5000;
    way.health.timeout_ms = 1000;
    way.health.unhealthy_threshold = 1;
    way.health.healthy_threshold = 9;
    assert_words(&way, " health=/ready host=web.internal every-ms=5000 within-ms=1000 down-after=1 "
                       "up-after=9");
}

TEST(a_check_by_connecting_has_neither_path_nor_host)
{
    struct way way = checked("");

    way.is_tcp = true;
    way.health.kind = HEALTH_CHECK_TCP;
    assert_words(&way, " tcp health=tcp");
}

TEST(everything_at_once_has_one_order)
{
    struct way way = checked("/ready");

    way.policy = CLUSTER_RANDOM;
    way.is_verified = true;
    way.ca_secret = BYTES("certs/ca");
    way.subject_name = BYTES("web.internal");
    assert_words(&way, " random ca=certs/ca subject=web.internal health=/ready");
}

/* Else one object could give its cluster the words, and so the connections, of another. */
TEST(no_text_of_an_object_can_look_like_another_word)
{
    struct way way = checked("/ready host=other\nx\x7f%20");

    assert_words(&way, " health=/ready%20host=other%0Ax%7F%2520");
    way = verified("ca subject=web", "x");
    assert_words(&way, " ca=ca%20subject=web subject=x");
    way = verified("ca", "web health=/x");
    assert_words(&way, " ca=ca subject=web%20health=/x");
    way = verified("", "");
    assert_words(&way, " ca= subject=");
}

TEST(a_copy_outlives_what_it_was_made_of)
{
    char path[] = "/ready", host[] = "web.internal", ca[] = "ca", subject[] = "name";
    struct way way = checked(path), *copy;

    way.health.host = bytes_of(host);
    way.is_verified = true;
    way.ca_secret = bytes_of(ca);
    way.subject_name = bytes_of(subject);
    copy = way_copy(&way);
    path[1] = host[1] = ca[1] = subject[1] = '?';
    assert_words(copy, " ca=ca subject=name health=/ready host=web.internal");
    mem_free(copy);
}

TESTS(UNIT(the_usual_way_has_no_words), UNIT(each_strategy_is_a_word_but_the_usual_one),
      UNIT(of_a_health_check_only_what_is_unusual_is_said),
      UNIT(a_check_by_connecting_has_neither_path_nor_host), UNIT(everything_at_once_has_one_order),
      UNIT(no_text_of_an_object_can_look_like_another_word),
      UNIT(a_copy_outlives_what_it_was_made_of))
