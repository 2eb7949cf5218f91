# SPDX-License-Identifier: Apache-2.0
"""The directory as a source of objects: whatever becomes of its files, the table follows, and what is
broken keeps what was good (design 4.4)."""
import json
import os
import re
import shutil
import time

import pytest

from support import manifests
from support.wait import wait_until

MANIFEST_BYTES_MAX = 16 * 1024 * 1024


def answers(body):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def wait_body(proxy, body, path="/", host="a.test"):
    wait_until(lambda: proxy.get(path, host).body == body, f"{body!r} from {host}{path}")


def wait_status(proxy, status, path="/", host="a.test"):
    wait_until(lambda: proxy.get(path, host).status == status, f"{status} from {host}{path}")


def parts(app, host="a.test", name="app"):
    """The objects of an app as dicts, for formats other than plain YAML."""
    meta = {"name": name, "namespace": "default"}
    return [
        {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta,
         "spec": {"rules": [{"host": host, "http": {"paths": [
             {"path": "/", "pathType": "Prefix",
              "backend": {"service": {"name": name, "port": {"number": 80}}}}]}}]}},
        {"apiVersion": "v1", "kind": "Service", "metadata": meta,
         "spec": {"ports": [{"name": "http", "port": 80}]}},
        {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
         "metadata": {**meta, "labels": {"kubernetes.io/service-name": name}},
         "addressType": "IPv4", "ports": [{"name": "http", "port": app.port}],
         "endpoints": [{"addresses": ["127.0.0.1"]}]}]


# ---- where files may be ----

def test_manifests_in_nested_directories_are_served_and_the_three_suffixes_are_known(fairlead, backend):
    app = backend()
    proxy = fairlead({f"deep/er/{number}/app.{suffix}": manifests.app(app, host=f"{suffix}.test",
                                                                     name=suffix)
                      for number, suffix in enumerate(("yaml", "yml"))}
                     | {"deep/app.json": json.dumps({"kind": "List", "apiVersion": "v1",
                                                     "items": parts(app, "json.test", "json")})})
    for suffix in ("yaml", "yml", "json"):
        assert proxy.get("/", f"{suffix}.test").status == 200


def test_other_suffixes_and_hidden_names_are_no_manifests(fairlead, backend):
    app = backend()
    proxy = fairlead({"app.yaml": manifests.app(app),
                      "notes.txt": "] no YAML [", "app.yaml.bak": "] no YAML [",
                      ".hidden.yaml": "] no YAML [", ".git/app.yaml": "] no YAML ["})
    assert proxy.get("/").status == 200
    assert proxy.metric("fairlead_files") == 1
    assert proxy.metric("fairlead_file_parse_errors_total") == 0


def test_a_directory_made_later_is_watched_with_all_that_is_in_it(fairlead, backend):
    proxy = fairlead()
    assert proxy.get("/").status == 404
    (proxy.objects / "new" / "newer").mkdir(parents=True)
    proxy.write("new/newer/app.yaml", manifests.app(backend(answers(b"1"))))
    wait_body(proxy, b"1")
    proxy.write("new/newer/app.yaml", manifests.app(backend(answers(b"2"))))
    wait_body(proxy, b"2")


def test_a_tree_moved_in_is_read_and_moved_out_is_gone(fairlead, backend, tmp_path):
    proxy = fairlead()
    outside = tmp_path / "outside"
    (outside / "deep").mkdir(parents=True)
    (outside / "deep" / "app.yaml").write_text(manifests.app(backend()))
    os.rename(outside, proxy.objects / "inside")
    wait_status(proxy, 200)
    os.rename(proxy.objects / "inside", outside)
    wait_status(proxy, 404)


def test_two_object_directories_are_one_set_of_objects(fairlead, backend, tmp_path):
    more = tmp_path / "more"
    more.mkdir()
    app = backend()
    (more / "rest.yaml").write_text(manifests.documents(
        manifests.service(), manifests.endpoints("app", app)))
    proxy = fairlead(manifests.ingress(), "--objects", more)
    assert proxy.get("/").status == 200
    (more / "rest.yaml").unlink()
    wait_status(proxy, 503)


# ---- the life of a file ----

