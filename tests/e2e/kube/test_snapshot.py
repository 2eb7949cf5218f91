# SPDX-License-Identifier: Apache-2.0
"""
--snapshot: a start without the API server serves what it said last, and its lists take that over.
"""
import json
import os
import resource
import signal
import stat

import pytest

from seen import body_of, detail_of, wait_body, wait_detail, wait_well
from support import apifaults as faults
from support import manifests
from support.apiserver import STREAM
from support.fairlead import run
from support.tls import s_client
from support.wait import wait_until

SERVED, KEPT = "fairlead_kube_snapshot_served", "fairlead_kube_snapshot_kept"
FAILURES = "fairlead_kube_snapshot_failures_total"
SLOWLY_S = 60  # a list is asked for again after so long at most, and a file begun anew


def kill(proxy):
    """As by the kernel, at any moment."""
    proxy.process.send_signal(signal.SIGKILL)
    proxy.process.wait()
    proxy.stopped = True
    for client in proxy.clients:
        client.close()


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def rewrite(path, lines):
    path.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))


@pytest.fixture
def file(tmp_path):
    (tmp_path / "disk").mkdir()
    return tmp_path / "disk/snapshot"


@pytest.fixture
def kept(api, follow, app, steady, file):
    """(server, proxy) with http://a.test/ and the steady host, both in the file."""
    def start(*texts, **options):
        server = api(steady(), manifests.app(app(b"a")), *texts)
        proxy = follow(server, "--snapshot", file, **options)
        proxy.wait_gauge(KEPT, 1)
        return server, proxy

    return start


@pytest.fixture
def away(kept):
    """A server that is away, and nobody who has asked it; the file is as it was left."""
    def start(*texts):
        server, proxy = kept(*texts)
        proxy.stop()
        server.stop()
        return server

    return start


def written(proxy, file, word):
    """What is in the file is awaited, not the time after which it is written."""
    wait_until(lambda: word in file.read_text(), f"{word} in the file")


def test_lists_that_come_in_pages_are_kept_and_served(api, follow, app, steady, file):
    server = api(steady(), manifests.app(app(b"a")), page_items=1)
    server.has_streams = False
    proxy = follow(server, "--snapshot", file)
    proxy.wait_gauge(KEPT, 1)
    proxy.stop()
    server.stop()
    proxy = follow(server, "--snapshot", file)
    assert proxy.metric(SERVED) == 1 and body_of(proxy) == b"a"


def test_what_only_statuses_need_is_neither_kept_nor_waited_for(kept, follow, file):
    flags = ["--snapshot", file, "--publish-nodes", "app=fairlead"]
    server, proxy = kept()
    proxy.stop()
    proxy = follow(server, *flags)
    proxy.wait_gauge(KEPT, 1)
    proxy.stop()
    server.stop()
    assert not {line.get("list") for line in lines_of(file)} & {"/api/v1/nodes"}
    assert "labelSelector" not in file.read_text()
    proxy = follow(server, *flags)
    assert proxy.metric(SERVED) == 1 and body_of(proxy) == b"a"
    assert "9 of 9 lists" in detail_of(proxy)[1]


def test_the_lists_of_the_server_take_the_place_of_the_snapshot_without_a_failed_request(
        away, follow, app, steady, file):
    server = away(manifests.app(app(b"old"), host="changed.test", name="changed"),
                  manifests.app(app(b"gone"), host="gone.test", name="gone"))
    proxy = follow(server, "--snapshot", file)
    assert proxy.metric(SERVED) == 1 and proxy.metric("fairlead_kube_synced") == 0
    proxy.log.wait_for("warn the API server's lists do not come: a snapshot is served")
    status, detail = detail_of(proxy)
    assert status == 200 and "the snapshot of 20" in detail and "9 of 9 lists" in detail
    with steady(proxy):
        assert body_of(proxy) == b"a"
        assert body_of(proxy, "changed.test") == b"old" and body_of(proxy, "gone.test") == b"gone"
        server.apply(manifests.endpoints("changed", app(b"new")), seen=False)
        server.remove("Ingress", "gone-ingress", seen=False)
        server.start()
        wait_body(proxy, b"new", "changed.test", SLOWLY_S)
        wait_body(proxy, 404, "gone.test", SLOWLY_S)
        proxy.wait_gauge(SERVED, 0)
        wait_well(proxy, SLOWLY_S)
        server.apply(manifests.endpoints("app", app(b"live")))
        wait_body(proxy, b"live")
    proxy.log.wait_for("the API server's lists have taken the place of the snapshot")
    proxy.wait_gauge(KEPT, 1)
    assert "gone.test" not in file.read_text()


