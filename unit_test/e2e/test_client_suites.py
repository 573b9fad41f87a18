"""The integration suites of py-amqp, kombu and amqplib, and a Celery worker. Everything that passes on RabbitMQ passes here.

The suites come from their registries when this runs; what is left out is in clients/*.txt with its reason.
"""
import os
import shutil
import tempfile
import unittest

from harness import suites
from harness.node import make_node

# celery 5.6.3 loses answers of its rpc backend: it takes each second without one for a lost connection, and its new
# consumer lets the old auto-delete queue go (celery issue 10284, mended in 5.7.0, which needs another kombu).
PY_AMQP, KOMBU, CELERY, AMQPLIB = "amqp==5.3.1", "kombu==5.6.2", "celery==5.6.2", "amqplib@0.10.9"


class Suites(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = tempfile.mkdtemp(prefix="warren-e2e-suites-")
        cls.addClassCleanup(shutil.rmtree, cls.work, True)
        cls.node = make_node()
        cls.addClassCleanup(cls.node.close)
        cls.node.start()
        cls.environment_ = None

    def environment(self):
        if Suites.environment_ is None:
            try:
                Suites.environment_ = suites.PythonEnvironment(self.work, PY_AMQP, KOMBU, CELERY)
            except suites.Unavailable as reason:
                self.skipTest(f"python clients: {reason}")
        return Suites.environment_

    def judge(self, name, results, least):
        skipped = suites.left_out(name)
        for test, reason in skipped.items():
            print(f"\n  skipped {name} {test}: {reason}", end="", flush=True)
        failed = {test: str(text)[:600] for test, text in results.items() if text not in ("pass", "skip")}
        passed = [test for test, text in results.items() if text == "pass"]
        print(f"\n  {name}: {len(passed)} passed, {len(failed)} failed, {len(skipped)} left out", flush=True)
        self.assertEqual(failed, {})
        self.assertGreaterEqual(len(passed), least)

    def python_suite(self, name, package, file, least):
        environment = self.environment()
        try:
            folder = environment.source(package, self.work)
        except suites.Unavailable as reason:
            self.skipTest(f"{name}: {reason}")
        results = environment.pytest(folder, file, suites.left_out(name), RABBITMQ_HOST="127.0.0.1",
                                     RABBITMQ_5672_TCP=str(self.node.port))
        self.judge(name, results, least)

    def test_py_amqp(self):
        self.python_suite("py_amqp", PY_AMQP, "t/integration/test_rmq.py", 8)

    def test_py_amqp_texts(self):
        self.python_suite("py_amqp_mocked", PY_AMQP, "t/integration/test_integration.py", 20)

    def test_kombu(self):
        self.python_suite("kombu", KOMBU, "t/integration/test_py_amqp.py", 30)

    def test_amqplib(self):
        folder = os.path.join(self.work, "node")
        os.mkdir(folder)
        try:
            results = suites.mocha(folder, AMQPLIB, suites.left_out("amqplib"),
                                   ["connect.js", "channel_api.js", "callback_api.js"],
                                   {"parts.query || {};": f"{{...parts.query, port: {self.node.port}}};",
                                    "'amqp://[::1]'": f"'amqp://[::1]:{self.node.port}'"},
                                   URL=f"amqp://guest:guest@127.0.0.1:{self.node.port}")
        except suites.Unavailable as reason:
            self.skipTest(f"amqplib: {reason}")
        self.judge("amqplib", results, 68)

    def test_celery_worker(self):
        environment = self.environment()
        url = f"amqp://guest:guest@127.0.0.1:{self.node.port}//"
        done = suites.run([environment.python, os.path.join(suites.CLIENTS, "celery_driver.py")], self.work, suites.SUITE_S,
                          WARREN_TEST_URL=url, PYTHONPATH=suites.CLIENTS)
        print("\n" + done.stdout, end="", flush=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr[-4000:])
