"""Priorities, single active consumer, delivery limit, consumer timeout, de-duplication and the rules of quorum queues
(features.md W54, W55, W57, W58, U11, Q03)."""
import time
import unittest

import pika

from harness import process
from harness.case import WAIT_S, BrokerTest, Collector, is_reference

PERSISTENT = 2


def properties(**more):
    return pika.BasicProperties(**more)


class Priorities(BrokerTest):
    def declare(self, channel, most=10, **more):
        return self.queue(channel, durable=True, arguments={"x-max-priority": most, **more})

    def publish(self, channel, queue, priorities, **more):
        for number, priority in enumerate(priorities):
            channel.basic_publish("", queue, b"%d" % number, properties(priority=priority, **more))

    def test_higher_priorities_come_first_each_in_order(self):
        channel = self.channel()
        channel.confirm_delivery()
        queue = self.declare(channel, 5)
        self.publish(channel, queue, [0, 5, None, 3, 200, 3, 1])
        self.assertEqual(self.drain(channel, queue, 7), [b"1", b"4", b"3", b"5", b"6", b"0", b"2"])
        channel.queue_delete(queue)

    def test_a_requeued_message_returns_to_its_place_within_its_priority(self):
        channel = self.channel()
        channel.confirm_delivery()
        queue = self.declare(channel)
        self.publish(channel, queue, [1, 7, 7, 1])
        first = self.get(channel, queue)
        second = self.get(channel, queue)
        self.assertEqual((first[2], second[2]), (b"1", b"2"))
        channel.basic_nack(second[0].delivery_tag)
        channel.basic_nack(first[0].delivery_tag)
        self.assertEqual(self.drain(channel, queue, 4), [b"1", b"2", b"0", b"3"])
        channel.queue_delete(queue)

    def test_a_length_limit_drops_the_head_of_the_highest_priority(self):
        channel = self.channel()
        channel.confirm_delivery()
        queue = self.declare(channel, 10, **{"x-max-length": 2})
        self.publish(channel, queue, [1, 9, 5])
        self.assertEqual(self.drain(channel, queue, 2), [b"2", b"0"])
        channel.queue_delete(queue)

    def test_priorities_survive_a_restart(self):
        channel = self.channel()
        channel.confirm_delivery()
        queue = self.declare(channel)
        self.publish(channel, queue, [2, 8, 2, 8, None], delivery_mode=PERSISTENT)
        self.restart()
        channel = self.channel()
        self.assertEqual(self.drain(channel, queue, 5), [b"1", b"3", b"0", b"2", b"4"])
        channel.queue_delete(queue)


class SingleActiveConsumer(BrokerTest):
    def declare(self, channel, **more):
        return self.queue(channel, durable=True, arguments={"x-single-active-consumer": True, **more})

    def test_the_first_gets_everything_and_the_next_takes_over(self):
        connection = self.connect()
        first, second, third = connection.channel(), connection.channel(), connection.channel()
        queue = self.declare(first)
        consumers = [Collector(channel, queue) for channel in (first, second, third)]
        for number in range(3):
            first.basic_publish("", queue, b"%d" % number)
        self.pump(connection, lambda: len(consumers[0].deliveries) == 3)
        self.assertEqual([len(one.deliveries) for one in consumers[1:]], [0, 0])
        consumers[0].ack_all()
        first.basic_cancel(consumers[0].tag)
        first.basic_publish("", queue, b"3")
        self.pump(connection, lambda: consumers[1].bodies == [b"3"])
        second.close()  # gives back what it had
        self.pump(connection, lambda: consumers[2].bodies == [b"3"])
        self.assertTrue(consumers[2].deliveries[0][0].redelivered)
        first.queue_delete(queue)

    def test_a_higher_consumer_priority_is_promoted_first(self):
        connection = self.connect()
        channels = [connection.channel() for _ in range(3)]
        queue = self.declare(channels[0])
        consumers = [Collector(channel, queue, arguments={"x-priority": priority})
                     for channel, priority in zip(channels, (0, 1, 5))]
        channels[0].basic_publish("", queue, b"a")
        self.pump(connection, lambda: consumers[0].bodies == [b"a"])
        channels[0].close()
        self.pump(connection, lambda: consumers[2].bodies == [b"a"])
        self.assertEqual(consumers[1].bodies, [])
        channels[1].queue_delete(queue)

    def test_an_exclusive_consumer_is_refused(self):
        channel = self.channel()
        queue = self.declare(channel)
        self.assert_channel_closed(403, f"ACCESS_REFUSED - queue '{queue}' in vhost '/' in exclusive use",
                                   channel.basic_consume, queue, lambda *_: None, exclusive=True)
        self.channel().queue_delete(queue)

    def test_get_is_refused_by_quorum_queues_only(self):
        channel = self.channel()
        classic = self.declare(channel)
        self.assertEqual(channel.basic_get(classic)[0], None)
        quorum = self.queue(channel, "sac-quorum", durable=True,
                            arguments={"x-single-active-consumer": True, "x-queue-type": "quorum"})
        self.assert_channel_closed(
            405, f"RESOURCE_LOCKED - cannot obtain access to locked queue '{quorum}' in vhost '/'. basic.get operations "
            "are not supported by quorum queues with single active consumer", channel.basic_get, quorum)
        channel = self.channel()
        channel.queue_delete(classic)
        channel.queue_delete(quorum)