def test_a_snapshot_is_not_used_where_the_lists_come(away, follow, file):
    server = away()
    server.remove("Ingress", "app-ingress", seen=False)
    server.start()
    proxy = follow(server, "--snapshot", file)
    assert body_of(proxy) == 404
    proxy.wait_gauge(KEPT, 1)
    assert proxy.metric(SERVED) == 0 and "a.test" not in file.read_text()
    assert not proxy.log.find("a snapshot is served")


def test_a_list_that_never_comes_is_the_snapshots_and_the_others_are_live(
        away, follow, app, steady, file):
    """Nobody stands for election meanwhile: what is served is not the server's word alone."""
    server = away(manifests.secret("other", {"tls.crt": "not one"}))
    server.misbehave("secrets", STREAM, faults.silent, 10 ** 6)
    server.lease_requests = 0
    server.start()
    proxy = follow(server, "--snapshot", file)
    wait_detail(proxy, 200, "2 of 9 lists have not come")
    with steady(proxy):
        server.apply(manifests.endpoints("app", app(b"b")))
        wait_body(proxy, b"b")
        server.remove("Ingress", "app-ingress")
        wait_body(proxy, 404)
    assert server.lease_requests == 0 and proxy.metric(SERVED) == 1
    server.behave()
    server.cut("secrets")
    proxy.wait_gauge(SERVED, 0)
    wait_until(lambda: server.lease_requests > 0, "somebody stands for election")


def test_certificates_are_served_from_the_snapshot_and_passwords_never_reach_the_disk(
        away, follow, app, authority, file):
    certificate = authority.issue("tls.test")
    server = away(manifests.tls_app(certificate, app(b"tls"), host="tls.test", name="tls"),
                  manifests.secret("database", {"password": "hunter2"}),
                  manifests.secret("mixed", {"ca.crt": "x", "password": "hunter2"}))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["snapshot"]
    things = {line["object"]["metadata"]["name"]: line["object"] for line in lines_of(file)
              if line.get("type") == "ADDED" and "secrets" in line["list"]}
    assert "database" not in things and set(things["mixed"]["data"]) == {"ca.crt"}
    proxy = follow(server, "--snapshot", file)
    with proxy.tls_client("tls.test").sock as sock:
        assert sock.getpeercert(True) == certificate.der


@pytest.mark.parametrize("key", ["tls.ocsp", "tls.ocsp-staple"])
def test_staples_are_served_from_the_snapshot(away, follow, app, authority, file, key):
    """Who asks for a staple where the certificate must have one gets no connection without it."""
    certificate = authority.issue("tls.test")
    server = away(manifests.tls_app(None, app(b"tls"), host="tls.test", name="tls"),
                  manifests.secret("tls.test-0", {
                      "tls.crt": certificate.pem, "tls.key": certificate.key_pem,
                      key: authority.staple(certificate)}, kind="kubernetes.io/tls"))
    proxy = follow(server, "--snapshot", file)
    assert proxy.metric(SERVED) == 1
    said = s_client(proxy.https_port, "-status", server_name="tls.test")
    assert "OCSP Response Status: successful" in said and "Cert Status: good" in said, said


def test_changes_and_deletions_are_in_the_file_soon(kept, app, file):
    server, proxy = kept()
    where = app(b"later")
    server.apply(manifests.app(where, host="later.test", name="later"))
    written(proxy, file, "later.test")
    server.remove("Ingress", "app-ingress")
    written(proxy, file, '"DELETED"')
    proxy.stop()
    last = lines_of(file)[-2]
    assert (last["type"], last["object"]["metadata"]["name"]) == ("DELETED", "app-ingress")
    assert not any(word in file.read_text() for word in ("managedFields", '"status"'))


@pytest.mark.parametrize("round_number", range(3))
def test_a_file_is_good_whenever_its_writer_is_killed(kept, follow, app, file, round_number):
    server, proxy = kept()
    where = app(b"n")
    for number in range(200):
        server.apply(manifests.ingress(f"h{number}.test", service="app", name=f"n{number}"))
        if number == 60 * round_number:
            written(proxy, file, "h0.test")
    kill(proxy)
    server.stop()
    assert where
    proxy = follow(server, "--snapshot", file)
    assert body_of(proxy) == b"a" and body_of(proxy, "h0.test") == b"a"


