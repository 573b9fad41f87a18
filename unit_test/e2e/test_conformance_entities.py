"""Rows W35-W47: exchanges, queues, bindings, permissions and routing."""
import re

from harness import client as amqp
from harness.case import access_refused
from harness.client import Refused
from harness.conformance import ConformanceTest


class Entities(ConformanceTest):
    def sink(self, client, *bindings, **more):
        """A queue with these (exchange, key, arguments) bindings."""
        queue = client.declare("", exclusive=True, **more).queue
        for exchange, key, arguments in bindings:
            client.bind(queue, exchange, key, arguments=arguments)
        return queue

    def routed(self, client, queues, exchange, key, **properties):
        """Which of `queues` get a message, and how many copies."""
        client.publish(exchange, key, b"probe", **properties)
        client.barrier()
        counts = []
        for queue in queues:
            self.holds_rest(client, queue)
            counts.append(len(self.bodies(client, queue)))
        return counts

    def holds_rest(self, client, queue):
        """Counts that agree three times: the message has arrived wherever it goes."""
        counts = [client.declare(queue, passive=True).messages for _ in range(3)]
        self.assertEqual(len(set(counts)), 1)

    def test_w35_built_in_exchanges(self):
        client = self.client()
        for name, kind in (("amq.direct", "direct"), ("amq.fanout", "fanout"), ("amq.topic", "topic"),
                           ("amq.headers", "headers"), ("amq.match", "headers")):
            client.exchange(name, kind, durable=True)
        client.exchange("amq.rabbitmq.trace", "topic", durable=True, internal=True)
        self.refused(403, "ACCESS_REFUSED - cannot publish to internal exchange 'amq.rabbitmq.trace' in vhost '/'",
                     client.publish, "amq.rabbitmq.trace", "k", b"m")

    def test_w35_auto_delete_goes_with_the_last_binding_from_it(self):
        client, exchange, other = self.client(), self.name("x"), self.name("other")
        client.exchange(exchange, "fanout", auto_delete=True)
        client.exchange(other, "fanout")
        client.bind_exchange(exchange, other, "")  # a binding to it does not count
        client.call(1, amqp.encode_binding(1, 40, 40, exchange, other, "", False, None), "exchange.unbind-ok")
        client.exchange(exchange, passive=True)
        queue = self.sink(client, (exchange, "", None))
        client.call(1, amqp.encode_binding(1, 50, 50, queue, exchange, "", False, None), "queue.unbind-ok")
        self.refused(404, f"NOT_FOUND - no exchange '{exchange}' in vhost '/'", client.exchange, exchange, passive=True)

    def test_w36_other_arguments_of_exchanges_are_not_compared(self):
        client, exchange = self.client(), self.name("x")
        client.exchange(exchange, "direct", arguments={"alternate-exchange": "amq.fanout", "x-note": "one"})
        client.exchange(exchange, "direct", arguments={"alternate-exchange": "amq.fanout", "x-other": 2})
        self.refused(406, f"PRECONDITION_FAILED - inequivalent arg 'alternate-exchange' for exchange '{exchange}' in vhost "
                          "'/': received none but current is the value 'amq.fanout' of type 'longstr'", client.exchange,
                     exchange, "direct")
        for keywords, argument, received, current in ((dict(kind="fanout"), "type", "fanout", "direct"),
                                                      (dict(durable=True), "durable", "true", "false"),
                                                      (dict(auto_delete=True), "auto_delete", "true", "false"),
                                                      (dict(internal=True), "internal", "true", "false")):
            self.refused(406, f"PRECONDITION_FAILED - inequivalent arg '{argument}' for exchange '{exchange}' in vhost '/': "
                              f"received '{received}' but current is '{current}'", client.exchange, exchange,
                         arguments={"alternate-exchange": "amq.fanout"}, **{"kind": "direct", **keywords})

    def test_w37_unknown_arguments_and_widths_of_integers_do_not_matter(self):
        client, queue = self.client(), self.name("q")
        client.declare(queue, arguments={"x-max-length": ("I", 7), "x-note": "one"})
        client.declare(queue, arguments={"x-max-length": ("l", 7), "x-other": "two"})
        client.declare(queue, arguments={"x-max-length": ("s", 7), "x-queue-type": "classic"})
        self.refused(406, f"PRECONDITION_FAILED - inequivalent arg 'x-max-length' for queue '{queue}' in vhost '/': "
                          "received '8' but current is '7'", client.declare, queue, arguments={"x-max-length": ("l", 8)})

    def test_w38_passive_looks_at_existence_only(self):
        client, queue = self.client(), self.name("q")
        client.declare(queue, arguments={"x-max-length": 5})
        client.publish("", queue, b"m")
        self.holds(client, queue, 1)
        ok = client.declare(queue, passive=True, durable=True, arguments={"x-max-length": 9})
        self.assertEqual((ok.messages, ok.consumers), (1, 0))

    def test_w39_exclusive_queues_go_before_close_ok(self):
        owner, other, queue = self.client(), self.client(), self.name("q")
        owner.declare(queue, exclusive=True)
        owner.declare(queue, exclusive=True)
        owner.close()
        other.declare(queue, exclusive=True)  # at once: the name is free

    def test_w39_exclusive_queues_go_when_the_socket_goes(self):
        owner, queue = self.client(), self.name("q")
        owner.declare(queue, exclusive=True)
        owner.cut()
        self.eventually(lambda: self.gone(queue), "the exclusive queue goes with its connection")

    def test_w40_auto_delete_queue(self):
        client, queue = self.client(), self.name("q")
        client.declare(queue, auto_delete=True)
        client.publish("", queue, b"m")
        self.holds(client, queue, 1)
        client.get(queue)
        self.assertFalse(self.gone(queue))
        client.consume(queue, "one")
        client.consume(queue, "two")
        client.cancel("one")
        self.assertFalse(self.gone(queue))
        client.cancel("two")
        self.eventually(lambda: self.gone(queue), "an auto-delete queue goes with its last consumer")

    def test_w41_server_named(self):
        client = self.client()
        names = {client.declare("").queue for _ in range(20)}
        self.assertEqual(len(names), 20)
        for name in names:
            self.assertRegex(name, r"^amq\.gen-[A-Za-z0-9_-]{22}$")

    def test_w41_cr_and_lf_are_stripped(self):
        self.assertEqual(self.client().declare("w41\r\nline").queue, "w41line")

    def test_w41_names_of_255_bytes(self):
        client = self.client()
        self.assertEqual(client.declare("n" * 255, exclusive=True).queue, "n" * 255)

    def user(self, configure, write, read):
        name = self.name("u")
        self.node.ctl("add_user", name, "secret")
        self.node.ctl("set_permissions", name, configure, write, read)
        client = self.client(user=name, password="secret")
        self.denied = lambda how, kind, of: access_refused(how, f"{kind} '{of}' in vhost '/'", name)
        return client

    def test_w42_bind_needs_write_on_the_destination_and_read_on_the_source(self):
        owner = self.client()
        for name in ("w42-w", "w42-r"):
            owner.declare(name)
            owner.exchange(name, "fanout")
        client = self.user("^$", ".-w$", ".-r$")
        client.bind("w42-w", "w42-r")
        client.bind_exchange("w42-w", "w42-r")
        self.refused(403, self.denied("write", "queue", "w42-r"), client.bind, "w42-r", "w42-r")
        self.refused(403, self.denied("read", "exchange", "w42-w"), client.bind, "w42-w", "w42-w")
        self.refused(403, self.denied("write", "exchange", "w42-r"), client.bind_exchange, "w42-r", "w42-r")
        client.get("w42-r")
        self.refused(403, self.denied("read", "queue", "w42-w"), client.get, "w42-w")
        self.refused(403, self.denied("read", "queue", "w42-w"), client.consume, "w42-w", "c")
        client.publish("w42-w", "k", b"m")
        self.refused(403, self.denied("write", "exchange", "w42-r"), client.publish, "w42-r", "k", b"m")
        self.refused(403, self.denied("configure", "queue", "w42-new"), client.declare, "w42-new")

    def test_w42_dead_letter_and_alternate_exchange_at_declare(self):
        client = self.user("^own", "^own|target-w$", "^own")
        client.declare("own-1", arguments={"x-dead-letter-exchange": "target-w"})
        client.exchange("own-2", arguments={"alternate-exchange": "target-w"})
        self.refused(403, self.denied("write", "exchange", "target-no"), client.declare, "own-3",
                     arguments={"x-dead-letter-exchange": "target-no"})
        self.refused(403, self.denied("write", "exchange", "target-no"), client.exchange, "own-4",
                     arguments={"alternate-exchange": "target-no"})

    def test_w42_topic_permissions(self):
        client = self.user(".*", ".*", ".*")
        name = self.name("u")
        self.node.ctl("set_topic_permissions", name, "amq.topic", "^{username}\\.", "^read\\.")
        client.publish("amq.topic", f"{name}.k", b"m")
        client.barrier()
        with self.assertRaises(Refused) as raised:
            client.publish("amq.topic", "other.k", b"m")
            client.barrier()
        self.assertEqual((raised.exception.event.code, raised.exception.event.text),
                         (403, access_refused("write", "topic 'other.k' in exchange 'amq.topic' in vhost '/'", name)))
        client.open()
        queue = client.declare("", exclusive=True).queue
        client.bind(queue, "amq.topic", "read.#")
        with self.assertRaises(Refused) as raised:
            client.bind(queue, "amq.topic", "other.#")
        self.assertEqual(raised.exception.event.code, 403)

    def test_w43_cycles_and_many_paths_give_one_copy(self):
        client, one, two = self.client(), self.name("one"), self.name("two")
        client.exchange(one, "fanout")
        client.exchange(two, "fanout")
        client.bind_exchange(two, one)
        client.bind_exchange(one, two)
        queue = self.sink(client, (one, "", None), (two, "", None), (one, "again", None))
        self.assertEqual(self.routed(client, [queue], one, ""), [1])
        self.assertEqual(self.routed(client, [queue], two, ""), [1])

    def test_w44_topic_matching(self):
        client, exchange = self.client(), self.name("t")
        client.exchange(exchange, "topic")
        patterns = ["#", "*", "a.*", "a.#", "#.b", "a.#.b", "*.*", "", "a.*.#", "#.#", "a..b", "*.#.*"]
        keys = ["", "a", "a.b", "a.b.c", "a.x.b", "b", ".", "a.", ".b", "a..b", "a.x.y.b"]
        queues = [self.sink(client, (exchange, pattern, None)) for pattern in patterns]
        for key in keys:
            expected = [int(topic_matches(pattern.split("."), key.split(".") if key else []))
                        if pattern else int(key == "") for pattern in patterns]
            with self.subTest(key):
                self.assertEqual(dict(zip(patterns, self.routed(client, queues, exchange, key))),
                                 dict(zip(patterns, expected)))

    def test_w45_headers_matching(self):
        client, exchange = self.client(), self.name("h")
        client.exchange(exchange, "headers")
        cases = [({}, [1, 1, 1, 1]), ({"x-match": "any"}, [0, 0, 0, 0]), ({"a": 1, "b": "x"}, [1, 0, 0, 0]),
                 ({"a": 1, "b": "x", "x-match": "any"}, [1, 1, 0, 0]), ({"a": None}, [1, 1, 0, 0]),
                 ({"x-c": 1, "a": 1}, [1, 1, 0, 0]), ({"x-c": 1, "x-match": "any"}, [0, 0, 0, 0]),
                 ({"x-c": 1, "x-match": "all-with-x"}, [0, 0, 1, 0]), ({"x-c": 1, "a": 1, "x-match": "any-with-x"},
                                                                       [1, 1, 1, 0])]
        messages = [{"a": 1, "b": "x"}, {"a": 1}, {"x-c": 1}, {}]
        queues = [self.sink(client, (exchange, "", arguments)) for arguments, _ in cases]
        found = [self.routed(client, queues, exchange, "", headers=headers) for headers in messages]
        for index, (arguments, expected) in enumerate(cases):
            with self.subTest(arguments):
                self.assertEqual([counts[index] for counts in found], expected)

    def test_w46_alternate_exchange(self):
        client, first, second = self.client(), self.name("first"), self.name("second")
        client.exchange(second, "fanout", arguments={"alternate-exchange": first})
        client.exchange(first, "direct", arguments={"alternate-exchange": second})
        matched, rest = self.sink(client, (first, "k", None)), self.sink(client)
        client.publish(first, "other", b"m", mandatory=True)  # both route nowhere, in a cycle: returned, once
        client.barrier()
        self.assertEqual([e.exchange for e in client.take("return")], [first])
        client.bind(rest, second)
        self.assertEqual(self.routed(client, [matched, rest], first, "k"), [1, 0])
        self.assertEqual(self.routed(client, [matched, rest], first, "other"), [0, 1])

    def test_w46_alternate_exchange_by_policy(self):
        client, exchange = self.client(), self.name("x")
        self.node.ctl("set_policy", "--apply-to", "exchanges", "w46", f"^{re.escape(exchange)}$",
                      '{"alternate-exchange":"amq.fanout"}')
        client.exchange(exchange, "direct")
        queue = self.sink(client, ("amq.fanout", "", None))
        self.assertEqual(self.routed(client, [queue], exchange, "k"), [1])
        self.node.ctl("clear_policy", "w46")
        self.eventually(lambda: self.routed(client, [queue], exchange, "k") == [0], "the policy is gone")

    def test_w47_cc_and_bcc(self):
        client = self.client()
        queues = [self.sink(client, ("amq.direct", key, None)) for key in ("w47-key", "w47-cc", "w47-bcc")]
        client.bind(queues[0], "amq.direct", "w47-cc")  # still one copy
        client.publish("amq.direct", "w47-key", b"m", headers={"CC": ["w47-cc"], "BCC": ["w47-bcc"], "kept": 1})
        client.barrier()
        for queue in queues:
            self.holds(client, queue, 1)
            event = client.get(queue)
            self.assertEqual((event.key, event.properties["headers"]),
                             ("w47-key", {"CC": ("A", [("S", "w47-cc")]), "kept": ("I", 1)}))


def topic_matches(pattern, words):
    """The rule in its simplest form: `*` is one word, `#` any number."""
    if not pattern:
        return not words
    if pattern[0] == "#":
        return any(topic_matches(pattern[1:], words[taken:]) for taken in range(len(words) + 1))
    return bool(words) and pattern[0] in ("*", words[0]) and topic_matches(pattern[1:], words[1:])
