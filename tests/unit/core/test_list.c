/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_list.c - the intrusive list.
 */
#include "core/list.h"
#include "core/status.h"
#include "tests/unit/unit.h"

struct item {
    int number;
    struct list link;
};

static void assert_numbers(struct list *head, const int *expected, size_t count)
{
    size_t i = 0;

    LIST_EACH (head, link) {
        assert_true(i < count);
        assert_int_equal(LIST_ENTRY(link, struct item, link)->number, expected[i]);
        i++;
    }
    assert_int_equal(i, count);
}

TEST(links_stand_in_the_order_they_were_pushed)
{
    struct list head;
    struct item items[4] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};

    list_init(&head);
    assert_true(list_is_empty(&head));
    assert_null(list_first(&head));
    assert_null(list_last(&head));
    list_push_back(&head, &items[1].link);
    list_push_back(&head, &items[2].link);
    list_push_front(&head, &items[0].link);
    list_push_back(&head, &items[3].link);
    assert_numbers(&head, (const int[]){0, 1, 2, 3}, 4);
    assert_ptr_equal(list_first(&head), &items[0].link);
    assert_ptr_equal(list_last(&head), &items[3].link);
    list_remove(&items[2].link);
    assert_numbers(&head, (const int[]){0, 1, 3}, 3);
}

TEST(a_link_may_be_removed_twice)
{
    struct list head;
    struct item item = {.number = 1};

    list_init(&head);
    list_push_back(&head, &item.link);
    list_remove(&item.link);
    list_remove(&item.link);
    assert_true(list_is_empty(&head));
    assert_true(list_is_empty(&item.link));
}

TEST(the_visited_link_may_be_removed)
{
    struct list head;
    struct item items[5];

    list_init(&head);
    for (int i = 0; i < 5; i++) {
        items[i].number = i;
        list_push_back(&head, &items[i].link);
    }
    LIST_EACH (&head, link) {
        if (LIST_ENTRY(link, struct item, link)->number % 2 == 0)
            list_remove(link);
    }
    assert_numbers(&head, (const int[]){1, 3}, 2);
}

TEST(every_status_has_a_text_of_its_own)
{
    for (int a = STATUS_OK; a <= STATUS_IO; a++)
        for (int b = STATUS_OK; b < a; b++)
            assert_string_not_equal(status_text((enum status)a), status_text((enum status)b));
}

TESTS(UNIT(links_stand_in_the_order_they_were_pushed), UNIT(a_link_may_be_removed_twice),
      UNIT(the_visited_link_may_be_removed), UNIT(every_status_has_a_text_of_its_own))
