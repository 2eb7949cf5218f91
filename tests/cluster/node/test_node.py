# SPDX-License-Identifier: Apache-2.0
"""Pods run, Services reach them, and both follow what is asked for."""
import json
import urllib.request

from support.wait import wait_until


def deployment(name, image, namespace, replicas):
    labels = {"app": name}
    container = {"name": name, "image": image, "imagePullPolicy": "Never",
                 "args": ["--listen", "0.0.0.0:8080", "--name", "$(POD)"],
                 "env": [{"name": "POD",
                          "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
                 "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
                 # It answers on until all have heard that it goes.
                 "lifecycle": {"preStop": {"sleep": {"seconds": 3}}}}
    return json.dumps({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels},
                 "template": {"metadata": {"labels": labels},
                              "spec": {"containers": [container],
                                       "terminationGracePeriodSeconds": 5}}}})


def service(name, namespace):
    return json.dumps({"apiVersion": "v1", "kind": "Service",
                       "metadata": {"name": name, "namespace": namespace},
                       "spec": {"selector": {"app": name},
                                "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}})


def get(address):
    with urllib.request.urlopen(f"http://{address}/", timeout=5) as response:
        return response.read().decode()


def test_a_service_reaches_the_pods_of_a_deployment(cluster, project, echo_image, running):
    cluster.apply(deployment("web", echo_image, project, 2))
    cluster.apply(service("web", project))
    names = {pod["metadata"]["name"] for pod in running("web", 2)}
    address = cluster.kubectl("get", "service", "web", "-n", project,
                              "-o", "jsonpath={.spec.clusterIP}")

    def both_have_answered():
        try:
            answered.update(name for name in names if name in get(address))
        except OSError:  # kube-proxy has not written the address yet
            pass
        return answered == names

    answered = set()
    wait_until(both_have_answered, f"answers of {names}", 30)


def test_logs_of_a_pod_are_read_through_the_api_server(cluster, project, echo_image, running):
    cluster.apply(deployment("web", echo_image, project, 1))
    running("web", 1)
    assert "8080" in cluster.kubectl("logs", "-n", project, "deployment/web")


def test_slices_follow_a_deployment_down_to_none(cluster, project, echo_image, running):
    cluster.apply(deployment("web", echo_image, project, 1))
    cluster.apply(service("web", project))
    running("web", 1)

    def endpoints():
        slices = cluster.api.get(f"/apis/discovery.k8s.io/v1/namespaces/{project}/endpointslices")
        return [each for slice in slices["items"] for each in slice["endpoints"] or ()]

    wait_until(endpoints, "an endpoint")
    cluster.kubectl("scale", "-n", project, "deployment/web", "--replicas=0")
    wait_until(lambda: not endpoints(), "the end of the last endpoint", 60)