def test_killed_while_the_lists_are_coming_the_old_file_stays(away, follow, file):
    server = away()
    server.misbehave("secrets", STREAM, faults.silent, 10 ** 6)
    server.start()
    before = file.read_text()
    proxy = follow(server, "--snapshot", file, ready=False)
    wait_until((file.parent / "snapshot.new").exists, "the new file")
    kill(proxy)
    server.stop()
    assert file.read_text() == before
    assert body_of(follow(server, "--snapshot", file)) == b"a"


@pytest.mark.parametrize("tail", [b'{"list":"/api/v1/services","type":"ADDED","obj', b"\0" * 5000,
                                  b"[" * 100000 + b"\n"])
def test_a_broken_end_is_left_out(away, follow, file, tail):
    server = away()
    with file.open("ab") as out:
        out.write(tail)
    proxy = follow(server, "--snapshot", file)
    assert body_of(proxy) == b"a"
    proxy.log.wait_for("the end of the snapshot is broken")
    assert proxy.log.text().count("the end of the snapshot is broken") == 1


def test_what_stands_behind_a_broken_line_does_not_count(away, follow, file):
    """So a list whose end is behind it has not come: nothing is made up."""
    server = away()
    lines = lines_of(file)
    rewrite(file, lines[:3])
    with file.open("ab") as out:
        out.write(b"broken\n")
        for line in lines[3:]:
            out.write(json.dumps(line).encode() + b"\n")
    proxy = follow(server, "--snapshot", file, ready=False)
    proxy.log.wait_for("the snapshot cannot be served; .* why=\"it lacks the list")
    assert detail_of(proxy)[0] == 503 and body_of(proxy) != b"a"


def test_a_broken_object_of_a_snapshot_is_one_fault_and_no_more(away, follow, file):
    server = away(manifests.ingress("b.test", service="app", name="b"))
    lines = lines_of(file)
    for line in lines:
        if line.get("object", {}).get("metadata", {}).get("name") == "b":
            line["object"]["spec"]["rules"] = "none"
    rewrite(file, lines)
    proxy = follow(server, "--snapshot", file)
    assert body_of(proxy) == b"a" and body_of(proxy, "b.test") == 404
    assert proxy.metric("fairlead_kube_objects_rejected_total", resource="ingresses",
                        version="networking.k8s.io/v1") == 1


def test_a_file_of_another_version_is_said_to_be_one_and_written_anew(away, follow, file):
    server = away()
    lines = lines_of(file)
    rewrite(file, [{**lines[0], "version": 999}, *lines[1:]])
    proxy = follow(server, "--snapshot", file, ready=False)
    proxy.log.wait_for("the snapshot is not used, and is written anew .*another version")
    proxy.log.wait_for("the API server's lists do not come, and there is no snapshot")
    assert detail_of(proxy)[0] == 503
    server.start()
    proxy.wait_gauge(KEPT, 1)
    assert lines_of(file)[0] == lines[0]


def test_a_file_of_another_api_server_is_not_served(away, api, follow, file):
    away()
    other = api()
    other.stop()
    proxy = follow(other, "--snapshot", file, ready=False)
    proxy.log.wait_for("the snapshot is not used, .*it is of another API server")
    assert proxy.log.wait_for("there is no snapshot") and detail_of(proxy)[0] == 503


def foreign(file):
    file.write_text('{"snapshot":"fairlead","version":1,"server":"x"}\n')
    os.chown(file, 65534, 65534)


@pytest.fixture
def refused(api, file, tmp_path):
    """What it says before it ends, as it cannot use that file."""
    def start():
        kubeconfig = api().kubeconfig(tmp_path / "config")
        code, _, said = run("serve", "--kubeconfig", kubeconfig, "--snapshot", file, "--http",
                            "127.0.0.1:0", "--https", "127.0.0.1:0", "--admin", "127.0.0.1:0")
        assert code == 1
        return said

    return start


HOSTILE = {
    "is no snapshot of Fairlead and is not overwritten":
        lambda file: file.write_text("my notes\n"),
    "is no regular file": os.mkfifo,
    "is a symbolic link": lambda file: file.symlink_to(file.parent / "elsewhere"),
    "belongs to another user": foreign,
    "make or mount it": lambda file: file.parent.rmdir(),
    "may be written by everybody": lambda file: (file.touch(), file.chmod(0o666)),
    "has a second name": lambda file: (file.touch(), os.link(file, file.with_name("second"))),
}


