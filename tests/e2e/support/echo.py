# SPDX-License-Identifier: Apache-2.0
"""Where bench/echo lies: an endpoint that takes more requests than Python can."""
import os
import pathlib

from .fairlead import ROOT, binary


def program():
    """FAIRLEAD_ECHO, or the one built beside the binary, or any."""
    if "FAIRLEAD_ECHO" in os.environ:
        return os.environ["FAIRLEAD_ECHO"]
    beside = pathlib.Path(binary()).resolve().parent / "bench" / "echo"
    for path in (beside, *sorted((ROOT / "build").glob("*/bench/echo"))):
        if path.exists():
            return str(path)
    raise AssertionError("no bench/echo in build/*; build the target echo or set FAIRLEAD_ECHO")
