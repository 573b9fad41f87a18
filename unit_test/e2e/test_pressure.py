"""Back-pressure: memory stays bounded whatever clients fail to do (architecture.md D13, guarantees.md S8)."""
import socket
import time

from harness import load, raw
from harness.case import Background, BrokerTest, is_reference, scaled

RSS_MIB = 256  # resident bound of the node in every test here
MESSAGES, SIZE = 500_000, 1024


class Pressure(BrokerTest):
    def declare(self, client, queue, flags=2):
        client.send(raw.queue_declare(1, queue, flags))
        client.expect(50, 11)

    def assert_memory(self, what):
        peak = self.node.peak_rss_mib()
        print(f"\n  {what}: peak {peak:.0f} MiB", flush=True)
        if not is_reference():  # RabbitMQ has other bounds; the work itself is checked there too
            self.assertLess(peak, scaled(RSS_MIB))

    def publish(self, queue, count, size, persistent):
        """Unconfirmed, as fast as the socket takes it; the passive declare at the end waits for the queue."""
        with raw.RawClient(self.node.port, timeout_s=120) as client:
            client.login().open_channel()
            for first in range(0, count, 1000):
                client.socket.sendall(load.numbered(queue, first, min(1000, count - first), size, persistent))
            client.send(raw.method(1, 20, 40, b"\x00\xc8\x02ok\x00\x00\x00\x00"))
            client.expect(20, 41)

    def test_absent_consumer(self):
        with raw.RawClient(self.node.port) as client:
            client.login().open_channel()
            self.declare(client, "absent")
        started = time.monotonic()
        self.publish("absent", MESSAGES, SIZE, persistent=True)
        published = time.monotonic()
        self.assert_memory(f"{MESSAGES} x {SIZE} B without a consumer in {published - started:.1f} s")
        numbers = load.drain(self.node.port, "absent", MESSAGES, quiet_s=0.3, timeout_s=120)
        self.assertEqual(numbers, list(range(MESSAGES)))
        self.assert_memory(f"drained in {time.monotonic() - published:.1f} s")

    def test_absent_consumer_of_transient_messages(self):
        with raw.RawClient(self.node.port) as client:
            client.login().open_channel()
            self.declare(client, "transient", flags=0)
        self.publish("transient", MESSAGES // 2, SIZE, persistent=False)
        self.assert_memory(f"{MESSAGES // 2} transient x {SIZE} B without a consumer")
        numbers = load.drain(self.node.port, "transient", MESSAGES // 2, quiet_s=0.3, timeout_s=120)
        self.assertEqual(numbers, list(range(MESSAGES // 2)))

    def test_consumer_that_does_not_read(self):
        with raw.RawClient(self.node.port) as deaf:
            deaf.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.login().open_channel()
            self.declare(deaf, "deaf", flags=0)
            deaf.send(raw.method(1, 60, 20, b"\x00\x00\x04deaf\x00\x02" + bytes(4)))  # auto-ack
            deaf.expect(60, 21)
            self.publish("deaf", 100_000, SIZE, persistent=False)
            self.assert_memory("a consumer that does not read")

    def test_client_that_does_not_read_its_replies(self):
        if is_reference():
            self.skipTest("RabbitMQ 3.10 reads on and keeps the replies in memory, without a bound")
        with raw.RawClient(self.node.port) as client:
            client.login().open_channel()
            self.declare(client, "asked", flags=0)
            client.socket.settimeout(3)
            question, sent = raw.queue_declare(1, "asked", 1) * 2000, 0
            try:
                while sent < 400 << 20:
                    client.socket.sendall(question)
                    sent += len(question)
            except TimeoutError:
                pass
            self.assertLess(sent, 400 << 20, "the broker never stopped reading a client that takes no replies")
            self.assert_memory(f"questions without reading an answer, cut off after {sent >> 20} MiB")

    def test_slow_consumer_gets_everything_in_order(self):
        count = 20_000
        with raw.RawClient(self.node.port, timeout_s=60) as slow:
            slow.login().open_channel()
            self.declare(slow, "slow", flags=0)
            slow.send(raw.method(1, 60, 10, b"\x00\x00\x00\x00\x00\x64\x00"))  # prefetch 100
            slow.expect(60, 11)
            slow.send(raw.method(1, 60, 20, b"\x00\x00\x04slow\x00\x00" + bytes(4)))
            slow.expect(60, 21)
            publisher = Background(lambda: self.publish("slow", count, SIZE, persistent=False))
            publisher.start()
            numbers, buffer = [], slow.buffer
            while len(numbers) < count:
                buffer += slow.socket.recv(1 << 16)
                fresh = load.take_numbers(buffer)
                numbers.extend(fresh)
                self.assertLessEqual(len(fresh), 100, "more than the prefetch count at once")
                if fresh:
                    slow.send(raw.method(1, 60, 80, len(numbers).to_bytes(8, "big") + b"\x01"))
            publisher.finish()
        self.assertEqual(numbers, list(range(count)))
