# SPDX-License-Identifier: Apache-2.0
"""check, explain and table on an API server: read once, whole, or not at all."""
import contextlib
import os
import pty
import re
import subprocess

import pytest
import yaml

from support import apifaults as faults
from support import manifests
from support.apiserver import LIST, STREAM
from support.fairlead import binary, environment, run

ALWAYS = 10 ** 6
GOOD = manifests.app("10.0.0.1:80", "10.0.0.2:80")
BAD = manifests.ingress("gone.test", service="gone")
ROUTE = manifests.to_yaml({
    "apiVersion": "contour.heptio.com/v1beta1", "kind": "IngressRoute",
    "metadata": {"name": "root", "namespace": "default"},
    "spec": {"virtualhost": {"fqdn": "r.test"},
             "routes": [{"match": "/", "services": [{"name": "nowhere", "port": 80}]}]}})


@pytest.fixture
def ask(tmp_path):
    """One command on the server: (exit code, stdout, stderr)."""
    def start(server, command, *arguments, **options):
        path = server.kubeconfig(tmp_path / "kubeconfig")
        return run(command, "--kubeconfig", path, *arguments, **options)

    return start


@pytest.fixture
def written(tmp_path):
    """The same as manifests: the flags that name them."""
    def write(*texts):
        folder = tmp_path / "objects"
        folder.mkdir(exist_ok=True)
        (folder / "all.yaml").write_text(manifests.documents(*texts))
        return folder

    return write


def without_places(out):
    return re.sub(r"^\S+\.yaml:\d+: ", "", out, flags=re.MULTILINE)


def complaint(result):
    """What the one line says of a command that could not do it."""
    code, out, err = result
    assert (code, out, len(err.splitlines())) == (2, "", 1), result
    return err


def test_check_of_a_good_cluster_says_nothing_and_exits_0(api, ask):
    assert ask(api(GOOD), "check") == (0, "", "")


def test_check_tells_of_a_cluster_what_it_tells_of_its_manifests(api, ask, written):
    code, out, _ = run("check", written(GOOD, BAD, ROUTE))
    assert code == 1 and "status IngressRoute default/root invalid" in out
    assert ask(api(GOOD, BAD, ROUTE), "check") == (1, without_places(out), "")


def test_an_object_that_cannot_be_read_is_a_finding(api, ask):
    server = api(GOOD)
    server.put({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
                "metadata": {"name": "odd", "namespace": "default"}, "spec": {"rules": 3}})
    code, out, err = ask(server, "check")
    assert (code, err) == (1, "")
    assert re.fullmatch(r"error: Ingress default/odd: .*spec\.rules.*\n", out), out


def test_the_table_of_a_cluster_is_that_of_its_manifests(api, ask, written):
    code, out, _ = run("table", "--objects", written(GOOD, ROUTE))
    assert code == 0 and "10.0.0.1:80" in out
    assert ask(api(GOOD, ROUTE), "table") == (0, re.sub(r" \S+\.yaml:\d+", "", out), "")


def test_explain_answers_from_a_cluster(api, ask):
    server = api(GOOD)
    code, out, err = ask(server, "explain", "http://a.test/x")
    assert (code, err) == (0, "") and "verdict   forwarded to default/app/80" in out
    assert ask(server, "explain", "http://nobody.test/")[0] == 1


def test_explain_knows_of_a_cluster_what_is_not_ours_and_why_a_service_is_empty(api, ask):
    server = api(manifests.ingress_of("web", [("b.test", [("/", "app")])], spec={"ingressClassName": "nginx"}),
                 manifests.ingress(), manifests.service())
    assert 'not ours  Ingress default/web names this host: it is of class "nginx"' in ask(
        server, "explain", "http://b.test/")[1]
    assert "there is no Endpoints default/app: give the Service a selector, or write one\n" in ask(
        server, "explain", "http://a.test/")[1]


def test_flags_that_shape_the_table_count(api, ask):
    server = api(manifests.ingress("gone.test", service="gone", namespace="elsewhere"))
    assert ask(server, "check")[0] == 1
    assert ask(server, "check", "--watch-namespaces", "here") == (0, "", "")
    assert {request.namespace for request in server.asked("ingresses")} == {None, "here"}


def test_a_config_file_of_serve_names_the_cluster(api, ask, tmp_path):
    server = api(BAD)
    config = tmp_path / "fairlead.yaml"
    config.write_text(f"kubeconfig: {server.kubeconfig(tmp_path / 'kubeconfig')}\nhttp: ':80'\n")
    code, out, _ = run("check", "--config", config)
    assert code == 1 and "default/gone" in out
    assert run("table", "--config", config)[0] == 0


