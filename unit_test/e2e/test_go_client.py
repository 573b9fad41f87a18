"""The integration tests of the Go client github.com/rabbitmq/amqp091-go, fetched as a Go module when this runs.

Newest module version first: the first one whose go.mod the installed toolchain accepts is used, and printed.
"""
import json
import os
import re
import shutil
import stat
import subprocess
import tempfile
import unittest

from harness.case import is_reference
from harness.node import make_node

MODULE = "github.com/rabbitmq/amqp091-go"
DOWNLOAD_S, TEST_S = 120, 240

# Only the files that talk to a broker; the module's unit tests say nothing about ours.
SUITE = "^(%s)$"
FILES = ("integration_test.go", "connection_test.go", "recovery_test.go")
# Skipped by the beginning of their names: they cut connections through the management API on its fixed port.
MANAGEMENT_PREFIX, MANAGEMENT_REASON = "TestConnectionRecovery", "management HTTP API on port 15672: a later part"
# Tests left out on every broker, with the reason.
SKIPPED = {
    "TestPlaintextDialTLS": "needs a TLS port beside the plain one",
}
# Tests left out on Warren until the part that brings what they need.
SKIPPED_UNTIL_LATER = {
    "TestIntegrationQueueDeclarePassiveOnQueueTypeMismatchShouldError": "x-queue-type quorum: part 4",
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
            for folder, _, _ in os.walk(copy):
                os.chmod(folder, stat.S_IRWXU)
            built = go(["test", "-tags", "integration", "-run", "^$", "."], self.env, copy, DOWNLOAD_S)
            if built.returncode == 0:
                return copy, version
            reasons.append(f"{version}: {(built.stdout + built.stderr)[-300:]}")
        self.fail("no version of the module builds here:\n" + "\n".join(reasons))

    def test_integration_suite(self):
        folder, version = self.fetch()
        skipped = dict(SKIPPED) if is_reference() else {**SKIPPED, **SKIPPED_UNTIL_LATER}
        found = suite_names(folder)
        skipped.update({name: MANAGEMENT_REASON for name in found if name.startswith(MANAGEMENT_PREFIX)})
        for name, reason in skipped.items():
            print(f"\n  skipped {name}: {reason}", end="", flush=True)
        node = make_node()
        self.addCleanup(node.close)
        node.start()
        env = {**self.env, "AMQP_URL": f"amqp://guest:guest@127.0.0.1:{node.port}/"}
        names = [name for name in found if name not in skipped]
        done = go(["test", "-tags", "integration", "-v", "-count=1", "-timeout", f"{TEST_S}s", "-run",
                   SUITE % "|".join(names), "."], env, folder, TEST_S + 60)
        passed = re.findall(r"^--- PASS: (\S+)", done.stdout, re.M)
        failed = re.findall(r"^\s*--- FAIL: (\S+)", done.stdout, re.M)
        print(f"\n  {MODULE} {version}: {len(passed)} tests passed, {len(failed)} failed, "
              f"{len(skipped)} skipped by name", flush=True)
        for name in re.findall(r"^--- SKIP: (\S+)", done.stdout, re.M):
            print(f"  the suite itself skipped {name}", flush=True)
        self.assertEqual(done.returncode, 0, f"failed: {failed}\n{(done.stdout + done.stderr)[-6000:]}")
        self.assertGreater(len(passed), 30)
