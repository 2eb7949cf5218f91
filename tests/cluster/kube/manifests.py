# SPDX-License-Identifier: Apache-2.0
"""What stands in deploy/, as objects."""
import json
import pathlib
import subprocess

import yaml

DEPLOY = pathlib.Path(__file__).resolve().parents[3] / "deploy"
BASE = DEPLOY / "kustomize/base"
OVERLAYS = DEPLOY / "kustomize/overlays"
COMPONENTS = DEPLOY / "kustomize/components"


def objects(text):
    return [each for each in yaml.safe_load_all(text) if each]


def kustomize(binaries, folder):
    """The objects of a folder with a kustomization.yaml."""
    done = subprocess.run([binaries / "kubectl", "kustomize", folder], check=True,
                          capture_output=True, text=True)
    return objects(done.stdout)


def to_text(things):
    """A list as `kubectl apply -f -` takes it."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": things})


def pick(things, kind, name="fairlead"):
    found = [each for each in things if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    assert len(found) == 1, (kind, name)
    return found[0]
