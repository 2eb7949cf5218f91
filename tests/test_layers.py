# SPDX-License-Identifier: Apache-2.0
"""The include rules of docs/ARCHITECTURE.md, read from the layer() lines of CMakeLists.txt.

A file includes headers of its own folder, and those that a folder it USES itself OFFERS. Each
library has one home. proxy/ and controller/ never meet. main.c and cli/ stand on top of all.
"""
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Which files may include a library's headers: all of it, by pattern of the path in the tree.
HOMES = {
    r"llhttp\.h": r"proxy/http/h1\w*\.c",
    r"jansson\.h|yaml\.h": r"controller/object/\w+\.[ch]",
    r"pcre2\.h": r"route/regex\.c",
    r"openssl/.*": r"tls/.*|proxy/http/\w+\.c",
    r"nghttp2/.*": r"proxy/http/h2\w*\.c",
    r"curl/.*": r"controller/kube/\w+\.[ch]",
    r"cmocka\.h": r"tests/.*",
}
# What only exists to decide takes values and returns values: no sockets, no loop.
PURE = {"route", "lb", "proxy/http", "proxy/filter", "controller/object", "controller/compile"}
NOT_PURE = r"uv\.h|sys/socket\.h|sys/epoll\.h|poll\.h"
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+([<"])([^>"]+)[>"]', re.MULTILINE)


class Layer:
    def __init__(self, folder, words):
        self.folder = folder
        self.uses, self.offers, self.libs = set(), set(), set()
        kinds = {"USES": self.uses, "OFFERS": self.offers, "LIBS": self.libs}
        into = None
        for word in words:
            if word in kinds:
                into = kinds[word]
            else:
                into.add(word)


class Tree:
    """The source tree under a folder that has a CMakeLists.txt with layer() lines."""

    def __init__(self, root):
        self.root = root
        text = re.sub(r"#.*", "", (root / "CMakeLists.txt").read_text())
        self.layers = {}
        for call in re.findall(r"^\s*layer\(([^)]*)\)", text, re.MULTILINE):
            folder, *words = call.split()
            self.layers[folder] = Layer(folder, words)

    def sources(self):
        for folder in sorted({layer.split("/")[0] for layer in self.layers}):
            yield from sorted((self.root / folder).rglob("*.[ch]"))
        if (self.root / "main.c").exists():
            yield self.root / "main.c"

    def violations(self):
        found = []
        for path in self.sources():
            name = path.relative_to(self.root).as_posix()
            for bracket, header in INCLUDE.findall(path.read_text()):
                wrong = self.own(name, header) if bracket == '"' else self.library(name, header)
                if wrong:
                    found.append(f"{name}: includes {header}: {wrong}")
        return found

    def own(self, name, header):
        folder, _, file = header.rpartition("/")
        here = name.rpartition("/")[0]
        if folder not in self.layers:
            return "name the folder as CMakeLists.txt does"
        if not (self.root / header).exists():
            return "there is no such file"
        if folder == here:
            return None
        if {here.split("/")[0], folder.split("/")[0]} == {"proxy", "controller"}:
            return "proxy/ and controller/ never include each other"
        if name != "main.c" and here not in self.layers:
            return f"{here} is no layer"
        if name != "main.c" and folder not in self.layers[here].uses:
            return f"{here} does not use {folder}"
        if file not in self.layers[folder].offers:
            return f"{folder} does not offer it"
        return None

    def library(self, name, header):
        for library, home in HOMES.items():
            if re.fullmatch(library, header) and not re.fullmatch(home, name):
                return f"its home is {home}"
        if name.rpartition("/")[0] in PURE and re.fullmatch(NOT_PURE, header):
            return "this folder decides and does nothing: no sockets, no loop"
        return None

    def circles(self):
        """Layers that can reach themselves."""

        def reach(folder):
            seen, todo = set(), [folder]
            while todo:
                for used in self.layers[todo.pop()].uses - seen:
                    seen.add(used)
                    todo.append(used)
            return seen

        return [folder for folder in self.layers if folder in reach(folder)]

    def unoffered(self):
        return [f"{layer.folder}/{header}" for layer in self.layers.values()
                for header in sorted(layer.offers)
                if not (self.root / layer.folder / header).exists()]


def test_every_include_is_allowed_by_the_layers():
    found = Tree(ROOT).violations()
    assert not found, "\n".join(found)


def test_no_layer_uses_itself_through_others():
    assert Tree(ROOT).circles() == []


def test_every_used_layer_is_declared():
    tree = Tree(ROOT)
    assert [f"{layer.folder} uses {used}" for layer in tree.layers.values()
            for used in layer.uses if used not in tree.layers] == []


def test_every_offered_header_exists():
    assert Tree(ROOT).unoffered() == []


def test_no_offered_header_shows_a_library_other_than_the_loop():
    libraries = re.compile("|".join(HOMES))
    tree = Tree(ROOT)
    shown = [f"{layer.folder}/{header} includes {name}"
             for layer in tree.layers.values() for header in layer.offers
             if (ROOT / layer.folder / header).exists()
             for bracket, name in INCLUDE.findall((ROOT / layer.folder / header).read_text())
             if bracket == "<" and libraries.fullmatch(name)]
    assert shown == []


def test_every_folder_with_sources_is_a_layer():
    tree = Tree(ROOT)
    folders = {path.relative_to(ROOT).parent.as_posix() for path in tree.sources()} - {"."}
    assert sorted(folders - set(tree.layers)) == []


def test_every_source_file_opens_with_its_licence():
    missing = [path.relative_to(ROOT).as_posix()
               for path in [*Tree(ROOT).sources(), *(ROOT / "tests").rglob("*.[ch]")]
               if "SPDX-License-Identifier: Apache-2.0" not in path.read_text().split("\n", 1)[0]]
    assert missing == []


# The checker itself, on small trees.

LAYERS = """
layer(core OFFERS a.h)           # the ground
layer(route USES core OFFERS table.h)
layer(proxy USES core route OFFERS proxy.h LIBS uv)
layer(controller USES core
      OFFERS controller.h)
"""


def tree_of(tmp_path, **files):
    (tmp_path / "CMakeLists.txt").write_text(LAYERS)
    for name in ("core/a.h", "core/inside.h", "route/table.h", "proxy/proxy.h",
                 "controller/controller.h"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    for name, include in files.items():
        path = tmp_path / (name.replace("_", "/") + ".c")
        path.write_text(f"int a;\n  # include {include}\n")
    return Tree(tmp_path)


def test_checker_accepts_what_is_allowed(tmp_path):
    assert tree_of(tmp_path, core_x='"core/inside.h"', proxy_x='"route/table.h"',
                   proxy_y="<uv.h>", main='"controller/controller.h"').violations() == []


def test_checker_sees_a_folder_that_is_not_used(tmp_path):
    assert tree_of(tmp_path, route_x='"proxy/proxy.h"').violations() == [
        "route/x.c: includes proxy/proxy.h: route does not use proxy"]


def test_checker_sees_a_header_that_is_not_offered(tmp_path):
    assert tree_of(tmp_path, main='"core/inside.h"').violations() == [
        "main.c: includes core/inside.h: core does not offer it"]


def test_checker_keeps_the_two_halves_apart(tmp_path):
    assert tree_of(tmp_path, controller_x='"proxy/proxy.h"').violations() == [
        "controller/x.c: includes proxy/proxy.h: proxy/ and controller/ never include each other"]


def test_checker_sees_a_library_away_from_home(tmp_path):
    assert "its home is" in tree_of(tmp_path, proxy_x="<jansson.h>").violations()[0]


def test_checker_sees_a_loop_where_decisions_are_made(tmp_path):
    assert "no loop" in tree_of(tmp_path, route_x="<uv.h>").violations()[0]


def test_checker_sees_an_include_without_folder(tmp_path):
    assert "name the folder" in tree_of(tmp_path, core_x='"a.h"').violations()[0]


def test_checker_sees_a_circle(tmp_path):
    (tmp_path / "CMakeLists.txt").write_text("layer(a USES b)\nlayer(b USES c)\nlayer(c USES a)\n")
    assert sorted(Tree(tmp_path).circles()) == ["a", "b", "c"]
