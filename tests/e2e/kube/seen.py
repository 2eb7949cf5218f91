# SPDX-License-Identifier: Apache-2.0
"""What a client sees of a host."""
from support.wait import PATIENCE_S, wait_until


def body_of(proxy, host="a.test"):
    """The body of a good answer, else the status."""
    response = proxy.get("/", host)
    return response.body if response.status == 200 else response.status


def wait_body(proxy, expected, host="a.test", patience_s=PATIENCE_S):
    wait_until(lambda: body_of(proxy, host) == expected, f"{expected} from {host}", patience_s)


def detail_of(proxy):
    """(status, body) of /readyz."""
    response = proxy.admin("/readyz")
    return response.status, response.body.decode()


def wait_detail(proxy, status, *words, patience_s=PATIENCE_S):
    def look():
        code, body = detail_of(proxy)
        return code == status and all(word in body for word in words)

    wait_until(look, f"/readyz {status} with {words}", patience_s)


def wait_well(proxy, patience_s=PATIENCE_S):
    """Ready, and nothing amiss."""
    wait_until(lambda: detail_of(proxy) == (200, "ready\n"), "all is well", patience_s)


def kube_metric(proxy, name):
    """The sum over all resources."""
    name = f"fairlead_kube_{name}"
    return sum(value for key, value in proxy.metrics().items() if key.partition("{")[0] == name)
