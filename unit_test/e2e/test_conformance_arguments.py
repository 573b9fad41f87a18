"""Rows W48-W60: what queue arguments, and policies of the same names, do."""
import re
import time

from harness import raw
from harness.case import is_reference
from harness.client import Refused
from harness.conformance import ConformanceTest


class Arguments(ConformanceTest):
    def queue(self, client, base="q", **arguments):
        """A queue with these x- arguments (underscores for dashes)."""
        named = {"x-" + name.replace("_", "-"): value for name, value in arguments.items()}
        return client.declare(self.name(base), arguments=named).queue

    def fill(self, client, queue, *bodies, **properties):
        for body in bodies:
            client.publish("", queue, body, **properties)
        client.barrier()

    def invalid(self, text, arguments):
        client = self.client()
        self.refused(406, f"PRECONDITION_FAILED - invalid arg {text}", client.declare, "bad", arguments=arguments)

    # -- time to live -------------------------------------------------------------------------------------------------

    def test_w48_message_ttl_of_the_queue(self):
        client = self.client()
        queue = self.queue(client, message_ttl=2000)  # long enough to be seen on a slow machine
        self.fill(client, queue, b"1", b"2")
        self.holds(client, queue, 2)
        self.holds(client, queue, 0)

    def test_w48_zero_delivers_now_or_drops(self):
        client = self.client()
        queue = self.queue(client, message_ttl=0)
        self.fill(client, queue, b"nobody waits")
        self.holds(client, queue, 0)
        client.consume(queue, "c", no_ack=True)
        self.fill(client, queue, b"somebody waits")
        self.assertEqual([e.body for e in self.deliveries(client, 1)], [b"somebody waits"])

    def test_w48_the_lower_of_queue_and_message_counts(self):
        client = self.client()
        quick, slow = self.queue(client, "quick", message_ttl=100), self.queue(client, "slow", message_ttl=600_000)
        self.fill(client, quick, b"m", expiration="600000")
        self.fill(client, slow, b"m", expiration="100")
        self.holds(client, quick, 0)
        self.holds(client, slow, 0)

    def test_w48_messages_expire_at_the_head_only(self):
        client = self.client()
        queue = self.queue(client)
        self.fill(client, queue, b"lives")
        self.fill(client, queue, b"expired", expiration="50")
        time.sleep(0.2)
        self.holds(client, queue, 2)
        self.assertEqual(client.get(queue).body, b"lives")
        self.holds(client, queue, 0)

    def test_w48_bad_values(self):
        for value, text in ((-1, "{value_negative,-1}"), ("60", '"expected integer, got longstr"')):
            self.invalid(f"'x-message-ttl' for queue 'bad' in vhost '/': {text}", {"x-message-ttl": value})
        client = self.client()
        for value, text in (("soon", "no_integer"), ("", "no_integer"), ("1.5", '{leftover_string,".5"}'),
                            ("-1", "{value_negative,-1}")):
            self.refused(406, f"PRECONDITION_FAILED - invalid expiration '{value}': {text}", client.publish, "", "k", b"m",
                         expiration=value)

    def test_w48_by_policy(self):
        client, queue = self.client(), self.name("q")
        self.node.ctl("set_policy", "--apply-to", "queues", "w48", f"^{re.escape(queue)}$", '{"message-ttl":50}')
        client.declare(queue)
        self.fill(client, queue, b"m")
        self.holds(client, queue, 0)
        self.node.ctl("clear_policy", "w48")

    # -- expiry of queues ---------------------------------------------------------------------------------------------

    def test_w49_an_unused_queue_goes_without_dead_lettering(self):
        client, sink = self.client(), self.name("sink")
        client.declare(sink)
        queue = self.queue(client, expires=300, dead_letter_exchange="", dead_letter_routing_key=sink)
        self.fill(client, queue, b"m")
        time.sleep(0.2)
        client.get(self.queue(client, "other"))
        # A declare would be a use of it.
        self.eventually(lambda: queue not in self.node.ctl("-q", "list_queues", "name").stdout.split(), "it goes")
        self.assertTrue(self.gone(queue))
        self.holds(client, sink, 0)

    def test_w49_use_keeps_it(self):
        client = self.client()
        queue = self.queue(client, expires=3000)
        client.consume(queue, "c")
        time.sleep(3.5)
        client.cancel("c")
        for _ in range(7):
            time.sleep(0.5)
            client.get(queue)
        self.assertFalse(self.gone(queue))

    def test_w49_bad_values(self):
        for value, text in ((0, "{value_zero,0}"), (-1, "{value_negative,-1}"), ("1", '"expected integer, got longstr"')):
            self.invalid(f"'x-expires' for queue 'bad' in vhost '/': {text}", {"x-expires": value})
        client = self.client()
        with self.assertRaises(Refused) as raised:
            client.declare("bad", arguments={"x-expires": ("l", 2 ** 45)})
        self.assertEqual(raised.exception.event.code, 406)

    # -- length -------------------------------------------------------------------------------------------------------

    def test_w50_drop_head(self):
        client = self.client()
        by_count, by_bytes = self.queue(client, "n", max_length=2), self.queue(client, "b", max_length_bytes=5)
        for queue in (by_count, by_bytes):
            self.fill(client, queue, b"11", b"22", b"33")
            self.holds(client, queue, 2)
            self.assertEqual(self.bodies(client, queue), [b"22", b"33"])

    def test_w50_only_ready_messages_count(self):
        client = self.client()
        queue = self.queue(client, max_length=1)
        client.consume(queue, "c")
        self.fill(client, queue, b"1", b"2", b"3")
        self.assertEqual([e.body for e in self.deliveries(client, 3)], [b"1", b"2", b"3"])
        client.cancel("c")
        client.close_channel()
        client.open()
        self.holds(client, queue, 1)
        self.assertEqual(client.get(queue).body, b"3")

    def test_w50_bad_values(self):
        for name in ("x-max-length", "x-max-length-bytes"):
            self.invalid(f"'{name}' for queue 'bad' in vhost '/': {{value_negative,-1}}", {name: -1})
            self.invalid(f"'{name}' for queue 'bad' in vhost '/': \"expected integer, got longstr\"", {name: "1"})

    def test_w51_reject_publish(self):
        client, other = self.client(), self.name("other")
        queue = self.queue(client, max_length=1, overflow="reject-publish")
        client.declare(other)
        for name in (queue, other):
            client.bind(name, "amq.direct", "w51")
        client.confirm()
        for body in (b"1", b"2"):
            client.publish("amq.direct", "w51", body)
        self.assertEqual(self.confirms(client, 2), ({1}, {2}))
        self.assertEqual(self.bodies(client, queue), [b"1"])
        self.assertEqual(self.bodies(client, other), [b"1", b"2"])
        plain = self.client()
        self.fill(plain, queue, b"3", b"4")
        self.assertEqual(self.bodies(plain, queue), [b"3"])  # asked by whoever has published: behind it

    def test_w51_reject_publish_dlx(self):
        client, sink = self.client(), self.name("sink")
        client.declare(sink)
        queue = self.queue(client, max_length=1, overflow="reject-publish-dlx", dead_letter_exchange="",
                           dead_letter_routing_key=sink)
        client.confirm()
        self.fill(client, queue, b"1", b"2")
        self.assertEqual(self.confirms(client, 2), ({1}, {2}))
        self.holds(client, sink, 1)
        event = client.get(sink)
        self.assertEqual((event.body, event.properties["headers"]["x-first-death-reason"]), (b"2", ("S", "maxlen")))

    def test_w51_other_values_are_refused(self):
        client = self.client()
        with self.assertRaises(Refused) as raised:
            client.declare("bad", arguments={"x-overflow": "drop-tail"})
        event = raised.exception.event
        self.assertEqual(event.code, 406)
        self.assertIn("invalid arg 'x-overflow' for queue 'bad' in vhost '/'", event.text)

    # -- dead letters -------------------------------------------------------------------------------------------------

    def test_w52_reasons_and_keys(self):
        client = self.client()
        sink = self.queue(client, "sink")
        client.bind(sink, "amq.fanout")
        cases = {"rejected": {}, "expired": {"message_ttl": 0}, "maxlen": {"max_length": 0}}
        for reason, arguments in cases.items():
            with self.subTest(reason):
                queue = self.queue(client, reason, dead_letter_exchange="amq.fanout", **arguments)
                self.fill(client, queue, b"m", headers={"CC": ["w52-cc"]})
                if reason == "rejected":
                    self.holds(client, queue, 1)
                    client.nack(client.get(queue, no_ack=False).delivery_tag, requeue=False)
                self.holds(client, sink, 1)
                event = client.get(sink)
                death = event.properties["headers"]["x-death"][1][0][1]
                self.assertEqual((event.exchange, event.key), ("amq.fanout", queue))
                self.assertEqual((death["reason"], death["queue"], death["routing-keys"]),
                                 (("S", reason), ("S", queue), ("A", [("S", queue), ("S", "w52-cc")])))
        client.call(1, raw.method(1, 50, 40, b"\0\0" + raw.short_string(sink) + b"\0"), "queue.delete-ok")

    def test_w52_routing_key_and_missing_exchange(self):
        client = self.client()
        sink = self.queue(client, "sink")
        keyed = self.queue(client, "keyed", message_ttl=0, dead_letter_exchange="", dead_letter_routing_key=sink)
        lost = self.queue(client, "lost", message_ttl=0, dead_letter_exchange="w52-missing")
        self.fill(client, lost, b"dropped")
        self.fill(client, keyed, b"m")
        self.holds(client, lost, 0)
        self.holds(client, sink, 1)
        self.assertEqual(client.get(sink).key, sink)

    def test_w52_automatic_cycles_are_cut(self):
        client, queue = self.client(), self.name("cycle")
        client.declare(queue, arguments={"x-message-ttl": 20, "x-dead-letter-exchange": "",
                                         "x-dead-letter-routing-key": queue})
        self.fill(client, queue, b"m")
        self.holds(client, queue, 0)
        time.sleep(0.1)
        self.holds(client, queue, 0)

    def test_w52_a_cycle_with_a_reject_goes_on(self):
        client, retry, work = self.client(), self.name("retry"), self.name("work")
        client.declare(work, arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": retry})
        client.declare(retry, arguments={"x-message-ttl": 10, "x-dead-letter-exchange": "",
                                         "x-dead-letter-routing-key": work})
        client.consume(work, "c")
        client.publish("", work, b"m", expiration="600000")
        for attempt in range(4):
            delivery, = self.deliveries(client, 1)
            headers = delivery.properties.get("headers", {})
            deaths = [entry[1] for entry in headers.get("x-death", ("A", []))[1]]
            self.assertEqual({d["reason"][1]: d["count"][1] for d in deaths},
                             {"expired": attempt, "rejected": attempt} if attempt else {})
            client.nack(delivery.delivery_tag, requeue=False)
        self.assertNotIn("expiration", delivery.properties)

    def test_w52_a_key_without_an_exchange_is_refused(self):
        client = self.client()
        self.refused(406, "PRECONDITION_FAILED - invalid arg 'x-dead-letter-routing-key' for queue 'bad' in vhost '/': "
                          "routing_key_but_no_dlx_defined", client.declare, "bad",
                     arguments={"x-dead-letter-routing-key": "k"})

    def test_w53_x_death(self):
        client = self.client()
        sink = self.queue(client, "sink")
        first = self.queue(client, "first", message_ttl=600_000, dead_letter_exchange="",
                           dead_letter_routing_key=self.name("second"))
        second = self.queue(client, "second", dead_letter_exchange="", dead_letter_routing_key=sink)
        client.publish("", first, b"m", expiration="30", headers={"mine": 1})
        self.holds(client, second, 1)
        client.nack(client.get(second, no_ack=False).delivery_tag, requeue=False)
        self.holds(client, sink, 1)
        headers = client.get(sink).properties["headers"]
        self.assertEqual(headers["mine"], ("I", 1))
        kind, deaths = headers["x-death"]
        self.assertEqual((kind, [item[0] for item in deaths]), ("A", ["F", "F"]))
        newest, oldest = (dict(item[1]) for item in deaths)
        for death in (newest, oldest):
            when = death.pop("time")
            self.assertEqual(when[0], "T")
            self.assertLess(abs(when[1] - time.time()), 60)
        self.assertEqual(newest, {"count": ("l", 1), "reason": ("S", "rejected"), "queue": ("S", second),
                                  "exchange": ("S", ""), "routing-keys": ("A", [("S", second)])})
        self.assertEqual(oldest, {"count": ("l", 1), "reason": ("S", "expired"), "queue": ("S", first),
                                  "exchange": ("S", ""), "routing-keys": ("A", [("S", first)]),
                                  "original-expiration": ("S", "30")})
        self.assertEqual([headers[f"x-first-death-{part}"][1] for part in ("queue", "reason", "exchange")],
                         [first, "expired", ""])
        if not is_reference():  # since 3.13
            self.assertEqual([headers[f"x-last-death-{part}"][1] for part in ("queue", "reason", "exchange")],
                             [second, "rejected", ""])

    # -- consumers and priorities ---------------------------------------------------------------------------------------

    def test_w54_single_active_consumer(self):
        client = self.client(channels=(1, 2, 3))
        queue = self.queue(client, single_active_consumer=True)
        for channel, tag in ((1, "one"), (2, "two"), (3, "three")):
            client.consume(queue, tag, channel=channel, no_ack=True)
        self.fill(client, queue, b"1", b"2")
        self.assertEqual([(e.tag, e.body) for e in self.deliveries(client, 2)], [("one", b"1"), ("one", b"2")])
        client.cancel("one")
        self.fill(client, queue, b"3")
        self.assertEqual([e.tag for e in self.deliveries(client, 1)], ["two"])
        client.close_channel(2)
        self.fill(client, queue, b"4")
        self.assertEqual([e.tag for e in self.deliveries(client, 1)], ["three"])
        listed = self.node.ctl("-q", "list_consumers", "queue_name", "consumer_tag", "active", "activity_status").stdout
        self.assertRegex(listed, rf"{re.escape(queue)}\s+three\s+true\s+single_active")

    def test_w54_exclusive_consumers_are_refused_there(self):
        client = self.client()
        queue = self.queue(client, single_active_consumer=True)
        with self.assertRaises(Refused) as raised:
            client.consume(queue, "c", exclusive=True)
        self.assertEqual(raised.exception.event.code, 403)

    def test_w55_priorities(self):
        client = self.client()
        queue = self.queue(client, max_priority=5)
        for body, priority in ((b"none", None), (b"1", 1), (b"5", 5), (b"9", 9), (b"3", 3), (b"1 again", 1)):
            client.publish("", queue, body, **({} if priority is None else {"priority": priority}))
        self.holds(client, queue, 6)
        self.assertEqual(self.bodies(client, queue), [b"5", b"9", b"3", b"1", b"1 again", b"none"])

    def test_w55_bad_values(self):
        for value, text in ((-1, "{value_negative,-1}"), (256, "{max_value_exceeded,256}"),
                            ("3", '"expected integer, got longstr"')):
            self.invalid(f"'x-max-priority' for queue 'bad' in vhost '/': {text}", {"x-max-priority": value})

    def test_w56_queue_type(self):
        client, queue = self.client(), self.name("q")
        client.declare(queue, arguments={"x-queue-type": "classic"})
        client.declare(queue)
        with self.assertRaises(Refused) as raised:
            client.declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
        self.assertEqual(raised.exception.event.code, 406)
        client.open()
        with self.assertRaises(Refused) as raised:
            client.declare("w56-unknown", arguments={"x-queue-type": "strange"})
        self.assertEqual(raised.exception.event.code, 406)

    def test_w57_delivery_limit_is_a_quorum_queues(self):
        """On a classic queue RabbitMQ refuses the argument; a quorum queue counts in x-delivery-count."""
        client = self.client()
        with self.assertRaises(Refused) as raised:
            client.declare("w57-classic", durable=True, arguments={"x-delivery-limit": 1})
        self.assertEqual(raised.exception.event.code, 406)
        client.open()
        sink, queue = self.queue(client, "sink"), self.name("quorum")
        quorum = {"x-queue-type": "quorum", "x-dead-letter-exchange": "", "x-dead-letter-routing-key": sink}
        client.declare(queue, durable=True, arguments={**quorum, "x-delivery-limit": 2})
        client.confirm()
        client.publish("", queue, b"m")
        self.confirms(client, 1)
        for count in range(3):  # handed out once more than it may come back
            self.holds(client, queue, 1)
            got = client.get(queue, no_ack=False)
            self.assertEqual(got.properties.get("headers", {}).get("x-delivery-count", ("l", 0))[1], count)
            self.assertEqual((client.declare(sink, passive=True).messages, got.redelivered), (0, count > 0))
            client.nack(got.delivery_tag)
        self.holds(client, sink, 1)
        death = client.get(sink).properties["headers"]["x-death"][1][0][1]
        self.assertEqual((death["reason"], death["queue"]), (("S", "delivery_limit"), ("S", queue)))
        self.holds(client, queue, 0)
        client.raw.send(raw.method(1, 50, 40, b"\0\0" + raw.short_string(queue) + b"\0"))
        client.next_event("queue.delete-ok")

    def test_w57_a_policy_limits_and_without_a_limit_a_message_returns_for_ever(self):
        client, queue = self.client(), self.name("quorum")
        client.declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
        client.confirm()
        client.publish("", queue, b"m")
        self.confirms(client, 1)
        for _ in range(25):  # more than 4.x would allow by default
            self.holds(client, queue, 1)
            client.nack(client.get(queue, no_ack=False).delivery_tag)
        self.holds(client, queue, 1)
        self.node.ctl("set_policy", "w57", f"^{queue}$", '{"delivery-limit":3}', "--apply-to", "queues")
        self.addCleanup(self.node.ctl, "clear_policy", "w57")
        client.nack(client.get(queue, no_ack=False).delivery_tag)
        self.holds(client, queue, 0)
        client.raw.send(raw.method(1, 50, 40, b"\0\0" + raw.short_string(queue) + b"\0"))
        client.next_event("queue.delete-ok")

    def test_w59_leader_locator(self):
        client = self.client()
        for value in () if is_reference() else ("client-local", "balanced"):  # classic queues take it since 3.12
            self.queue(client, value, queue_leader_locator=value)
        for value in ("min-masters", "client-local", "random"):
            self.queue(client, "m" + value, queue_master_locator=value)

    def test_w60_other_arguments(self):
        client = self.client()
        self.queue(client, "lazy", queue_mode="lazy")
        self.queue(client, "default", queue_mode="default")
        self.queue(client, "v2", queue_version=2)
        self.queue(client, "v1", queue_version=1)
        self.refused(406, "PRECONDITION_FAILED - invalid arg 'x-queue-mode' for queue 'bad' in vhost '/': "
                          "\"unsupported queue mode 'fast'\"", client.declare, "bad", arguments={"x-queue-mode": "fast"})


class ConsumerTimeout(ConformanceTest):
    config = "consumer_timeout = 2000\n"

    def test_w58_a_delivery_that_is_not_acknowledged_in_time_closes_the_channel(self):
        client, queue = self.client(), self.name("q")
        client.declare(queue)
        client.publish("", queue, b"m")
        client.consume(queue, "c")
        self.deliveries(client, 1)
        client.raw.socket.settimeout(120)  # RabbitMQ looks once a minute
        with self.assertRaises(Refused) as raised:
            client.next_event("nothing else")
        event = raised.exception.event
        self.assertEqual((event.name, event.code), ("channel.close", 406))
        self.assertTrue(event.text.startswith("PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. "
                                              "Timeout value used: 2000 ms"), event.text)
        client.open()
        self.holds(client, queue, 1)
