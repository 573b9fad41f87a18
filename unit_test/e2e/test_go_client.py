"""The integration tests of the Go client github.com/rabbitmq/amqp091-go, fetched as a Go module when this runs.

Newest module version first: the first one whose go.mod the installed toolchain accepts is used, and printed.
"""
import glob
import json
import os
import re
import unittest

from harness.go_module import GoModules, rewrite
from harness.node import ctl_script

MODULE = "github.com/rabbitmq/amqp091-go"
TEST_S = 400

# Only the files that talk to a broker; the module's unit tests say nothing about ours.
SUITE = "^(%s)$"
FILES = ("integration_test.go", "connection_test.go", "recovery_test.go")
PLUGINS = ("rabbitmq_management",)
# Left out on every broker, with the reason.
SKIPPED = {
    "TestConnectionRecoverySkipAndContinueNoInfiniteLoop":
        "the client loses the channel.open-ok of a reopened channel now and then, on RabbitMQ as here",
}


def suite_names(folder):
    names = []
    for file in FILES:
        path = os.path.join(folder, file)
        if os.path.exists(path):
            with open(path) as source:
                names += re.findall(r"^func (Test\w+)\(\w+ \*testing\.T\)", source.read(), re.M)
    return names


class GoClient(GoModules, unittest.TestCase):
    def setUp(self):
        self.prepare("go_client")

    def fetch(self):
        """A writable copy of the newest usable version: (folder, version)."""
        listed = self.go("list", "-m", "-versions", "-json", MODULE)
        if listed.returncode != 0:
            self.skipTest(f"go_client: no module proxy: {listed.stderr.strip().splitlines()[-1:]}")
        reasons = []
        for version in reversed(json.loads(listed.stdout)["Versions"]):
            done = self.go("mod", "download", "-json", f"{MODULE}@{version}")
            if done.returncode != 0:
                reasons.append(f"{version}: {done.stdout}{done.stderr}")
                continue
            copy = self.writable_copy(done, version)
            built = self.go("test", "-tags", "integration", "-run", "^$", ".", folder=copy)
            if built.returncode == 0:
                return copy, version
            reasons.append(f"{version}: {(built.stdout + built.stderr)[-300:]}")
        self.fail("no version of the module builds here:\n" + "\n".join(reasons))

    @staticmethod
    def redirect(folder, http_port):
        """The tests of recovery cut connections through the management API, which they look for on 15672."""
        def change(text):
            if "15672" not in text:
                return text
            return re.sub(r"\b15672\b", str(http_port), text).replace("http://localhost:", "http://127.0.0.1:")
        for path in glob.glob(os.path.join(folder, "**", "*.go"), recursive=True):
            rewrite(path, change)

    def test_integration_suite(self):
        folder, version = self.fetch()
        names = [name for name in suite_names(folder) if name not in SKIPPED]
        for name, reason in SKIPPED.items():
            print(f"\n  skipped {name}: {reason}", end="", flush=True)
        node, http_port = self.start_managed_node(PLUGINS)
        self.redirect(folder, http_port)
        done = self.go("test", "-tags", "integration", "-v", "-count=1", "-timeout", f"{TEST_S}s", "-run", SUITE % "|".join(names), ".",
                       folder=folder, timeout_s=TEST_S + 60, AMQP_URL=f"amqp://guest:guest@127.0.0.1:{node.port}/",
                       RABBITMQ_RABBITMQCTL_PATH=ctl_script(node))
        passed = re.findall(r"^--- PASS: (\S+)", done.stdout, re.M)
        failed = re.findall(r"^\s*--- FAIL: (\S+)", done.stdout, re.M)
        print(f"\n  {MODULE} {version}: {len(passed)} tests passed, {len(failed)} failed", flush=True)
        slowest = sorted(re.findall(r"^--- PASS: (\S+) \((\d+\.\d+)s\)", done.stdout, re.M), key=lambda test: -float(test[1]))
        print("  slowest: " + ", ".join(f"{name} {seconds} s" for name, seconds in slowest[:5]), flush=True)
        self.assertEqual(re.findall(r"^--- SKIP: (\S+)", done.stdout, re.M), [])
        self.assertEqual(done.returncode, 0, f"failed: {failed}\n{(done.stdout + done.stderr)[-6000:]}")
        self.assertGreater(len(passed), 30)
