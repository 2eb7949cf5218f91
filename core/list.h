/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list.h - an intrusive, circular, doubly linked list: no allocation, removal in one step.
 *
 * A `struct list` is both the head and the link inside an element. An element that is in no list
 * points at itself, so list_remove() may be called on it again.
 */
#ifndef CORE_LIST_H
#define CORE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next;
    struct list *prev;
};

/* The struct that `link` is the field `member` of. */
#define LIST_ENTRY(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

/* Visits every link; the visited link may be removed inside the body. */
#define LIST_EACH(head, link)                                                                      \
    for (struct list *link = (head)->next, *link##_next = link->next; link != (head);              \
         link = link##_next, link##_next = link->next)

static inline void list_init(struct list *list)
{
    list->next = list;
    list->prev = list;
}

static inline bool list_is_empty(const struct list *list)
{
    return list->next == list;
}

static inline void list_push_front(struct list *head, struct list *link)
{
    link->next = head->next;
    link->prev = head;
    head->next->prev = link;
    head->next = link;
}

static inline void list_push_back(struct list *head, struct list *link)
{
    list_push_front(head->prev, link);
}

/* Takes the link out of its list and makes it point at itself. */
static inline void list_remove(struct list *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    list_init(link);
}

/* First link, or NULL when the list is empty. */
static inline struct list *list_first(struct list *head)
{
    return list_is_empty(head) ? NULL : head->next;
}

/* Last link, or NULL when the list is empty. */
static inline struct list *list_last(struct list *head)
{
    return list_is_empty(head) ? NULL : head->prev;
}

#endif
