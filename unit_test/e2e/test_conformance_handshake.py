"""Rows W01-W11: handshake, negotiation, frames, heartbeats, alarms seen by clients."""
import socket
import struct
import time

from harness import raw
from harness.case import BrokerTest, is_reference
from harness.client import Client, Refused
from harness.codec import decode_method
from harness.conformance import ConformanceTest

CAPABILITIES = ["publisher_confirms", "exchange_exchange_bindings", "basic.nack", "consumer_cancel_notify",
                "connection.blocked", "consumer_priorities", "authentication_failure_close", "per_consumer_qos",
                "direct_reply_to"]


class Handshake(ConformanceTest):
    config = "handshake_timeout = 2000\n"

    def raw(self):
        client = raw.RawClient(self.node.port)
        self.addCleanup(client.close)
        return client

    def started(self):
        client = self.raw()
        client.send(raw.HEADER)
        client.expect(10, 10)
        return client

    def after_tune_ok(self, **tune):
        client = self.started()
        client.send(raw.start_ok())
        client.expect(10, 30)
        client.send(raw.tune_ok(**tune) + raw.connection_open())
        return client.reaction()

    def test_w01_headers_of_other_protocols_are_answered_with_ours(self):
        for header in (b"AMQP\x00\x01\x00\x00", b"AMQP\x03\x01\x00\x00", b"AMQP\x00\x09\x01\x00", b"GET / HT", b"\0" * 8):
            with self.subTest(header):
                client = self.raw()
                client.send(header)
                self.assertEqual(client.reaction(), ("header", raw.HEADER))
                self.assertTrue(client.closed_within(5))

    def test_w01_amqp_0_9_is_accepted(self):
        client = self.raw()
        client.send(b"AMQP\x01\x01\x00\x09")
        client.expect(10, 10)

    def test_w01_a_client_that_says_nothing_is_dropped_after_the_handshake_timeout(self):
        client, started = self.raw(), time.monotonic()
        self.assertTrue(client.closed_within(15))
        self.assertGreater(time.monotonic() - started, 1.5)

    def test_w02_server_properties(self):
        properties = self.client().server.server_properties
        self.assertEqual(properties["product"], ("S", "RabbitMQ"))
        for name in ("version", "platform", "copyright", "information", "cluster_name"):
            kind, value = properties[name]
            self.assertEqual(kind, "S", name)
            self.assertTrue(value, name)
        self.assertRegex(properties["version"][1], r"^\d+\.\d+\.\d+")
        self.assertEqual(properties["capabilities"][0], "F")

    def test_w03_server_capabilities(self):
        capabilities = self.client().server.server_properties["capabilities"][1]
        self.assertEqual({name: capabilities.get(name) for name in CAPABILITIES},
                         {name: ("t", True) for name in CAPABILITIES})

    def test_w04_authentication_failure_close(self):
        client = self.started()
        client.send(raw.start_ok(response=b"\0guest\0wrong"))
        code, text = 403, ("ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. "
                           "For details see the broker logfile.")
        self.assertEqual(client.reaction(), ("connection", code, text))
        silent = self.started()
        silent.send(raw.start_ok(response=b"\0guest\0wrong", capabilities={}))
        self.assertEqual(silent.reaction(), ("closed",))

    def test_w04_consumer_cancel_notify_is_only_sent_to_who_asked(self):
        for capable in (True, False):
            with self.subTest(capable):
                owner, queue = self.client(), self.name("q") + str(capable)
                owner.declare(queue)
                consumer = self.raw()
                consumer.send(raw.HEADER)
                consumer.expect(10, 10)
                consumer.send(raw.start_ok(capabilities={"consumer_cancel_notify": capable}))
                consumer.expect(10, 30)
                consumer.send(raw.tune_ok() + raw.connection_open())
                consumer.expect(10, 41)
                consumer.open_channel()
                consumer.send(raw.method(1, 60, 20, b"\0\0" + raw.short_string(queue) + raw.short_string("t") + b"\0" +
                                         bytes(4)))
                consumer.expect(60, 21)
                owner.call(1, raw.method(1, 50, 40, b"\0\0" + raw.short_string(queue) + b"\0"), "queue.delete-ok")
                self.assertEqual(consumer.reaction(within_s=20 if capable else 0.5),
                                 ("method", 60, 30) if capable else ("silence",))

    def test_w05_mechanisms(self):
        server = self.client().server
        self.assertEqual(sorted(server.mechanisms.split()), ["AMQPLAIN", "PLAIN"])
        self.assertEqual(server.locales, "en_US")
        client = self.started()
        login = raw.table([("LOGIN", raw.field("S", raw.long_string("guest"))),
                           ("PASSWORD", raw.field("S", raw.long_string("guest")))])[4:]
        client.send(raw.start_ok("AMQPLAIN", login))
        client.expect(10, 30)

    def test_w05_unknown_mechanism(self):
        """503 goes to the log only: nothing is said to a client that nobody knows."""
        client = self.started()
        client.send(raw.start_ok("STRANGE"))
        self.assertEqual(client.reaction(), ("closed",))

    def test_w06_the_server_proposes(self):
        tune = self.client().tune
        self.assertEqual((tune.channel_max, tune.frame_max, tune.heartbeat), (2047, 131072, 60))

    def test_w06_lower_values_are_taken(self):
        self.assertEqual(self.after_tune_ok(channel_max=10, frame_max=4096, heartbeat=600)[0], "method")

    def test_w06_values_out_of_range_are_refused(self):
        cases = [(dict(channel_max=65535), "negotiated channel_max = 65535 is higher than the maximum allowed value (2047)"),
                 (dict(channel_max=0), "negotiated channel_max = 0 is higher than the maximum allowed value (2047)"),
                 (dict(frame_max=1 << 20), "negotiated frame_max = 1048576 is higher than the maximum allowed value "
                                           "(131072)"),
                 (dict(frame_max=1024), "negotiated frame_max = 1024 is lower than the minimum allowed value (4096)")]
        for tune, text in cases:
            with self.subTest(tune):
                got = self.after_tune_ok(**tune)
                if is_reference():
                    self.assertIn(got, (("closed",), ("connection", 530, "NOT_ALLOWED - " + text)))
                else:
                    self.assertEqual(got, ("connection", 530, "NOT_ALLOWED - " + text))

    def test_w07_heartbeats_are_sent_and_expected(self):
        client = self.raw().login(heartbeat=1)
        started = time.monotonic()
        self.assertEqual(client.frame()[0], raw.HEARTBEAT)
        self.assertLess(time.monotonic() - started, 8)
        self.assertTrue(client.closed_within(20), "a silent client keeps its connection")

    def test_w07_any_traffic_counts(self):
        client = Client(self.node.port, heartbeat=1)
        self.addCleanup(client.cut)
        for _ in range(10):
            time.sleep(0.4)
            client.barrier()

    def test_w08_vhost_errors(self):
        self.node.ctl("add_user", "w08", "secret")
        for vhost, user, text in (("missing", "guest", "NOT_ALLOWED - vhost missing not found"),
                                  ("/", "w08", "NOT_ALLOWED - access to vhost '/' refused for user 'w08'")):
            with self.subTest(vhost), self.assertRaises(Refused) as raised:
                Client(self.node.port, user=user, password="secret" if user == "w08" else "guest", vhost=vhost)
            event = raised.exception.event
            self.assertEqual((event.name, event.code, event.text), ("connection.close", 530, text))
            self.assertEqual((event.class_id, event.method_id), (10, 40))

    def test_w08_connection_limit_of_a_vhost(self):
        self.node.ctl("add_vhost", "w08")
        self.node.ctl("set_permissions", "-p", "w08", "guest", ".*", ".*", ".*")
        self.node.ctl("set_vhost_limits", "-p", "w08", '{"max-connections": 1}')
        self.client(vhost="w08")
        with self.assertRaises(Refused) as raised:
            Client(self.node.port, vhost="w08")
        self.assertEqual((raised.exception.event.code, raised.exception.event.text),
                         (530, "NOT_ALLOWED - access to vhost 'w08' refused for user 'guest': connection limit (1) is "
                               "reached"))

    def test_w08_connection_limit_of_a_user(self):
        self.node.ctl("add_user", "few", "secret")
        self.node.ctl("set_permissions", "few", ".*", ".*", ".*")
        self.node.ctl("set_user_limits", "few", '{"max-connections": 1}')
        self.client(user="few", password="secret")
        with self.assertRaises(Refused) as raised:
            Client(self.node.port, user="few", password="secret")
        self.assertEqual(raised.exception.event.code, 530)
        self.assertIn("'few'", raised.exception.event.text)

    def test_w09_frame_rules(self):
        big = struct.pack("!BHI", raw.BODY, 1, 131072 + 100)
        cases = [("oversize frame", big + bytes(131072 + 100) + b"\xce", {501}),
                 ("bad end octet", raw.frame(raw.METHOD, 1, b"\0\x14\0\x0a\0", end=b"\0"), {501}),
                 ("content without a method", raw.body(1, b"x"), {505}),
                 ("channel opened twice", raw.channel_open(1), {504}),
                 ("method on a channel that is not open", raw.queue_declare(7, "w09"), {504}),
                 ("body for an empty message", raw.message(1, "k", b"") + raw.body(1, b""), {505}),
                 ("method inside a content", raw.publish(1, "", "k") + raw.channel_open(1), {505})]
        for name, data, codes in cases:
            with self.subTest(name):
                client = self.raw().login().open_channel()
                client.send(data)
                got = client.reaction()
                self.assertEqual(got[0], "connection", got)
                self.assertIn(got[1], codes)

    def test_w09_an_empty_message_has_no_body_frame(self):
        client, queue = self.client(), self.name("q")
        client.declare(queue)
        client.publish("", queue, b"")
        self.holds(client, queue, 1)
        self.assertEqual(client.get(queue).body, b"")

    def test_w09_more_channels_than_channel_max(self):
        client = self.client(channel_max=2, channels=(1, 2))
        with self.assertRaises(Refused) as raised:
            client.open(3)
        self.assertEqual((raised.exception.event.name, raised.exception.event.code), ("connection.close", 530))

    def test_w10_update_secret(self):
        """Passwords do not expire: any secret is accepted, the connection goes on, and the user's password stays."""
        client = self.client()
        client.declare("w10", auto_delete=True)
        for secret in ("guest", "renewed", ""):
            client.call(0, raw.method(0, 10, 70, raw.long_string(secret) + raw.short_string("rotation")),
                        "update-secret-ok")
            client.publish("", "w10", secret.encode())
            self.assertEqual(client.get("w10").body, secret.encode())
        client.open(2)
        self.client().barrier()
        with self.assertRaises(Refused):
            self.client(password="renewed")

    def test_w12_every_method_of_the_connection_class_is_decoded(self):
        """start, tune, open and close in one exchange, blocked and update-secret beside (W10, W11)."""
        client = self.client()
        self.assertEqual((client.server.major, client.server.minor), (0, 9))
        client.call(0, raw.method(0, 10, 50, b"\x00\xc8" + raw.short_string("done") + bytes(4)), "connection.close-ok")
        self.assertTrue(is_reference() or client.raw.closed_within(5))  # RabbitMQ leaves the close to the client
        self.assertEqual(decode_method(struct.pack("!HH", 10, 61)), ("unblocked", {}))


class Alarm(BrokerTest):
    def test_w11_blocked_once_it_publishes_and_unblocked(self):
        client = Client(self.node.port)
        self.addCleanup(client.cut)
        bystander = Client(self.node.port)
        self.addCleanup(bystander.cut)
        client.declare("w11")
        self.node.ctl("set_vm_memory_high_watermark", "absolute", "1")
        client.publish("", "w11", b"m")
        client.raw.socket.settimeout(20)
        self.assertEqual(client.next_event("blocked").reason, "low on memory")
        self.node.ctl("set_vm_memory_high_watermark", "0.9")
        self.assertEqual(client.next_event("unblocked").name, "unblocked")
        bystander.raw.socket.settimeout(0.3)
        with self.assertRaises(socket.timeout):
            bystander.read_event()
