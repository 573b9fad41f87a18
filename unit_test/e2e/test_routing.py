"""Exchange types beyond the plain ones: consistent hashing, delays, the firehose; and what every type shares: bindings
between exchanges, alternates, CC and BCC (features.md W43-W47, P05-P07, U12)."""
import collections
import time
import unittest

import pika

from harness.case import BrokerTest, is_reference


def with_headers(**headers):
    return pika.BasicProperties(headers=headers)


class Routing(BrokerTest):
    def bound(self, channel, exchange, *keys, arguments=None):
        """A fresh queue, bound with each key."""
        queue = self.queue(channel, exclusive=True)
        for key in keys:
            channel.queue_bind(queue, exchange, key, arguments)
        return queue

    def test_bindings_in_a_circle_give_one_copy_to_each_queue(self):
        channel = self.channel()
        names = ["circle.a", "circle.b", "circle.c"]
        for name in names:
            channel.exchange_declare(name, "fanout", auto_delete=True)
        for source, destination in zip(names, names[1:] + names[:1]):
            channel.exchange_bind(destination, source)
            channel.exchange_bind(source, source)
        queues = [self.bound(channel, name, "", "again") for name in names]
        channel.confirm_delivery()
        channel.basic_publish("circle.b", "", b"once", mandatory=True)
        for queue in queues:
            self.assertEqual(self.drain(channel, queue), [b"once"])

    def test_alternate_exchange_gets_what_is_bound_nowhere_and_circles_end(self):
        channel = self.channel()
        channel.exchange_declare("ae.first", "direct", arguments={"alternate-exchange": "ae.second"})
        channel.exchange_declare("ae.second", "topic", arguments={"alternate-exchange": "ae.first"})
        taken = self.bound(channel, "ae.first", "known")
        rest = self.bound(channel, "ae.second", "lost.#")
        channel.confirm_delivery()
        channel.basic_publish("ae.first", "known", b"known", mandatory=True)
        channel.basic_publish("ae.first", "lost.thing", b"lost", mandatory=True)
        with self.assertRaises(pika.exceptions.UnroutableError):  # returned only if the alternate has no queue either
            channel.basic_publish("ae.first", "nowhere", b"nowhere", mandatory=True)
        self.assertEqual(self.drain(channel, taken), [b"known"])
        self.assertEqual(self.drain(channel, rest), [b"lost"])
        for name in ("ae.first", "ae.second"):
            channel.exchange_delete(name)

    def test_cc_and_bcc_reach_through_every_type_and_bcc_is_not_shown(self):
        channel = self.channel()
        queues = {name: self.bound(channel, exchange, key) for name, exchange, key in
                  [("direct", "amq.direct", "cc"), ("topic", "amq.topic", "b.*")]}
        channel.exchange_bind("amq.direct", "amq.topic", "cc")
        channel.confirm_delivery()
        channel.basic_publish("amq.topic", "nowhere", b"x", with_headers(CC=["cc"], BCC=["b.c"]), mandatory=True)
        for name, queue in queues.items():
            _, properties, body = self.get(channel, queue, auto_ack=True)
            self.assertEqual((body, properties.headers), (b"x", {"CC": ["cc"]}), name)
        channel.exchange_unbind("amq.direct", "amq.topic", "cc")

    def test_topic_patterns(self):
        channel = self.channel()
        queue = {pattern: self.bound(channel, "amq.topic", pattern)
                 for pattern in ("#", "*", "stock.#.nyse", "stock.*.nyse", "#.nyse.#", "")}
        cases = {"": ["#", ""], "stock": ["#", "*"], "stock.nyse": ["#", "stock.#.nyse", "#.nyse.#"],
                 "stock.ibm.nyse": ["#", "stock.#.nyse", "stock.*.nyse", "#.nyse.#"],
                 "stock.ibm.us.nyse.x": ["#", "#.nyse.#"]}
        channel.confirm_delivery()
        for key, patterns in cases.items():
            channel.basic_publish("amq.topic", key, key.encode())
            for pattern, name in queue.items():
                self.assertEqual(len(self.drain(channel, name)), pattern in patterns, (key, pattern))

    def test_headers_are_compared_as_values_whatever_their_width(self):
        channel = self.channel()
        channel.exchange_declare("by.value", "headers", auto_delete=True)
        short = self.bound(channel, "by.value", "", arguments={"n": 5})
        long = self.bound(channel, "by.value", "", arguments={"n": 5_000_000_000})
        presence = self.bound(channel, "by.value", "", arguments={"n": None})
        nothing = self.bound(channel, "by.value", "", arguments={"x-match": "any"})
        everything = self.bound(channel, "by.value", "", arguments={"x-match": "all", "x-ignored": "y"})
        with_x = self.bound(channel, "by.value", "", arguments={"x-match": "any-with-x", "x-seen": "y", "n": 7})
        channel.confirm_delivery()
        for body, headers in {b"5": {"n": 5}, b"text": {"n": "5"}, b"big": {"n": 5_000_000_000}, b"none": {},
                              b"x": {"x-seen": "y"}}.items():
            channel.basic_publish("by.value", "", body, pika.BasicProperties(headers=headers))
        self.assertEqual(self.drain(channel, short), [b"5"])
        self.assertEqual(self.drain(channel, long), [b"big"])
        self.assertEqual(self.drain(channel, presence), [b"5", b"text", b"big"])
        self.assertEqual(self.drain(channel, nothing), [])
        self.assertEqual(self.drain(channel, everything), [b"5", b"text", b"big", b"none", b"x"])
        self.assertEqual(self.drain(channel, with_x), [b"x"])


