"""Resource alarms (features.md O46, W11), the limits on connections and failed logins (guarantees.md S4)."""
import os
import socket
import time

import pika

from harness import process, raw
from harness.case import WAIT_S, BrokerTest, is_reference

BLOCKED, UNBLOCKED = (10, 60), (10, 61)


class Alarm:
    """What a client sees while an alarm is on; mixed into a BrokerTest whose configuration raises one at once."""
    reason = alarm_text = log_text = None

    def test_only_a_connection_that_publishes_is_blocked(self):
        with raw.RawClient(self.node.port) as client:
            client.login().open_channel()
            client.send(raw.queue_declare(1, "idle", 0))
            client.expect(50, 11)
            client.send(raw.message(1, "idle", b"x"))
            self.assertEqual(client.expect(*BLOCKED), raw.short_string(self.reason))
            client.send(raw.queue_declare(1, "idle", 1))
            self.assertEqual(client.reaction(1), ("silence",), "a blocked connection is still read")

    def test_pika_hears_of_it_and_consumers_go_on(self):
        publisher = pika.BlockingConnection(self.parameters())
        reasons = []
        publisher.add_on_connection_blocked_callback(lambda _, frame: reasons.append(frame.method.reason))
        channel = publisher.channel()
        channel.queue_declare("flowing")
        channel.basic_publish("", "flowing", b"last")
        self.pump(publisher, lambda: reasons, what="connection.blocked")
        self.assertEqual(reasons, [self.reason])
        other = self.channel()
        self.count(other, "flowing")
        if not is_reference():  # which stops in the middle of the message that it blocks at; ours is accepted
            self.assertEqual(self.get(other, "flowing", auto_ack=True)[2], b"last")
            states = self.node.ctl("-s", "list_connections", "state").stdout.split()
            self.assertEqual(set(states), {"blocked", "blocking"})

    def test_tools_and_log_name_the_alarm(self):
        if is_reference():
            self.skipTest("the words are RabbitMQ's; its console output is laid out otherwise")
        self.assertIn(f"{self.alarm_text} on node {self.node.node_name}", self.node.ctl("status").stdout)
        text = f"{self.log_text} resource limit alarm set on node {self.node.node_name}"
        self.assertTrue(process.wait_until(lambda: text in self.node.log(), WAIT_S))


class LowDisk(Alarm, BrokerTest):
    config = "disk_free_limit.absolute = 900000GB\n"
    reason, alarm_text, log_text = "low on disk", "Free disk space alarm", "disk"

    def test_a_node_stops_in_time_with_a_blocked_client(self):
        with raw.RawClient(self.node.port) as client:
            client.login().open_channel()
            client.send(raw.message(1, "nowhere", b"x"))
            client.expect(*BLOCKED)
            started = time.monotonic()
            os.kill(self.node.pid, 15)
            self.assertEqual(client.reaction(5)[:2], ("connection", 320))
            client.send(raw.method(0, 10, 51))
            self.assertEqual(self.node.wait(), 0)
            if not is_reference():
                self.assertLess(time.monotonic() - started, 3, "close-ok of a blocked client was not read")
        self.node.start()


class LowMemory(Alarm, BrokerTest):
    config = "vm_memory_high_watermark.absolute = 1\n"
    reason, alarm_text, log_text = "low on memory", "Memory alarm", "memory"


class ClearedAlarm(BrokerTest):
    """An alarm that comes and goes with the memory messages need."""
    config = "vm_memory_high_watermark.absolute = 90MB\n"

    def test_publishers_go_on_when_the_alarm_clears(self):
        if is_reference():
            self.skipTest("a fresh RabbitMQ node is above any watermark that messages could reach and leave")
        if self.node.rss_mib() > 70:
            self.skipTest("a sanitizer build needs more memory than the watermark")
        with raw.RawClient(self.node.port, timeout_s=30) as client:
            client.login().open_channel()
            # Begun and not finished: memory that only the end of this connection gives back.
            hog = raw.RawClient(self.node.port, timeout_s=30).login().open_channel()
            size = 128 << 20
            hog.send(raw.publish(1, "", "nowhere") + raw.content_header(1, size))
            for _ in range(1000):
                hog.send(raw.body(1, b"x" * 100_000))
            self.assertTrue(process.wait_until(lambda: "memory resource limit alarm set" in self.node.log(), WAIT_S))
            client.send(raw.message(1, "nowhere", b"x"))
            self.assertEqual(client.expect(*BLOCKED), raw.short_string("low on memory"))
            client.send(raw.queue_declare(1, "afterwards", 0))
            hog.close()
            client.expect(*UNBLOCKED)
            client.expect(50, 11)
        self.assertTrue(process.wait_until(lambda: "memory resource limit alarm cleared on node" in self.node.log(), WAIT_S))


class FailedLogins(BrokerTest):
    LIMIT = 10

    def fail_once(self):
        with raw.RawClient(self.node.port) as client:
            client.send(raw.HEADER)
            client.expect(10, 10)
            client.send(raw.start_ok(response=b"\x00guest\x00wrong"))
            self.assertEqual(client.reaction(5)[:2], ("connection", 403))

    def test_an_address_that_guesses_is_refused_unheard(self):
        if is_reference():
            self.skipTest("RabbitMQ does not count failed logins")
        good = self.connect()
        waiting = raw.RawClient(self.node.port)
        self.addCleanup(waiting.close)
        waiting.send(raw.HEADER)
        waiting.expect(10, 10)
        for _ in range(self.LIMIT - 1):
            self.fail_once()
        self.connect().close()
        self.fail_once()
        self.assertTrue(waiting.closed_within(5), "a connection that had not logged in yet may go on guessing")
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", self.node.port), timeout=5) as late:
                late.sendall(raw.HEADER)
                try:
                    self.assertEqual(late.recv(8), b"")
                except ConnectionResetError:
                    pass
        self.queue(good.channel(), exclusive=True)  # who is in stays in
        told = lambda: self.node.log().count("its connections are refused for 60 s")
        self.assertTrue(process.wait_until(told, WAIT_S))
        self.assertEqual(told(), 1)


class ConnectionLimit(BrokerTest):
    config = "connection_max = 3\n"

    def test_connections_beyond_the_limit_wait_until_others_close(self):
        if is_reference():
            self.skipTest("RabbitMQ counts per acceptor, and softly")
        held = [raw.RawClient(self.node.port).login() for _ in range(3)]
        with raw.RawClient(self.node.port) as late:
            late.send(raw.HEADER)
            self.assertEqual(late.reaction(1), ("silence",))
            held.pop().close()
            late.expect(10, 10)
        for client in held:
            client.close()


class Mechanisms(BrokerTest):
    config = "auth_mechanisms.1 = AMQPLAIN\n"

    def test_only_configured_mechanisms_are_offered(self):
        with raw.RawClient(self.node.port) as client:
            client.send(raw.HEADER)
            self.assertTrue(client.expect(10, 10).endswith(raw.long_string("AMQPLAIN") + raw.long_string("en_US")))
            client.send(raw.start_ok())
            self.assertEqual(client.reaction(8), ("closed",))
