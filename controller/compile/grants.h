/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grants.h - which namespaces may use whose Secrets: all TLSCertificateDelegations, by the Secret.
 *
 * Source: spec/contour.md 2.8; design 5.8, 5.16.
 */
#ifndef CONTROLLER_COMPILE_GRANTS_H
#define CONTROLLER_COMPILE_GRANTS_H

#include "controller/object/object.h"
#include "core/map.h"

struct grants {
    struct map secrets; /* "ns/name" -> struct granted */
};

void grants_init(struct grants *grants);
void grants_fini(struct grants *grants);

/* The delegation counts from now on, or no more. Holds no reference: what is needed is copied. */
void grants_add(struct grants *grants, const struct tls_delegation *delegation);
void grants_remove(struct grants *grants, const struct tls_delegation *delegation);

/* True when some delegation gives objects of `from_ns` the use of the Secret ns/name. */
bool grants_allow(const struct grants *grants, struct bytes from_ns, struct bytes ns,
                  struct bytes name);

#endif
