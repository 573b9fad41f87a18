"""Start, stop, restart, users, closing from both sides."""
import socket
import time

import pika

from harness import process, raw
from harness.case import BrokerTest, Collector, is_reference
from harness.node import make_node

PERSISTENT = pika.BasicProperties(delivery_mode=2)


class Closing(BrokerTest):
    def test_close_from_the_client(self):
        with raw.RawClient(self.node.port) as client:
            client.login()
            client.send(raw.method(0, 10, 50, b"\x00\xc8\x07goodbye\x00\x00\x00\x00"))
            client.expect(10, 51)

    def test_channel_close_from_the_client_frees_its_number_at_once(self):
        with raw.RawClient(self.node.port) as client:
            client.login()
            for _ in range(50):
                client.open_channel(5)
                client.send(raw.method(5, 20, 40, b"\x00\xc8\x02ok\x00\x00\x00\x00"))
                client.expect(20, 41)

    def test_a_client_that_vanishes_gives_back_its_messages(self):
        channel = self.channel()
        channel.queue_declare("vanish")
        channel.basic_publish("", "vanish", b"kept")
        lost = raw.RawClient(self.node.port).login().open_channel()
        lost.send(raw.method(1, 60, 70, b"\x00\x00\x06vanish\x00"))
        lost.expect(60, 71)
        lost.close()
        self.assertTrue(self.get(channel, "vanish", auto_ack=True)[0].redelivered)

    def test_server_properties(self):
        connection = self.connect()
        properties = connection._impl.server_properties
        self.assertEqual(properties["product"], "RabbitMQ")
        self.assertRegex(properties["version"], r"^3\.\d+\.\d+")
        for name in ("publisher_confirms", "exchange_exchange_bindings", "basic.nack", "consumer_cancel_notify",
                     "connection.blocked", "consumer_priorities", "authentication_failure_close", "per_consumer_qos",
                     "direct_reply_to"):
            self.assertIs(properties["capabilities"][name], True, name)

    def test_amqplain_login(self):
        with raw.RawClient(self.node.port) as client:
            client.send(raw.HEADER)
            self.assertIn(b"AMQPLAIN", client.expect(10, 10))
            login = raw.table({"LOGIN": "guest", "PASSWORD": "guest"})[4:]
            client.send(raw.start_ok(mechanism="AMQPLAIN", response=login))
            client.expect(10, 30)


class Stopping(BrokerTest):
    def test_sigterm_tells_clients_320_and_exits_0(self):
        connection = self.connect()
        channel = connection.channel()
        queue = self.queue(channel, exclusive=True)
        channel.basic_consume(queue, lambda *_: None)
        with raw.RawClient(self.node.port) as client:
            client.login()
            code = self.node.terminate()
            self.assertEqual(client.reaction(10), (
                "connection", 320, "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"))
        with self.assertRaises(pika.exceptions.ConnectionClosedByBroker) as raised:
            self.settle(connection, 5)
        self.assertEqual(raised.exception.reply_code, 320)
        self.assertEqual(code, 0)
        self.assertEqual(process.processes_of_session(self.node.child.pid), [])

    def test_a_node_that_has_just_deleted_many_queues_stops_at_once(self):
        node = make_node().start()
        self.addCleanup(node.close)
        with raw.RawClient(node.port, timeout_s=20) as client:
            client.login().open_channel()
            for number in range(300):
                client.send(raw.queue_declare(1, f"brief-{number}", 4))
                client.expect(50, 11)
        started = time.monotonic()
        self.assertEqual(node.terminate(), 0)
        if not is_reference():
            self.assertLess(time.monotonic() - started, 8)

    def test_a_taken_port_refuses_to_start(self):
        if is_reference():
            self.skipTest("start-up refusals are checked in Warren's words")
        node = make_node()
        self.addCleanup(node.close)
        with socket.socket() as taken:
            taken.bind(("0.0.0.0", node.port))
            taken.listen()
            node.spawn()
            self.assertNotEqual(node.wait(30), 0)
            self.assertIn(str(node.port), node.output())


