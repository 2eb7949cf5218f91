/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_proxy_header.c - a PROXY protocol header from a peer that may be anybody.
 *
 * Every start of a header asks for more, and says so within the limit.
 */
#include "core/check.h"
#include "core/mem.h"
#include "proxy/http/proxy_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum status parse_copy(const uint8_t *data, size_t len, struct proxy_header *header,
                              size_t *used)
{
    char *copy = mem_alloc(len > 0 ? len : 1);
    enum status status;

    if (len > 0)
        memcpy(copy, data, len);
    status = proxy_header_parse(bytes_from(copy, len), header, used);
    mem_free(copy);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct proxy_header header, again;
    size_t used = 0, used_again = 0;
    enum status status = parse_copy(data, size, &header, &used);

    if (status == STATUS_AGAIN)
        CHECK(size < PROXY_HEADER_BYTES_MAX);
    if (status != STATUS_OK)
        return 0;
    CHECK(used > 0 && used <= size && used <= PROXY_HEADER_BYTES_MAX);
    CHECK(parse_copy(data, used, &again, &used_again) == STATUS_OK && used_again == used);
    CHECK(again.has_address == header.has_address);
    if (header.has_address)
        CHECK(address_equal(&header.source, &again.source));
    for (size_t len = 0; len < used; len++)
        CHECK(parse_copy(data, len, &again, &used_again) == STATUS_AGAIN);
    return 0;
}
