"""The own tests of rabbit-hole, the Go client of the management API (github.com/michaelklishin/rabbit-hole), fetched as a Go
module when this runs; on RabbitMQ (run.py --broker rabbitmq) they show which of them hold there.

What is left out, and why, stands in clients/rabbit_hole.txt: `title | reason` a line; `both:` before a reason means that
RabbitMQ 3.10 fails it too.
"""
import os
import re
import unittest

from harness import management, process
from harness.case import is_reference
from harness.go_module import GoModules, rewrite
from harness.suites import left_out

MODULE = "github.com/michaelklishin/rabbit-hole/v2"
VERSION = "v2.12.0"
SUITE_S = 900
PLUGINS = ("rabbitmq_management", "rabbitmq_shovel", "rabbitmq_shovel_management", "rabbitmq_federation", "rabbitmq_federation_management")


class RabbitHole(GoModules, unittest.TestCase):
    def setUp(self):
        self.prepare("rabbit_hole")

    def fetch(self, http_port, amqp_port):
        """A copy of the module whose tests talk to these ports."""
        done = self.go("mod", "download", "-json", f"{MODULE}@{VERSION}")
        if done.returncode != 0:
            self.skipTest(f"rabbit_hole: no module proxy: {(done.stderr + done.stdout).strip().splitlines()[-1:]}")
        copy = self.writable_copy(done, "module")

        def change(text):
            text = re.sub(r"\b15672\b", str(http_port), text)
            text = re.sub(r"\b5672\b", str(amqp_port), text)
            if not is_reference():  # RabbitMQ's statistics are up to five seconds old, Warren's one
                text = text.replace("time.Sleep(5000 * time.Millisecond)", "time.Sleep(1500 * time.Millisecond)")
            return text
        for name in ("rabbithole_test.go", "health_checks_test.go"):
            rewrite(os.path.join(copy, name), change)
        return copy

    def start(self):
        node, http_port = self.start_managed_node(PLUGINS)
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
