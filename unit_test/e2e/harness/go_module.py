"""Go modules whose own tests are run here: fetched when a test runs, into a folder that goes with it."""
import json
import os
import shutil
import stat
import subprocess
import tempfile

from . import process
from .case import is_reference
from .node import make_node

DOWNLOAD_S = 180


class GoModules:
    """Mixed into a unittest.TestCase: a folder of its own for modules, and go's environment for it."""

    def prepare(self, name):
        if not shutil.which("go"):
            self.skipTest(f"{name}: no go toolchain on this machine")
        self.work = tempfile.mkdtemp(prefix=f"warren-e2e-{name}-")
        self.addCleanup(self.remove_work)
        cache = subprocess.run(["go", "env", "GOCACHE"], capture_output=True, text=True).stdout.strip()
        self.env = {**os.environ, "GOPATH": os.path.join(self.work, "gopath"), "GOCACHE": cache, "GOTOOLCHAIN": "local",
                    "GOFLAGS": "-mod=mod -buildvcs=false"}

    def remove_work(self):
        """The module cache is read-only on purpose; it goes with the test all the same."""
        for folder, _, _ in os.walk(self.work):
            os.chmod(folder, stat.S_IRWXU)
        shutil.rmtree(self.work)

    def go(self, *arguments, folder=None, timeout_s=DOWNLOAD_S, **env):
        return subprocess.run(["go", *arguments], env={**self.env, **env}, cwd=folder or self.work, capture_output=True, text=True,
                              timeout=timeout_s)

    def writable_copy(self, downloaded, name):
        """Of the module that `go mod download -json` has told of."""
        copy = os.path.join(self.work, name)
        shutil.copytree(json.loads(downloaded.stdout)["Dir"], copy)
        for folder, _, files in os.walk(copy):
            os.chmod(folder, stat.S_IRWXU)
            for each in files:
                os.chmod(os.path.join(folder, each), stat.S_IRUSR | stat.S_IWUSR)
        return copy

    def start_managed_node(self, plugins):
        """A node with the management API; on RabbitMQ with these plug-ins. (node, port of HTTP)"""
        http_port = process.free_port()
        node = make_node(config=f"management.tcp.port = {http_port}\nmanagement.tcp.ip = 127.0.0.1\n")
        self.addCleanup(node.close)
        if is_reference():
            with open(os.path.join(node.root, "plugins"), "w") as file:
                file.write(f"[{','.join(plugins)}].\n")
        node.start()
        return node, http_port



def rewrite(path, change):
    with open(path) as source:
        text = source.read()
    with open(path, "w") as target:
        target.write(change(text))
