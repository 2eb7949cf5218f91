/* SPDX-License-Identifier: Apache-2.0 */
/*
 * permission.c - a Secret belongs to its namespace, and to whom that delegates it.
 */
#include "controller/compile/permission.h"

struct secret_node *secret_permitted(struct pass *pass, struct bytes from_ns,
                                     const struct secret_ref *ref)
{
    struct secret_node *secret =
        secret_list_add(&pass->dag->secrets, &pass->secrets, ref->ns, ref->name);

    if (bytes_equal(from_ns, ref->ns) ||
        grants_allow(&pass->dag->grants, from_ns, ref->ns, ref->name))
        return secret;
    return NULL;
}

struct trust *permitted_trust(struct pass *pass, struct bytes from_ns, const struct secret_ref *ref,
                              struct bytes *fault)
{
    struct secret_node *secret = secret_permitted(pass, from_ns, ref);

    if (secret != NULL)
        return secret_trust(secret, pass->cache, fault);
    *fault = plain_printf(pass->scratch, "Secret %.*s/%.*s: certificate delegation not permitted",
                          BYTES_ARG(ref->ns), BYTES_ARG(ref->name));
    return NULL;
}