class ConsistentHash(BrokerTest):
    def hashed(self, channel, name, weights, arguments=None):
        channel.exchange_declare(name, "x-consistent-hash", auto_delete=True, arguments=arguments)
        queues = {weight: self.queue(channel, exclusive=True) for weight in weights}
        for weight, queue in queues.items():
            channel.queue_bind(queue, name, weight)
        return queues

    def test_keys_are_spread_by_weight_and_stay_where_they_are(self):
        channel = self.channel()
        queues = self.hashed(channel, "spread", ["1", "2", "3"])
        channel.confirm_delivery()
        for _ in range(2):
            for i in range(1200):
                channel.basic_publish("spread", f"key {i}", b"%d" % i)
        for weight, queue in queues.items():
            bodies = self.drain(channel, queue)
            self.assertEqual(set(collections.Counter(bodies).values()), {2}, "each key stays with its queue")
            self.assertAlmostEqual(len(bodies) / 2400, int(weight) / 6, delta=0.07)

    def test_hashing_a_header_or_a_property(self):
        channel = self.channel()
        by_header = self.hashed(channel, "by.header", ["1", "2"], {"hash-header": "who"})
        by_id = self.hashed(channel, "by.id", ["1", "2"], {"hash-property": "message_id"})
        channel.confirm_delivery()
        for i in range(200):
            channel.basic_publish("by.header", f"k{i}", b"h", with_headers(who=f"user {i % 20}"))
            channel.basic_publish("by.id", "same", b"p", pika.BasicProperties(message_id=f"id {i % 20}"))
        for queues in (by_header, by_id):
            counts = [len(self.drain(channel, queue)) for queue in queues.values()]
            self.assertEqual(sum(counts), 200)
            self.assertTrue(all(counts) and all(count % 10 == 0 for count in counts), counts)

    def test_mistakes_are_refused(self):
        connection = self.connect()
        declare = {"hash-header and hash-property are mutually exclusive":
                   {"hash-header": "a", "hash-property": "message_id"},
                   "Unsupported property: app_id": {"hash-property": "app_id"}}
        for text, arguments in declare.items():
            self.assert_channel_closed(406, "PRECONDITION_FAILED - " + text, connection.channel().exchange_declare,
                                       "refused", "x-consistent-hash", arguments=arguments)
        connection.channel().exchange_declare("weights", "x-consistent-hash")
        queue = self.queue(connection.channel(), exclusive=True)
        for key, text in {"0": "The binding key must be greater than 0", "-1": "The binding key must be greater than 0",
                          "many": 'The binding key must be an integer: <<"many">>'}.items():
            self.assert_channel_closed(406, "PRECONDITION_FAILED - " + text, connection.channel().queue_bind,
                                       queue, "weights", key)
        connection.channel().exchange_delete("weights")


