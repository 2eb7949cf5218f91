/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fields.h - tells about fields that a kind does not have. They do nothing, which is easy to
 * overlook: tls one level too high, and the host is served in clear text.
 *
 *     what is written x the fields of the kind -> "PATH: there is no such field; do you mean ...?"
 *
 * Always a warning: the object is read as it would be without them.
 */
#ifndef CONTROLLER_OBJECT_FIELDS_H
#define CONTROLLER_OBJECT_FIELDS_H

#include "controller/object/node.h"

#define FIELDS_TOLD_MAX 8 /* of one object; how many more there are is told */

/* The fields of one level, closed by one without a name. */
struct field {
    const char *name;
    const struct field *below; /* of a mapping, or of each mapping in a list; NULL: not looked at */
    bool is_list;
};

/* A name that others have for something of ours, closed by one without a name. */
struct field_mistake {
    const char *written;
    const char *meant;  /* a field that is looked for near the mistake, or NULL */
    const char *remedy; /* where `meant` is NULL: the sentence */
};

/*
 * `fields` are those of the root. A field that is not among them is meant to be the one a mistake
 * says, one spelt nearly so beside it, or one with the same letters in the levels around.
 */
void fields_check(const struct node *root, const struct field *fields,
                  const struct field_mistake *mistakes);

#endif
