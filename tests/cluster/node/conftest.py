# SPDX-License-Identifier: Apache-2.0
"""
Fixtures of the tests with a node that runs pods. scripts/cluster test runs them, nobody else.

    node          the one that is up, or one for the time of the tests
    project       a Kubernetes namespace of the test's own
"""
import os

import pytest

from kube.node import Node
from support.wait import wait_until


@pytest.fixture(scope="session")
def node(binaries):
    made = Node(binaries)
    if made.is_up():
        made.cluster.connect()
        yield made
        return
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def cluster(node):
    with node.cluster.namespace.inside():
        yield node.cluster


@pytest.fixture(scope="session")
def echo_image(node):
    tag = "localhost/echo:1"
    node.runtime.add_program(tag, os.environ["FAIRLEAD_ECHO"])
    return tag


@pytest.fixture
def running(cluster, project):
    """running(name, count): the pods of that Deployment, when so many are ready."""
    def wait(name, count):
        def ready():
            pods = cluster.api.get(f"/api/v1/namespaces/{project}/pods")["items"]
            chosen = [pod for pod in pods if pod["metadata"]["labels"].get("app") == name
                      and "deletionTimestamp" not in pod["metadata"]]
            good = [pod for pod in chosen if any(
                each["type"] == "Ready" and each["status"] == "True"
                for each in pod["status"].get("conditions", ()))]
            return len(chosen) == len(good) == count and good

        return wait_until(ready, f"{count} pods of {name} that are ready", 60)

    return wait
