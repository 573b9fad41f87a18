"""The app inside the node's process: stop_app, start_app, reset (features.md S04, S05, S08, O12)."""
import collections
import contextlib
import os
import random
import re
import socket
import time

import pika

from harness import load, process, raw
from harness.case import Background, BrokerTest, is_reference

ROUNDS = 3 if is_reference() else 20
PUBLISHERS = 3
PERSISTENT = pika.BasicProperties(delivery_mode=2)
SHUTDOWN = "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"


def needs(node, state, command, usage):
    """What rabbitmqctl prints when the app is not in the state that a command needs."""
    verb = {"running": "running on the target node. Start it with 'rabbitmqctl start_app'.",
            "stopped": "stopped on the target node. Stop it with 'rabbitmqctl stop_app'."}[state]
    return (f"Error: this command requires the 'rabbit' app to be {verb}\nArguments given:\n\t-n {node} {command}\n\n"
            f"Usage\n\nrabbitmqctl [--node <node>] [--longnames] [--quiet] {usage}\n")


class AppTest(BrokerTest):
    def setUp(self):
        self.addCleanup(self.ctl, "start_app")  # the next test finds a running broker

    def ctl(self, *arguments, code=0):
        done = self.node.tool("rabbitmqctl", *arguments)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def threads(self):
        return len(os.listdir(f"/proc/{self.node.pid}/task"))

    def descriptors(self):
        """What each descriptor of the node stands for: a path, or a kind such as "socket"."""
        folder = f"/proc/{self.node.pid}/fd"
        targets = []
        for descriptor in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):  # closed since it was listed
                targets.append(re.sub(r"^(socket|pipe):.*", r"\1", os.readlink(f"{folder}/{descriptor}")))
        return targets

    def left_behind(self, before):
        """Descriptors that a stopped app should have closed: more of a kind than before, or of files that are gone."""
        now = self.descriptors()
        gone = [path for path in now if path.endswith(" (deleted)")]
        data = f"{self.node.data}/"  # more data, more files: those that exist are open once each
        return gone + [target for target, count in collections.Counter(now).items()
                       if count > (1 if target.startswith(data) else before.count(target))]