@pytest.mark.parametrize("why", HOSTILE)
def test_what_is_not_ours_is_neither_served_nor_overwritten(refused, file, why):
    if why == "belongs to another user" and os.geteuid() != 0:
        pytest.skip("only root may give files away")
    HOSTILE[why](file)
    before = file.read_text() if file.is_file() else None
    said = [line for line in refused().splitlines() if "--snapshot cannot be used" in line]
    assert len(said) == 1 and why in said[0] and str(file) in said[0]
    assert (file.read_text() if file.is_file() else None) == before


def test_a_directory_is_no_file(refused, file):
    file.mkdir()
    assert "is no regular file" in refused()


def test_a_symbolic_link_in_the_place_of_the_new_file_is_not_followed(api, follow, file):
    victim = file.parent / "victim"
    victim.write_text("precious")
    (file.parent / "snapshot.new").symlink_to(victim)
    proxy = follow(api(), "--snapshot", file)
    proxy.wait_metric(FAILURES)
    proxy.log.wait_for("the snapshot cannot be written.*is a symbolic link")
    assert victim.read_text() == "precious" and not file.exists()


def test_a_full_disk_is_no_trouble_of_the_traffic(kept, app, steady, file):
    server, proxy = kept()
    size = file.stat().st_size
    with steady(proxy):
        resource.prlimit(proxy.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        server.apply(manifests.endpoints("app", app(b"b")))
        wait_body(proxy, b"b")
        proxy.wait_metric(FAILURES)
        assert proxy.metric(KEPT) == 0 and file.stat().st_size == size
        proxy.log.wait_for("error the snapshot cannot be written; .*File too large")
        assert detail_of(proxy) == (200, "ready\n")
        server.apply(manifests.endpoints("app", app(b"c")))
        wait_body(proxy, b"c")
        resource.prlimit(proxy.pid, resource.RLIMIT_FSIZE,
                         (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        wait_until(lambda: proxy.metric(KEPT) == 1, "the file is kept again", SLOWLY_S)
    proxy.log.wait_for("info the snapshot is written again")
    assert proxy.log.text().count("error the snapshot cannot be written") == 1


def test_a_deleted_file_is_written_anew(kept, file):
    server, proxy = kept()
    file.unlink()
    server.apply(manifests.ingress("b.test", service="app", name="b"))
    proxy.wait_metric(FAILURES)
    wait_until(file.exists, "a new file", SLOWLY_S)
    assert "b.test" in file.read_text()


def test_what_is_written_again_and_again_does_not_make_the_file_grow(kept, file):
    server, proxy = kept()
    for number in range(60):
        server.apply(manifests.ingress("b.test", service="app", name="b", annotations={
            "padding": f"{number} " + "x" * 100000}))
    written(proxy, file, '"59 x')
    proxy.wait_metric("fairlead_kube_snapshot_compactions_total")
    proxy.stop()
    assert file.stat().st_size < 4_000_000
    server.stop()
    lines = [line for line in lines_of(file) if line.get("type") == "ADDED"]
    assert [line for line in lines if line["object"]["metadata"]["name"] == "b"]


def test_a_snapshot_over_its_limit_is_neither_read_nor_written(away, follow, app, steady, file):
    limit = ("--max-snapshot-bytes", 1048576)
    server = away()
    with file.open("ab") as out:
        out.truncate(20 * 2 ** 30)  # with a hole in it
    proxy = follow(server, "--snapshot", file, *limit, ready=False)
    proxy.log.wait_for("the snapshot is not used, .*larger than --max-snapshot-bytes")
    server.start()
    proxy.wait_gauge(KEPT, 1)
    assert proxy.metric("fairlead_kube_snapshot_too_large_total") == 1
    size = file.stat().st_size
    with steady(proxy):
        for number in range(11):
            server.apply(manifests.ingress(f"b{number}.test", service="app", name=f"b{number}",
                                           annotations={"padding": "x" * 100000}))
        wait_body(proxy, b"a", "b10.test")
        proxy.wait_metric(FAILURES)
    assert proxy.metric("fairlead_kube_snapshot_too_large_total") == 2
    assert size <= file.stat().st_size <= limit[1]


def test_of_two_with_one_file_the_newer_one_has_it(kept, follow, app, file):
    """As during an update of a node; the older one stands back and serves on."""
    server, old = kept()
    new = follow(server, "--snapshot", file)
    new.wait_gauge(KEPT, 1)
    server.apply(manifests.endpoints("app", app(b"b")))
    wait_body(old, b"b")
    wait_body(new, b"b")
    old.log.wait_for("another process keeps the snapshot: this one stands back")
    assert old.metric(KEPT) == old.metric(FAILURES) == 0
    old.stop()
    server.apply(manifests.ingress("c.test", service="app", name="c"))
    written(new, file, "c.test")


def test_a_crd_that_was_not_installed_and_is_not_does_not_keep_the_snapshot(
        api, follow, app, file, steady):
    server = api(steady(), manifests.app(app(b"a")))
    server.uninstall("ingressroutes")
    server.uninstall("tlscertificatedelegations")
    proxy = follow(server, "--snapshot", file)
    proxy.wait_gauge(KEPT, 1)
    proxy.stop()
    server.stop()
    proxy = follow(server, "--snapshot", file)
    assert proxy.metric(SERVED) == 1 and body_of(proxy) == b"a"
    with steady(proxy):
        server.start()
        wait_well(proxy, SLOWLY_S)
    assert proxy.metric(SERVED) == 0
    assert not proxy.log.find("some lists do not come")


NO_PAGE = faults.body(b"404 page not found\n", 404)


@pytest.fixture
def rooted(kept):
    """A server, and a file that has an IngressRoute for r.test, too."""
    server, proxy = kept(manifests.to_yaml({
        "apiVersion": "contour.heptio.com/v1beta1", "kind": "IngressRoute",
        "metadata": manifests.metadata("r"),
        "spec": {"virtualhost": {"fqdn": "r.test"}, "routes": [
            {"match": "/", "services": [{"name": "app", "port": 80}]}]}}))
    proxy.stop()
    return server


@pytest.mark.parametrize("others", [NO_PAGE, faults.status(503)])
def test_a_404_while_no_list_comes_says_nothing_of_what_is_installed(rooted, follow, file, others):
    for missing in ("ingressroutes", "tlscertificatedelegations"):
        rooted.misbehave(missing, None, NO_PAGE, 10 ** 6)
    rooted.misbehave(None, None, others, 10 ** 6)
    proxy = follow(rooted, "--snapshot", file)
    assert proxy.metric(SERVED) == 1
    assert body_of(proxy) == body_of(proxy, "r.test") == b"a"
    assert "9 of 9 lists" in detail_of(proxy)[1]
    rooted.behave()
    wait_well(proxy, SLOWLY_S)
    assert proxy.metric(SERVED) == 0 and body_of(proxy, "r.test") == b"a"


def test_what_is_not_installed_any_more_is_the_snapshots_until_that_is_sure(rooted, follow, file):
    """As for what the process itself has known."""
    rooted.uninstall("ingressroutes")
    proxy = follow(rooted, "--snapshot", file)
    assert proxy.metric(SERVED) == 1 and body_of(proxy, "r.test") == b"a"
    assert "1 of 9 lists" in detail_of(proxy)[1]
    wait_body(proxy, 404, "r.test", SLOWLY_S)
    proxy.wait_gauge(SERVED, 0)
    assert body_of(proxy) == b"a"
    proxy.wait_gauge(KEPT, 1)
    assert "r.test" not in file.read_text()


@pytest.mark.parametrize("old", [False, True])
def test_what_was_never_installed_does_not_hold_up_a_start(api, follow, app, file, old):
    """With a file or without; nor does a server without EndpointSlices."""
    server = api(manifests.app(app(b"a")))
    for missing in ("ingressroutes", "tlscertificatedelegations"):
        server.uninstall(missing)
    if old:
        address, _, port = app(b"a").rpartition(":")
        server.uninstall("endpointslices")
        server.put({"apiVersion": "v1", "kind": "Endpoints", "metadata": manifests.metadata("app"),
                    "subsets": [{"addresses": [{"ip": address}],
                                 "ports": [{"name": "http", "port": int(port)}]}]})
    for _ in range(2):
        proxy = follow(server, "--snapshot", file)
        assert (proxy.metric(SERVED), body_of(proxy)) == (0, b"a")
        proxy.wait_gauge(KEPT, 1)
        assert not proxy.log.find("snapshot is served|snapshot cannot|there is no snapshot")
        proxy.stop()


def test_a_deleted_file_is_written_anew_also_where_something_is_not_installed(
        api, follow, app, file):
    server = api(manifests.app(app(b"a")))
    server.uninstall("ingressroutes")
    proxy = follow(server, "--snapshot", file)
    proxy.wait_gauge(KEPT, 1)
    file.unlink()
    server.apply(manifests.ingress("b.test", service="app", name="b"))
    proxy.wait_metric(FAILURES)
    wait_until(file.exists, "a new file", SLOWLY_S)
    assert "b.test" in file.read_text()
