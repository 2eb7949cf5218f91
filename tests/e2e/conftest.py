# SPDX-License-Identifier: Apache-2.0
"""
Fixtures of the end-to-end tests.

    fairlead(manifests, *flags)   the real program, stopped and checked after the test
    origin(), backend(respond)    endpoints, closed after the test

What a test starts, it owns: ports come from the system, files lie in its tmp_path.
"""
import contextlib

import pytest

from support.fairlead import Fairlead
from support.origin import Backend, Origin


@pytest.fixture
def fairlead(tmp_path):
    """A factory; all that it made are stopped, even if one of them complains."""
    with contextlib.ExitStack() as stack:
        def start(manifests="", *flags, **options):
            directory = tmp_path / f"fairlead-{start.count}"
            start.count += 1
            program = Fairlead(directory, manifests, *flags, **options)
            stack.callback(program.stop)
            return program

        start.count = 0
        yield start


@pytest.fixture
def origin():
    with contextlib.ExitStack() as stack:
        def make(**options):
            made = Origin(**options)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def backend():
    with contextlib.ExitStack() as stack:
        def make(respond=None, **options):
            made = Backend(respond, **options)
            stack.callback(made.close)
            return made

        yield make