def test_a_server_that_gives_lists_page_by_page_is_read_whole(api, ask):
    server = api(page_items=2)
    server.has_streams = False
    for number in range(7):
        server.apply(manifests.ingress(f"h{number}.test", service=f"gone{number}"))
    code, out, _ = ask(server, "check")
    assert code == 1 and len(out.splitlines()) == 7
    assert len(server.asked("ingresses", LIST)) == 4


def test_a_cluster_without_our_definitions_is_fine(api, ask):
    server = api(GOOD)
    for resource in ("ingressroutes", "tlscertificatedelegations"):
        server.uninstall(resource)
    assert ask(server, "check") == (0, "", "")


def test_nothing_is_asked_twice_and_nothing_is_written(api, ask):
    server = api(GOOD)
    assert ask(server, "check")[0] == 0
    assert len(server.asked()) == 9
    assert {request.kind for request in server.asked()} == {STREAM}


def test_what_is_not_permitted_is_named_with_verb_and_resource_at_once(api, ask):
    server = api(GOOD)
    server.misbehave("secrets", None, faults.status(
        403, "Forbidden", 'secrets is forbidden: User "me" cannot list resource "secrets"'), ALWAYS)
    said = complaint(ask(server, "check", "--list-timeout", "1h"))
    assert ("secrets v1: not permitted to list and watch (secrets is forbidden: "
            'User "me" cannot list resource "secrets")') in said
    assert "ingresses" not in said


def test_who_is_not_known_is_told_so(api, ask):
    server = api(GOOD)
    server.misbehave(None, None, faults.status(401, "Unauthorized", "Unauthorized"), ALWAYS)
    said = complaint(ask(server, "table", "--list-timeout", "1h"))
    assert said.count("(Unauthorized)") == 1 and said.count("secrets v1") == 1


def test_a_server_that_is_not_there_is_said_once_within_the_time(api, ask):
    server = api()
    server.stop()
    said = complaint(ask(server, "explain", "http://a.test/", "--list-timeout", "1s"))
    assert "within 1 s: ingresses networking.k8s.io/v1, " in said
    assert said.count("does not answer") == 1 and "--list-timeout" in said
    assert " after " not in said  # how long each took to fail, or they would be told one by one


def test_a_server_that_comes_back_in_time_is_read(api, ask):
    server = api(GOOD)
    server.misbehave(None, None, faults.reset, times=12)
    assert ask(server, "check") == (0, "", "")


@pytest.mark.parametrize("fault", [faults.silent, faults.status(500, "InternalError")])
def test_a_list_that_never_ends_is_named_and_its_half_does_not_count(api, ask, fault):
    server = api(BAD)
    server.misbehave("endpointslices", None, fault, ALWAYS)
    said = complaint(ask(server, "check", "--list-timeout", "1s"))
    assert "within 1 s: endpointslices discovery.k8s.io/v1: " in said and "gone" not in said


def test_a_kubeconfig_that_is_missing_or_broken_is_one_line(tmp_path):
    path = tmp_path / "kubeconfig"
    assert f"{path}: No such file" in complaint(run("check", "--kubeconfig", path))
    path.write_text("clusters: [")
    assert str(path) in complaint(run("check", "--kubeconfig", path))


def test_a_reading_that_takes_long_shows_on_a_terminal_how_far_it_is(api, tmp_path):
    server, gate = api(GOOD), faults.Gate()
    server.misbehave("services", None, gate)
    try:
        here, theirs = pty.openpty()
    except OSError as error:
        pytest.skip(f"no terminal can be had here: {error}")
    command = [binary(), "check", "--kubeconfig", server.kubeconfig(tmp_path / "kubeconfig")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs,
                          env=environment()) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # how a terminal says that nobody is there any more
            while True:
                shown += os.read(here, 65536)
                if b"8 of 9 lists" in shown:
                    gate.open()
    os.close(here)
    assert process.returncode == 0 and shown.endswith(b"\r\x1b[K")



def test_a_credential_plugin_that_is_not_there_is_told_at_once(api, tmp_path):
    path = api(GOOD).kubeconfig(tmp_path / "kubeconfig")
    config = yaml.safe_load(path.read_text())
    for user in config["users"]:
        user["user"] = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-plugin",
                                 "interactiveMode": "Never", "installHint": "ask the platform team"}}
    path.write_text(yaml.safe_dump(config))
    said = complaint(run("check", "--kubeconfig", path, "--list-timeout", "1h"))
    assert said == (f"fairlead: --kubeconfig {path}: the credential plugin no-such-plugin can not be run: "
                    "no such file or directory; ask the platform team\n")
