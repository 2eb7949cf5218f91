# SPDX-License-Identifier: Apache-2.0
"""The fast echo server of tests/bench as an endpoint: paths /bytes/N, /drip/N/MS, /ws and more, see
tests/bench/echo_answer.c. Each answer names its server in X-Server."""
import re
import subprocess

from support.echo import program


class Echo:
    def __init__(self, name="echo", port=0):
        self.name = name
        self.process = subprocess.Popen(
            [program(), "--listen", f"127.0.0.1:{port}", "--name", name],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        line = self.process.stdout.readline().decode()
        self.port = int(re.search(r":(\d+)$", line)[1])

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
