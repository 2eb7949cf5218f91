# SPDX-License-Identifier: Apache-2.0
"""check, explain and table say the same of objects wherever they are: in files or in a cluster."""
import re

import pytest

from kube import manifests as manifests_of_deploy
from kube.namespace import ADDRESS
from support import manifests
from support.fairlead import run


@pytest.fixture(scope="module", autouse=True)
def definitions(cluster):
    cluster.kubectl("apply", "--server-side", "-k", manifests_of_deploy.DEPLOY / "crds")
    cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")


def route(project, name, service):
    return manifests.to_yaml({
        "apiVersion": "contour.heptio.com/v1beta1", "kind": "IngressRoute",
        "metadata": {"name": name, "namespace": project},
        "spec": {"virtualhost": {"fqdn": f"{name}.{project}.test"},
                 "routes": [{"match": "/", "services": [{"name": service, "port": 80}]}]}})


@pytest.fixture
def twice(cluster, project, authority, tmp_path):
    """(files, server): the flags by which the same objects are read from either."""
    host = f"{project}.test"
    text = manifests.documents(
        manifests.tls_app(authority.issue(host), f"{ADDRESS}:8080", host=host, namespace=project),
        manifests.ingress(f"gone.{host}", service="gone", namespace=project),
        manifests.ingress(f"odd.{host}", service="app", namespace=project, name="odd",
                          annotations=manifests.contour(response_timeout="soon")),
        route(project, "good", "app"), route(project, "bad", "nowhere"))
    (tmp_path / "objects").mkdir()
    (tmp_path / "objects/all.yaml").write_text(text)
    cluster.apply(text)
    only = ("--watch-namespaces", project)
    return (tmp_path / "objects", *only), ("--kubeconfig", cluster.admin_config, *only)


def test_findings_and_statuses_are_the_same(twice):
    files, server = twice
    code, out, _ = run("check", *files)
    assert code == 1 and len(out.splitlines()) >= 5 and "status IngressRoute" in out
    assert run("check", *server) == (1, re.sub(r"^\S+\.yaml:\d+: ", "", out, flags=re.MULTILINE), "")


def test_the_table_is_the_same(twice):
    files, server = twice
    code, out, _ = run("table", "--objects", *files)
    assert code == 0 and f"{ADDRESS}:8080" in out
    assert run("table", *server) == (0, re.sub(r" \S+\.yaml:\d+", "", out), "")


def test_a_request_is_explained_the_same(twice, project):
    files, server = twice
    url = f"https://{project}.test/x"
    assert run("explain", *server, url) == run("explain", "--objects", *files, url)
    assert run("explain", *server, url)[0] == 0


def test_without_the_right_to_a_kind_nothing_is_said_of_the_others(cluster, project, twice):
    token = cluster.account(f"half-{project}", [
        {"apiGroups": ["", "networking.k8s.io", "discovery.k8s.io", "contour.heptio.com",
                       "projectcontour.io"],
         "resources": ["services", "ingresses", "ingressclasses", "endpointslices", "ingressroutes",
                       "tlscertificatedelegations"], "verbs": ["list", "watch"]}])
    code, out, err = run("check", "--kubeconfig", cluster.config_of("half", token))
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert re.search(r'secrets v1: not permitted .*cannot (list|watch) resource "secrets"', err), err
    assert "services" not in err
