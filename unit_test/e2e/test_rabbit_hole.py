"""The own tests of rabbit-hole, the Go client of the management API (github.com/michaelklishin/rabbit-hole), fetched as a Go
module when this runs; on RabbitMQ (run.py --broker rabbitmq) they show which of them hold there.

What is left out, and why, stands in clients/rabbit_hole.txt: `title | reason` a line; `both:` before a reason means that
RabbitMQ 3.10 fails it too.
"""
import os
import re
import shutil
import stat
import subprocess
import tempfile
import unittest

from harness import management, process
from harness.case import is_reference
from harness.node import make_node
from harness.suites import left_out

MODULE = "github.com/michaelklishin/rabbit-hole/v2"
VERSION = "v2.12.0"
DOWNLOAD_S, SUITE_S = 180, 900
PLUGINS = ("rabbitmq_management", "rabbitmq_shovel", "rabbitmq_shovel_management", "rabbitmq_federation", "rabbitmq_federation_management")


class RabbitHole(unittest.TestCase):
    def setUp(self):
        if not shutil.which("go"):
            self.skipTest("rabbit_hole: no go toolchain on this machine")
        self.work = tempfile.mkdtemp(prefix="warren-e2e-hole-")
        self.addCleanup(self.remove_work)
        self.env = {**os.environ, "GOPATH": os.path.join(self.work, "gopath"), "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod -buildvcs=false",
                    "GOCACHE": subprocess.run(["go", "env", "GOCACHE"], capture_output=True, text=True).stdout.strip()}

    def remove_work(self):
        """The module cache is read-only on purpose; it goes with the test all the same."""
        for folder, _, _ in os.walk(self.work):
            os.chmod(folder, stat.S_IRWXU)
        shutil.rmtree(self.work, ignore_errors=True)

    def go(self, *arguments, folder=None, timeout_s=DOWNLOAD_S):
        return subprocess.run(["go", *arguments], env=self.env, cwd=folder or self.work, capture_output=True, text=True, timeout=timeout_s)

    def fetch(self, http_port, amqp_port):
        """A copy of the module whose tests talk to these ports."""
        done = self.go("mod", "download", "-json", f"{MODULE}@{VERSION}")
        if done.returncode != 0:
            self.skipTest(f"rabbit_hole: no module proxy: {(done.stderr + done.stdout).strip().splitlines()[-1:]}")
        copy = os.path.join(self.work, "module")
        shutil.copytree(re.search(r'"Dir": "([^"]+)"', done.stdout)[1], copy)
        for folder, _, files in os.walk(copy):
            os.chmod(folder, stat.S_IRWXU)
            for name in files:
                os.chmod(os.path.join(folder, name), stat.S_IRUSR | stat.S_IWUSR)
        for name in ("rabbithole_test.go", "health_checks_test.go"):
            path = os.path.join(copy, name)
            with open(path) as source:
                text = source.read()
            text = re.sub(r"\b15672\b", str(http_port), text)
            text = re.sub(r"\b5672\b", str(amqp_port), text)
            if not is_reference():  # RabbitMQ's statistics are up to five seconds old, Warren's one
                text = text.replace("time.Sleep(5000 * time.Millisecond)", "time.Sleep(1200 * time.Millisecond)")
            with open(path, "w") as target:
                target.write(text)
        return copy

    def start(self):
        http_port = process.free_port()
        node = make_node(config=f"management.tcp.port = {http_port}\nmanagement.tcp.ip = 127.0.0.1\n")
        self.addCleanup(node.close)
        if is_reference():
            with open(os.path.join(node.root, "plugins"), "w") as file:
                file.write(f"[{','.join(PLUGINS)}].\n")
        node.start()
        api = management.Api(http_port)
        self.assertTrue(process.wait_until(lambda: self.serves(api), 60), "the management API does not come up")
        api.put("/vhosts/rabbit%2Fhole")
        api.put("/permissions/rabbit%2Fhole/guest", management.ALL)
        api.put("/cluster-name", {"name": "rabbitmq@localhost"})
        return node, http_port

    @staticmethod
    def serves(api):
        try:
            return api.call("GET", "/whoami")[0] == 200
        except OSError:
            return False

    def test_own_suite(self):
        node, http_port = self.start()
        folder = self.fetch(http_port, node.port)
        skipped = left_out("rabbit_hole")
        if is_reference():
            skipped = {title: reason for title, reason in skipped.items() if reason.startswith("both:")}
        for title, reason in skipped.items():
            print(f"\n  left out: {title}: {reason}", end="", flush=True)
        skip = ["-ginkgo.skip=" + "|".join(re.escape(title).replace("\\ ", " ") for title in skipped)] if skipped else []
        done = self.go("test", "-v", "-count=1", "-timeout", f"{SUITE_S}s", ".", "-ginkgo.noColor", "-ginkgo.v", *skip, folder=folder, timeout_s=SUITE_S + 60)
        counts = re.search(r"(\d+) Passed \| (\d+) Failed", done.stdout)
        self.assertIsNotNone(counts, (done.stdout + done.stderr)[-4000:])
        failed = re.findall(r"^\[(?:Fail|Panic!)\] (.*) \[It\] (.*?)\s*$", done.stdout, re.M)
        print(f"\n  {MODULE} {VERSION}: {counts[1]} passed, {counts[2]} failed, {len(skipped)} left out by title", flush=True)
        self.assertEqual(failed, [], done.stdout[-8000:])
        self.assertGreater(int(counts[1]), 90)


if __name__ == "__main__":
    unittest.main()
