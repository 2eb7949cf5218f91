# SPDX-License-Identifier: Apache-2.0
"""containerd with a bridge for its pods: what kubelet has them run by."""
import json
import os
import pathlib
import signal
import subprocess

from support.wait import wait_until

from . import images

PODS = "198.19.0.0/24"
PAUSE = "localhost/pause:1"

# Lowering oom_score_adj is not every root's right, and the bridge's plugins are Debian's.
CONFIG = """version = 3
root = "{here}/containerd"
state = "{here}/containerd.state"
[grpc]
  address = "{socket}"
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ["/usr/lib/cni"]
    conf_dir = "{here}/cni"
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
      SystemdCgroup = false
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "{pause}"
"""


class Runtime:
    """cluster: the ControlPlane whose folder, programs and network namespace it shares."""

    def __init__(self, cluster):
        self.cluster, self.directory = cluster, cluster.directory
        self.socket = self.directory / "containerd.sock"
        self.program = cluster.program("containerd", f"--config={self.directory}/containerd.toml")
        # Its shims stand beside it, runc where Debian puts it.
        self.program.environment = {**os.environ, "PATH": f"{cluster.binaries}:/usr/sbin:/usr/bin"
                                                          ":/sbin:/bin"}

    def start(self):
        self._write_network()
        (self.directory / "containerd.toml").write_text(CONFIG.format(
            here=self.directory, socket=self.socket, pause=PAUSE))
        self.program.start()
        wait_until(self._answers, f"containerd (see {self.program.log})", 30)
        self.add_program(PAUSE, "/usr/bin/sleep", "infinity")

    def _write_network(self):
        folder = self.directory / "cni"
        folder.mkdir(exist_ok=True)
        bridge = {"type": "bridge", "bridge": "pods", "isGateway": True, "ipMasq": False,
                  "hairpinMode": True,
                  "ipam": {"type": "host-local", "dataDir": str(self.directory / "addresses"),
                           "ranges": [[{"subnet": PODS}]], "routes": [{"dst": "0.0.0.0/0"}]}}
        ports = {"type": "portmap", "capabilities": {"portMappings": True}}
        (folder / "10-pods.conflist").write_text(json.dumps(
            {"cniVersion": "1.0.0", "name": "pods", "plugins": [bridge, ports]}))

    def _answers(self):
        self.program.check_running()
        return self._ctr("version", check=False).returncode == 0

    def _ctr(self, *words, check=True):
        done = subprocess.run([self.cluster.binaries / "ctr", f"--address={self.socket}",
                               "--namespace=k8s.io", *words],
                              capture_output=True, text=True, timeout=120, check=False)
        assert not check or done.returncode == 0, f"ctr {words}: {done.stderr}"
        return done

    def add_image(self, archive):
        """A file as `docker save` or `buildah push docker-archive:` make them."""
        self._ctr("images", "import", str(archive))

    def add_program(self, tag, program, *arguments):
        archive = self.directory / "image.tar"
        self.add_image(images.write(archive, tag, pathlib.Path(program).resolve(), *arguments))
        archive.unlink()

    def stop(self):
        """Pods ought to be gone. The shims of those that are not run on without containerd."""
        self.program.end(signal.SIGTERM)
        for pid in self._shims():
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not self._shims(), "the end of containerd's shims")

    def _shims(self):
        """Processes that were told to report to our containerd."""
        wanted = f"\0-address\0{self.socket}\0".encode()
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if wanted in path.read_bytes():
                    found.append(int(path.parent.name))
            except OSError:
                pass
        return found
