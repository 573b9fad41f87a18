"""Message bodies, properties and headers arrive byte for byte (features.md W71, W72)."""
import datetime
import decimal
import hashlib
import os

import pika

from harness import raw
from harness.case import BrokerTest, Collector
from hostile.methods import nested


class Content(BrokerTest):
    def round_trip(self, body, properties=None):
        connection = self.connect()
        channel = connection.channel()
        queue = self.queue(channel, exclusive=True)
        collector = Collector(channel, queue, auto_ack=True)
        channel.basic_publish("", queue, body, properties)
        self.pump(connection, lambda: collector.deliveries, timeout_s=30)
        return collector.deliveries[0]

    def test_body_sizes(self):
        frame_body = 131072 - 8
        for size in (0, 1, 4096, frame_body - 1, frame_body, frame_body + 1, 1 << 20, 20 << 20):
            with self.subTest(size=size):
                body = os.urandom(size)
                _, _, received = self.round_trip(body)
                self.assertEqual(len(received), size)
                self.assertEqual(hashlib.sha256(received).digest(), hashlib.sha256(body).digest())

    def test_big_persistent_body_survives_in_a_durable_queue(self):
        channel = self.channel()
        channel.confirm_delivery()
        channel.queue_declare("big", durable=True)
        body = os.urandom(20 << 20)
        channel.basic_publish("", "big", body, pika.BasicProperties(delivery_mode=2))
        self.assertEqual(hashlib.sha256(self.get(channel, "big", auto_ack=True)[2]).digest(),
                         hashlib.sha256(body).digest())
        channel.queue_delete("big")

    def test_all_fourteen_properties(self):
        sent = pika.BasicProperties(
            content_type="application/json", content_encoding="gzip", headers={"k": "v"}, delivery_mode=1, priority=9,
            correlation_id="c-1", reply_to="replies", expiration="60000", message_id="m-1", timestamp=1666666666,
            type="order", user_id="guest", app_id="shop", cluster_id="cluster")
        _, received, _ = self.round_trip(b"x", sent)
        for name in ("content_type content_encoding headers delivery_mode priority correlation_id reply_to expiration "
                     "message_id timestamp type user_id app_id cluster_id").split():
            self.assertEqual(getattr(received, name), getattr(sent, name), name)

    def test_no_properties(self):
        _, received, _ = self.round_trip(b"x", pika.BasicProperties())
        self.assertEqual({name: value for name, value in vars(received).items() if value is not None}, {})

    def test_empty_headers_are_kept(self):
        _, received, _ = self.round_trip(b"x", pika.BasicProperties(headers={}))
        self.assertEqual(received.headers, {})

    def test_header_types(self):
        headers = {
            "string": "text", "utf8": "Grüße, 世界", "bytes": b"\x00\xff\x01", "true": True, "false": False,
            "int": 7, "negative": -7, "int64": 1 << 40, "max64": (1 << 63) - 1,
            "decimal": decimal.Decimal("3.14"), "none": None, "time": datetime.datetime(2026, 11, 25, 12, 0, 0),
            "array": [1, "two", None, [3, {"four": 4}]], "table": {"a": {"b": {"c": 1}}}, "empty": [],
        }
        _, received, _ = self.round_trip(b"x", pika.BasicProperties(headers=headers))
        for name, value in headers.items():
            self.assertEqual(received.headers[name], value, name)

    def test_headers_return_byte_for_byte(self):
        every_type = raw.table([
            ("t", b"t\x01"), ("b", b"b\x80"), ("B", b"B\xff"), ("s", b"s\x80\x00"), ("u", b"u\xff\xff"),
            ("I", b"I\x80\x00\x00\x00"), ("i", b"i\xff\xff\xff\xff"), ("l", b"l\x80" + bytes(7)),
            ("L", b"L" + b"\x7f" * 8), ("f", b"f\x40\x48\xf5\xc3"), ("d", b"d\x40\x09\x21\xfb\x54\x44\x2d\x18"),
            ("D", b"D\x02\x00\x00\x01\x3a"), ("S", b"S" + raw.long_string("Grüße")), ("A", b"A" + raw.long_string(
                b"t\x01VI\x00\x00\x00\x07")), ("T", b"T" + b"\x00\x00\x00\x00\x63\x55\x9a\x0a"),
            ("F", b"F" + raw.table({"inner": {"deeper": True}})), ("V", b"V"), ("x", b"x" + raw.long_string(b"\x00\xff"))])
        twice_and_empty = raw.table([("k", b"t\x01"), ("k", b"t\x00"), ("", b"V")])
        for name, headers in {"every type": every_type, "duplicate and empty keys": twice_and_empty,
                              "10,000 nested tables": nested(10_000), "empty": raw.table([])}.items():
            with self.subTest(name), raw.RawClient(self.node.port) as client:
                queue = f"bytes: {name}"  # one's own: the last one's may be there until its connection is torn down
                client.login().open_channel()
                client.send(raw.queue_declare(1, queue, 12) + raw.message(1, queue, b"x", flags=0x2000,
                                                                          properties=headers))
                client.expect(50, 11)
                client.send(raw.method(1, 60, 20, b"\x00\x00" + raw.short_string(queue) + b"\x00\x02" + bytes(4)))
                client.expect(60, 21)
                client.expect(60, 60)
                kind, _, payload = client.frame()
                self.assertEqual((kind, payload), (raw.CONTENT_HEADER, b"\x00\x3c\x00\x00" + (1).to_bytes(8, "big")
                                                   + b"\x20\x00" + headers))

    def test_user_id_must_be_the_login(self):
        channel = self.channel()
        channel.confirm_delivery()
        self.assert_channel_closed(
            406, "PRECONDITION_FAILED - user_id property set to 'mallory' but authenticated user was 'guest'",
            channel.basic_publish, "", "anywhere", b"x", pika.BasicProperties(user_id="mallory"))

    def test_expiration_must_be_a_number(self):
        channel = self.channel()
        channel.confirm_delivery()
        with self.assertRaises(pika.exceptions.ChannelClosedByBroker) as raised:
            channel.basic_publish("", "anywhere", b"x", pika.BasicProperties(expiration="soon"))
        self.assertEqual(raised.exception.reply_code, 406)
        self.assertIn("invalid expiration 'soon'", raised.exception.reply_text)

    def test_names_of_any_bytes_and_255_length(self):
        channel = self.channel()
        for name in ("q" * 255, "with space", "世界", "dots.and#stars*"):
            with self.subTest(name=name[:20]):
                self.assertEqual(self.queue(channel, name), name)
                channel.basic_publish("", name, b"x")
                self.assertEqual(self.drain(channel, name, 1), [b"x"])
                channel.queue_delete(name)
