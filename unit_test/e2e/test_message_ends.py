"""Expiry and dead letters through restarts and kill -9 (features.md W48, W52; guarantees.md G2). What the wire shows of
them otherwise is in test_conformance_arguments."""
import time
import unittest

import pika

from harness.case import BrokerTest, Collector, is_reference

PERSISTENT = pika.BasicProperties(delivery_mode=2)


class Restarts(BrokerTest):
    def test_a_deadline_survives_a_restart(self):
        channel = self.channel()
        channel.confirm_delivery()
        soon = self.queue(channel, durable=True, arguments={"x-message-ttl": 300})
        late = self.queue(channel, durable=True, arguments={"x-message-ttl": 60_000})
        own = self.queue(channel, durable=True)
        channel.basic_publish("", soon, b"soon", PERSISTENT)
        channel.basic_publish("", late, b"late", PERSISTENT)
        channel.basic_publish("", own, b"own", pika.BasicProperties(delivery_mode=2, expiration="300"))
        self.node.restart()
        time.sleep(0.3)
        channel = self.channel()
        self.assertEqual([self.count(channel, queue) for queue in (soon, late, own)], [0, 1, 0])
        for queue in (soon, late, own):
            channel.queue_delete(queue)

    def test_what_expired_while_the_node_was_down_becomes_a_dead_letter(self):
        channel = self.channel()
        channel.confirm_delivery()
        grave = self.queue(channel, "grave", durable=True)
        queue = self.queue(channel, "short", durable=True,
                           arguments={"x-message-ttl": 1000, "x-dead-letter-exchange": "",
                                      "x-dead-letter-routing-key": grave})
        for number in range(50):
            channel.basic_publish("", queue, b"%d" % number, PERSISTENT)
        self.node.kill()
        time.sleep(1.1)
        self.node.start()
        channel = self.channel()
        bodies = self.drain(channel, grave, 50)
        self.assertEqual(bodies, [b"%d" % number for number in range(50)])
        self.assertEqual(self.count(channel, queue), 0)
        channel.queue_delete(queue)
        channel.queue_delete(grave)


@unittest.skipIf(is_reference(), "RabbitMQ's dead letters are at-most-once")
class KilledDeadLettering(BrokerTest):
    ROUNDS = 5
    MESSAGES = 3000

    def test_a_dead_letter_is_in_its_queue_or_where_it_went_whenever_the_node_is_killed(self):
        channel = self.channel()
        self.queue(channel, "grave", durable=True)
        self.queue(channel, "work", durable=True,
                   arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "grave"})
        twice = 0
        for round_number in range(self.ROUNDS):
            expected = self.publish(round_number)
            self.reject_and_kill(round_number)
            found = self.everything()
            self.assertEqual(set(found), expected)
            twice += len(found) - len(expected)
        print(f"\n  {self.ROUNDS} kills: {twice} of {self.ROUNDS * self.MESSAGES} arrived twice")

    def publish(self, round_number):
        channel = self.channel()
        channel.confirm_delivery()
        bodies = {b"%d/%d" % (round_number, number) for number in range(self.MESSAGES)}
        for body in sorted(bodies):
            channel.basic_publish("", "work", body, PERSISTENT)
        return bodies

    def reject_and_kill(self, round_number):
        connection = self.connect()
        channel = connection.channel()
        channel.basic_qos(prefetch_count=500)
        consumer = Collector(channel, "work")
        self.pump(connection, lambda: len(consumer.deliveries) >= 300)
        rejected = 0
        while rejected < (round_number + 1) * self.MESSAGES // (self.ROUNDS + 1):
            self.pump(connection, lambda: len(consumer.deliveries) > rejected)
            channel.basic_nack(consumer.tags[-1], multiple=True, requeue=False)
            rejected = len(consumer.deliveries)
        connection.process_data_events(time_limit=0)
        self.node.kill()
        self.node.start()

    def everything(self):
        channel = self.channel()
        return self.drain(channel, "work") + self.drain(channel, "grave", 1)


if __name__ == "__main__":
    unittest.main()
