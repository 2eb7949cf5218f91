# SPDX-License-Identifier: Apache-2.0
"""
What scripts/cluster does once everything is built. Progress on stderr.

    cluster.py BINARIES up | down | load ARCHIVE | kubectl WORDS... | shell
"""
import os
import pathlib
import sys

from kube.node import Node


def say(text):
    print(text, file=sys.stderr, flush=True)


def up(node):
    if node.is_up():
        say(f"it is up; {node.directory} has its logs")
        return
    say("starting a control plane and a node")
    node.start()
    say("the node is ready: scripts/cluster kubectl get nodes; scripts/cluster shell; "
        "scripts/cluster down")


def down(node):
    node.stop()
    say("nothing of it is left")


def needs_one(node):
    if not node.is_up():
        sys.exit("scripts/cluster: none is up")


def load(node, archive):
    needs_one(node)
    node.runtime.add_image(archive)


def become(node, *words):
    """This process turns into that program, inside of the cluster's network."""
    needs_one(node)
    command = node.cluster.namespace.command(*words)
    os.environ["KUBECONFIG"] = str(node.cluster.admin_config)
    os.environ["PATH"] = f"{node.cluster.binaries}:{os.environ['PATH']}"
    os.execvp(command[0], command)


def main(binaries, what, *words):
    node = Node(pathlib.Path(binaries))
    if what == "kubectl":
        become(node, "kubectl", *words)
    elif what == "shell":
        become(node, os.environ.get("SHELL", "/bin/bash"))
    else:
        {"up": up, "down": down, "load": load}[what](node, *words)


if __name__ == "__main__":
    main(*sys.argv[1:])
