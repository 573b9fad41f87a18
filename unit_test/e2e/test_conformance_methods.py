"""Rows W13-W20: the methods of each class."""
import struct

from harness import client as amqp
from harness import raw
from harness.client import Refused
from harness.conformance import ConformanceTest


class Methods(ConformanceTest):
    def test_w13_channel(self):
        client = self.client()
        client.open(2)
        client.close_channel(2)
        client.open(2)
        self.assertTrue(client.call(2, raw.method(2, 20, 20, b"\1"), "flow-ok").active)
        self.refused(540, "NOT_IMPLEMENTED - active=false", client.call, 2, raw.method(2, 20, 20, b"\0"), "flow-ok",
                     connection=True)

    def test_w13_methods_to_a_closing_channel_are_dropped(self):
        client = self.client()
        queue = self.name("q")
        client.raw.send(amqp.encode_queue_declare(1, "", True, False, False, False, False, None) * 2 +
                        amqp.encode_queue_declare(1, queue, False, False, False, False, False, None))
        with self.assertRaises(Refused):
            client.wait_reply(1, "queue.declare-ok")
        client.open(1)
        self.assertEqual(client.take("queue.declare-ok", "channel.close"), [])
        self.assertTrue(self.gone(queue))

    def test_w14_access(self):
        client = self.client()
        data = raw.method(1, 30, 10, raw.short_string("/data") + b"\x1f")
        self.assertEqual(client.call(1, data, "access.request-ok").ticket, 1)

    def test_w15_exchange(self):
        client, one, two = self.client(), self.name("one"), self.name("two")
        client.exchange(one, "fanout")
        client.exchange(two, "fanout")
        client.bind_exchange(two, one, "k")
        client.call(1, amqp.encode_binding(1, 40, 40, two, one, "k", False, None), "exchange.unbind-ok")
        delete = raw.method(1, 40, 20, b"\0\0" + raw.short_string(one) + b"\0")
        client.call(1, delete, "exchange.delete-ok")
        client.call(1, delete, "exchange.delete-ok")

    def test_w16_queue(self):
        client, queue = self.client(), self.name("q")
        ok = client.declare(queue)
        self.assertEqual((ok.queue, ok.messages, ok.consumers), (queue, 0, 0))
        client.bind(queue, "amq.direct", "k")
        client.call(1, amqp.encode_binding(1, 50, 50, queue, "amq.direct", "k", False, None), "queue.unbind-ok")
        client.publish("", queue, b"1")
        client.publish("", queue, b"2")
        self.holds(client, queue, 2)
        self.assertEqual(client.call(1, raw.method(1, 50, 30, b"\0\0" + raw.short_string(queue) + b"\0"),
                                     "queue.purge-ok").messages, 2)
        client.publish("", queue, b"3")
        self.holds(client, queue, 1)
        self.assertEqual(client.call(1, raw.method(1, 50, 40, b"\0\0" + raw.short_string(queue) + b"\0"),
                                     "queue.delete-ok").messages, 1)

    def test_w16_an_empty_name_is_the_last_declared_queue(self):
        client, queue = self.client(), self.name("q")
        self.refused(404, "NOT_FOUND - no previously declared queue", client.bind, "", "amq.direct", "k")
        client.declare(queue)
        client.bind("", "amq.direct", "")  # the key is the queue's name then
        client.publish("amq.direct", queue, b"by name")
        self.holds(client, queue, 1)
        self.assertEqual(client.get("").body, b"by name")

    def test_w17_basic(self):
        client, queue = self.client(), self.name("q")
        client.declare(queue)
        client.qos(1)
        client.consume(queue, "c", no_local=True)
        client.publish("", queue, b"m")  # no_local is ignored
        delivery, = self.deliveries(client, 1)
        client.raw.send(raw.method(1, 60, 90, struct.pack("!QB", delivery.delivery_tag, 1)))
        delivery, = self.deliveries(client, 1)
        self.assertTrue(delivery.redelivered)
        client.call(1, raw.method(1, 60, 110, b"\1"), "recover-ok")
        delivery, = self.deliveries(client, 1)
        client.raw.send(raw.method(1, 60, 100, b"\1"))
        delivery, = self.deliveries(client, 1)
        client.nack(delivery.delivery_tag, multiple=True, requeue=False)
        self.assertEqual(client.cancel("c").tag, "c")
        self.assertEqual(client.get(queue).name, "get-empty")

    def test_w17_recover_async_without_requeue(self):
        client = self.client()
        self.refused(540, "NOT_IMPLEMENTED - requeue=false", client.call, 1, raw.method(1, 60, 100, b"\0"), "recover-ok",
                     connection=True)

    def test_w18_confirm(self):
        client = self.client(channels=(1, 2, 3))
        self.assertEqual(client.confirm().name, "confirm.select-ok")
        client.confirm()
        client.raw.send(raw.method(2, 85, 10, b"\1"))
        client.publish("", "nowhere", b"m", channel=2)
        self.eventually(lambda: client.barrier(2) and client.take("ack", channel=2), "a confirm")
        self.refused(406, "PRECONDITION_FAILED - cannot switch from confirm to tx mode", client.call, 1,
                     raw.method(1, 90, 10), "tx.select-ok")
        client.call(3, raw.method(3, 90, 10), "tx.select-ok")
        self.refused(406, "PRECONDITION_FAILED - cannot switch from tx to confirm mode", client.confirm, channel=3)

    def test_w19_tx(self):
        client, queue = self.client(), self.name("q")
        for method_id in (20, 30):
            self.refused(406, "PRECONDITION_FAILED - channel is not transactional", client.call, 1,
                         raw.method(1, 90, method_id), "tx.commit-ok", "tx.rollback-ok")
        client.declare(queue)
        client.call(1, raw.method(1, 90, 10), "tx.select-ok")
        client.publish("", queue, b"rolled back")
        client.call(1, raw.method(1, 90, 30), "tx.rollback-ok")
        client.publish("", queue, b"kept")
        self.assertEqual(client.declare(queue, passive=True).messages, 0)
        client.call(1, raw.method(1, 90, 20), "tx.commit-ok")
        self.holds(client, queue, 1)
        got = client.get(queue, no_ack=False)
        client.ack(got.delivery_tag)
        client.call(1, raw.method(1, 90, 30), "tx.rollback-ok")
        client.close_channel()
        client.open()
        self.holds(client, queue, 1)

    def test_w19_a_publish_that_a_queue_rejects_fails_the_commit(self):
        client, queue = self.client(), self.name("q")
        client.declare(queue, arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
        client.publish("", queue, b"fills it")
        self.holds(client, queue, 1)
        client.call(1, raw.method(1, 90, 10), "tx.select-ok")
        client.publish("", queue, b"too much")
        self.refused(406, "PRECONDITION_FAILED - partial tx completion", client.call, 1, raw.method(1, 90, 20),
                     "tx.commit-ok")

    def test_w20_nowait(self):
        client, queue, exchange = self.client(), self.name("q"), self.name("x")
        client.declare(queue, nowait=True)
        client.raw.send(amqp.encode_exchange_declare(1, exchange, "fanout", False, False, False, False, True, None) +
                        amqp.encode_binding(1, 50, 20, queue, exchange, "", True, None) +
                        amqp.encode_consume(1, queue, "c", False, True, False, True, None))
        client.publish(exchange, "", b"m")
        self.assertEqual([e.body for e in self.deliveries(client, 1)], [b"m"])
        client.raw.send(raw.method(1, 60, 30, raw.short_string("c") + b"\1"))
        client.publish(exchange, "", b"n")
        self.holds(client, queue, 1)
        client.raw.send(raw.method(1, 50, 30, b"\0\0" + raw.short_string(queue) + b"\1"))
        self.holds(client, queue, 0)
        client.raw.send(raw.method(1, 50, 40, b"\0\0" + raw.short_string(queue) + b"\4") +
                        raw.method(1, 40, 20, b"\0\0" + raw.short_string(exchange) + b"\2"))
        client.barrier()
        self.assertEqual(client.events, [])
        self.assertTrue(self.gone(queue))

    def test_w20_errors_still_close_the_channel(self):
        client = self.client()
        client.raw.send(amqp.encode_queue_declare(1, "amq.mine", False, False, False, False, True, None))
        with self.assertRaises(Refused) as raised:
            client.barrier()
        self.assertEqual(raised.exception.event.code, 403)
