"""Base of the conformance tests: one node per module, clients that see exactly what the broker sent."""
import time

from .case import WAIT_S, BrokerTest, is_reference
from .client import Client, Refused
from .codec import encode_table  # noqa: F401  (for the modules)
from .process import wait_until


class ConformanceTest(BrokerTest):
    """Names are fresh per test: self.name("q"). Reference: Debian's RabbitMQ 3.10; where 3.13 differs the test says so."""

    def client(self, **more):
        client = Client(self.node.port, **more)
        self.addCleanup(client.cut)
        return client

    def name(self, base):
        return f"{base}-{self.id().rsplit('.', 1)[1]}"

    def refused(self, code, text, action, *arguments, connection=False, ids=None, **keywords):
        """`action`, or the barrier after it, must close the channel (or the connection) with this code and text."""
        client = action.__self__
        channel = keywords.get("channel", 1)
        with self.assertRaises(Refused) as raised:
            action(*arguments, **keywords)
            client.barrier(channel)
        event = raised.exception.event
        self.assertIsNotNone(event, "socket closed without a word")
        self.assertEqual((event.name, event.code, event.text),
                         ("connection.close" if connection else "channel.close", code, text))
        if ids:
            self.assertEqual((event.class_id, event.method_id), ids)
        if connection:
            return client
        client.open(channel)
        return client

    def bodies(self, client, queue, channel=1):
        """Everything that is ready, in order, taken for good."""
        found = []
        while (event := client.get(queue, channel)).name == "get-ok":
            found.append(event.body)
        return found

    def eventually(self, condition, what, timeout_s=WAIT_S):
        if not wait_until(condition, timeout_s):
            self.fail(f"not within {timeout_s} s: {what}")

    def holds(self, client, queue, messages, channel=1):
        """Waits until the queue counts so many ready messages."""
        self.eventually(lambda: client.declare(queue, channel, passive=True).messages == messages,
                        f"{messages} messages in {queue}: {client.declare(queue, channel, passive=True).messages}")

    def gone(self, queue):
        """Whether a queue does not exist."""
        try:
            self.client().declare(queue, passive=True)
            return False
        except Refused as refusal:
            return refusal.event.code == 404

    def deliveries(self, client, count, timeout_s=WAIT_S):
        """Waits for `count` deliveries and returns them in order."""
        found, deadline = client.take("deliver"), time.monotonic() + timeout_s
        while len(found) < count:
            if time.monotonic() > deadline:
                self.fail(f"{len(found)} of {count} deliveries within {timeout_s} s")
            client.barrier()
            found += client.take("deliver")
            time.sleep(0.005)
        return found

    def confirms(self, client, count):
        """Waits until `count` publishes are confirmed: ({acked}, {nacked})."""
        acked, nacked, deadline = set(), set(), time.monotonic() + WAIT_S
        while len(acked | nacked) < count:
            if time.monotonic() > deadline:
                self.fail(f"confirmed {acked}, refused {nacked} of {count}")
            client.barrier()
            for event in client.take("ack", "nack"):
                first = 1 if event.multiple else event.delivery_tag
                numbers = set(range(first, event.delivery_tag + 1)) - acked - nacked
                (acked if event.name == "ack" else nacked).update(numbers)
        return acked, nacked

    def assert_texts(self, reference, warren, actual):
        """Where RabbitMQ 3.13 says something else than Debian's 3.10."""
        self.assertEqual(actual, reference if is_reference() else warren)