def test_deleting_a_file_deletes_its_objects(fairlead, backend):
    app = backend()
    proxy = fairlead({"a.yaml": manifests.app(app, host="a.test", name="a"),
                      "b.yaml": manifests.app(app, host="b.test", name="b")})
    assert proxy.get("/", "a.test").status == 200
    proxy.remove("a.yaml")
    wait_status(proxy, 404, host="a.test")
    assert proxy.get("/", "b.test").status == 200
    shutil.rmtree(proxy.objects)
    proxy.objects.mkdir()


def test_an_object_taken_out_of_a_file_is_gone_and_the_others_stay(fairlead, backend):
    app = backend()
    both = [manifests.app(app, host=f"{name}.test", name=name) for name in "ab"]
    proxy = fairlead(manifests.documents(*both))
    assert proxy.get("/", "a.test").status == proxy.get("/", "b.test").status == 200
    proxy.apply("test.yaml", both[1])
    assert proxy.get("/", "a.test").status == 404
    assert proxy.get("/", "b.test").status == 200


def test_a_file_renamed_within_the_tree_keeps_its_objects(fairlead, backend):
    proxy = fairlead(manifests.app(backend()))
    (proxy.objects / "sub").mkdir()
    os.rename(proxy.objects / "test.yaml", proxy.objects / "sub" / "other.yaml")
    wait_until(lambda: proxy.log.find("other.yaml") or proxy.metric("fairlead_files") == 1, "one file")
    proxy.apply("marker.yaml", manifests.app(9, host="marker.test", name="marker"))
    assert proxy.get("/").status == 200


