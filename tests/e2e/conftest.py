# SPDX-License-Identifier: Apache-2.0
"""The fixtures that all end-to-end tests have: support/fixtures.py says what they are."""
from support.fixtures import (authority, backend, fairlead, h2_backend, h2_origin, origin,
                              secure)

__all__ = ["authority", "backend", "fairlead", "h2_backend", "h2_origin", "origin", "secure"]


def pytest_collection_modifyitems(items):
    """Slow tests mostly wait. Spread evenly among the first three quarters of the others, they cost
    hardly any time where several processes share the tests, and none of them has them all."""
    slow = [item for item in items if item.get_closest_marker("slow")]
    others = [item for item in items if not item.get_closest_marker("slow")]
    if slow and others:
        items[:] = spread(slow, others)


def spread(few, many):
    gap = max(1, len(many) * 3 // 4 // len(few))
    mixed = []
    for place, item in enumerate(many):
        if place % gap == 0 and place // gap < len(few):
            mixed.append(few[place // gap])
        mixed.append(item)
    return mixed + few[-(-len(many) // gap):]
