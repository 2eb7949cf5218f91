/* SPDX-License-Identifier: Apache-2.0 */
/*
 * class.c - which Ingresses are ours: by annotation, by ingressClassName, by controller, by
 * default.
 */
#include "controller/compile/class.h"

#include "controller/compile/emit.h"

/* The first of these that is there and not empty decides; it beats spec.ingressClassName. */
static const char *const class_annotations[] = {
    "projectcontour.io/ingress.class",
    "contour.heptio.com/ingress.class",
    "kubernetes.io/ingress.class",
};

/* What the annotations say, or `otherwise`. */
static struct bytes class_of(const struct object *object, struct bytes otherwise)
{
    for (size_t i = 0; i < sizeof(class_annotations) / sizeof(class_annotations[0]); i++) {
        struct bytes value = object_annotation(object, bytes_of(class_annotations[i]));

        if (value.len > 0)
            return value;
    }
    return otherwise;
}

struct bytes ingress_class_of(const struct ingress *ingress)
{
    return class_of(&ingress->object, ingress->class_name);
}

static const struct ingress_class *class_at(const struct cache *cache, struct bytes name)
{
    const struct object *object = cache_get(cache, OBJECT_INGRESS_CLASS, BYTES_NONE, name);

    return (const struct ingress_class *)(const void *)object;
}

static bool class_is_ours(const struct class_rules *rules, struct bytes name)
{
    const struct ingress_class *class;

    if (bytes_equal(name, rules->options->ingress_class) || bytes_equal(name, BYTES("contour")))
        return true;
    class = class_at(rules->cache, name);
    return class != NULL && bytes_equal(class->controller, CLASS_CONTROLLER);
}

void class_rules_init(struct class_rules *rules, const struct cache *cache,
                      const struct compile_options *options)
{
    const struct object *object;
    size_t at = 0;

    *rules = (struct class_rules){cache, options, false};
    while ((object = cache_next(cache, OBJECT_INGRESS_CLASS, &at)) != NULL) {
        const struct ingress_class *class = (const struct ingress_class *)(const void *)object;

        if (class->is_default && !class_is_ours(rules, object->name))
            rules->has_foreign_default = true;
    }
}

static bool namespace_is_watched(const struct compile_options *options, struct bytes ns)
{
    for (size_t i = 0; i < options->watch_namespaces_count; i++) {
        if (bytes_equal(options->watch_namespaces[i], ns))
            return true;
    }
    return options->watch_namespaces_count == 0;
}

static bool is_ours(const struct class_rules *rules, const struct object *object, struct bytes name)
{
    if (!namespace_is_watched(rules->options, object->ns))
        return false;
    if (name.len == 0)
        return !rules->options->ingress_class_is_given && !rules->has_foreign_default;
    return class_is_ours(rules, name);
}

bool ingress_is_ours(const struct class_rules *rules, const struct ingress *ingress)
{
    return is_ours(rules, &ingress->object, ingress_class_of(ingress));
}

/* Whose it is that cannot be read is not known: better told by two than by nobody. */
bool ingress_route_is_ours(const struct class_rules *rules, const struct ingress_route *route)
{
    if (route->is_class_unknown)
        return namespace_is_watched(rules->options, route->object.ns);
    return is_ours(rules, &route->object, class_of(&route->object, BYTES_NONE));
}

struct bytes ingress_route_why_not_ours(const struct class_rules *rules,
                                        const struct ingress_route *route, struct arena *arena)
{
    struct bytes name = class_of(&route->object, BYTES_NONE);

    if (!namespace_is_watched(rules->options, route->object.ns))
        return BYTES("is in a namespace that --watch-namespaces leaves out");
    if (name.len == 0)
        return BYTES("has no class, and what has none is not ours");
    return plain_printf(arena, "is of class \"%.*s\", which is not ours", BYTES_ARG(name));
}
