"""Publishing, consuming and settling (features.md W61-W67)."""
import time

import pika

from harness.case import BrokerTest, Collector


class Publishing(BrokerTest):
    def test_mandatory_is_returned_before_its_confirm(self):
        connection = self.connect()
        channel = connection.channel()
        channel.confirm_delivery()
        with self.assertRaises(pika.exceptions.UnroutableError) as raised:
            channel.basic_publish("amq.direct", "nowhere", b"body", pika.BasicProperties(message_id="m1"),
                                  mandatory=True)
        returned = raised.exception.messages[0]
        self.assertEqual((returned.method.reply_code, returned.method.reply_text), (312, "NO_ROUTE"))
        self.assertEqual((returned.method.exchange, returned.method.routing_key), ("amq.direct", "nowhere"))
        self.assertEqual((returned.properties.message_id, returned.body), ("m1", b"body"))
        channel.basic_publish("amq.direct", "nowhere", b"dropped and confirmed")

    def test_mandatory_without_confirms(self):
        connection = self.connect()
        channel = connection.channel()
        returned = []
        channel.add_on_return_callback(lambda _channel, method, _properties, body: returned.append((method, body)))
        queue = self.queue(channel, exclusive=True)
        channel.basic_publish("", queue, b"routed", mandatory=True)
        channel.basic_publish("", "no such queue", b"lost", mandatory=True)
        self.pump(connection, lambda: returned)
        self.settle(connection, 0.1)
        self.assertEqual([(method.reply_code, method.routing_key, body) for method, body in returned],
                         [(312, "no such queue", b"lost")])

    def test_confirms_cover_each_publish_once(self):
        connection = self.connect()
        channel = connection.channel()
        queue = self.queue(channel, durable=True)
        confirmed = []
        impl = channel._impl  # the blocking API hides the acks; the promise is about them
        impl.confirm_delivery(ack_nack_callback=lambda frame: confirmed.append(frame.method))
        self.settle(connection, 0.2)
        total = 500
        for number in range(total):
            channel.basic_publish("", queue, b"%d" % number, pika.BasicProperties(delivery_mode=2))

        def covered():
            done = set()
            for method in confirmed:
                self.assertIsInstance(method, pika.spec.Basic.Ack)
                tags = range(1, method.delivery_tag + 1) if method.multiple else [method.delivery_tag]
                done.update(tags)
            return done
        self.pump(connection, lambda: len(covered()) == total, what="a confirm for each publish")
        self.assertEqual(covered(), set(range(1, total + 1)))
        singles = [method.delivery_tag for method in confirmed if not method.multiple]
        self.assertEqual(len(singles), len(set(singles)))
        self.assertEqual(self.drain(channel, queue, total), [b"%d" % number for number in range(total)])
        channel.queue_delete(queue)

    def test_tx_commit_and_rollback(self):
        connection, watcher = self.connect(), self.channel()
        channel = connection.channel()
        queue = self.queue(watcher)
        channel.tx_select()
        channel.basic_publish("", queue, b"committed 1")
        channel.basic_publish("", queue, b"committed 2")
        self.settle(connection, 0.2)
        self.assertEqual(self.count(watcher, queue), 0)
        channel.tx_commit()
        self.assertEqual(self.count(watcher, queue), 2)
        channel.basic_publish("", queue, b"rolled back")
        channel.tx_rollback()
        self.assertEqual(self.drain(watcher, queue, 2), [b"committed 1", b"committed 2"])
        watcher.queue_delete(queue)

    def test_tx_covers_acks(self):
        connection = self.connect()
        channel = connection.channel()
        queue = self.queue(channel)
        channel.basic_publish("", queue, b"kept")
        channel.tx_select()
        method, _, _ = self.get(channel, queue)
        channel.basic_ack(method.delivery_tag)
        channel.tx_rollback()
        channel.basic_ack(method.delivery_tag)  # the rollback made the ack undone: the tag is known again
        channel.tx_rollback()
        channel.close()
        channel = connection.channel()
        method, _, body = self.get(channel, queue)
        self.assertEqual((body, method.redelivered), (b"kept", True))
        channel.tx_select()
        channel.basic_ack(method.delivery_tag)
        channel.tx_commit()
        channel.close()
        channel = connection.channel()
        self.assertEqual(self.count(channel, queue), 0)
        channel.queue_delete(queue)

    def test_tx_and_confirm_exclude_each_other(self):
        connection = self.connect()
        channel = connection.channel()
        channel.tx_select()
        self.assert_channel_closed(406, "PRECONDITION_FAILED - cannot switch from tx to confirm mode",
                                   channel.confirm_delivery)
        channel = connection.channel()
        channel.confirm_delivery()
        self.assert_channel_closed(406, "PRECONDITION_FAILED - cannot switch from confirm to tx mode",
                                   channel.tx_select)
        self.assert_channel_closed(406, "PRECONDITION_FAILED - channel is not transactional",
                                   connection.channel().tx_commit)


