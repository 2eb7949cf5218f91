/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_normal.c - a path and an authority of any bytes: normal forms are normal, short and final.
 */
#include "core/check.h"
#include "core/mem.h"
#include "route/normal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* No segment is "", "." or "..", but for an empty last one; nothing decodes further. */
static void check_segments(struct bytes normal)
{
    struct bytes rest = bytes_skip(normal, 1);
    size_t slash;

    CHECK(normal.len > 0 && normal.at[0] == '/');
    do {
        struct bytes segment;

        slash = bytes_find(rest, '/');
        segment = bytes_slice(rest, 0, slash);
        CHECK(slash == BYTES_NOT_FOUND || segment.len > 0);
        CHECK(!bytes_equal(segment, BYTES(".")) && !bytes_equal(segment, BYTES("..")));
        CHECK(bytes_find(segment, '\\') == BYTES_NOT_FOUND);
        rest = bytes_skip(rest, segment.len + 1);
    } while (slash != BYTES_NOT_FOUND);
}

static void check_path(struct bytes path)
{
    char *room = mem_alloc(path.len);
    char *again_room = mem_alloc(path.len);
    struct bytes normal, again;

    if (path_normalise(path, room, &normal) == PATH_FINE) {
        CHECK(normal.len <= path.len);
        check_segments(normal);
        CHECK(path_is_normal(normal));
        CHECK(path_is_normal(path) == bytes_equal(path, normal));
        CHECK(path_normalise(normal, again_room, &again) == PATH_FINE);
        CHECK(bytes_equal(normal, again));
    } else {
        CHECK(!path_is_normal(path));
    }
    mem_free(room);
    mem_free(again_room);
}

static void check_authority(struct bytes authority)
{
    char *room = mem_alloc(authority.len);
    char again_room[HOST_LENGTH_MAX];
    struct host_port parsed, again;

    if (authority_parse(authority, room, &parsed) == STATUS_OK) {
        CHECK(parsed.host.len > 0 && parsed.host.len <= HOST_LENGTH_MAX);
        CHECK(parsed.port <= UINT16_MAX);
        CHECK(parsed.host.at[0] != '.' && parsed.host.at[parsed.host.len - 1] != '.');
        CHECK(authority_parse(parsed.host, again_room, &again) == STATUS_OK);
        CHECK(bytes_equal(parsed.host, again.host) && again.port == 0);
    }
    (void)host_is_valid(authority, true);
    mem_free(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = bytes_from((const char *)data, size);

    check_path(input);
    check_authority(input);
    return 0;
}
