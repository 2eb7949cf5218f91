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

/* Classes are names of objects; an annotation may hold anything. */
#define CLASS_BYTES_MAX 253

static struct bytes why_other_class(const struct class_rules *rules, struct bytes name,
                                    struct arena *arena)
{
    const struct ingress_class *class = class_at(rules->cache, name);

    if (name.len > CLASS_BYTES_MAX)
        return BYTES("is of a class with a name that is too long to be one");
    if (class == NULL)
        return plain_printf(arena, "is of class \"%.*s\", and ours is \"%.*s\"", BYTES_ARG(name),
                            BYTES_ARG(rules->options->ingress_class));
    if (class->controller.len == 0 || class->controller.len > CLASS_BYTES_MAX)
        return plain_printf(arena, "is of class \"%.*s\", whose IngressClass names no controller",
                            BYTES_ARG(name));
    return plain_printf(
        arena,
        "is of class \"%.*s\", whose IngressClass names controller \"%.*s\" and not \"%.*s\"",
        BYTES_ARG(name), BYTES_ARG(class->controller), BYTES_ARG(CLASS_CONTROLLER));
}

static struct bytes why_not_ours(const struct class_rules *rules, const struct object *object,
                                 struct bytes name, struct arena *arena, bool *is_unwatched)
{
    *is_unwatched = !namespace_is_watched(rules->options, object->ns);
    if (*is_unwatched)
        return BYTES("is in a namespace that --watch-namespaces leaves out");
    if (name.len > 0)
        return why_other_class(rules, name, arena);
    if (rules->options->ingress_class_is_given)
        return plain_printf(arena, "has no class, and with --ingress-class only \"%.*s\" is ours",
                            BYTES_ARG(rules->options->ingress_class));
    return BYTES("has no class, and the default IngressClass is of another controller");
}

struct bytes ingress_why_not_ours(const struct class_rules *rules, const struct ingress *ingress,
                                  struct arena *arena, bool *is_unwatched)
{
    return why_not_ours(rules, &ingress->object, ingress_class_of(ingress), arena, is_unwatched);
}

struct bytes ingress_route_why_not_ours(const struct class_rules *rules,
                                        const struct ingress_route *route, struct arena *arena,
                                        bool *is_unwatched)
{
    return why_not_ours(rules, &route->object, class_of(&route->object, BYTES_NONE), arena,
                        is_unwatched);
}