class StopAndStart(AppTest):
    def test_clients_get_320_the_port_closes_and_the_process_stays(self):
        pid = self.node.pid
        connection = self.connect()
        with raw.RawClient(self.node.port) as client:
            client.login()
            self.assertEqual(self.ctl("stop_app"),
                             f"Stopping rabbit application on node {self.node.node_name} ...\n")
            self.assertEqual(client.reaction(10), ("connection", 320, SHUTDOWN))
        with self.assertRaises(pika.exceptions.ConnectionClosedByBroker) as raised:
            self.settle(connection, 5)
        self.assertEqual(raised.exception.reply_code, 320)
        self.assertFalse(process.accepts(self.node.port))
        self.assertEqual(self.node.pid, pid)
        self.ctl("ping")
        self.assertEqual(self.ctl("start_app"), f"Starting node {self.node.node_name} ...\n")
        self.connect()
        self.assertEqual(self.node.pid, pid)

    def test_an_app_that_operators_have_worked_on_stops(self):
        """Every thread that has touched the actor system lets go of it."""
        channel = self.channel()
        for name in ("purged", "deleted"):
            channel.queue_declare(name, durable=True)
        self.ctl("purge_queue", "purged")
        self.ctl("delete_queue", "deleted")
        self.ctl("list_queues")
        self.ctl("close_all_connections", "test")
        self.ctl("stop_app")
        self.ctl("start_app")

    def test_both_may_be_repeated(self):
        for _ in range(2):
            self.ctl("stop_app")
        for _ in range(2):
            self.ctl("start_app")
        self.connect()

    def test_commands_that_need_the_app_say_so(self):
        self.ctl("stop_app")
        node = self.node.node_name
        for command, usage in (("cluster_status", "cluster_status [--timeout <timeout>]"),
                               ("list_users", "list_users [--timeout <timeout>]")):
            said = self.ctl(command, code=64)
            if not is_reference():  # usage lines are compared for a few commands only
                self.assertIn(needs(node, "running", command, usage.split(" ")[0])[:-1], said)
            self.assertIn(f"Arguments given:\n\t-n {node} {command}\n", said)
            self.assertTrue(said.startswith("Error: this command requires the 'rabbit' app to be running on the target "
                                            "node. Start it with 'rabbitmqctl start_app'.\n"), said)
        for command in ("status", "list_queues", "add_user", "set_cluster_name"):
            self.ctl(command, *{"add_user": ["a", "b"], "set_cluster_name": ["c"]}.get(command, []), code=64)

    def test_checks_of_a_stopped_app(self):
        self.ctl("stop_app")
        node = self.node.node_name
        not_running = f"RabbitMQ on node {node} is not running or has not fully booted yet (check with is_booting)"
        checked = self.node.tool("rabbitmq-diagnostics", "check_running")
        self.assertEqual(checked.returncode, 69)
        self.assertIn(not_running, checked.stdout + checked.stderr)
        asked = self.node.tool("rabbitmq-diagnostics", "is_running")
        self.assertEqual((asked.returncode, asked.stdout),
                         (0, f"Asking node {node} for its status ...\n{not_running}\n"))
        booting = self.node.tool("rabbitmq-diagnostics", "is_booting")
        self.assertEqual((booting.returncode, booting.stdout), (
            0, f"Asking node {node} for its boot status ...\nRabbitMQ on node {node} is fully booted (check with "
               "is_running), stopped or has not started booting yet\n"))

    def test_await_startup_waits_for_the_app(self):
        self.ctl("stop_app")
        self.ctl("await_startup", "--timeout", "1", code=75)
        waiting = Background(lambda: self.ctl("await_startup", "--timeout", "60"))
        waiting.start()
        self.ctl("start_app")
        waiting.finish()

    def test_a_start_that_fails_says_why_and_may_be_tried_again(self):
        self.ctl("stop_app")
        with socket.socket(socket.AF_INET6) as taken:
            taken.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("::", self.node.port))
            taken.listen()
            failed = self.node.tool("rabbitmqctl", "start_app")
            self.assertEqual(failed.returncode, 69, failed.stdout + failed.stderr)
            self.assertIn(str(self.node.port), failed.stderr)
            self.ctl("ping")
            self.ctl("status", code=64)
        self.ctl("start_app")
        self.connect()

    def test_a_node_whose_app_is_stopped_ends_at_sigterm(self):
        self.ctl("stop_app")
        self.assertEqual(self.node.terminate(), 0)
        self.node.start()

    def test_settings_of_clients_come_back(self):
        """Durable objects, users, permissions and bindings are there after each start."""
        channel = self.channel()
        channel.exchange_declare("kept.x", "topic", durable=True)
        channel.queue_declare("kept", durable=True)
        channel.queue_declare("lost")
        channel.queue_bind("kept", "kept.x", "a.*")
        self.ctl("add_user", "stays", "secret")
        self.ctl("set_permissions", "stays", ".*", ".*", ".*")
        for _ in range(3):
            self.leave()
            self.ctl("stop_app")
            self.ctl("start_app")
            channel = self.channel(user="stays", password="secret")
            channel.confirm_delivery()
            channel.basic_publish("kept.x", "a.b", b"x", PERSISTENT, mandatory=True)
        self.assertEqual(self.count(channel, "kept"), 3)
        with self.assertRaises(pika.exceptions.ChannelClosedByBroker):
            channel.queue_declare("lost", passive=True)
        self.ctl("delete_user", "stays")