def test_a_file_that_is_written_slowly_is_live_when_it_is_whole(fairlead, backend):
    """Truncated in place and filled in pieces: no half of it ever takes a route away."""
    first, second = backend(answers(b"1")), backend(answers(b"2"))
    proxy = fairlead(manifests.documents(manifests.app(first), manifests.app(
        first, host="b.test", name="b")))
    text = manifests.documents(manifests.app(second), manifests.app(second, host="b.test", name="b"))
    with open(proxy.objects / "test.yaml", "w", encoding="utf-8") as file:
        for start in range(0, len(text), len(text) // 12):
            file.write(text[start:start + len(text) // 12])
            file.flush()
            assert proxy.get("/", "a.test").status == 200
            assert proxy.get("/", "b.test").status == 200
            time.sleep(0.01)  # a writer that takes its time: what the test is about
    wait_body(proxy, b"2")
    wait_body(proxy, b"2", host="b.test")


def test_half_a_json_file_never_takes_a_route_away(fairlead, backend):
    def text_of(app):
        return json.dumps({"apiVersion": "v1", "kind": "List", "items": parts(app)})

    proxy = fairlead({"app.json": text_of(backend(answers(b"1")))})
    text = text_of(backend(answers(b"2")))
    with open(proxy.objects / "app.json", "w", encoding="utf-8") as file:
        file.write(text[:-20])
        file.flush()
        proxy.wait_gauge("fairlead_files_broken", 1)  # it was read while half was there
        assert proxy.get("/").body == b"1"
        file.write(text[-20:])
    wait_body(proxy, b"2")
    proxy.wait_gauge("fairlead_files_broken", 0)


# ---- symlinks ----

def test_a_mounted_configmap_swaps_as_one(fairlead, backend):
    """As the kubelet does it: name -> ..data/name, ..data -> ..stamp, and only ..data is replaced."""
    proxy = fairlead()

    def publish(stamp, body):
        folder = proxy.objects / f"..{stamp}"
        folder.mkdir()
        app = backend(answers(body))
        (folder / "ingress.yaml").write_text(manifests.ingress(service=f"app{stamp}"))
        (folder / "app.yaml").write_text(manifests.documents(
            manifests.service(f"app{stamp}"), manifests.endpoints(f"app{stamp}", app)))
        os.symlink(folder.name, proxy.objects / "..data_tmp")
        os.replace(proxy.objects / "..data_tmp", proxy.objects / "..data")

    publish(1, b"1")
    for name in ("ingress.yaml", "app.yaml"):
        os.symlink(f"..data/{name}", proxy.objects / name)
    wait_body(proxy, b"1")
    for stamp in range(2, 6):
        publish(stamp, b"%d" % stamp)
        # Half of a swap would be a route to a Service that is not there: 503.
        statuses = set()
        wait_until(lambda: statuses.add((answer := proxy.get("/")).status)
                   or answer.body == b"%d" % stamp, "the swap")
        assert statuses == {200}
        shutil.rmtree(proxy.objects / f"..{stamp - 1}")
    assert proxy.metric("fairlead_files") == 2
    assert proxy.get("/").status == 200


def test_symlink_loops_and_dangling_links_do_not_hold_it_up(fairlead, backend):
    proxy = fairlead(manifests.app(backend(answers(b"1"))))
    os.symlink(".", proxy.objects / "here")
    os.symlink("..", proxy.objects / "up")
    os.symlink("self.yaml", proxy.objects / "self.yaml")
    os.symlink("b", proxy.objects / "a")
    os.symlink("a", proxy.objects / "b")
    os.symlink("nowhere.yaml", proxy.objects / "dangling.yaml")
    proxy.apply("test.yaml", manifests.app(backend(answers(b"2"))))
    assert proxy.get("/").body == b"2"
    assert proxy.metric("fairlead_files") <= 3  # not one for each time round
    (proxy.objects / "nowhere.yaml").write_text(manifests.app(
        backend(answers(b"3")), host="late.test", name="late"))
    wait_body(proxy, b"3", host="late.test")


# ---- what a file may hold ----

@pytest.mark.parametrize("form", ["documents", "list", "json", "json list", "typed list"])
def test_one_file_may_hold_many_objects(fairlead, backend, form):
    app = backend()
    objects = parts(app)
    text = {
        "documents": "--- # a comment\n" + "\n---\n".join(map(json.dumps, objects)) + "\n...\n---\n",
        "list": manifests.to_yaml({"apiVersion": "v1", "kind": "List", "items": objects}),
        "json": json.dumps(objects[0]),
        "json list": json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}, indent=1),
        "typed list": json.dumps({"apiVersion": "networking.k8s.io/v1", "kind": "IngressList",
                                  "items": objects[:1]}),
    }[form]
    files = {"test.json" if form.startswith("json") else "test.yaml": text}
    if form in ("json", "typed list"):
        files["rest.yaml"] = manifests.documents(manifests.service(), manifests.endpoints("app", app))
    assert fairlead(files).get("/").status == 200


@pytest.mark.parametrize("api", ["networking.k8s.io/v1beta1", "extensions/v1beta1"])
def test_ingresses_of_older_versions_are_served(fairlead, backend, api):
    old = manifests.to_yaml({
        "apiVersion": api, "kind": "Ingress", "metadata": {"name": "old"},
        "spec": {"rules": [{"host": "a.test", "http": {"paths": [
            {"path": "/old", "backend": {"serviceName": "app", "servicePort": "http"}}]}}]}})
    proxy = fairlead(manifests.documents(old, manifests.service(), manifests.endpoints(
        "app", backend())))
    assert proxy.get("/older").status == 200  # a string prefix, as these versions have it
    assert proxy.get("/ol").status == 404


def test_a_missing_namespace_is_default(fairlead, backend):
    objects = parts(backend())
    del objects[0]["metadata"]["namespace"]
    assert fairlead("\n---\n".join(map(json.dumps, objects))).get("/").status == 200


def test_an_unknown_kind_is_one_line_in_the_log_and_the_rest_is_served(fairlead, backend):
    widget = manifests.to_yaml({"apiVersion": "example.com/v1", "kind": "Widget",
                                "metadata": {"name": "w"}})
    proxy = fairlead(manifests.documents(widget, widget, manifests.app(backend()), widget))
    assert proxy.get("/").status == 200
    for number in range(5):
        proxy.apply(f"w{number}.yaml", manifests.documents(widget, manifests.ingress(
            f"h{number}.test", name=f"h{number}")))
    assert len([line for line in proxy.log.lines if "Widget" in line]) == 1


def test_a_file_without_objects_is_no_error(fairlead, backend):
    proxy = fairlead({"test.yaml": manifests.app(backend()), "empty.yaml": "", "blank.yaml": "\n\n",
                      "comment.yaml": "# nothing here yet\n", "bare.yaml": "---\n---\n"})
    assert proxy.get("/").status == 200
    assert proxy.metric("fairlead_file_parse_errors_total") == 0


# ---- broken files ----

BROKEN = {
    "YAML": ("kind: Ingress\nmetadata: {name: app\n  - ]\n", 3),
    "JSON": ('{"kind": "Ingress",\n "metadata": {"name" "app"}}\n', 2),
    "a tab": ("kind: Ingress\nmetadata:\n\tname: app\n", 3),
    "bytes that are no UTF-8": ("kind: Ingress\nmetadata: {name: \udcff}\n", 2),
    "a control byte": ("kind: Ingress\nmetadata: {name: \x01}\n", 2),
    "half an escape": ('kind: Ingress\nmetadata: {name: "\\x4"}\n', 2),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_file_keeps_its_last_good_objects_and_says_where(fairlead, backend, what):
    text, line = BROKEN[what]
    proxy = fairlead({"app.yaml": manifests.app(backend(answers(b"1")))})
    path = proxy.objects / ".app.new"
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    os.replace(path, proxy.objects / "app.yaml")
    said = proxy.log.wait_for(r"app\.yaml line=(\d+) column=(\d+)")
    assert int(said[1]) == line and int(said[2]) >= 1, said.string
    assert "a manifest can not be used, its last good objects stay" in said.string
    assert " error " in said.string
    assert proxy.get("/").body == b"1"
    proxy.wait_gauge("fairlead_files_broken", 1)
    assert proxy.metric("fairlead_file_parse_errors_total") == 1
    wait_until(lambda: re.search(rf"app\.yaml:{line}:", proxy.admin("/table").body.decode()),
               "the finding in the table")
    proxy.write("app.yaml", manifests.app(backend(answers(b"2"))))
    wait_body(proxy, b"2")
    proxy.wait_gauge("fairlead_files_broken", 0)
    assert "app.yaml" not in proxy.admin("/table").body.decode()


def test_a_file_broken_at_the_start_is_an_error_and_the_rest_is_served(fairlead, backend):
    proxy = fairlead({"app.yaml": manifests.app(backend()), "bad.yaml": "kind: [\n"})
    assert proxy.log.find(r" error a manifest can not be used, nothing of it is served .*bad\.yaml line=2 "
                          r"column=\d+")
    assert proxy.get("/").status == 200
    ready = proxy.admin("/readyz")
    assert ready.status == 200
    assert b"1 manifest file can not be used; nothing of it is served\n" in ready.body


def test_a_broken_file_that_is_deleted_takes_its_last_good_objects_along(fairlead, backend):
    proxy = fairlead({"app.yaml": manifests.app(backend())})
    proxy.write("app.yaml", "kind: [\n")
    proxy.wait_gauge("fairlead_files_broken", 1)
    assert proxy.get("/").status == 200
    proxy.remove("app.yaml")
    wait_status(proxy, 404)
    proxy.wait_gauge("fairlead_files_broken", 0)


def test_a_document_that_does_not_parse_takes_no_part_of_its_file_along(fairlead, backend):
    """All documents of a file are one change: none of them comes while one of them is broken."""
    app = backend(answers(b"1"))
    proxy = fairlead({"app.yaml": manifests.app(app)})
    proxy.write("app.yaml", manifests.documents(
        manifests.app(backend(answers(b"2"))), "kind: [\n"))
    proxy.wait_gauge("fairlead_files_broken", 1)
    assert proxy.get("/").body == b"1"


def test_yaml_aliases_that_explode_are_refused(fairlead, backend):
    bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12))
    proxy = fairlead({"app.yaml": manifests.app(backend())})
    proxy.write("bomb.yaml", bomb)
    proxy.log.wait_for(r"bomb\.yaml")
    assert proxy.get("/").status == 200
    assert resident_bytes(proxy) < 1 << 30