class Consuming(BrokerTest):
    def fill(self, channel, count, **declare):
        queue = self.queue(channel, **(declare or dict(exclusive=True)))
        for number in range(count):
            channel.basic_publish("", queue, b"%d" % number)
        return queue

    def test_prefetch_per_consumer(self):
        connection = self.connect()
        channel = connection.channel()
        queue = self.fill(channel, 20)
        channel.basic_qos(prefetch_count=3)
        one = Collector(channel, queue)
        channel.basic_qos(prefetch_count=5)  # counts for consumers started from now on
        two = Collector(channel, queue)
        self.pump(connection, lambda: len(one.deliveries) + len(two.deliveries) == 8)
        self.settle(connection)
        self.assertEqual((len(one.deliveries), len(two.deliveries)), (3, 5))
        channel.basic_ack(one.tags[0])
        self.pump(connection, lambda: len(one.deliveries) == 4)
        self.settle(connection)
        self.assertEqual((len(one.deliveries), len(two.deliveries)), (4, 5))

    def test_prefetch_global_is_shared_by_the_channel(self):
        connection = self.connect()
        channel = connection.channel()
        queue = self.fill(channel, 20)
        channel.basic_qos(prefetch_count=4, global_qos=True)
        one, two = Collector(channel, queue), Collector(channel, queue)
        self.pump(connection, lambda: len(one.deliveries) + len(two.deliveries) == 4)
        self.settle(connection)
        self.assertEqual(len(one.deliveries) + len(two.deliveries), 4)
        channel.basic_ack(0, multiple=True)
        self.pump(connection, lambda: len(one.deliveries) + len(two.deliveries) == 8)

    def test_get_is_not_limited_by_prefetch(self):
        channel = self.channel()
        queue = self.fill(channel, 3)
        channel.basic_qos(prefetch_count=1)
        self.assertEqual([self.get(channel, queue)[2] for _ in range(3)], [b"0", b"1", b"2"])

    def test_get_counts_and_empty(self):
        channel = self.channel()
        queue = self.fill(channel, 2)
        method, _, _ = self.get(channel, queue, auto_ack=True)
        self.assertEqual((method.message_count, method.delivery_tag, method.redelivered), (1, 1, False))
        self.get(channel, queue, auto_ack=True)
        self.assertEqual(channel.basic_get(queue), (None, None, None))

    def test_requeued_messages_return_to_their_places(self):
        connection = self.connect()
        channel = connection.channel()
        queue = self.fill(channel, 6)
        methods = [self.get(channel, queue)[0] for _ in range(4)]
        channel.basic_nack(methods[2].delivery_tag, requeue=True)
        channel.basic_reject(methods[0].delivery_tag, requeue=True)
        channel.basic_reject(methods[1].delivery_tag, requeue=False)
        channel.basic_ack(methods[3].delivery_tag)
        got = [self.get(channel, queue, auto_ack=True) for _ in range(4)]
        self.assertEqual([body for _, _, body in got], [b"0", b"2", b"4", b"5"])
        self.assertEqual([method.redelivered for method, _, _ in got], [True, True, False, False])

    def test_nack_multiple_requeues_in_order(self):
        channel = self.channel()
        queue = self.fill(channel, 5)
        tags = [self.get(channel, queue)[0].delivery_tag for _ in range(5)]
        channel.basic_nack(tags[2], multiple=True, requeue=True)
        channel.basic_nack(0, multiple=True, requeue=True)
        self.assertEqual(self.drain(channel, queue, 5), [b"0", b"1", b"2", b"3", b"4"])

    def test_recover_redelivers_to_the_consumer(self):
        connection = self.connect()
        channel = connection.channel()
        queue = self.fill(channel, 3)
        collector = Collector(channel, queue)
        self.pump(connection, lambda: len(collector.deliveries) == 3)
        channel.basic_recover(requeue=True)
        self.pump(connection, lambda: len(collector.deliveries) == 6)
        self.assertEqual(collector.bodies[3:], [b"0", b"1", b"2"])
        self.assertTrue(all(method.redelivered for method, _, _ in collector.deliveries[3:]))
        self.assertEqual(collector.tags, [1, 2, 3, 4, 5, 6])

    def test_unacked_of_a_closed_channel_come_back_in_order(self):
        connection = self.connect()
        channel = connection.channel()
        queue = self.fill(channel, 4)
        first = connection.channel()
        for _ in range(3):
            self.get(first, queue)
        first.close()
        got = [self.get(channel, queue, auto_ack=True) for _ in range(4)]
        self.assertEqual([body for _, _, body in got], [b"0", b"1", b"2", b"3"])
        self.assertEqual([method.redelivered for method, _, _ in got], [True, True, True, False])

    def test_ack_errors(self):
        connection = self.connect()
        channel = connection.channel()
        queue = self.fill(channel, 2)

        def ack_and_wait(one, tag):
            one.basic_ack(tag)
            one.queue_declare(queue, passive=True)
        self.assert_channel_closed(406, "PRECONDITION_FAILED - unknown delivery tag 99",
                                   ack_and_wait, connection.channel(), 99)
        twice = connection.channel()
        tag = self.get(twice, queue)[0].delivery_tag
        twice.basic_ack(tag)
        self.assert_channel_closed(406, f"PRECONDITION_FAILED - unknown delivery tag {tag}", ack_and_wait, twice, tag)

    def test_cancel_notify_on_queue_delete(self):
        consumer_connection, other = self.connect(), self.channel()
        channel = consumer_connection.channel()
        queue = self.queue(other)
        cancelled = []
        tag = channel.basic_consume(queue, lambda *_: None)
        channel.add_on_cancel_callback(lambda frame: cancelled.append(frame.method.consumer_tag))
        other.queue_delete(queue)
        self.pump(consumer_connection, lambda: cancelled, what="basic.cancel from the broker")
        self.assertEqual(cancelled, [tag])
        self.queue(channel, exclusive=True)  # the channel lives on

    def test_cancel_stops_deliveries_and_keeps_unacked(self):
        connection = self.connect()
        channel = connection.channel()
        queue = self.fill(channel, 1)
        collector = Collector(channel, queue)
        self.pump(connection, lambda: collector.deliveries)
        channel.basic_cancel(collector.tag)
        channel.basic_publish("", queue, b"later")
        self.settle(connection)
        self.assertEqual(collector.bodies, [b"0"])
        channel.basic_ack(collector.tags[0])
        self.assertEqual(self.drain(channel, queue, 1), [b"later"])

    def test_exclusive_consumer(self):
        connection = self.connect()
        channel = connection.channel()
        queue = self.queue(channel)
        channel.basic_consume(queue, lambda *_: None, exclusive=True)
        self.assert_channel_closed(403, f"ACCESS_REFUSED - queue '{queue}' in vhost '/' in exclusive use",
                                   connection.channel().basic_consume, queue, lambda *_: None)
        channel.queue_delete(queue)

    def test_consume_errors(self):
        connection = self.connect()
        self.assert_channel_closed(404, "NOT_FOUND - no queue 'missing' in vhost '/'",
                                   connection.channel().basic_consume, "missing", lambda *_: None)
        self.assert_channel_closed(404, "NOT_FOUND - no queue 'missing' in vhost '/'",
                                   connection.channel().basic_get, "missing")

    def test_priorities_of_consumers(self):
        connection = self.connect()
        channel = connection.channel()
        queue = self.queue(channel, exclusive=True)
        channel.basic_qos(prefetch_count=2)
        low = Collector(channel, queue, arguments={"x-priority": 1})
        high = Collector(channel, queue, arguments={"x-priority": 10})
        for number in range(4):
            channel.basic_publish("", queue, b"%d" % number)
        self.pump(connection, lambda: len(low.deliveries) + len(high.deliveries) == 4)
        self.assertEqual((high.bodies, low.bodies), ([b"0", b"1"], [b"2", b"3"]))

    def test_round_robin_of_equal_consumers(self):
        connection = self.connect()
        channel = connection.channel()
        queue = self.queue(channel, exclusive=True)
        consumers = [Collector(connection.channel(), queue, auto_ack=True) for _ in range(3)]
        for number in range(30):
            channel.basic_publish("", queue, b"%d" % number)
        self.pump(connection, lambda: sum(len(one.deliveries) for one in consumers) == 30)
        self.assertEqual(sorted(int(body) for one in consumers for body in one.bodies), list(range(30)))
        for one in consumers:
            self.assertGreaterEqual(len(one.deliveries), 5)

    def test_order_of_one_publisher_holds(self):
        connection = self.connect()
        channel = connection.channel()
        queue = self.queue(channel, exclusive=True)
        collector = Collector(channel, queue, auto_ack=True)
        for number in range(3000):
            channel.basic_publish("", queue, b"%d" % number)
        self.pump(connection, lambda: len(collector.deliveries) == 3000)
        self.assertEqual(collector.bodies, [b"%d" % number for number in range(3000)])

    def test_a_connection_carries_many_channels(self):
        connection = self.connect()
        channels = [connection.channel() for _ in range(200)]
        queues = [self.queue(channel, exclusive=True) for channel in channels]
        for channel, queue in zip(channels, queues):
            channel.basic_publish("", queue, queue.encode())
        deadline = time.monotonic() + 20
        for channel, queue in zip(channels, queues):
            self.assertLess(time.monotonic(), deadline)
            self.assertEqual(self.drain(channel, queue, 1), [queue.encode()])
