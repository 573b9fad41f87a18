"""Exchanges, queues and bindings: declaration, equivalence, lifetime (features.md W35-W45)."""
import re

import pika

from harness.case import BrokerTest, Collector, is_reference


class Exchanges(BrokerTest):
    def test_built_in_exchanges_exist(self):
        channel = self.channel()
        for name, kind in {"amq.direct": "direct", "amq.fanout": "fanout", "amq.topic": "topic",
                           "amq.headers": "headers", "amq.match": "headers"}.items():
            channel.exchange_declare(name, kind, passive=True)
            channel.exchange_declare(name, kind, durable=True)

    def test_passive_declare_of_a_missing_exchange(self):
        self.assert_channel_closed(404, "NOT_FOUND - no exchange 'nowhere' in vhost '/'",
                                   self.channel().exchange_declare, "nowhere", passive=True)

    def test_equivalence_texts(self):
        connection = self.connect()
        connection.channel().exchange_declare("equal", "direct")
        cases = [
            (dict(exchange_type="fanout"), "type", "fanout", "direct"),
            (dict(exchange_type="direct", durable=True), "durable", "true", "false"),
            (dict(exchange_type="direct", auto_delete=True), "auto_delete", "true", "false"),
            (dict(exchange_type="direct", internal=True), "internal", "true", "false"),
        ]
        for keywords, argument, received, current in cases:
            with self.subTest(argument):
                text = (f"PRECONDITION_FAILED - inequivalent arg '{argument}' for exchange 'equal' in vhost '/': "
                        f"received '{received}' but current is '{current}'")
                self.assert_channel_closed(406, text, connection.channel().exchange_declare, "equal", **keywords)
        connection.channel().exchange_declare("equal", "direct")

    def test_unknown_type_is_refused(self):
        declare = self.channel().exchange_declare
        if is_reference():  # W28: 503 on the connection up to 3.12, 406 on the channel from 3.13 on
            self.assert_connection_closed(503, "COMMAND_INVALID - unknown exchange type 'x-strange'",
                                          declare, "strange", "x-strange")
        else:
            self.assert_channel_closed(406, "PRECONDITION_FAILED - unknown exchange type 'x-strange'",
                                       declare, "strange", "x-strange")

    def test_reserved_and_default_names_are_refused(self):
        connection = self.connect()
        self.assert_channel_closed(
            403, "ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*'",
            connection.channel().exchange_declare, "amq.mine", "direct")
        refused = "ACCESS_REFUSED - operation not permitted on the default exchange"
        channel = connection.channel()
        queue = self.queue(channel, exclusive=True)
        self.assert_channel_closed(403, refused, connection.channel().exchange_declare, "", "direct")
        self.assert_channel_closed(403, refused, connection.channel().exchange_delete, "")
        self.assert_channel_closed(403, refused, connection.channel().queue_bind, queue, "", "key")
        self.assert_channel_closed(403, refused, connection.channel().queue_unbind, queue, "", "key")

    def test_delete(self):
        connection = self.connect()
        channel = connection.channel()
        channel.exchange_declare("gone", "fanout")
        channel.exchange_delete("gone")
        channel.exchange_delete("gone")  # deleting what is not there succeeds (W26)
        self.assert_channel_closed(404, "NOT_FOUND - no exchange 'gone' in vhost '/'",
                                   connection.channel().exchange_declare, "gone", passive=True)

    def test_delete_if_unused(self):
        connection = self.connect()
        channel = connection.channel()
        channel.exchange_declare("used", "fanout")
        queue = self.queue(channel, exclusive=True)
        channel.queue_bind(queue, "used")
        self.assert_channel_closed(406, "PRECONDITION_FAILED - exchange 'used' in vhost '/' in use",
                                   connection.channel().exchange_delete, "used", if_unused=True)
        channel.queue_unbind(queue, "used")
        channel.exchange_delete("used", if_unused=True)

    def test_auto_delete_goes_with_its_last_binding(self):
        connection = self.connect()
        channel = connection.channel()
        channel.exchange_declare("fleeting", "fanout", auto_delete=True)
        channel.exchange_declare("fleeting", passive=True)
        queue = self.queue(channel, exclusive=True)
        channel.queue_bind(queue, "fleeting")
        channel.queue_unbind(queue, "fleeting")
        self.assert_channel_closed(404, "NOT_FOUND - no exchange 'fleeting' in vhost '/'",
                                   connection.channel().exchange_declare, "fleeting", passive=True)

    def test_internal_exchange_takes_no_publish(self):
        connection = self.connect()
        channel = connection.channel()
        channel.exchange_declare("inner", "fanout", internal=True)
        channel.confirm_delivery()
        self.assert_channel_closed(403, "ACCESS_REFUSED - cannot publish to internal exchange 'inner' in vhost '/'",
                                   channel.basic_publish, "inner", "", b"x")

    def test_publish_to_a_missing_exchange(self):
        channel = self.channel()
        channel.confirm_delivery()
        self.assert_channel_closed(404, "NOT_FOUND - no exchange 'missing' in vhost '/'",
                                   channel.basic_publish, "missing", "", b"x")

    def test_arguments_with_senseless_values_are_refused_by_name(self):
        self.assert_refused_argument("x-message-ttl", -1)
        self.assert_refused_argument("x-expires", 0)
        self.assert_refused_argument("x-max-length", "ten")
        self.assert_refused_argument("x-dead-letter-exchange", 5)
        self.assert_refused_argument("x-dead-letter-routing-key", "key")
        self.assert_refused_argument("x-max-priority", 256)
        self.assert_refused_argument("x-overflow", "spill")
        self.assert_refused_argument("x-queue-type", "heap")

    def assert_refused_argument(self, name, value):
        with self.assertRaises(pika.exceptions.ChannelClosedByBroker) as raised:
            self.channel().queue_declare("argued", arguments={name: value})
        self.assertEqual(raised.exception.reply_code, 406)
        self.assertIn(name, raised.exception.reply_text)


