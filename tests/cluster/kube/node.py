# SPDX-License-Identifier: Apache-2.0
"""
A cluster with one node that runs pods: control plane, scheduler, containerd, kubelet, kube-proxy.

There is one a machine, in a fixed folder, by which `scripts/cluster` and the tests find each
other's.
"""
import json
import pathlib
import shutil
import subprocess

from support.wait import wait_until

from .cgroups import ControlGroup
from .control_plane import ControlPlane
from .namespace import ADDRESS, Namespace, ip
from .runtime import PODS, Runtime

DIRECTORY = pathlib.Path("/var/lib/fairlead-cluster")
WORD = "fairlead-cluster"  # of the network namespace and the control group
NAME = "node"
USER = f"system:node:{NAME}"
READY_WITHIN_S = 90


def kubelet_config(directory, socket):
    """As little of the machine as possible is asked for, measured or changed."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": f"unix://{socket}", "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{WORD}", "failCgroupV1": False, "failSwapOn": False, "localStorageCapacityIsolation": False,
        "resolvConf": "/dev/null",
        "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%"},
        "imageGCHighThresholdPercent": 100, "imageGCLowThresholdPercent": 99,
        "podLogsDir": f"{directory}/pod-logs",
        # `kubectl logs` and `exec` come from the API server, within the network namespace.
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"}}


class Node:
    def __init__(self, binaries, directory=DIRECTORY):
        self.directory = directory
        self.cluster = ControlPlane(directory, binaries, Namespace(WORD),
                                    controller_manager=True, may_outlive=True,
                                    users={USER: "system:nodes"})
        admin = f"--kubeconfig={self.cluster.admin_config}"
        self.cluster.programs.append(self.cluster.program("kube-scheduler", admin,
                                                          "--leader-elect=false"))
        self.runtime = Runtime(self.cluster)
        self.pods = ControlGroup(WORD)
        self.kubelet = self.cluster.program(
            "kubelet", f"--kubeconfig={directory}/{USER}.kubeconfig",
            f"--config={directory}/kubelet.json", f"--root-dir={directory}/kubelet",
            f"--hostname-override={NAME}", f"--node-ip={ADDRESS}")
        # The limits of connections are the machine's, and may be read-only.
        self.proxy = self.cluster.program(
            "kube-proxy", admin, "--proxy-mode=nftables", f"--hostname-override={NAME}",
            f"--cluster-cidr={PODS}", "--conntrack-max-per-core=0",
            "--conntrack-tcp-timeout-established=0", "--conntrack-tcp-timeout-close-wait=0")

    # ---- its life ----

    def is_up(self):
        return self.kubelet.is_running() and self.cluster.namespace.exists()

    def start(self):
        assert not self.directory.exists(), f"{self.directory} is there: take it down first"
        try:
            self.cluster.start()
            self.runtime.start()
            self.pods.make()
            self._write_config()
            self.kubelet.start()
            self.proxy.start()
            wait_until(self._is_ready, f"a node that is ready (logs: {self.directory}.failed)",
                       READY_WITHIN_S)
        except BaseException:
            self._keep_logs()
            self.stop()
            raise

    def _write_config(self):
        config = kubelet_config(self.directory, self.runtime.socket)
        (self.directory / "kubelet.json").write_text(json.dumps(config, indent=1))

    def _is_ready(self):
        for program in (self.kubelet, self.proxy):
            program.check_running()
        jsonpath = '{.items[*].status.conditions[?(@.type=="Ready")].status}'
        return self.cluster.kubectl("get", "nodes", "-o", f"jsonpath={jsonpath}") == "True"

    def stop(self):
        """Also what is left of one that broke half way up or down."""
        self._delete_pods()
        for program in (self.proxy, self.kubelet):
            program.end()
        self.runtime.stop()
        for network in self.pods.kill():
            ip("netns", "del", network)
        self.pods.remove()
        self.cluster.stop()
        self._unmount()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _delete_pods(self):
        """By kubelet, as it alone knows all that belongs to one; and nobody may make new ones."""
        for program in self.cluster.programs[2:]:
            program.end()
        if self.is_up() and self.cluster.api_server.is_running():
            self.cluster.kubectl("delete", "pods", "--all", "--all-namespaces", "--wait",
                                 "--grace-period=1", "--timeout=60s", check=False)

    def _unmount(self):
        mounts = [line.split()[1] for line in pathlib.Path("/proc/self/mounts").read_text()
                  .splitlines()]
        for path in reversed(mounts):
            if path.startswith(f"{self.directory}/"):
                subprocess.run(["umount", "--lazy", path], check=False)

    def _keep_logs(self):
        """The folder goes, but whoever reads of a failure wants them."""
        kept = self.directory.with_name(f"{self.directory.name}.failed")
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir()
        for log in self.directory.glob("*.log"):
            shutil.copy(log, kept)