class Delayed(BrokerTest):
    def setUp(self):
        if is_reference():
            self.skipTest("the plug-in is not part of Debian's RabbitMQ")

    def delayed(self, channel, name, kind="direct", durable=True, **arguments):
        channel.exchange_declare(name, "x-delayed-message", durable=durable,
                                 arguments={"x-delayed-type": kind, **arguments})

    def test_messages_come_after_their_delay_in_the_order_of_their_deadlines(self):
        connection = self.connect()
        channel = connection.channel()
        self.delayed(channel, "later", "topic")
        queue = self.queue(channel, exclusive=True)
        channel.queue_bind(queue, "later", "k.#")
        channel.confirm_delivery()
        begun = time.monotonic()
        delays = {b"third": 6000, b"first": 2000, b"second": 4000}  # far enough apart for a slow machine
        for body, delay in delays.items():
            channel.basic_publish("later", "k.x", body, with_headers(**{"x-delay": delay}), mandatory=True)
        for body, headers in {b"none": {}, b"zero": {"x-delay": 0}, b"negative": {"x-delay": -5}}.items():
            channel.basic_publish("later", "k", body, pika.BasicProperties(headers=headers))
        for body in (b"none", b"zero", b"negative"):
            self.assertEqual(self.get(channel, queue, auto_ack=True)[2], body)
        for body in (b"first", b"second", b"third"):
            method, properties, got = self.get(channel, queue, auto_ack=True)
            taken = time.monotonic() - begun
            self.assertEqual(got, body)
            self.assertGreaterEqual(taken, delays[body] / 1000)
            self.assertLess(taken, delays[body] / 1000 + 5)
            self.assertEqual((method.exchange, method.routing_key), ("later", "k.x"))
            self.assertEqual(properties.headers, {"x-delay": -delays[body]})
        channel.exchange_delete("later")

    def test_bindings_count_when_the_time_has_come(self):
        channel = self.channel()
        self.delayed(channel, "turn")
        before, after = self.queue(channel, exclusive=True), self.queue(channel, exclusive=True)
        channel.queue_bind(before, "turn", "k")
        channel.confirm_delivery()
        channel.basic_publish("turn", "k", b"x", with_headers(**{"x-delay": 3000}))
        channel.queue_unbind(before, "turn", "k")
        channel.queue_bind(after, "turn", "k")
        self.assertEqual(self.get(channel, after, auto_ack=True)[2], b"x")
        self.assertEqual(self.count(channel, before), 0)
        channel.exchange_delete("turn")

    def test_mistakes_are_refused(self):
        connection = self.connect()
        for arguments, text in [
                ({}, "Invalid argument, 'x-delayed-type' must be an existing exchange type"),
                ({"x-delayed-type": 1}, "Invalid argument, 'x-delayed-type' must be an existing exchange type"),
                ({"x-delayed-type": "odd"}, "unknown exchange type 'odd'"),
                ({"x-delayed-type": "x-delayed-message"},
                 "Invalid argument, 'x-delayed-message' can't be used for 'x-delayed-type'")]:
            self.assert_channel_closed(406, "PRECONDITION_FAILED - " + text, connection.channel().exchange_declare,
                                       "refused", "x-delayed-message", arguments=arguments)
        self.delayed(connection.channel(), "long")
        channel = connection.channel()
        channel.confirm_delivery()
        self.assert_channel_closed(
            406, "PRECONDITION_FAILED - invalid x-delay 4294967296: the longest delay is 4294967295 ms",
            channel.basic_publish, "long", "k", b"x", with_headers(**{"x-delay": 2 ** 32}))
        connection.channel().exchange_delete("long")

    def test_the_hidden_queue_is_nobodys(self):
        connection = self.connect()
        self.delayed(connection.channel(), "secret")
        name = "amq.delayed.secret"
        self.assert_channel_closed(404, f"NOT_FOUND - no queue '{name}' in vhost '/'",
                                   connection.channel().queue_declare, name, passive=True)
        self.assert_channel_closed(404, f"NOT_FOUND - no queue '{name}' in vhost '/'",
                                   connection.channel().basic_get, name)
        channel = connection.channel()
        channel.confirm_delivery()
        with self.assertRaises(pika.exceptions.UnroutableError):
            channel.basic_publish("", name, b"x", mandatory=True)
        self.assertNotIn(name, self.node.ctl("list_queues").stdout)
        channel.exchange_delete("secret")

    def test_delays_survive_a_crash(self):
        channel = self.channel()
        self.delayed(channel, "kept")
        channel.queue_declare("kept.q", durable=True)
        channel.queue_bind("kept.q", "kept", "k")
        channel.confirm_delivery()
        begun = time.monotonic()
        for body, delay in {b"late": 8000, b"while away": 200}.items():
            channel.basic_publish("kept", "k", body, pika.BasicProperties(delivery_mode=2, headers={"x-delay": delay}))
        self.node.kill()
        self.node.start()
        channel = self.channel()
        self.assertEqual(self.get(channel, "kept.q", auto_ack=True)[2], b"while away")
        self.assertEqual(self.get(channel, "kept.q", timeout_s=30, auto_ack=True)[2], b"late")
        self.assertGreaterEqual(time.monotonic() - begun, 8)
        self.assertEqual(self.count(channel, "kept.q"), 0)
        channel.exchange_delete("kept")