def test_a_file_nested_too_deeply_is_refused(fairlead, backend):
    proxy = fairlead({"app.yaml": manifests.app(backend())})
    proxy.write("deep.json", '{"a":' * 100_000 + "1" + "}" * 100_000)
    proxy.log.wait_for(r"deep\.json")
    proxy.write("deep.yaml", "[" * 100_000)
    proxy.log.wait_for(r"deep\.yaml")
    assert proxy.get("/").status == 200


# ---- files that are not to be read ----

def resident_bytes(proxy):
    return proxy.metric("fairlead_resident_bytes")


def test_a_file_of_100_mb_is_refused_and_not_read(fairlead, backend):
    proxy = fairlead({"app.yaml": manifests.app(backend())})
    assert proxy.get("/").status == 200
    before = resident_bytes(proxy)
    hundred = proxy.objects / ".huge"
    with open(hundred, "wb") as file:
        for _ in range(100):
            file.write(b"# ten bytes" * 95_326)
    assert hundred.stat().st_size > 100_000_000
    reads = proxy.metric("fairlead_file_reads_total")
    os.replace(hundred, proxy.objects / "huge.yaml")
    said = proxy.log.wait_for(r"huge\.yaml")
    assert re.search(r"larger", said.string), said.string
    assert proxy.metric("fairlead_files_too_large_total") == 1
    assert proxy.metric("fairlead_file_reads_total") - reads <= 1
    assert resident_bytes(proxy) - before < 20_000_000
    assert proxy.get("/").status == 200
    proxy.apply("small.yaml", manifests.app(9, host="b.test", name="b"))  # and it goes on


