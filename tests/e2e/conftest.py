# SPDX-License-Identifier: Apache-2.0
"""The fixtures that all end-to-end tests have: support/fixtures.py says what they are."""
from support.fixtures import (authority, backend, fairlead, h2_backend, h2_origin, origin,
                              secure)

__all__ = ["authority", "backend", "fairlead", "h2_backend", "h2_origin", "origin", "secure"]