class Bindings(BrokerTest):
    def test_exchange_to_exchange(self):
        channel = self.channel()
        channel.exchange_declare("source", "topic")
        channel.exchange_declare("middle", "fanout")
        queue = self.queue(channel, exclusive=True)
        channel.exchange_bind("middle", "source", "a.#")
        channel.queue_bind(queue, "middle")
        for key in ("a", "b", "a.b"):
            channel.basic_publish("source", key, key.encode())
        self.assertEqual(self.drain(channel, queue, 2), [b"a", b"a.b"])
        channel.exchange_unbind("middle", "source", "a.#")
        channel.basic_publish("source", "a", b"unbound")
        channel.basic_publish("middle", "", b"end")
        self.assertEqual(self.drain(channel, queue, 1), [b"end"])

    def test_a_cycle_of_exchanges_delivers_once(self):
        channel = self.channel()
        for name in ("ring1", "ring2", "ring3"):
            channel.exchange_declare(name, "fanout")
        for source, destination in (("ring1", "ring2"), ("ring2", "ring3"), ("ring3", "ring1")):
            channel.exchange_bind(destination, source)
        queue = self.queue(channel, exclusive=True)
        channel.queue_bind(queue, "ring1")
        channel.queue_bind(queue, "ring3")
        channel.basic_publish("ring2", "", b"once")
        channel.basic_publish("", queue, b"end")
        self.assertEqual(self.drain(channel, queue, 2), [b"once", b"end"])

    def test_headers_exchange(self):
        channel = self.channel()
        channel.exchange_declare("by_headers", "headers")
        bindings = {
            "all": {"x-match": "all", "format": "pdf", "type": "report"},
            "any": {"x-match": "any", "format": "pdf", "type": "log"},
            "default": {"format": "zip"},
            "present": {"type": None},
            "number": {"x-match": "all", "size": 5},
            "empty_all": {"x-match": "all"},
            "empty_any": {"x-match": "any"},
            "x_ignored": {"x-match": "all", "x-other": "1", "format": "pdf"},
            "all_with_x": {"x-match": "all-with-x", "x-other": "1"},
            "any_with_x": {"x-match": "any-with-x", "x-other": "1", "format": "tar"},
        }
        queues = {name: self.queue(channel, exclusive=True) for name in bindings}
        for name, arguments in bindings.items():
            channel.queue_bind(queues[name], "by_headers", arguments=arguments)
        messages = {
            b"1": {"format": "pdf", "type": "report"}, b"2": {"format": "pdf"}, b"3": {"type": "log", "x": 1},
            b"4": {"format": "zip", "size": 5}, b"5": None, b"6": {"x-other": "1"}, b"7": {"format": 7, "type": None},
        }
        for body, headers in messages.items():
            channel.basic_publish("by_headers", "", body, pika.BasicProperties(headers=headers))
        expected = {
            "all": [b"1"], "any": [b"1", b"2", b"3"], "default": [b"4"], "present": [b"1", b"3", b"7"],
            "number": [b"4"], "empty_all": sorted(messages), "empty_any": [], "x_ignored": [b"1", b"2"],
            "all_with_x": [b"6"], "any_with_x": [b"6"],
        }
        for name, bodies in expected.items():
            self.assertEqual(self.drain(channel, queues[name], len(bodies)), bodies, name)

    def test_bind_errors(self):
        connection = self.connect()
        queue = self.queue(connection.channel(), exclusive=True)
        self.assert_channel_closed(404, "NOT_FOUND - no exchange 'missing' in vhost '/'",
                                   connection.channel().queue_bind, queue, "missing", "k")
        self.assert_channel_closed(404, "NOT_FOUND - no queue 'missing' in vhost '/'",
                                   connection.channel().queue_bind, "missing", "amq.direct", "k")
        self.assert_channel_closed(404, "NOT_FOUND - no exchange 'missing' in vhost '/'",
                                   connection.channel().exchange_bind, "amq.direct", "missing", "k")
        connection.channel().queue_unbind(queue, "amq.direct", "never bound")

    def test_the_same_binding_twice_is_one(self):
        channel = self.channel()
        queue = self.queue(channel, exclusive=True)
        for _ in range(2):
            channel.queue_bind(queue, "amq.direct", "twice")
        channel.queue_bind(queue, "amq.direct", "other")
        channel.basic_publish("amq.direct", "twice", b"1")
        self.assertEqual(self.drain(channel, queue, 1), [b"1"])
        channel.queue_unbind(queue, "amq.direct", "twice")
        channel.basic_publish("amq.direct", "twice", b"2")
        channel.basic_publish("amq.direct", "other", b"3")
        self.assertEqual(self.drain(channel, queue, 1), [b"3"])


