# SPDX-License-Identifier: Apache-2.0
"""
Fixtures of the end-to-end tests.

    fairlead(manifests, *flags)   the real program, stopped and checked after the test
    origin(), backend(respond)    endpoints, closed after the test
    h2_origin(), h2_backend()     endpoints that speak HTTP/2
    secure(manifests, *flags)     fairlead() with an HTTPS listener
    authority                     a CA for certificates that a test makes

What a test starts, it owns: ports come from the system, files lie in its tmp_path. A conftest.py takes
them over by name; so do the tests with a cluster.
"""
import contextlib

import pytest

from .certificates import Authority
from .fairlead import Fairlead
from .h2_origin import H2Backend, H2Origin
from .origin import Backend, Origin


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
def secure(fairlead):
    def start(manifests="", *flags, **options):
        return fairlead(manifests, "--https", "127.0.0.1:0", *flags, **options)

    return start


@pytest.fixture(scope="session")
def authority():
    return Authority()


def closed_afterwards(kind):
    """A factory of these; all that it made are closed."""
    with contextlib.ExitStack() as stack:
        def make(*arguments, **options):
            made = kind(*arguments, **options)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def origin():
    yield from closed_afterwards(Origin)


@pytest.fixture
def backend():
    yield from closed_afterwards(Backend)


@pytest.fixture
def h2_origin():
    yield from closed_afterwards(H2Origin)


@pytest.fixture
def h2_backend():
    yield from closed_afterwards(H2Backend)
