/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.h - manifests to objects. jansson and libyaml live in this folder only. No I/O, no loop:
 * safe on any thread.
 */
#ifndef CONTROLLER_OBJECT_DECODE_H
#define CONTROLLER_OBJECT_DECODE_H

#include "controller/object/object.h"
#include "core/status.h"
#include "core/text.h"

#define MANIFEST_BYTES_MAX   (16u * 1024 * 1024) /* one file */
#define MANIFEST_DEPTH_MAX   64                  /* nesting of one document */
#define MANIFEST_OBJECTS_MAX 100000              /* of one file, List items counted */
/* YAML aliases are refused above this many expanded nodes: no billion laughs. */
#define MANIFEST_NODES_MAX 2000000
#define MANIFEST_NOTES_MAX 1000 /* of one file; a last one says that there is more */

/* One thing to tell about a manifest; belongs to the decoded struct. */
struct decode_note {
    bool is_error;       /* else a warning */
    uint32_t line;       /* 1-based; 0 unknown */
    uint32_t column;     /* 1-based; 0 unknown */
    struct bytes object; /* "Ingress default/web" where known, else empty */
    struct bytes text;
    /* "apps/v1 Deployment" when the note is about a kind we do not serve, else empty: who logs can
     * say it once for all files. */
    struct bytes unknown_kind;
};

/*
 * All objects of one manifest file, in order. `is_broken`: the text does not parse (a note gives
 * line and column); then the objects of the file are to stay as they were and `objects` is empty. A
 * single object that is invalid (a wrong type in a field) is left out with an error note and the
 * others stand; an IngressRoute is not left out, but stands for itself with its fault, for it has a
 * status. A kind we do not know gives one warning note per kind and file.
 */
struct decoded {
    bool is_broken;
    bool is_unread;          /* is_broken, and nobody could read it: decoded_refuse() */
    struct object **objects; /* each one reference */
    size_t objects_count;
    struct decode_note *notes;
    size_t notes_count;
    struct arena arena; /* the notes' texts */
};

/*
 * Decode a manifest: JSON if the first byte that is no blank is '{' or '[', else YAML; several
 * documents; kind List (and FooList). `file` is copied into each object.
 */
void decode_manifest(struct bytes text, struct bytes file, struct decoded *decoded);
/* What a manifest is that can not even be read: broken, with this sentence as its only note. */
void decoded_refuse(struct decoded *decoded, const char *sentence);
/* What there is to tell about a path without any manifest: no objects, and a warning. */
void decoded_remark(struct decoded *decoded, const char *sentence);
void decoded_fini(struct decoded *decoded); /* unrefs the objects still in it */

#endif
