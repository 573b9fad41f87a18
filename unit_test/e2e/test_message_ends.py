"""Expiry and dead letters through restarts and kill -9 (features.md W48, W52; guarantees.md G2). What the wire shows of
them otherwise is in test_conformance_arguments."""
import time
import unittest

import pika

from harness import process
from harness.case import WAIT_S, BrokerTest, Collector, is_reference
from harness.client import Client

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
        self.restart()
        channel = self.channel()
        self.assertTrue(process.wait_until(lambda: [self.count(channel, queue) for queue in (soon, own)] == [0, 0], WAIT_S))
        self.assertEqual(self.count(channel, late), 1)
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
    WINDOW = 500

    def test_a_dead_letter_is_in_its_queue_or_where_it_went_whenever_the_node_is_killed(self):
        channel = self.channel()
        self.queue(channel, "grave", durable=True)
        self.queue(channel, "work", durable=True,
                   arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "grave"})
        twice = 0
        for round_number in range(self.ROUNDS):
            expected = self.publish(round_number)
            self.reject_and_kill(round_number)
            found = self.everything(expected)
            self.assertEqual(set(found), expected)
            twice += len(found) - len(expected)
        print(f"\n  {self.ROUNDS} kills: {twice} of {self.ROUNDS * self.MESSAGES} arrived twice")

    def publish(self, round_number):
        client = Client(self.node.port, timeout_s=WAIT_S)
        client.confirm()
        bodies = [b"%d/%d" % (round_number, number) for number in range(self.MESSAGES)]
        for first in range(0, self.MESSAGES, self.WINDOW):
            for body in bodies[first:first + self.WINDOW]:
                client.publish("", "work", body, delivery_mode=2)
            missing = set(range(first + 1, first + self.WINDOW + 1))
            while missing:
                event = client.wait_reply(1, "ack", "nack")
                self.assertEqual(event.name, "ack")
                missing -= {tag for tag in missing if tag <= event.delivery_tag} if event.multiple else {event.delivery_tag}
        client.close()
        return set(bodies)

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

    def everything(self, expected):
        """Bodies of both queues, taken until all that are expected have come and both are empty."""
        client, found = Client(self.node.port, timeout_s=WAIT_S), []
        for queue in ("work", "grave"):
            client.consume(queue, no_ack=True)
        found += [event.body for event in client.take("deliver")]
        while not expected <= set(found):
            event = client.read_event_or_close()
            if event.name == "deliver":
                found.append(event.body)
        while sum(client.declare(queue, passive=True).messages for queue in ("work", "grave")):
            found += [event.body for event in client.take("deliver")]
        client.barrier()
        found += [event.body for event in client.take("deliver")]
        client.close()
        return found


if __name__ == "__main__":
    unittest.main()
