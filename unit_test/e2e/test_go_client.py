"""The integration tests of the Go client github.com/rabbitmq/amqp091-go, fetched as a Go module when this runs.

Newest module version first: the first one whose go.mod the installed toolchain accepts is used, and printed.
"""
import glob
import json
import os
import re
import shutil
import stat
import subprocess
import tempfile
import unittest

from harness import process
from harness.case import is_reference
from harness.node import ctl_script, make_node

MODULE = "github.com/rabbitmq/amqp091-go"
DOWNLOAD_S, TEST_S = 120, 400

# Only the files that talk to a broker; the module's unit tests say nothing about ours.
SUITE = "^(%s)$"
FILES = ("integration_test.go", "connection_test.go", "recovery_test.go")
PLUGINS = ("rabbitmq_management",)
# Left out on every broker, with the reason.
SKIPPED = {
    "TestConnectionRecoverySkipAndContinueNoInfiniteLoop":
        "the client loses the channel.open-ok of a reopened channel now and then, on RabbitMQ as here",
}


def go(arguments, env, folder, timeout_s):
    return subprocess.run(["go", *arguments], env=env, cwd=folder, capture_output=True, text=True, timeout=timeout_s)


def suite_names(folder):
    names = []
    for file in FILES:
        path = os.path.join(folder, file)
        if os.path.exists(path):
            with open(path) as source:
                names += re.findall(r"^func (Test\w+)\(\w+ \*testing\.T\)", source.read(), re.M)
    return names


class GoClient(unittest.TestCase):
    def setUp(self):
        if not shutil.which("go"):
            self.skipTest("go_client: no go toolchain on this machine")
        self.work = tempfile.mkdtemp(prefix="warren-e2e-go-")
        self.addCleanup(self.remove_work)
        cache = subprocess.run(["go", "env", "GOCACHE"], capture_output=True, text=True).stdout.strip()
        self.env = {**os.environ, "GOPATH": os.path.join(self.work, "gopath"), "GOCACHE": cache,
                    "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod -buildvcs=false"}

    def remove_work(self):
        """The module cache is read-only on purpose; it goes with the test all the same."""
        def make_writable(function, path, _):
            os.chmod(os.path.dirname(path), stat.S_IRWXU)
            os.chmod(path, stat.S_IRWXU)
            function(path)
        shutil.rmtree(self.work, onerror=make_writable)

    def fetch(self):
        """A writable copy of the newest usable version: (folder, version)."""
        listed = go(["list", "-m", "-versions", "-json", MODULE], self.env, self.work, DOWNLOAD_S)
        if listed.returncode != 0:
            self.skipTest(f"go_client: no module proxy: {listed.stderr.strip().splitlines()[-1:]}")
        reasons = []
        for version in reversed(json.loads(listed.stdout)["Versions"]):
            done = go(["mod", "download", "-json", f"{MODULE}@{version}"], self.env, self.work, DOWNLOAD_S)
            if done.returncode != 0:
                reasons.append(f"{version}: {done.stdout}{done.stderr}")
                continue
            copy = os.path.join(self.work, version)
            shutil.copytree(json.loads(done.stdout)["Dir"], copy)
            for folder, _, files in os.walk(copy):
                os.chmod(folder, stat.S_IRWXU)
                for name in files:
                    os.chmod(os.path.join(folder, name), stat.S_IRUSR | stat.S_IWUSR)
            built = go(["test", "-tags", "integration", "-run", "^$", "."], self.env, copy, DOWNLOAD_S)
            if built.returncode == 0:
                return copy, version
            reasons.append(f"{version}: {(built.stdout + built.stderr)[-300:]}")
        self.fail("no version of the module builds here:\n" + "\n".join(reasons))

    def start(self):
        http_port = process.free_port()
        node = make_node(config=f"management.tcp.port = {http_port}\nmanagement.tcp.ip = 127.0.0.1\n")
        self.addCleanup(node.close)
        if is_reference():
            with open(os.path.join(node.root, "plugins"), "w") as file:
                file.write(f"[{','.join(PLUGINS)}].\n")
        node.start()
        return node, http_port

    def redirect(self, folder, http_port):
        """The tests of recovery cut connections through the management API, which they look for on 15672."""
        for path in glob.glob(os.path.join(folder, "**", "*.go"), recursive=True):
            with open(path) as source:
                text = source.read()
            if "15672" in text:
                with open(path, "w") as target:
                    target.write(re.sub(r"\b15672\b", str(http_port), text).replace("http://localhost:", "http://127.0.0.1:"))

    def test_integration_suite(self):
        folder, version = self.fetch()
        names = [name for name in suite_names(folder) if name not in SKIPPED]
        for name, reason in SKIPPED.items():
            print(f"\n  skipped {name}: {reason}", end="", flush=True)
        node, http_port = self.start()
        self.redirect(folder, http_port)
        env = {**self.env, "AMQP_URL": f"amqp://guest:guest@127.0.0.1:{node.port}/", "RABBITMQ_RABBITMQCTL_PATH": ctl_script(node)}
        done = go(["test", "-tags", "integration", "-v", "-count=1", "-timeout", f"{TEST_S}s", "-run",
                   SUITE % "|".join(names), "."], env, folder, TEST_S + 60)
        passed = re.findall(r"^--- PASS: (\S+)", done.stdout, re.M)
        failed = re.findall(r"^\s*--- FAIL: (\S+)", done.stdout, re.M)
        print(f"\n  {MODULE} {version}: {len(passed)} tests passed, {len(failed)} failed", flush=True)
        slowest = sorted(re.findall(r"^--- PASS: (\S+) \((\d+\.\d+)s\)", done.stdout, re.M), key=lambda test: -float(test[1]))
        print("  slowest: " + ", ".join(f"{name} {seconds} s" for name, seconds in slowest[:5]), flush=True)
        self.assertEqual(re.findall(r"^--- SKIP: (\S+)", done.stdout, re.M), [])
        self.assertEqual(done.returncode, 0, f"failed: {failed}\n{(done.stdout + done.stderr)[-6000:]}")
        self.assertGreater(len(passed), 30)