class Firehose(BrokerTest):
    def setUp(self):
        if self.node.ctl("trace_on", check=False).returncode != 0:
            self.skipTest("no trace_on in this warrenctl")
        self.addCleanup(self.node.ctl, "trace_off")

    def test_publishes_and_deliveries_are_copied_while_it_is_on(self):
        channel = self.channel()
        log, queue = self.queue(channel, exclusive=True), self.queue(channel, "traced", exclusive=True)
        channel.queue_bind(log, "amq.rabbitmq.trace", "#")
        channel.queue_bind(queue, "amq.direct", "k")
        channel.confirm_delivery()
        channel.basic_publish("amq.direct", "k", b"body",
                              pika.BasicProperties(content_type="text/plain", delivery_mode=1, headers={"h": 1}))
        method, properties, body = self.get(channel, log, auto_ack=True)
        self.assertEqual((method.routing_key, body), ("publish.amq.direct", b"body"))
        told = properties.headers
        self.assertEqual(told["exchange_name"], "amq.direct")
        self.assertEqual(told["routing_keys"], ["k"])
        self.assertEqual(told["properties"], {"content_type": "text/plain", "delivery_mode": 1, "headers": {"h": 1}})
        self.assertEqual(told["node"], self.node.node_name)
        self.assertEqual((told["vhost"], told["channel"], told["user"]), ("/", 1, "guest"))
        self.assertIn(f"-> 127.0.0.1:{self.node.port}", told["connection"])
        self.assertEqual(told["routed_queues"], ["traced"])
        self.get(channel, "traced", auto_ack=True)
        method, properties, body = self.get(channel, log, auto_ack=True)
        self.assertEqual((method.routing_key, body), ("deliver.traced", b"body"))
        self.assertEqual(properties.headers["redelivered"], 0)
        self.assertNotIn("routed_queues", properties.headers)
        self.node.ctl("trace_off")
        channel.basic_publish("amq.direct", "k", b"unseen")
        self.get(channel, "traced", auto_ack=True)
        self.assertEqual(self.count(channel, log), 0)


if __name__ == "__main__":
    unittest.main()