class Quorum(BrokerTest):
    def declare(self, channel, name, **arguments):
        return self.queue(channel, name, durable=True, arguments={"x-queue-type": "quorum", **arguments})

    def test_only_durable_shared_lasting_queues(self):
        for wrong, property_name in (({"durable": False}, "non-durable"), ({"auto_delete": True}, "auto-delete"),
                                     ({"exclusive": True}, "exclusive-owner")):
            with self.subTest(property_name):
                self.assert_channel_closed(
                    406, f"PRECONDITION_FAILED - invalid property '{property_name}' for queue 'wrong' in vhost '/'",
                    self.channel().queue_declare, "wrong", arguments={"x-queue-type": "quorum"},
                    **{"durable": True, **wrong})

    def test_no_channel_wide_prefetch(self):
        channel = self.channel()
        self.declare(channel, "qos")
        channel.basic_qos(prefetch_count=5, global_qos=True)
        self.assert_connection_closed(540, "NOT_IMPLEMENTED - queue 'qos' in vhost '/' does not support global qos",
                                      channel.basic_consume, "qos", lambda *_: None)

    def test_no_conditional_delete(self):
        for flag in ("if-unused", "if-empty"):
            with self.subTest(flag):
                channel = self.channel()
                self.declare(channel, "conditions")
                self.assert_connection_closed(
                    540, "NOT_IMPLEMENTED - cannot delete queue 'conditions' in vhost '/'. queue.delete operations with "
                    f"{flag} flag set are not supported by quorum queues",
                    channel.queue_delete, "conditions", **{flag.replace("-", "_"): True})

    def test_returns_are_counted(self):
        channel = self.channel()
        channel.confirm_delivery()
        queue = self.declare(channel, "counted", **{"x-delivery-limit": 10})
        channel.basic_publish("", queue, b"body", properties(headers={"mine": "kept"}, content_type="text/plain"))
        for count in range(4):
            method, got, body = self.get(channel, queue)
            expected = {"mine": "kept", "x-delivery-count": count} if count else {"mine": "kept"}
            if is_reference() and not count:
                got.headers.pop("x-delivery-count", None)  # 3.10's get shows 0
            self.assertEqual((got.headers, got.content_type, body), (expected, "text/plain", b"body"))
            self.assertEqual(method.redelivered, count > 0)
            channel.basic_nack(method.delivery_tag)
        channel.queue_delete(queue)

    def test_beyond_the_delivery_limit_a_message_is_dropped(self):
        connection = self.connect()
        channel = connection.channel()
        queue = self.declare(channel, "limited", **{"x-delivery-limit": 2})
        seen = []

        def refuse(_channel, method, got, body):
            seen.append((got.headers or {}).get("x-delivery-count", 0))
            channel.basic_nack(method.delivery_tag)
        channel.basic_consume(queue, refuse)
        channel.basic_publish("", queue, b"poison")
        self.pump(connection, lambda: len(seen) == 3)
        self.settle(connection)
        self.assertEqual(seen, [0, 1, 2])
        self.assertEqual(self.count(channel, queue), 0)
        channel.queue_delete(queue)

    def test_a_channels_end_counts_and_the_dead_letter_says_why(self):
        channel = self.channel()
        dead = self.queue(channel, "dead", durable=True)
        queue = self.declare(channel, "poisoned", **{"x-delivery-limit": 0, "x-dead-letter-exchange": "",
                                                     "x-dead-letter-routing-key": dead})
        channel.confirm_delivery()
        channel.basic_publish("", queue, b"poison")
        other = self.channel()
        self.get(other, queue)
        other.close()
        _, got, body = self.get(channel, dead, auto_ack=True)
        self.assertEqual(body, b"poison")
        self.assertEqual((got.headers["x-death"][0]["reason"], got.headers["x-death"][0]["queue"]),
                         ("delivery_limit", "poisoned"))
        channel.queue_delete(queue)
        channel.queue_delete(dead)

    def test_every_message_survives_a_restart(self):
        channel = self.channel()
        channel.confirm_delivery()
        queue = self.declare(channel, "lasting")
        channel.basic_publish("", queue, b"not marked persistent")
        self.restart()
        channel = self.channel()
        self.assertEqual(self.drain(channel, queue, 1), [b"not marked persistent"])
        channel.queue_delete(queue)


