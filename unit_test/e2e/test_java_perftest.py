"""A smoke test with RabbitMQ's Java client: PerfTest, resolved from Maven Central when this runs."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from harness.node import make_node

RESOLVE_S, RUN_S = 180, 60
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>warren.e2e</groupId><artifactId>perf-test-smoke</artifactId><version>1</version>
  <dependencies><dependency>
    <groupId>com.rabbitmq</groupId><artifactId>perf-test</artifactId><version>[2.10,3)</version>
  </dependency></dependencies>
</project>
"""


class PerfTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for tool in ("java", "mvn"):
            if not shutil.which(tool):
                raise unittest.SkipTest(f"java_perftest: no {tool} on this machine")
        cls.work = tempfile.mkdtemp(prefix="warren-e2e-java-")
        cls.addClassCleanup(shutil.rmtree, cls.work, ignore_errors=True)
        with open(os.path.join(cls.work, "pom.xml"), "w") as pom:
            pom.write(POM)
        resolved = subprocess.run(["mvn", "-B", "-q", "dependency:build-classpath", "-Dmdep.outputFile=classpath"],
                                  cwd=cls.work, capture_output=True, text=True, timeout=RESOLVE_S)
        if resolved.returncode != 0:
            raise unittest.SkipTest(f"java_perftest: Maven Central gave no perf-test: {resolved.stdout[:400]}")
        with open(os.path.join(cls.work, "classpath")) as classpath:
            cls.classpath = classpath.read().strip()
        cls.node = make_node()
        cls.addClassCleanup(cls.node.close)
        cls.node.start()

    def perf_test(self, *arguments):
        uri = f"amqp://guest:guest@127.0.0.1:{self.node.port}"
        done = subprocess.run(["java", "-Xmx512m", "-cp", self.classpath, "com.rabbitmq.perf.PerfTest", "--uri", uri,
                               "--id", "smoke", *arguments], cwd=self.work, capture_output=True, text=True,
                              timeout=RUN_S)
        output = done.stdout + done.stderr
        self.assertEqual(done.returncode, 0, output)
        rates = {kind: int(rate) for kind, rate in re.findall(r"(sending|receiving) rate avg: (\d+) msg/s", output)}
        print(f"\n  {' '.join(arguments)}: {rates}", flush=True)
        self.assertGreater(rates.get("receiving", 0), 0, output)
        self.assertNotIn("exception", output.lower())
        return rates

    def test_transient_auto_ack(self):
        self.perf_test("--producers", "1", "--consumers", "1", "--autoack", "--time", "5")

    def test_persistent_confirmed_manual_ack(self):
        self.perf_test("--producers", "2", "--consumers", "2", "--flag", "persistent", "--confirm", "100",
                       "--auto-delete", "false", "--queue", "perf.persistent", "--size", "1024", "--qos", "200",
                       "--multi-ack-every", "50", "--time", "5")

    def test_counted_messages_all_arrive(self):
        self.perf_test("--producers", "1", "--consumers", "1", "--pmessages", "5000", "--cmessages", "5000",
                       "--queue", "perf.counted", "--flag", "mandatory")


if __name__ == "__main__":
    unittest.main()