class Restart(BrokerTest):
    def test_what_is_durable_survives_and_nothing_else(self):
        channel = self.channel()
        channel.confirm_delivery()
        channel.exchange_declare("kept.x", "topic", durable=True)
        channel.exchange_declare("lost.x", "topic")
        channel.exchange_declare("kept.inner", "fanout", durable=True)
        channel.queue_declare("kept.q", durable=True)
        channel.queue_declare("lost.q")
        channel.queue_bind("kept.q", "kept.x", "a.#")
        channel.queue_bind("kept.q", "lost.x", "a.#")
        channel.exchange_bind("kept.inner", "kept.x", "inner")
        channel.queue_bind("kept.q", "kept.inner")
        for number in range(100):
            channel.basic_publish("kept.x", "a.b", b"%d" % number, PERSISTENT)
            channel.basic_publish("kept.x", "a.b", b"transient %d" % number)
        channel.basic_publish("", "lost.q", b"lost", PERSISTENT)
        taken = [self.get(channel, "kept.q")[0].delivery_tag for _ in range(4)]  # 0, transient 0, 1, transient 1
        channel.basic_ack(taken[0])
        self.count(channel, "kept.q")  # the ack has arrived: a node that stops reads no more
        self.node.restart()

        connection = self.connect()
        channel = connection.channel()
        for name in ("lost.q",):
            self.assert_channel_closed(404, f"NOT_FOUND - no queue '{name}' in vhost '/'",
                                       connection.channel().queue_declare, name, passive=True)
        self.assert_channel_closed(404, "NOT_FOUND - no exchange 'lost.x' in vhost '/'",
                                   connection.channel().exchange_declare, "lost.x", passive=True)
        channel.exchange_declare("kept.x", "topic", durable=True)
        channel.queue_declare("kept.q", durable=True)
        method, _, body = self.get(channel, "kept.q", auto_ack=True)
        self.assertEqual((body, method.redelivered), (b"1", True))
        self.assertEqual(self.drain(channel, "kept.q", 98), [b"%d" % number for number in range(2, 100)])
        channel.basic_publish("kept.x", "a.c", b"bound")
        channel.basic_publish("kept.x", "inner", b"bound to the inner exchange")
        self.assertEqual(self.drain(channel, "kept.q", 2), [b"bound", b"bound to the inner exchange"])

    def test_deleted_stays_deleted(self):
        channel = self.channel()
        channel.confirm_delivery()
        channel.queue_declare("again", durable=True)
        for _ in range(10):
            channel.basic_publish("", "again", b"old", PERSISTENT)
        channel.queue_delete("again")
        channel.queue_declare("again", durable=True)
        channel.basic_publish("", "again", b"new", PERSISTENT)
        channel.queue_declare("purged", durable=True)
        channel.basic_publish("", "purged", b"x", PERSISTENT)
        channel.queue_purge("purged")
        channel.connection.close()
        self.node.restart()
        channel = self.channel()
        self.assertEqual(self.drain(channel, "again", 1), [b"new"])
        self.assertEqual(self.count(channel, "purged"), 0)

    def test_committed_transaction_survives(self):
        channel = self.channel()
        channel.queue_declare("tx.q", durable=True)
        channel.tx_select()
        for number in range(50):
            channel.basic_publish("", "tx.q", b"%d" % number, PERSISTENT)
        channel.tx_commit()
        channel.basic_publish("", "tx.q", b"not committed", PERSISTENT)
        channel.connection.close()
        self.node.restart()
        self.assertEqual(self.drain(self.channel(), "tx.q", 50), [b"%d" % number for number in range(50)])


class Users(BrokerTest):
    REFUSED = ("ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. "
               "For details see the broker logfile.")

    def add(self, name, password):
        self.node.ctl("add_user", name, password)
        self.node.ctl("set_permissions", name, ".*", ".*", ".*")

    def assert_refused(self, **login):
        with self.assertRaises(pika.exceptions.ProbableAuthenticationError) as raised:
            self.connect(**login)
        self.assertIn(self.REFUSED, str(raised.exception))
        self.assertIn("403", str(raised.exception))

    def test_added_users_log_in_and_passwords_change(self):
        self.add("alice", "first")
        self.assertIn("alice", self.node.ctl("list_users").stdout)
        self.queue(self.channel(user="alice", password="first"), exclusive=True)
        self.assert_refused(user="alice", password="second")
        self.node.ctl("change_password", "alice", "second")
        self.assert_refused(user="alice", password="first")
        self.queue(self.channel(user="alice", password="second"), exclusive=True)
        self.node.ctl("delete_user", "alice")
        self.assert_refused(user="alice", password="second")

    def test_users_survive_a_restart(self):
        self.add("bob", "pw")
        self.node.restart()
        self.queue(self.channel(user="bob", password="pw"), exclusive=True)

    def test_tool_errors(self):
        self.add("carol", "pw")
        self.assertEqual(self.node.ctl("add_user", "carol", "pw", check=False).returncode, 70)
        self.assertEqual(self.node.ctl("delete_user", "nobody", check=False).returncode, 67)
        self.assertEqual(self.node.ctl("add_user", check=False).returncode, 64)
        self.node.ctl("set_user_tags", "carol", "administrator", "monitoring")
        listed = self.node.ctl("list_users").stdout
        self.assertRegex(listed, r"carol\s+\[administrator, monitoring\]")

    def test_tool_knows_the_node(self):
        self.node.ctl("await_startup")
        self.assertIn("Ping succeeded", self.node.ctl("ping").stdout)
        channel = self.channel()
        channel.queue_declare("listed")
        channel.confirm_delivery()
        channel.basic_publish("", "listed", b"x")
        listed = self.node.ctl("list_queues", "name", "messages").stdout
        self.assertRegex(listed, r"listed\s+1")
        self.assertIn("guest", self.node.ctl("list_connections", "user").stdout)

    def test_guest_only_from_loopback(self):
        address = process.non_loopback_address()
        if not address:
            self.skipTest("guest_only_from_loopback: this machine has no address besides loopback")
        self.add("dave", "pw")
        self.queue(self.channel(user="dave", password="pw", host=address), exclusive=True)
        self.queue(self.channel(host="127.0.0.1"), exclusive=True)
        self.assert_refused(host=address)

    def test_wrong_logins_do_not_lock_out_others(self):
        for _ in range(3):
            self.assert_refused(password="wrong")
        started = time.monotonic()
        channel = self.channel()
        self.assertLess(time.monotonic() - started, 5)
        collector = Collector(channel, self.queue(channel, exclusive=True))
        self.assertEqual(collector.deliveries, [])
