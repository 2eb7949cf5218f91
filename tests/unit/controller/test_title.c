/* SPDX-License-Identifier: Apache-2.0 */
/* Objects as a table names them. */
#include "controller/title.h"
#include "tests/unit/unit.h"

TEST(a_title_is_taken_apart_and_put_together_again)
{
    static const char *const texts[] = {"Ingress default/web", "IngressRoute team-a/shop.example"};
    struct title title;
    struct text again;

    for (size_t i = 0; i < 2; i++) {
        assert_true(title_read(bytes_of(texts[i]), &title));
        text_init(&again);
        title_add(&title, &again);
        assert_bytes(text_bytes(&again), texts[i]);
        text_fini(&again);
    }
    assert_int_equal(title.kind, OBJECT_INGRESS_ROUTE);
    assert_bytes(title.ns, "team-a");
    assert_bytes(title.name, "shop.example");
}

TEST(what_is_not_told_about_has_no_title)
{
    static const char *const texts[] = {"",
                                        "Ingress",
                                        "Ingress web",
                                        "ns/name",
                                        "Service ns/name",
                                        "ingress ns/name",
                                        "ns/name of Ingress",
                                        "IngressClass fairlead"};
    struct title title;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_false(title_read(bytes_of(texts[i]), &title));
}

TESTS(UNIT(a_title_is_taken_apart_and_put_together_again),
      UNIT(what_is_not_told_about_has_no_title))
