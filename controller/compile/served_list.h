/* SPDX-License-Identifier: Apache-2.0 */
/*
 * served_list.h - which Ingresses were taken up or given up, run by run.
 */
#ifndef CONTROLLER_COMPILE_SERVED_LIST_H
#define CONTROLLER_COMPILE_SERVED_LIST_H

#include "controller/compile/compile.h"

struct served_list {
    struct arena arena; /* the texts */
    struct served_ingress *list;
    size_t count;
    size_t capacity;
    bool is_told; /* of a run that is over: the next that comes begins anew */
};

void served_list_init(struct served_list *served);
void served_list_fini(struct served_list *served);
void served_list_add(struct served_list *served, const struct ingress *ingress, bool is_served);
void served_list_begin_run(struct served_list *served);
void served_list_end_run(struct served_list *served);

#endif
