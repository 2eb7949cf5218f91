# SPDX-License-Identifier: Apache-2.0
"""The chart and the folders for kustomize say the same; neither drifts from the other."""
import os
import pathlib
import subprocess
import textwrap

import pytest
import yaml

from kube import manifests

CHART = manifests.DEPLOY / "chart"
HELM = pathlib.Path(__file__).parent / "helm"
OF_HELM = ("helm.sh/chart", "app.kubernetes.io/managed-by")


@pytest.fixture(scope="module")
def helm():
    program = subprocess.run([HELM, "--where"], check=True, capture_output=True,
                             text=True).stdout.strip()
    if not pathlib.Path(program).exists():
        pytest.skip("helm is not built: run tests/cluster/helm")

    def run(*words, check=True):
        done = subprocess.run([program, *map(str, words)], capture_output=True, text=True)
        assert not check or done.returncode == 0, done.stderr
        return done

    return run


@pytest.fixture(scope="module")
def render(helm):
    def template(*settings, release="fairlead", more=()):
        words = [word for setting in settings for word in ("--set", setting)]
        return manifests.objects(helm("template", release, CHART, "--namespace", "fairlead",
                                      "--kube-version", "1.36.0", *words, *more).stdout)

    return template


def by_name(things):
    """Without what only helm adds, and what only kustomize can: the namespace itself."""
    found = {}
    for each in things:
        for label in OF_HELM:
            each["metadata"].get("labels", {}).pop(label, None)
        found[each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]] = each
    return {key: each for key, each in found.items() if key[0] != "Namespace"}


def assert_same(chart, kustomized):
    chart, kustomized = by_name(chart), by_name(kustomized)
    assert sorted(map(str, chart)) == sorted(map(str, kustomized))
    for key, each in chart.items():
        assert each == kustomized[key], key


def combined(tmp_path, base, *components, **more):
    """A folder for kustomize as a user would write it."""
    def from_here(path):
        return os.path.relpath(path, tmp_path)

    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump({
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
        "resources": [from_here(base)], "components": [from_here(each) for each in components],
        **more}))
    return tmp_path


def shown_in(page, begin):
    """What the guide shows as YAML from this line on, to the end of the block."""
    text = (manifests.DEPLOY.parent / "docs" / "guide" / page).read_text()
    block = "    " + text[text.index(begin):].split("\n\n", 1)[0]
    return yaml.safe_load(textwrap.dedent(block))


def test_the_chart_has_no_fault_that_helm_finds(helm):
    assert "1 chart(s) linted, 0 chart(s) failed" in helm("lint", "--strict", CHART).stdout


def test_the_chart_gives_what_the_base_gives(render, binaries):
    assert_same(render(), manifests.kustomize(binaries, manifests.BASE))


@pytest.mark.parametrize("mode", ["host-port", "deployment"])
def test_the_chart_gives_what_the_overlay_gives(render, binaries, mode):
    assert_same(render(f"mode={mode}"), manifests.kustomize(binaries, manifests.OVERLAYS / mode))


def test_without_publish_nodes_the_chart_gives_neither_flag_nor_rights(render):
    things = render("publishNodes=false")
    assert "--publish-nodes" not in str(things)
    names = {each["metadata"]["name"] for each in things}
    assert "fairlead-leader" in names and not names & {"fairlead-pods", "fairlead-nodes"}


def test_each_release_publishes_the_nodes_of_its_own_pods(render):
    workload = manifests.pick(render(release="edge"), "DaemonSet", "edge-fairlead")
    labels = workload["spec"]["selector"]["matchLabels"]
    assert "--publish-nodes=" + ",".join(f"{key}={value}" for key, value in reversed(sorted(
        labels.items()))) in workload["spec"]["template"]["spec"]["containers"][0]["args"]


def test_the_chart_gives_what_the_example_with_namespaces_gives(render, binaries):
    assert_same(render("namespaces={team-a,team-b}"),
                manifests.kustomize(binaries, manifests.OVERLAYS / "namespaces"))


@pytest.mark.parametrize("mode", ["node", "deployment"])
def test_the_chart_gives_what_the_component_for_metrics_gives(render, binaries, tmp_path, mode):
    base = manifests.BASE if mode == "node" else manifests.OVERLAYS / mode
    folder = combined(tmp_path, base, manifests.COMPONENTS / "metrics")
    assert_same(render(f"mode={mode}", "metrics.enabled=true", "metrics.serviceMonitor.enabled=true"),
                manifests.kustomize(binaries, folder))


def test_the_guide_puts_a_snapshot_on_the_node_alike_with_chart_and_kustomize(
        helm, render, binaries, tmp_path):
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump(shown_in("kubernetes.md", "extraArgs: [--snapshot")))
    folder = combined(tmp_path, manifests.BASE, **shown_in("kubernetes.md", "patches:\n"))
    assert "snapshot" in values.read_text()
    assert_same(render(more=["--values", values]), manifests.kustomize(binaries, folder))


def test_the_chart_brings_the_crds_of_deploy(render):
    shown = [each for each in render(more=["--include-crds"])
             if each["kind"] == "CustomResourceDefinition"]
    files = [manifests.objects(path.read_text())[0]
             for path in sorted((manifests.DEPLOY / "crds").glob("*.*.yaml"))]
    assert by_name(shown) == by_name(files) and len(files) == 3


def test_two_releases_share_no_name(render):
    def own(release):
        return {key for key in by_name(render("ingressClass.create=false", release=release))}

    assert not own("fairlead") & own("edge")


@pytest.mark.parametrize("release,name", [("fairlead", "fairlead"), ("edge", "edge-fairlead")])
def test_each_release_has_the_lease_that_its_role_names(render, release, name):
    things = render(release=release)
    rules = manifests.pick(things, "Role", f"{name}-leader")["rules"]
    workload = manifests.pick(things, "DaemonSet", name)
    flags = [each for each in workload["spec"]["template"]["spec"]["containers"][0]["args"]
             if each.startswith("--lease-name=")]
    assert [rule["resourceNames"] for rule in rules if "resourceNames" in rule] == [[name]]
    assert flags == ([] if name == "fairlead" else [f"--lease-name={name}"])


def test_a_second_edge_has_a_class_with_a_controller_of_its_own(render):
    things = render("ingressClass.name=internal", "ingressClass.controller=example.com/internal",
                    release="internal")
    assert manifests.pick(things, "IngressClass", "internal")["spec"] == {
        "controller": "example.com/internal"}
    assert "--ingress-class=internal" in str(manifests.pick(things, "DaemonSet",
                                                            "internal-fairlead"))


@pytest.mark.parametrize("setting,said", [
    ("ingressClass.controller=internal", "/ingressClass/controller"),
    ("mode=sidecar", "/mode"), ("namespaces={Team}", "/namespaces/0"), ("replicas=0", "/replicas"),
    ("metrics.port=80", "/metrics/port"), ("imge.tag=1", "imge"),
    ("drain.delaySeconds=soon", "/drain/delaySeconds"), ("extraArgs={serve}", "/extraArgs/0"),
    ("volumes[0].emptyDir.medium=Memory", "/volumes/0"), ("volumeMounts[0].name=x", "/volumeMounts/0")])
def test_a_value_that_cannot_be_meant_is_refused_by_its_name(helm, setting, said):
    done = helm("template", "fairlead", CHART, "--kube-version", "1.36.0", "--set", setting,
                check=False)
    assert done.returncode != 0 and said in done.stderr, done.stderr