def timed_out(number, timeout_ms):
    return (f"PRECONDITION_FAILED - delivery acknowledgement on channel {number} timed out. Timeout value used: "
            f"{timeout_ms} ms. This timeout value can be configured, see consumers doc guide to learn more")


@unittest.skipIf(is_reference(), "RabbitMQ looks once a minute, and 3.10 has no timeout per queue")
class ConsumerTimeout(BrokerTest):
    config = "consumer_timeout = 1500\n"

    def wait_for_close(self, connection, channel, timeout_ms):
        reasons, started = [], time.monotonic()
        channel._impl.add_on_close_callback(lambda _channel, reason: reasons.append(reason))
        self.pump(connection, lambda: reasons, what="the end of the channel")
        self.assertEqual((reasons[0].reply_code, reasons[0].reply_text),
                         (406, timed_out(channel.channel_number, timeout_ms)))
        self.assertGreaterEqual(time.monotonic() - started, timeout_ms / 1000)

    def test_an_unacknowledged_delivery_closes_its_channel_and_is_given_to_another(self):
        connection, other = self.connect(), self.channel()
        channel = connection.channel()
        queue = self.queue(other)
        tag = Collector(channel, queue).tag
        other.basic_publish("", queue, b"held")
        self.wait_for_close(connection, channel, 1500)
        line = (f"Consumer '{tag}' on channel {channel.channel_number} and queue '{queue}' in vhost '/' has timed out "
                "waiting for a consumer acknowledgement of a delivery with delivery tag = 1. Timeout used: 1500 ms. "
                "This timeout value can be configured, see consumers doc guide to learn more")
        self.assertTrue(process.wait_until(lambda: line in self.node.log(), WAIT_S))  # it is written beside the channel
        method, _, body = self.get(other, queue, auto_ack=True)
        self.assertEqual((method.redelivered, body), (True, b"held"))
        other.queue_delete(queue)

    def test_a_queue_has_its_own_timeout(self):
        connection, other = self.connect(), self.channel()
        channel = connection.channel()
        queue = self.queue(other, durable=True, arguments={"x-consumer-timeout": 700})
        Collector(channel, queue)
        other.basic_publish("", queue, b"held")
        self.wait_for_close(connection, channel, 700)
        other.queue_delete(queue)

    def test_who_acknowledges_in_time_stays(self):
        connection = self.connect()
        channel = connection.channel()
        queue = self.queue(channel)
        consumer = Collector(channel, queue, auto_ack=False)
        for _ in range(16):
            channel.basic_publish("", queue, b"work")
            self.settle(connection, 0.25)
            consumer.ack_all()
            consumer.deliveries.clear()
        self.assertTrue(channel.is_open)
        channel.queue_delete(queue)


@unittest.skipIf(is_reference(), "a community plugin, not part of RabbitMQ")
class Deduplication(BrokerTest):
    def declare(self, channel, **more):
        return self.queue(channel, durable=True, arguments={"x-message-deduplication": True, **more})

    def publish(self, channel, queue, body, key, **more):
        channel.basic_publish("", queue, body, properties(headers={"x-deduplication-header": key}, **more))

    def test_a_duplicate_is_confirmed_but_not_enqueued_however_often_it_comes(self):
        channel = self.channel()
        channel.confirm_delivery()
        queue = self.declare(channel)
        for number in range(6):
            self.publish(channel, queue, b"a%d" % number, "a", delivery_mode=PERSISTENT)
            self.publish(channel, queue, b"n%d" % number, 17)
        channel.basic_publish("", queue, b"no key")
        channel.basic_publish("", queue, b"no key")
        self.assertEqual(self.drain(channel, queue, 4), [b"a0", b"n0", b"no key", b"no key"])
        self.publish(channel, queue, b"again", "a")  # within the window
        self.assertEqual(self.count(channel, queue), 0)
        channel.queue_delete(queue)

    def test_after_a_restart_what_is_still_there_is_known(self):
        channel = self.channel()
        channel.confirm_delivery()
        queue = self.declare(channel)
        for key in ("gone", "kept"):
            self.publish(channel, queue, key.encode(), key, delivery_mode=PERSISTENT)
        self.get(channel, queue, auto_ack=True)
        self.restart()
        channel = self.channel()
        channel.confirm_delivery()
        self.publish(channel, queue, b"duplicate", "kept", delivery_mode=PERSISTENT)
        self.publish(channel, queue, b"new", "new", delivery_mode=PERSISTENT)
        self.assertEqual(self.drain(channel, queue, 2), [b"kept", b"new"])
        channel.queue_delete(queue)


if __name__ == "__main__":
    unittest.main()
