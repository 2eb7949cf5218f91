# SPDX-License-Identifier: Apache-2.0
"""What the live tests have beside the common fixtures: echo(name, port) starts a fast endpoint."""
import contextlib

import pytest

from echo import Echo


@pytest.fixture
def echo():
    with contextlib.ExitStack() as stack:
        def start(name="echo", port=0):
            made = Echo(name, port)
            stack.callback(made.stop)
            return made

        yield start
