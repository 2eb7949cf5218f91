/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube_lists.c - what is asked of an API server.
 */
#include "controller/kube/kube_parts.h"

/* Secrets that can serve: certificates, and CAs. Two lists are much less than all of them, where
 * releases of charts are kept as Secrets. */
const struct followed kube_lists[KUBE_LISTS_COUNT] = {
    {.kind = OBJECT_INGRESS,
     .api_version = "networking.k8s.io/v1",
     .root = "/apis/networking.k8s.io/v1",
     .resource = "ingresses"},
    {.kind = OBJECT_INGRESS_CLASS,
     .api_version = "networking.k8s.io/v1",
     .root = "/apis/networking.k8s.io/v1",
     .resource = "ingressclasses",
     .is_cluster_wide = true},
    {.kind = OBJECT_SERVICE, .api_version = "v1", .root = "/api/v1", .resource = "services"},
    {.kind = OBJECT_ENDPOINT_SLICE,
     .api_version = "discovery.k8s.io/v1",
     .root = "/apis/discovery.k8s.io/v1",
     .resource = "endpointslices",
     .may_be_absent = true,
     .outlives_api = true},
    {.kind = OBJECT_SECRET,
     .api_version = "v1",
     .root = "/api/v1",
     .resource = "secrets",
     .selector = "fieldSelector=type%3Dkubernetes.io%2Ftls",
     .has_sibling = true},
    {.kind = OBJECT_SECRET,
     .api_version = "v1",
     .root = "/api/v1",
     .resource = "secrets",
     .selector = "fieldSelector=type%3DOpaque",
     .has_sibling = true},
    {.kind = OBJECT_INGRESS_ROUTE,
     .api_version = "contour.heptio.com/v1beta1",
     .root = "/apis/contour.heptio.com/v1beta1",
     .resource = "ingressroutes",
     .may_be_absent = true},
    {.kind = OBJECT_TLS_DELEGATION,
     .api_version = "contour.heptio.com/v1beta1",
     .root = "/apis/contour.heptio.com/v1beta1",
     .resource = "tlscertificatedelegations",
     .may_be_absent = true},
    {.kind = OBJECT_PROJECTCONTOUR_TLS_DELEGATION,
     .api_version = "projectcontour.io/v1",
     .root = "/apis/projectcontour.io/v1",
     .resource = "tlscertificatedelegations",
     .may_be_absent = true},
};
/* Where there are no slices, or none any more. */
const struct followed kube_endpoints = {
    .kind = OBJECT_ENDPOINTS, .api_version = "v1", .root = "/api/v1", .resource = "endpoints"};

/* Of the namespace of the published Service, where it is not watched. */
const struct followed kube_services = {
    .kind = OBJECT_SERVICE, .api_version = "v1", .root = "/api/v1", .resource = "services"};

/* Where our pods run. Their selector is made of the flag. */
const struct followed kube_pods = {
    .kind = OBJECT_POD, .api_version = "v1", .root = "/api/v1", .resource = "pods"};
const struct followed kube_nodes = {.kind = OBJECT_NODE,
                                    .api_version = "v1",
                                    .root = "/api/v1",
                                    .resource = "nodes",
                                    .is_cluster_wide = true};
