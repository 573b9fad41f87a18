"""Rows W21-W34: reply codes, their kind and their texts."""
from harness import client as amqp
from harness import raw
from harness.case import access_refused, is_reference
from harness.client import Client, Refused
from harness.conformance import ConformanceTest

LOCKED = ("RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '{}' in vhost '/'. It could be originally "
          "declared on another connection or the exclusive property value does not match that of the original declaration.")


class Errors(ConformanceTest):
    config = "max_message_size = 1000000\n"

    def test_w21_an_oversize_message_is_406_not_311(self):
        client = self.client()
        self.refused(406, "PRECONDITION_FAILED - message size 1000001 is larger than configured max size 1000000",
                     client.publish, "", "k", bytes(1000001), ids=(60, 40))

    def test_w22_return_312_and_immediate_is_refused(self):
        client = self.client()
        client.publish("amq.direct", "nobody", b"m", mandatory=True)
        client.barrier()
        event, = client.take("return")
        self.assertEqual((event.code, event.text, event.exchange, event.key, event.body),
                         (312, "NO_ROUTE", "amq.direct", "nobody", b"m"))
        self.refused(540, "NOT_IMPLEMENTED - immediate=true", client.publish, "amq.direct", "k", b"m", immediate=True,
                     connection=True)

    def test_w23_connection_forced(self):
        self.node.ctl("add_user", "forced", "secret")
        self.node.ctl("add_vhost", "forced")
        self.node.ctl("set_permissions", "-p", "forced", "guest", ".*", ".*", ".*")
        self.node.ctl("set_permissions", "forced", ".*", ".*", ".*")
        by_user, by_vhost = Client(self.node.port, user="forced", password="secret"), Client(self.node.port, vhost="forced")
        self.node.ctl("delete_user", "forced")
        self.node.ctl("delete_vhost", "forced")
        for client, text in ((by_user, "CONNECTION_FORCED - user 'forced' is deleted"),
                             (by_vhost, "CONNECTION_FORCED - vhost 'forced' is deleted")):
            self.addCleanup(client.cut)
            with self.assertRaises(Refused) as raised:
                client.read_event_or_close()
            self.assertEqual((raised.exception.event.code, raised.exception.event.text), (320, text))

    def test_w24_a_missing_vhost_is_530_not_402(self):
        with self.assertRaises(Refused) as raised:
            Client(self.node.port, vhost="no/such")
        self.assertEqual((raised.exception.event.code, raised.exception.event.text),
                         (530, "NOT_ALLOWED - vhost no/such not found"))

    def test_w25_access_refused(self):
        client, queue, inner = self.client(), self.name("q"), self.name("inner")
        self.refused(403, "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'", client.declare,
                     "amq.mine", ids=(50, 10))
        self.refused(403, "ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*'", client.exchange,
                     "amq.mine", ids=(40, 10))
        delete = raw.method(1, 40, 20, b"\0\0" + raw.short_string("amq.fanout") + b"\0")
        self.refused(403, "ACCESS_REFUSED - deletion of system exchange 'amq.fanout' in vhost '/' not allowed", client.call,
                     1, delete, "exchange.delete-ok")
        default = "ACCESS_REFUSED - operation not permitted on the default exchange"
        client.declare(queue)
        self.refused(403, default, client.exchange, "")
        self.refused(403, default, client.bind, queue, "", "k")
        client.exchange(inner, internal=True)
        self.refused(403, f"ACCESS_REFUSED - cannot publish to internal exchange '{inner}' in vhost '/'", client.publish,
                     inner, "k", b"m")
        other = self.client()
        other.consume(queue, "only", exclusive=True)
        self.refused(403, f"ACCESS_REFUSED - queue '{queue}' in vhost '/' in exclusive use", client.consume, queue, "c")

    def test_w25_a_missing_permission(self):
        self.node.ctl("add_user", "limited", "secret")
        self.node.ctl("set_permissions", "limited", "^mine", "^mine", "^mine")
        client, owner = self.client(user="limited", password="secret"), self.client()
        owner.declare("others")
        for how, resource, call in (("configure", "queue 'others'", (client.declare, "others")),
                                    ("read", "queue 'others'", (client.get, "others")),
                                    ("write", "exchange 'amq.direct'", (client.publish, "amq.direct", "k", b"m"))):
            self.refused(403, access_refused(how, f"{resource} in vhost '/'", "limited"), *call)

    def test_w26_not_found(self):
        client, queue = self.client(), self.name("q")
        client.declare(queue)
        no_queue, no_exchange = "NOT_FOUND - no queue 'gone' in vhost '/'", "NOT_FOUND - no exchange 'gone' in vhost '/'"
        self.refused(404, no_exchange, client.publish, "gone", "k", b"m", ids=(60, 40))
        self.refused(404, no_queue, client.declare, "gone", passive=True, ids=(50, 10))
        self.refused(404, no_exchange, client.exchange, "gone", passive=True, ids=(40, 10))
        self.refused(404, no_queue, client.consume, "gone", "c", ids=(60, 20))
        self.refused(404, no_queue, client.get, "gone", ids=(60, 70))
        self.refused(404, no_queue, client.bind, "gone", "amq.direct", "k", ids=(50, 20))
        self.refused(404, no_exchange, client.bind, queue, "gone", "k", ids=(50, 20))
        self.refused(404, no_queue, client.call, 1, raw.method(1, 50, 30, b"\0\0" + raw.short_string("gone") + b"\0"),
                     "queue.purge-ok", ids=(50, 30))

    def test_w26_deleting_or_unbinding_what_is_missing_succeeds(self):
        client = self.client()
        client.call(1, raw.method(1, 50, 40, b"\0\0" + raw.short_string("gone") + b"\0"), "queue.delete-ok")
        client.call(1, raw.method(1, 40, 20, b"\0\0" + raw.short_string("gone") + b"\0"), "exchange.delete-ok")
        client.call(1, amqp.encode_binding(1, 50, 50, "gone", "amq.direct", "k", False, None), "queue.unbind-ok")

    def test_w27_resource_locked(self):
        owner, other, queue = self.client(), self.client(), self.name("q")
        owner.declare(queue, exclusive=True)
        for action, arguments in ((other.declare, dict(exclusive=True)), (other.declare, dict(passive=True)),
                                  (other.consume, dict(tag="c")), (other.get, {})):
            self.refused(405, LOCKED.format(queue), action, queue, **arguments)
        shared = self.name("shared")
        owner.declare(shared)
        self.refused(405, LOCKED.format(shared), owner.declare, shared, exclusive=True)

    def test_w27_get_from_a_single_active_consumer_queue(self):
        """A classic queue allows it, as RabbitMQ's does (only its quorum queues answer 405)."""
        client, queue = self.client(), self.name("q")
        client.declare(queue, arguments={"x-single-active-consumer": True})
        client.publish("", queue, b"m")
        self.holds(client, queue, 1)
        self.assertEqual(client.get(queue).body, b"m")

    def test_w28_precondition_failed(self):
        client, queue = self.client(), self.name("q")
        client.declare(queue, arguments={"x-max-length": 3})
        failed = f"PRECONDITION_FAILED - inequivalent arg '{{}}' for queue '{queue}' in vhost '/': "
        self.refused(406, failed.format("durable") + "received 'true' but current is 'false'", client.declare, queue,
                     durable=True)
        self.refused(406, failed.format("x-max-length") + "received '4' but current is '3'", client.declare, queue,
                     arguments={"x-max-length": 4})
        self.refused(406, failed.format("x-max-length") + "received none but current is the value '3' of type 'signedint'",
                     client.declare, queue)
        self.refused(406, "PRECONDITION_FAILED - unknown delivery tag 5", client.ack, 5, ids=(60, 80))
        self.refused(406, "PRECONDITION_FAILED - unknown delivery tag 6", client.nack, 6, ids=(60, 120))
        self.refused(406, "PRECONDITION_FAILED - user_id property set to 'joe' but authenticated user was 'guest'",
                     client.publish, "", queue, b"m", user_id="joe")
        self.refused(406, "PRECONDITION_FAILED - invalid expiration 'soon': no_integer", client.publish, "", queue, b"m",
                     expiration="soon")
        client.publish("", queue, b"m")
        client.consume(queue, "c")
        delete = b"\0\0" + raw.short_string(queue)
        self.refused(406, f"PRECONDITION_FAILED - queue '{queue}' in vhost '/' in use", client.call, 1,
                     raw.method(1, 50, 40, delete + b"\1"), "queue.delete-ok")
        self.holds(client, queue, 1)
        self.refused(406, f"PRECONDITION_FAILED - queue '{queue}' in vhost '/' not empty", client.call, 1,
                     raw.method(1, 50, 40, delete + b"\2"), "queue.delete-ok")

    def test_w28_double_ack(self):
        client, queue = self.client(), self.name("q")
        client.declare(queue)
        client.publish("", queue, b"m")
        self.holds(client, queue, 1)
        tag = client.get(queue, no_ack=False).delivery_tag
        client.ack(tag)
        self.refused(406, f"PRECONDITION_FAILED - unknown delivery tag {tag}", client.ack, tag)

    def test_w28_unknown_exchange_type(self):
        client = self.client()
        with self.assertRaises(Refused) as raised:
            client.exchange("strange", "x-strange")
        event = raised.exception.event
        self.assert_texts(("connection.close", 503, "COMMAND_INVALID - unknown exchange type 'x-strange'"),
                          ("channel.close", 406, "PRECONDITION_FAILED - unknown exchange type 'x-strange'"),
                          (event.name, event.code, event.text))

    def test_w28_headers_and_match_arguments(self):
        client, queue = self.client(), self.name("q")
        client.declare(queue)
        for name in ("CC", "BCC"):
            with self.assertRaises(Refused) as raised:
                client.publish("", queue, b"m", headers={name: "text"})
                client.barrier()
            self.assertEqual(raised.exception.event.code, 406)
            self.assertTrue(raised.exception.event.text.startswith("PRECONDITION_FAILED - "), raised.exception.event.text)
            client.open()
        with self.assertRaises(Refused) as raised:
            client.bind(queue, "amq.headers", "", arguments={"x-match": "some"})
        self.assertEqual(raised.exception.event.code, 406)

    def test_w29_syntax_and_frame_errors(self):
        cases = [("truncated arguments", raw.method(1, 50, 10, b"\0\0\x05ab"), {501, 502}),
                 ("method on channel 0", raw.method(0, 50, 10, b"\0\0\0\0\0\0\0\0"), {503, 504}),
                 ("unexpected content", raw.content_header(1, 1), {505})]
        for name, data, codes in cases:
            with self.subTest(name):
                client = self.client().raw
                client.send(data)
                got = client.reaction()
                self.assertEqual(got[0], "connection", got)
                self.assertIn(got[1], codes)

    def test_w29_unknown_method(self):
        client = self.client().raw
        client.send(raw.method(1, 60, 99))
        got = client.reaction()
        self.assertIn(got[:2], [("closed",)] if is_reference() else [("connection", 503)])

    def test_w30_506_is_never_sent_and_streams_are_refused(self):
        client, queue = self.client(), self.name("q")
        if is_reference():
            self.skipTest("streams exist there")
        with self.assertRaises(Refused) as raised:
            client.declare(queue, durable=True, arguments={"x-queue-type": "stream"})
        event = raised.exception.event
        self.assertEqual((event.name, event.code), ("connection.close", 540))
        self.assertIn("stream", event.text)

    def test_w31_not_allowed(self):
        client, queue = self.client(), self.name("q")
        client.declare(queue)
        client.consume(queue, "twice")
        self.refused(530, "NOT_ALLOWED - attempt to reuse consumer tag 'twice'", client.consume, queue, "twice",
                     connection=True, ids=(60, 20))

    def test_w32_not_implemented(self):
        cases = [("NOT_IMPLEMENTED - prefetch_size!=0 (7)", raw.method(1, 60, 10, b"\0\0\0\7\0\0\0")),
                 ("NOT_IMPLEMENTED - requeue=false", raw.method(1, 60, 110, b"\0")),
                 ("NOT_IMPLEMENTED - active=false", raw.method(1, 20, 20, b"\0")),
                 ("NOT_IMPLEMENTED - immediate=true", raw.publish(1, "", "k", 2) +
                  raw.content_header(1, 0))]
        for text, data in cases:
            with self.subTest(text):
                client = self.client().raw
                client.send(data)
                self.assertEqual(client.reaction(), ("connection", 540, text))

    def test_w33_a_transient_shared_queue_is_no_internal_error(self):
        """541 stays for faults of the broker: what RabbitMQ 4.3 refuses with it (celery's queues) works here."""
        client, queue = self.client(), self.name("q")
        client.declare(queue, durable=False, exclusive=False)
        client.publish("", queue, b"m")
        self.holds(client, queue, 1)

    def test_w34_close_names_the_method(self):
        client = self.client()
        with self.assertRaises(Refused) as raised:
            client.get("nowhere")
        event = raised.exception.event
        self.assertEqual((event.class_id, event.method_id, event.text[:12]), (60, 70, "NOT_FOUND - "))
        with self.assertRaises(Refused) as raised:
            bad = self.client()
            bad.qos(1, channel=9)
        self.assertEqual((raised.exception.event.code, raised.exception.event.class_id, raised.exception.event.method_id),
                         (504, 60, 10))
