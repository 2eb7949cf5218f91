/* SPDX-License-Identifier: Apache-2.0 */
/*
 * title.h - an object as statuses and findings of a table name it: "Ingress ns/name".
 */
#ifndef CONTROLLER_TITLE_H
#define CONTROLLER_TITLE_H

#include "controller/object/object.h"
#include "core/text.h"

struct title {
    enum object_kind kind;
    struct bytes ns; /* slices of the text */
    struct bytes name;
};

/* Takes a text apart. Only the kinds that are told about on the API server, Ingress and
 * IngressRoute; false for others, and for what is no title. */
bool title_read(struct bytes text, struct title *title);
void title_add(const struct title *title, struct text *out);

#endif
