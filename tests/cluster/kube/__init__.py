# SPDX-License-Identifier: Apache-2.0
"""
A real Kubernetes in a network namespace of its own.

    control_plane -> program -> namespace
         |
        api, kubeconfig: how to talk to it

What the end-to-end tests have (waiting, certificates) serves here too.
"""
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "e2e"))
