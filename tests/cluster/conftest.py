# SPDX-License-Identifier: Apache-2.0
"""
Fixtures of the tests with a real API server.

    cluster       etcd and an API server, once for all tests
    project       a namespace (a Kubernetes one) of the test's own, deleted after it

And those of the end-to-end tests, fairlead() and backend() among them. Tests run inside the network
namespace of the cluster: whatever they start is at 198.18.0.10 for the API server and its clients,
and on a loopback of its own.
"""
import itertools
import os
import pathlib
import subprocess

import pytest

from kube.control_plane import ControlPlane  # first: it says where support/ is
from support.fixtures import (authority, backend, fairlead, h2_backend, h2_origin, origin,
                              secure)
from tally import table

__all__ = ["authority", "backend", "fairlead", "h2_backend", "h2_origin", "origin", "secure"]
BUILD = pathlib.Path(__file__).parent / "build"
numbers = itertools.count(1)
# Those with a whole node are for scripts/cluster test.
collect_ignore = [] if "FAIRLEAD_NODE" in os.environ else ["node"]


def ask_build(what):
    return subprocess.run([BUILD, what], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="session")
def binaries():
    missing = ask_build("--missing").split()
    assert not missing, f"{', '.join(missing)} not built yet: run tests/cluster/build"
    return pathlib.Path(ask_build("--where"))


@pytest.fixture(scope="session")
def cluster(binaries, tmp_path_factory):
    with ControlPlane(tmp_path_factory.mktemp("cluster"), binaries, controller_manager=True) as made:
        with made.namespace.inside():
            yield made


@pytest.fixture
def project(cluster):
    name = f"project-{os.getpid()}-{next(numbers)}"  # a node may have seen other runs
    cluster.api.create("/api/v1/namespaces", {"metadata": {"name": name}})
    yield name
    cluster.api.delete(f"/api/v1/namespaces/{name}")


def pytest_terminal_summary(terminalreporter):
    for line in table():
        terminalreporter.write_line(line)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """Where a test fails, it says where the programs' logs are."""
    report = (yield).get_result()
    cluster = getattr(item, "funcargs", {}).get("cluster")
    if report.failed and cluster is not None:
        report.sections.append(("logs of the cluster", f"{cluster.directory}/*.log"))
