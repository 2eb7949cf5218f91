/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity.h - what we send to be known, and what we know the server by: one reading of it all.
 */
#ifndef CONTROLLER_KUBE_IDENTITY_H
#define CONTROLLER_KUBE_IDENTITY_H

#include "controller/kube/access.h"
#include "controller/kube/secret_file.h"

struct identity {
    struct text ca;          /* PEM; empty: the roots of the system */
    struct text token;       /* empty: none */
    struct text certificate; /* PEM; empty: none */
    struct text key;
};

void identity_init(struct identity *identity);
void identity_fini(struct identity *identity);

/* Blocking. Appends what is wrong to *error; *identity is to be ended in every case. */
enum status identity_read(const struct access *access, struct identity *identity,
                          struct text *error);

/* A token as it may stand in a header: without the line end of its file. STATUS_INVALID if it is
 * empty or holds blanks or control bytes. */
enum status identity_set_token(struct identity *identity, struct bytes token);

bool identity_equal(const struct identity *a, const struct identity *b);
/* A connection made with one would be made the same with the other. */
bool identity_same_tls(const struct identity *a, const struct identity *b);

#endif
