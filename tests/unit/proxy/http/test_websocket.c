/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_websocket.c - the key of a handshake and its answer.
 */
#include "core/mem.h"
#include "proxy/http/forward.h"
#include "proxy/http/websocket.h"
#include "tests/unit/unit.h"

TEST(the_answer_to_the_key_of_rfc_6455_section_1_3)
{
    char accept[28];

    websocket_accept(BYTES("dGhlIHNhbXBsZSBub25jZQ=="), accept);
    assert_bytes(bytes_from(accept, sizeof(accept)), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(hostile_49_a_key_is_16_bytes_in_base64)
{
    assert_true(websocket_key_is_valid(BYTES("dGhlIHNhbXBsZSBub25jZQ==")));
    assert_true(websocket_key_is_valid(BYTES("+/AAAAAAAAAAAAAAAAAAAA==")));
    assert_false(websocket_key_is_valid(BYTES_NONE));
    assert_false(websocket_key_is_valid(BYTES("dGhlIHNhbXBsZSBub25jZQ=")));
    assert_false(websocket_key_is_valid(BYTES("dGhlIHNhbXBsZSBub25jZQ===")));
    assert_false(websocket_key_is_valid(BYTES("dGhlIHNhbXBsZSBub25jZQAA")));
    assert_false(websocket_key_is_valid(BYTES("dGhlIHNhbXBsZSBub25jZ===")));
    assert_false(websocket_key_is_valid(BYTES("dGhlIHNhbXBsZSBub25j-Q==")));
}

TESTS(UNIT(the_answer_to_the_key_of_rfc_6455_section_1_3),
      UNIT(hostile_49_a_key_is_16_bytes_in_base64))
