"""Rows W61-W72: how messages are delivered, confirmed, limited and kept unchanged."""
import struct

from harness import raw
from harness.case import is_reference
from harness.client import Refused
from harness.conformance import ConformanceTest


class Delivery(ConformanceTest):
    config = "max_message_size = 1000000\n"

    def filled(self, client, *bodies, **declare):
        queue = client.declare(self.name("q"), **declare).queue
        for body in bodies:
            client.publish("", queue, body)
        self.holds(client, queue, len(bodies))
        return queue

    def none_more(self, client, *channels):
        for channel in channels or (1,):
            client.barrier(channel)
        self.assertEqual(client.take("deliver"), [])

    def test_w61_prefetch_counts_for_consumers_started_later(self):
        client = self.client()
        queue = self.filled(client, b"1", b"2", b"3", b"4", b"5", b"6")
        client.qos(2)
        client.consume(queue, "two")
        self.assertEqual([e.body for e in self.deliveries(client, 2)], [b"1", b"2"])
        client.qos(1)
        client.consume(queue, "one")
        self.assertEqual([(e.tag, e.body) for e in self.deliveries(client, 1)], [("one", b"3")])
        self.none_more(client)
        self.assertEqual(client.get(queue).body, b"4")  # basic.get is not limited
        client.ack(1)
        self.assertEqual([(e.tag, e.body) for e in self.deliveries(client, 1)], [("two", b"5")])

    def test_w61_global_prefetch_is_shared_by_the_channel(self):
        client = self.client()
        queue = self.filled(client, b"1", b"2", b"3")
        client.qos(2, shared=True)
        client.consume(queue, "a")
        client.consume(queue, "b")
        deliveries = self.deliveries(client, 2)
        self.none_more(client)
        client.ack(deliveries[0].delivery_tag)
        self.assertEqual([e.body for e in self.deliveries(client, 1)], [b"3"])

    def test_w61_prefetch_size_is_refused(self):
        client = self.client()
        self.refused(540, "NOT_IMPLEMENTED - prefetch_size!=0 (1)", client.call, 1,
                     raw.method(1, 60, 10, struct.pack("!IHB", 1, 0, 0)), "qos-ok", connection=True)

    def test_w62_consumer_priorities(self):
        client, queue = self.client(), self.name("q")
        client.declare(queue)
        client.qos(1)
        for tag, priority in (("low", -1), ("none", None), ("high", 5), ("high too", 5)):
            client.consume(queue, tag, arguments={} if priority is None else {"x-priority": priority})
        for number in range(4):
            client.publish("", queue, b"%d" % number)
        tags = [e.tag for e in sorted(self.deliveries(client, 4), key=lambda e: e.body)]
        self.assertEqual((set(tags[:2]), tags[2:]), ({"high", "high too"}, ["none", "low"]))

    def test_w62_round_robin_among_equals(self):
        client, queue = self.client(), self.name("q")
        client.declare(queue)
        for tag in ("a", "b", "c"):
            client.consume(queue, tag, no_ack=True)
        for number in range(6):
            client.publish("", queue, b"%d" % number)
        tags = [e.tag for e in sorted(self.deliveries(client, 6), key=lambda e: e.body)]
        self.assertEqual(tags[:3], tags[3:])
        self.assertEqual(set(tags[:3]), {"a", "b", "c"})

    def test_w63_requeued_messages_return_to_their_places(self):
        client = self.client()
        queue = self.filled(client, b"1", b"2", b"3", b"4")
        tags = [client.get(queue, no_ack=False).delivery_tag for _ in range(3)]
        client.ack(tags[0])
        client.nack(tags[2], requeue=True)
        client.nack(tags[1], requeue=True)
        self.holds(client, queue, 3)
        events = [client.get(queue) for _ in range(3)]
        self.assertEqual([(e.body, e.redelivered) for e in events], [(b"2", True), (b"3", True), (b"4", False)])

    def test_w63_one_publishers_order_holds(self):
        client, queue = self.client(), self.name("q")
        client.declare(queue)
        client.consume(queue, "c", no_ack=True)
        bodies = [b"%d" % number for number in range(2000)]
        for body in bodies:
            client.publish("", queue, body)
        self.assertEqual([e.body for e in self.deliveries(client, 2000)], bodies)

    def test_w64_ack(self):
        client = self.client(channels=(1, 2))
        queue = self.filled(client, b"1", b"2", b"3", b"4")
        tags = [client.get(queue, no_ack=False).delivery_tag for _ in range(4)]
        client.ack(tags[1], multiple=True)
        client.ack(0, multiple=True)
        client.ack(0, multiple=True)
        client.barrier()
        client.close_channel()
        client.open()
        self.holds(client, queue, 0)
        self.refused(406, "PRECONDITION_FAILED - unknown delivery tag 1", client.ack, 1, channel=2)

    def test_w65_cancel(self):
        client = self.client()
        queue = self.filled(client, b"1", b"2")
        client.qos(1)
        client.consume(queue, "c")
        delivery, = self.deliveries(client, 1)
        client.cancel("c")
        client.cancel("c")  # an unknown tag is fine
        client.ack(delivery.delivery_tag)  # still unacknowledged until now
        self.none_more(client)
        self.holds(client, queue, 1)

    def test_w65_cancel_from_the_server_when_the_queue_goes(self):
        client, queue = self.client(), self.name("q")
        client.declare(queue)
        client.consume(queue, "mine")
        self.client().call(1, raw.method(1, 50, 40, b"\0\0" + raw.short_string(queue) + b"\0"), "queue.delete-ok")
        self.eventually(lambda: client.barrier() and [e.tag for e in client.events if e.name == "cancel"] == ["mine"],
                        "basic.cancel")

    def test_w66_mandatory_is_returned_before_its_confirm(self):
        client = self.client()
        client.confirm()
        client.publish("amq.direct", "nowhere", b"m", mandatory=True, headers={"kept": True}, message_id="id")
        self.eventually(lambda: client.barrier() and any(e.name == "ack" for e in client.events), "the confirm")
        events = client.take("return", "ack")
        self.assertEqual([e.name for e in events], ["return", "ack"])
        self.assertEqual((events[0].code, events[0].text, events[0].exchange, events[0].key, events[0].body),
                         (312, "NO_ROUTE", "amq.direct", "nowhere", b"m"))
        self.assertEqual(events[0].properties, {"headers": {"kept": ("t", True)}, "message_id": "id"})

    def test_w67_confirms_count_from_one(self):
        client = self.client(channels=(1, 2))
        queue = client.declare(self.name("q")).queue
        for channel in (1, 2):
            client.confirm(channel)
        for number in range(50):
            client.publish("", queue, b"m", delivery_mode=1 + number % 2)
        self.assertEqual(self.confirms(client, 50), (set(range(1, 51)), set()))
        client.publish("", "nowhere", b"m", channel=2)
        self.eventually(lambda: client.barrier(2) and client.take("ack", channel=2), "a confirm of what no queue took")

    def test_w68_user_id(self):
        client = self.client()
        queue = self.filled(client)
        client.publish("", queue, b"m", user_id="guest")
        self.holds(client, queue, 1)
        self.assertEqual(client.get(queue).properties, {"user_id": "guest"})
        self.refused(406, "PRECONDITION_FAILED - user_id property set to 'joe' but authenticated user was 'guest'",
                     client.publish, "", queue, b"m", user_id="joe")
        self.node.ctl("set_user_tags", "guest", "administrator", "impersonator")
        free = self.client()
        free.publish("", queue, b"m", user_id="joe")
        self.holds(free, queue, 1)

    def test_w69_direct_reply_to(self):
        asker, server, queue = self.client(), self.client(), self.name("requests")
        server.declare(queue)
        asker.consume("amq.rabbitmq.reply-to", "replies", no_ack=True)
        asker.publish("", queue, b"question", reply_to="amq.rabbitmq.reply-to", correlation_id="7")
        self.holds(server, queue, 1)
        request = server.get(queue)
        address = request.properties["reply_to"]
        self.assertRegex(address, r"^amq\.rabbitmq\.reply-to\..+")
        self.assertEqual(server.declare(address, passive=True).queue, address)
        server.publish("", address, b"answer", correlation_id="7")
        reply, = self.deliveries(asker, 1)
        self.assertEqual((reply.tag, reply.body, reply.exchange, reply.key, reply.properties),
                         ("replies", b"answer", "", address, {"correlation_id": "7"}))
        asker.close()
        with self.assertRaises(Refused) as raised:
            self.eventually(lambda: not server.declare(address, passive=True), "its reader is gone")
        self.assertEqual(raised.exception.event.code, 404)

    def test_w69_misuse(self):
        client = self.client()
        self.refused(406, "PRECONDITION_FAILED - fast reply consumer does not exist", client.publish, "", "k", b"m",
                     reply_to="amq.rabbitmq.reply-to")
        self.refused(406, "PRECONDITION_FAILED - reply consumer cannot acknowledge", client.consume,
                     "amq.rabbitmq.reply-to", "c")
        client.consume("amq.rabbitmq.reply-to", "one", no_ack=True)
        self.refused(406, "PRECONDITION_FAILED - reply consumer already set", client.consume, "amq.rabbitmq.reply-to",
                     "two", no_ack=True)

    def test_w70_message_size(self):
        client, queue = self.client(), self.name("q")
        client.declare(queue)
        client.publish("", queue, bytes(1000000))
        self.holds(client, queue, 1)
        self.assertEqual(len(client.get(queue).body), 1000000)
        self.refused(406, "PRECONDITION_FAILED - message size 1000001 is larger than configured max size 1000000",
                     client.publish, "", queue, bytes(1000001))

    def test_w71_every_field_type_comes_back_as_it_was(self):
        client, queue = self.client(), self.name("q")
        client.declare(queue)
        headers = {"t": ("t", True), "b": ("b", -5), "B": ("B", 250), "s": ("s", -30000), "u": ("u", 60000),
                   "I": ("I", -70000), "i": ("i", 4000000000), "l": ("l", -2 ** 40), "f": ("f", 1.5), "d": ("d", 2.25),
                   "D": ("D", (2, 314)), "S": ("S", "text"), "A": ("A", [("I", 1), ("A", [("S", "deep")]), ("V", None)]),
                   "T": ("T", 1_700_000_000), "F": ("F", {"in": ("F", {"side": ("t", False)})}), "V": ("V", None),
                   "x": ("x", "bytes")}
        client.publish("", queue, b"m", headers=headers)
        self.holds(client, queue, 1)
        self.assertEqual(client.get(queue).properties["headers"], headers)

    def test_w71_an_unknown_type_is_refused(self):
        client = self.client().raw
        bad = raw.long_string(raw.short_string("k") + b"Z1")
        client.send(raw.queue_declare(1, "w71", arguments=bad))
        got = client.reaction()
        self.assertIn(got[0], ("closed",) if is_reference() else ("connection",), got)

    def test_w72_all_properties(self):
        client, queue = self.client(), self.name("q")
        client.declare(queue)
        properties = {"content_type": "text/plain", "content_encoding": "utf-8", "headers": {"k": ("S", "v")},
                      "delivery_mode": 2, "priority": 7, "correlation_id": "c", "reply_to": "r", "expiration": "60000",
                      "message_id": "id", "timestamp": 1_700_000_000, "type": "t", "user_id": "guest", "app_id": "a",
                      "cluster_id": "cluster"}
        for sent in (properties, {}, {"headers": {}}, {"cluster_id": ""}):
            client.publish("", queue, b"m", **sent)
            self.holds(client, queue, 1)
            self.assertEqual(client.get(queue).properties, sent)
