# SPDX-License-Identifier: Apache-2.0
"""How clients find the API server and say who they are."""
import base64
import json


def write(path, server, authority_pem, token, namespace="default"):
    """JSON is YAML. Readable by its owner only, as the token is a password."""
    return _write(path, server, authority_pem, {"token": token}, namespace)


def write_for_file(path, server, authority_pem, token_file):
    """The token lies in a file of its own, and may change."""
    return _write(path, server, authority_pem, {"tokenFile": str(token_file)})


def _write(path, server, authority_pem, user, namespace="default"):
    inline = base64.b64encode(authority_pem.encode()).decode()
    config = {
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": server,
                                                  "certificate-authority-data": inline}}],
        "users": [{"name": "test", "user": user}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test",
                                                  "namespace": namespace}}]}
    path.touch(mode=0o600)
    path.write_text(json.dumps(config, indent=1))
    return path