class Queues(BrokerTest):
    def test_server_named(self):
        channel = self.channel()
        first, second = self.queue(channel), self.queue(channel)
        self.assertRegex(first, re.compile(r"^amq\.gen-[A-Za-z0-9_-]{22}$"))
        self.assertNotEqual(first, second)
        channel.queue_bind("", "amq.direct", "key")  # an empty name is the queue declared last
        channel.basic_publish("amq.direct", "key", b"x")
        self.assertEqual(self.drain(channel, second, 1), [b"x"])
        channel.queue_delete(first)
        channel.queue_delete(second)

    def test_reserved_name(self):
        self.assert_channel_closed(403, "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'",
                                   self.channel().queue_declare, "amq.mine")

    def test_passive_declare_counts(self):
        connection = self.connect()
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare("counted")
        for _ in range(3):
            channel.basic_publish("", "counted", b"x")
        declared = channel.queue_declare("counted", passive=True).method
        self.assertEqual((declared.message_count, declared.consumer_count), (3, 0))
        other = connection.channel()
        other.basic_qos(prefetch_count=1)
        collector = Collector(other, "counted")
        self.pump(connection, lambda: collector.deliveries)
        declared = channel.queue_declare("counted", passive=True).method
        self.assertEqual((declared.message_count, declared.consumer_count), (2, 1))
        self.assertEqual(channel.queue_delete("counted").method.message_count, 2)
        self.assert_channel_closed(404, "NOT_FOUND - no queue 'counted' in vhost '/'",
                                   channel.queue_declare, "counted", passive=True)

    def test_equivalence_texts(self):
        connection = self.connect()
        connection.channel().queue_declare("equal")
        for keywords, argument in ((dict(durable=True), "durable"), (dict(auto_delete=True), "auto_delete")):
            with self.subTest(argument):
                text = (f"PRECONDITION_FAILED - inequivalent arg '{argument}' for queue 'equal' in vhost '/': "
                        "received 'true' but current is 'false'")
                self.assert_channel_closed(406, text, connection.channel().queue_declare, "equal", **keywords)
        text = ("RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'equal' in vhost '/'. It could be "
                "originally declared on another connection or the exclusive property value does not match that of "
                "the original declaration.")
        self.assert_channel_closed(405, text, connection.channel().queue_declare, "equal", exclusive=True)
        self.assertEqual(connection.channel().queue_declare("equal").method.message_count, 0)

    def test_exclusive_is_locked_to_others_and_goes_with_its_connection(self):
        owner, other = self.connect(), self.connect()
        channel = owner.channel()
        channel.queue_declare("mine", exclusive=True, durable=True)
        channel.queue_declare("mine", exclusive=True, durable=True)
        text = ("RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'mine' in vhost '/'. It could be "
                "originally declared on another connection or the exclusive property value does not match that of "
                "the original declaration.")
        for action, arguments in ((lambda c: c.queue_declare("mine", passive=True), ()),
                                  (lambda c: c.queue_delete("mine"), ()), (lambda c: c.queue_purge("mine"), ()),
                                  (lambda c: c.basic_get("mine"), ()),
                                  (lambda c: c.basic_consume("mine", lambda *_: None), ()),
                                  (lambda c: c.queue_bind("mine", "amq.direct", "k"), ())):
            self.assert_channel_closed(405, text, action, other.channel(), *arguments)
        owner.close()
        self.assert_channel_closed(404, "NOT_FOUND - no queue 'mine' in vhost '/'",
                                   other.channel().queue_declare, "mine", passive=True)

    def test_auto_delete_goes_with_its_last_consumer(self):
        connection = self.connect()
        channel = connection.channel()
        channel.queue_declare("short", auto_delete=True)
        channel.queue_declare("short", passive=True)
        one = channel.basic_consume("short", lambda *_: None)
        two = channel.basic_consume("short", lambda *_: None)
        channel.basic_cancel(one)
        channel.queue_declare("short", passive=True)
        channel.basic_cancel(two)
        self.assert_channel_closed(404, "NOT_FOUND - no queue 'short' in vhost '/'",
                                   channel.queue_declare, "short", passive=True)

    def test_delete_conditions(self):
        connection = self.connect()
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare("kept")
        channel.basic_publish("", "kept", b"x")
        self.assert_channel_closed(406, "PRECONDITION_FAILED - queue 'kept' in vhost '/' not empty",
                                   connection.channel().queue_delete, "kept", if_empty=True)
        tag = channel.basic_consume("kept", lambda *_: None)
        self.assert_channel_closed(406, "PRECONDITION_FAILED - queue 'kept' in vhost '/' in use",
                                   connection.channel().queue_delete, "kept", if_unused=True)
        channel.basic_cancel(tag)
        channel.queue_delete("kept", if_unused=True)
        self.assertEqual(channel.queue_delete("kept").method.message_count, 0)  # absent: succeeds (W26)

    def test_purge(self):
        channel = self.channel()
        channel.confirm_delivery()
        channel.queue_declare("purged")
        for _ in range(5):
            channel.basic_publish("", "purged", b"x")
        self.get(channel, "purged")  # one unacked: a purge leaves it alone
        self.assertEqual(channel.queue_purge("purged").method.message_count, 4)
        self.assertEqual(self.count(channel, "purged"), 0)
        channel.basic_recover(requeue=True)
        self.assertEqual(self.drain(channel, "purged", 1), [b"x"])
        self.assert_channel_closed(404, "NOT_FOUND - no queue 'nothing' in vhost '/'", channel.queue_purge, "nothing")