def test_a_file_that_grows_past_the_limit_keeps_its_last_good_objects(fairlead, backend):
    proxy = fairlead({"app.yaml": manifests.app(backend())})
    proxy.write("app.yaml", "#" * (MANIFEST_BYTES_MAX + 1))
    proxy.log.wait_for(r"app\.yaml.*larger|larger.*app\.yaml")
    assert proxy.get("/").status == 200


def test_an_unreadable_file_is_an_error_and_is_read_when_it_can_be(fairlead, backend):
    proxy = fairlead({"app.yaml": manifests.app(backend())})
    if os.geteuid() == 0:
        # For root no mode is unreadable; a directory by the name of a manifest is no manifest either.
        (proxy.objects / "dir.yaml").mkdir()
        proxy.write("dir.yaml/b.yaml", manifests.app(backend(), host="b.test", name="b"))
        wait_status(proxy, 200, host="b.test")
        return
    path = proxy.objects / "secret.yaml"
    path.touch(mode=0)
    proxy.log.wait_for(r"secret\.yaml.*(denied|read)")
    path.chmod(0o600)
    path.write_text(manifests.app(backend(), host="b.test", name="b"))
    wait_status(proxy, 200, host="b.test")


def test_fifos_sockets_and_devices_are_not_opened(fairlead, backend):
    proxy = fairlead({"app.yaml": manifests.app(backend(answers(b"1")))})
    os.mkfifo(proxy.objects / "pipe.yaml")
    os.symlink("/dev/zero", proxy.objects / "zero.yaml")
    os.symlink("/dev/tty", proxy.objects / "tty.json")
    proxy.apply("app.yaml", manifests.app(backend(answers(b"2"))))
    wait_body(proxy, b"2")  # what is told of the others makes a table, too
    with pytest.raises(OSError):  # nobody has the other end open
        os.open(proxy.objects / "pipe.yaml", os.O_WRONLY | os.O_NONBLOCK)


def test_the_whole_directory_replaced_is_read_again(fairlead, backend, tmp_path):
    proxy = fairlead({"app.yaml": manifests.app(backend(answers(b"1")))})
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    (fresh / "app.yaml").write_text(manifests.app(backend(answers(b"2"))))
    os.rename(proxy.objects, tmp_path / "stale")
    os.rename(fresh, proxy.objects)
    wait_body(proxy, b"2")


# ---- how soon ----

def test_a_change_of_one_file_is_live_at_once(fairlead, backend):
    """How soon is told, not asserted: the machine may be busy. scripts/bench measures it."""
    apps = [backend(answers(b"%d" % number)) for number in range(2)]
    proxy = fairlead(manifests.app(apps[0]))
    client, times = proxy.client(), []
    for number in range(1, 11):
        began = time.monotonic()
        proxy.write("test.yaml", manifests.app(apps[number % 2]))
        while client.get("/").body != b"%d" % (number % 2):
            assert time.monotonic() - began < 15
        times.append((time.monotonic() - began) * 1000)
    print(f"a change was live after {sorted(times)[5]:.0f} ms (median), {max(times):.0f} ms at most")


def test_files_written_together_become_one_table(fairlead, backend):
    app = backend()
    proxy = fairlead()
    before = proxy.metric("fairlead_publications_total")
    for number in range(50):
        proxy.write(f"{number}.yaml", manifests.app(app, host=f"h{number}.test", name=f"h{number}"))
    for number in range(50):
        wait_status(proxy, 200, host=f"h{number}.test")
    published = proxy.metric("fairlead_publications_total") - before
    print(f"50 files became {published:.0f} tables")
    assert published <= 10