class UnderLoad(AppTest):
    """Twenty times stop_app and start_app under clients with confirms: nothing confirmed is lost (G1, G2)."""

    def setUp(self):
        super().setUp()
        self.confirmed = [set() for _ in range(PUBLISHERS)]
        self.next = [0] * PUBLISHERS

    def test_nothing_confirmed_is_lost_and_nothing_is_left_behind(self):
        dice = random.Random(7)
        after_first = None
        for number in range(ROUNDS):
            publishers = [load.ConfirmedPublisher(self.node.port, f"life{index}", self.next[index], window=100)
                          for index in range(PUBLISHERS)]
            threads = [Background(publisher.run_until_cut) for publisher in publishers]
            for thread in threads:
                thread.start()
            time.sleep(dice.uniform(0.1, 0.4))
            self.ctl("stop_app")
            for thread in threads:
                thread.finish()
            for index, publisher in enumerate(publishers):
                self.assertEqual(publisher.close_code, 320)
                self.confirmed[index] |= publisher.confirmed
                self.next[index] = publisher.next
            self.ctl("start_app")
            if number == 1:
                after_first = (self.threads(), self.descriptors(), self.node.rss_mib())
        # What a start deletes of its predecessor's files, and sockets of the last commands, take their moment.
        process.wait_until(lambda: not self.left_behind(after_first[1]) and self.threads() <= after_first[0] + 1, 20, 0.2)
        after_last = (self.threads(), self.left_behind(after_first[1]), self.node.rss_mib())
        for index in range(PUBLISHERS):
            numbers = load.drain(self.node.port, f"life{index}", expected_min=len(self.confirmed[index]))
            self.assertEqual(numbers, sorted(numbers), "order of one publisher")
            self.assertEqual(self.confirmed[index] - set(numbers), set(), "confirmed and lost")
        confirmed = sum(map(len, self.confirmed))
        print(f"\n  {ROUNDS} stops: published {sum(self.next)}, confirmed {confirmed}; threads, MiB after the first "
              f"({after_first[0]}, {after_first[2]}), after the last ({after_last[0]}, {after_last[2]}); "
              f"descriptors {len(after_first[1])}, {len(self.descriptors())}", flush=True)
        self.assertGreater(confirmed, ROUNDS * 100, "too little load to prove anything")
        if not is_reference():
            # LevelDB starts its one background thread when it first has something to compact.
            self.assertLessEqual(after_last[0], after_first[0] + 1, "threads")
            self.assertEqual(after_last[1], [], "descriptors left behind")


class Reset(AppTest):
    def test_it_needs_a_stopped_app(self):
        for command in ("reset", "force_reset"):
            said = self.ctl(command, code=64)
            self.assertEqual(said, needs(self.node.node_name, "stopped", command, command))

    def test_it_empties_the_node_and_keeps_its_identity(self):
        channel = self.channel()
        channel.confirm_delivery()
        channel.queue_declare("gone", durable=True)
        for _ in range(10):
            channel.basic_publish("", "gone", b"x" * 1000, PERSISTENT)
        self.ctl("add_user", "gone", "secret")
        self.ctl("add_vhost", "gone")
        self.ctl("set_policy", "gone", ".*", '{"max-length":10}')
        self.ctl("change_password", "guest", "other")
        hash_before = self.node.tool("rabbitmq-diagnostics", "-q", "erlang_cookie_hash").stdout
        for command, banner in (("reset", "Resetting node"), ("force_reset", "Forcefully resetting node")):
            self.leave()
            self.ctl("stop_app")
            self.assertEqual(self.ctl(command), f"{banner} {self.node.node_name} ...\n")
            self.assertEqual(self.ctl(command), f"{banner} {self.node.node_name} ...\n")  # may be repeated
            self.ctl("start_app")
            self.assertEqual(self.ctl("-q", "list_users"), "user\ttags\nguest\t[administrator]\n")
            self.assertEqual(self.ctl("-q", "list_vhosts"), "name\n/\n")
            self.assertEqual(self.ctl("-s", "list_queues").strip(), "")
            self.assertNotIn("gone", self.ctl("-q", "list_policies"))
            channel = self.channel()  # guest's password is the first one again
            channel.queue_declare("gone", durable=True)
            self.assertEqual(self.count(channel, "gone"), 0)
            self.ctl("add_user", "gone", "secret")
        self.assertEqual(self.node.tool("rabbitmq-diagnostics", "-q", "erlang_cookie_hash").stdout, hash_before)
