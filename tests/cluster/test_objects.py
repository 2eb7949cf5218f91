# SPDX-License-Identifier: Apache-2.0
"""Objects as an API server gives them: with defaults, uids, managed fields and a status."""
from kube.namespace import ADDRESS
from support import manifests


def test_objects_are_served_as_the_api_server_gives_them(cluster, project, fairlead, backend):
    app = backend(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nreal", address=ADDRESS)
    cluster.apply(manifests.app(f"{ADDRESS}:{app.port}", namespace=project))
    given = cluster.kubectl("get", "ingresses,services,endpointslices", "-n", project,
                            "-o", "yaml", "--show-managed-fields")
    assert "managedFields" in given and "clusterIP" in given

    assert fairlead(given).get().body == b"real"
