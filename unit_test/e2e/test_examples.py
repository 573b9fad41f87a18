"""The programs of examples/ do what docs/extending.md says of them."""
import os
import signal
import subprocess
import tempfile
import threading
import time
import unittest

import pika

from harness import process
from harness.options import options

TIMEOUT_S = 60


class Examples(unittest.TestCase):
    def start(self, name):
        """Runs the example on a free port in a folder of its own, until it says that it serves."""
        folder = tempfile.TemporaryDirectory(prefix="warren-example-")
        self.addCleanup(folder.cleanup)
        port = process.free_port()
        child = subprocess.Popen([os.path.join(options.build, "examples", name), os.path.join(folder.name, "data"),
                                  str(port)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                 env={**os.environ, "XDG_RUNTIME_DIR": folder.name, "HOME": folder.name})
        self.addCleanup(self.end, child)
        self.assertIn(f"serving amqp://guest:guest@127.0.0.1:{port}", child.stdout.readline())
        return child, port

    @staticmethod
    def end(child):
        if child.poll() is None:
            child.kill()
        child.wait()
        child.stdout.close()

    def stop(self, child):
        """Ends it as Ctrl-C does; returns what it printed since the start."""
        child.send_signal(signal.SIGINT)
        text, _ = child.communicate(timeout=TIMEOUT_S)
        self.assertEqual(child.returncode, 0, text)
        return text

    def channel(self, port):
        connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", port, socket_timeout=10))
        self.addCleanup(lambda: connection.is_open and connection.close())
        channel = connection.channel()
        channel.confirm_delivery()
        return channel

    def test_embedded_broker_serves_clients_and_ends_cleanly(self):
        child, port = self.start("embedded_broker")
        channel = self.channel(port)
        channel.queue_declare("inside", durable=True)
        channel.basic_publish("", "inside", b"hello", pika.BasicProperties(delivery_mode=2), mandatory=True)
        _, _, body = channel.basic_get("inside", auto_ack=True)
        self.assertEqual(body, b"hello")
        channel.connection.close()
        self.assertEqual(self.stop(child), "")

    def test_embedded_broker_says_why_it_cannot_start(self):
        _, port = self.start("embedded_broker")
        with tempfile.TemporaryDirectory() as folder:
            second = subprocess.run([os.path.join(options.build, "examples/embedded_broker"),
                                     os.path.join(folder, "data"), str(port)],
                                    capture_output=True, text=True, timeout=TIMEOUT_S)
        self.assertEqual(second.returncode, 1)
        self.assertIn(f"cannot listen on 127.0.0.1:{port}", second.stderr)

    def test_audit_tap_counts_what_passes_and_changes_nothing(self):
        child, port = self.start("audit_tap")
        channel = self.channel(port)
        for name in ("orders", "idle", "gone"):
            channel.queue_declare(name, durable=True)
        bodies = [b"%d" % number for number in range(10)]
        for body in bodies:
            channel.basic_publish("", "orders", body, pika.BasicProperties(delivery_mode=2), mandatory=True)
        tags = []
        for body in bodies:
            method, _, got = channel.basic_get("orders")
            self.assertEqual(got, body)
            tags.append(method.delivery_tag)
        channel.basic_nack(tags[9], requeue=True)
        channel.basic_ack(tags[6], multiple=True)
        channel.basic_reject(tags[7], requeue=False)
        self.assertEqual(channel.queue_declare("orders", passive=True).method.message_count, 1)
        channel.queue_delete("gone")
        channel.connection.close()
        lines = dict(line.split(": ", 1) for line in self.stop(child).splitlines())
        self.assertRegex(lines["orders"], r"^published 10, acknowledged 7, returned 2, in \d+ requests$")
        for name in ("idle", "gone"):
            self.assertIn("published 0, acknowledged 0, returned 0", lines.get(name, "published 0, acknowledged 0, returned 0"))

    def test_delayed_queue_holds_back_what_is_published_in_order_and_confirms_late(self):
        child, port = self.start("delayed_queue")
        channel = self.channel(port)
        channel.queue_declare("late", durable=True, arguments={"x-publish-delay": 3000})
        channel.queue_declare("prompt", durable=True)
        channel.basic_publish("", "prompt", b"now", mandatory=True)
        self.assertEqual(channel.basic_get("prompt", auto_ack=True)[2], b"now")
        started = time.monotonic()
        sender = channel.connection.channel()  # without confirms
        for number in range(3):
            sender.basic_publish("", "late", b"%d" % number)
        self.assertIsNone(sender.basic_get("late")[0])
        channel.basic_publish("", "late", b"3", pika.BasicProperties(delivery_mode=2), mandatory=True)  # waits for its confirm
        self.assertGreaterEqual(time.monotonic() - started, 3)
        self.assertEqual([channel.basic_get("late", auto_ack=True)[2] for _ in range(4)], [b"0", b"1", b"2", b"3"])
        channel.connection.close()
        self.assertEqual(self.stop(child), "")

    def test_a_delayed_queue_that_is_deleted_lets_its_publishers_go(self):
        child, port = self.start("delayed_queue")
        channel, other = self.channel(port), self.channel(port)
        channel.queue_declare("never", durable=True, arguments={"x-publish-delay": 86_400_000})
        started = time.monotonic()
        deleting = threading.Timer(0.5, lambda: other.queue_delete("never"))
        deleting.start()
        channel.basic_publish("", "never", bytes(6 << 20), mandatory=True)  # more than a publisher has credit for
        deleting.join()
        self.assertLess(time.monotonic() - started, 30)
        channel.queue_declare("next")
        channel.basic_publish("", "next", b"goes on", mandatory=True)
        self.assertEqual(channel.basic_get("next", auto_ack=True)[2], b"goes on")
        for opened in (channel, other):
            opened.connection.close()
        self.assertEqual(self.stop(child), "")

    def test_custom_exchange_routes_by_the_longest_prefix_and_keeps_its_bindings(self):
        child, port = self.start("custom_exchange")
        channel = self.channel(port)
        channel.exchange_declare("calls", "x-longest-prefix", durable=True)
        for name, prefix in {"world": "", "germany": "+49", "berlin": "+4930"}.items():
            channel.queue_declare(name, durable=True)
            channel.queue_bind(name, "calls", prefix)
        for number in ("+4930123", "+4989123", "+331", ""):
            channel.basic_publish("calls", number, number.encode(), pika.BasicProperties(delivery_mode=2), mandatory=True)
        expected = {"berlin": [b"+4930123"], "germany": [b"+4989123"], "world": [b"+331", b""]}
        for name, bodies in expected.items():
            self.assertEqual([channel.basic_get(name, auto_ack=True)[2] for _ in bodies], bodies)
            self.assertIsNone(channel.basic_get(name, auto_ack=True)[0])
        with self.assertRaises(pika.exceptions.ChannelClosedByBroker) as refused:
            channel.queue_bind("world", "calls", "+*")
        self.assertEqual((refused.exception.reply_code, refused.exception.reply_text),
                         (406, "PRECONDITION_FAILED - x-longest-prefix knows no wildcards: '+*'"))
        channel.connection.close()
        self.assertEqual(self.stop(child), "")


if __name__ == "__main__":
    unittest.main()
