"""Operating a cluster of three nodes on this machine: alarms of all nodes, a minority, maintenance, leaving for good
(features.md O01, O09, O10, O46, S15; docs/clustering.md)."""
import re
import threading
import time
import unittest

import pika
import pika.exceptions

from harness import process
from harness.case import close_quietly
from harness.cluster import LocalCluster

WAIT_S = 60
PERSISTENT = pika.BasicProperties(delivery_mode=2)


def homes(member):
    """The nodes of all queues, as `member` knows them."""
    return re.findall(r"<(\w+@\w+)\.", member.ctl("-q", "list_queues", "pid"))


class Publisher:
    """A connection that publishes and notes when it is blocked and unblocked."""

    def __init__(self, member):
        self.connection = pika.BlockingConnection(pika.ConnectionParameters(
            member.address, member.port, socket_timeout=WAIT_S, blocked_connection_timeout=120))
        self.heard = []
        self.connection.add_on_connection_blocked_callback(lambda _, frame: self.heard.append(frame.method.reason))
        self.connection.add_on_connection_unblocked_callback(lambda _, frame: self.heard.append("unblocked"))
        self.channel = self.connection.channel()

    def publish(self):
        self.channel.basic_publish("", "nowhere", b"x")

    def wait(self, expected, timeout_s=WAIT_S):
        """Runs I/O until it has heard exactly this."""
        deadline = time.monotonic() + timeout_s
        while self.heard != expected:
            if time.monotonic() > deadline:
                raise AssertionError(f"heard {self.heard} instead of {expected} within {timeout_s} s")
            self.connection.process_data_events(time_limit=0.05)


shared = LocalCluster()  # for the tests that leave it as it was


def setUpModule():
    shared.open()


def tearDownModule():
    shared.close()


class ClusterTest(unittest.TestCase):
    def setUp(self):
        self.cluster = shared
        self.addCleanup(self.all_well)
        self.nodes = list(self.cluster)
        self.logged = {member: len(member.log()) for member in self.nodes}

    def all_well(self):
        """Whatever a test did: everybody runs, serves and sees the others, and there are no alarms and no queues."""
        for member in self.nodes:
            if not member.alive():
                member.start()
            member.ctl("set_vm_memory_high_watermark", "0.4")
            member.ctl("set_disk_free_limit", "50MB")
        self.cluster.await_running(*self.nodes, timeout_s=60)
        first = self.nodes[0]
        for member in self.nodes:
            if first.status()["maintenance_status"][member.node] != "not under maintenance":
                member.run("rabbitmq-upgrade", "revive")
        for queue in first.ctl("-q", "--no-table-headers", "list_queues", "name").splitlines():
            first.ctl("delete_queue", queue)
        self.eventually(lambda: first.status()["alarms"] == [], "alarms are over")

    def news(self, member):
        """What it has logged since the test began."""
        return member.log()[self.logged[member]:]

    def connect(self, member, **more):
        connection = pika.BlockingConnection(pika.ConnectionParameters(
            member.address, member.port, socket_timeout=WAIT_S, blocked_connection_timeout=WAIT_S, **more))
        self.addCleanup(close_quietly, connection)
        return connection

    def publisher(self, member):
        one = Publisher(member)
        self.addCleanup(close_quietly, one.connection)
        return one

    def eventually(self, condition, what, timeout_s=WAIT_S):
        self.assertTrue(process.wait_until(condition, timeout_s, 0.1), what)

    def check(self, member, code, *arguments):
        got, text = member.run("rabbitmq-diagnostics", *arguments)
        self.assertEqual(got, code, text)
        return text


class Alarms(ClusterTest):
    """O46: an alarm of any node blocks publishers on all of them until it is over, or its node is."""

    def await_alarms(self, member, *alarms):
        """Until the member itself knows of them, and blocks who publishes then. cluster_status asks the other nodes, too."""
        def known():
            text = member.run("rabbitmq-diagnostics", "alarms")[1]
            return all(each in text for each in alarms)
        self.eventually(known, f"{member.name} knows of {alarms}")

    def test_an_alarm_of_one_node_blocks_publishers_of_all_until_it_is_cleared(self):
        first, second, third = self.nodes
        reader = self.connect(first).channel()
        reader.queue_declare("flowing")
        reader.basic_publish("", "flowing", b"before")
        publishers = [self.publisher(member) for member in self.nodes]
        second.ctl("set_vm_memory_high_watermark", "0")
        alarm = f"Memory alarm on node {second.node}"
        for member in self.nodes:
            self.await_alarms(member, alarm)
        for one in publishers:
            one.publish()  # tells of an alarm that is known when it comes
            one.wait(["low on memory"])
        self.assertEqual(reader.basic_get("flowing", auto_ack=True)[2], b"before", "consumers go on")
        for member in self.nodes:
            self.assertEqual(member.status()["alarms"], [alarm])
            self.eventually(lambda: "blocked" in member.ctl("-q", "list_connections", "state"), f"{member.name} shows it")
            self.assertIn(alarm, self.check(member, 69, "check_alarms"))
            self.check(member, 69 if member is second else 0, "check_local_alarms")
        self.assertIn(alarm, second.ctl("status"))
        second.ctl("set_vm_memory_high_watermark", "0.99")
        for one in publishers:
            one.wait(["low on memory", "unblocked"])
        for member in self.nodes:
            self.assertEqual(member.status()["alarms"], [])
            self.check(member, 0, "check_alarms")

    def test_a_dead_nodes_alarm_ends_with_it_and_two_nodes_alarms_add_up(self):
        first, second, third = self.nodes
        publisher = self.publisher(first)
        third.ctl("set_disk_free_limit", "900000GB")
        disk, memory = f"Free disk space alarm on node {third.node}", f"Memory alarm on node {second.node}"
        self.await_alarms(first, disk)
        publisher.publish()
        publisher.wait(["low on disk"])
        second.ctl("set_vm_memory_high_watermark", "0")
        self.await_alarms(first, disk, memory)
        self.assertEqual(len(first.status()["alarms"]), 2)
        late = self.publisher(first)
        late.publish()
        late.wait(["low on memory & disk"])
        third.kill()
        second.ctl("set_vm_memory_high_watermark", "0.99")
        began = time.monotonic()
        late.wait(["low on memory & disk", "unblocked"])
        self.assertLess(time.monotonic() - began, WAIT_S)
        self.assertEqual(first.status()["alarms"], [])
        third.start()
        self.assertEqual(first.status()["alarms"], [])

    def test_a_node_that_starts_meanwhile_blocks_its_publishers_too(self):
        first, _, third = self.nodes
        third.stop()
        first.ctl("set_vm_memory_high_watermark", "0")
        third.start()
        late = self.publisher(third)
        self.eventually(lambda: third.run("rabbitmq-diagnostics", "check_alarms")[0] == 69, "the alarm is known")
        late.publish()
        late.wait(["low on memory"])
        first.ctl("set_vm_memory_high_watermark", "0.99")
        late.wait(["low on memory", "unblocked"])  # while it is blocked it could not even close


class Minority(ClusterTest):
    """Without a majority a node says so, and heals by itself (G5)."""

    def test_a_node_without_a_majority_says_so_until_it_has_one(self):
        first, second, third = self.nodes
        self.assertEqual((first.status()["partitions"], first.status()["minority"]), ({}, []))
        third.kill()
        self.eventually(lambda: sorted(first.status()["running_nodes"]) == [first.node, second.node], "one is gone")
        # Which of the two leads takes a moment to decide, when the third has led.
        self.eventually(lambda: (first.status()["partitions"], first.status()["minority"]) == ({}, []), "two of three go on")
        second.kill()
        self.eventually(lambda: first.status()["minority"] == [first.node], "it is alone")
        self.eventually(lambda: first.status()["running_nodes"] == [first.node], "nobody else can be reached")
        status = first.status()
        self.assertEqual({node: sorted(others) for node, others in status["partitions"].items()},
                         {first.node: [second.node, third.node]})
        self.assertEqual(sorted(status["disk_nodes"]), [member.node for member in self.nodes])
        page = first.ctl("cluster_status")
        self.assertIn(f"Node {first.node} cannot communicate with ", page)
        self.assertIn(f"Node {first.node} has no majority of the cluster's nodes", page)
        channel = self.connect(first).channel()
        with self.assertRaises(pika.exceptions.AMQPError):
            channel.queue_declare("never", durable=True)
        second.spawn()
        third.spawn()
        self.cluster.await_running(*self.nodes, timeout_s=60)
        for member in self.nodes:
            self.eventually(lambda: (member.status()["partitions"], member.status()["minority"]) == ({}, []), member.name)
        self.eventually(lambda: self.declares(first, "again"), "queues can be declared again")

    def declares(self, member, queue):
        """False: told to try again, as while another leader is elected."""
        try:
            self.connect(member).channel().queue_declare(queue, durable=True)
            return True
        except pika.exceptions.ConnectionClosedByBroker as closed:
            self.assertEqual(closed.reply_code, 541)
            return False


class Forgetting(ClusterTest):
    """What is forgotten while nobody can be asked (S15); each with a cluster of its own."""

    def setUp(self):
        self.cluster = LocalCluster()
        self.addCleanup(self.cluster.close)
        self.cluster.open()
        self.nodes = list(self.cluster)

    def test_the_last_node_of_three_forgets_the_others_offline(self):
        first, second, third = self.nodes
        channel = self.connect(first).channel()
        channel.confirm_delivery()
        channel.queue_declare("kept", durable=True)
        channel.basic_publish("", "kept", b"kept", PERSISTENT, mandatory=True)
        self.assertIn("requires the 'rabbit' app to be stopped",
                      first.ctl("forget_cluster_node", "--offline", second.node, code=64))
        second.kill()
        third.kill()
        first.ctl("stop_app")
        first.ctl("forget_cluster_node", "--offline", "node9@localhost", code=69)
        for gone in (second, third):
            self.assertEqual(first.ctl("forget_cluster_node", "--offline", gone.node),
                             f"Removing node {gone.node} from the cluster. Warning: quorum queues cannot be shrunk in "
                             "offline mode\n")
        first.ctl("start_app")
        status = first.status()
        self.assertEqual((status["disk_nodes"], status["minority"], status["partitions"]), ([first.node], [], {}))
        self.assertEqual(self.connect(first).channel().basic_get("kept", auto_ack=True)[2], b"kept")

    def test_a_node_forgotten_offline_is_removed_when_the_majority_starts(self):
        first, second, third = self.nodes
        for member in (third, second):
            member.stop()
        first.ctl("stop_app")
        first.ctl("forget_cluster_node", "--offline", third.node)
        second.spawn()
        first.ctl("start_app")
        second.await_startup()
        for member in (first, second):
            self.eventually(lambda: sorted(member.status()["disk_nodes"]) == [first.node, second.node],
                            "the third is forgotten")


class Maintenance(ClusterTest):
    """O10: a drained node sends its clients away, gets no queues and leads nothing, until it is revived."""

    def upgrade(self, member, *arguments):
        code, text = member.run("rabbitmq-upgrade", *arguments)
        self.assertEqual(code, 0, text)
        return text

    def statuses(self, member):
        return member.status()["maintenance_status"]

    def test_clients_go_and_come_back(self):
        first, second, _ = self.nodes
        self.assertEqual(set(self.statuses(first).values()), {"not under maintenance"})
        client = self.connect(second)
        self.assertEqual(self.upgrade(second, "drain"),
                         f"Will put node {second.node} into maintenance mode. The node will no longer serve any client "
                         "traffic!\n")
        with self.assertRaises(pika.exceptions.ConnectionClosedByBroker) as closed:
            client.process_data_events(time_limit=WAIT_S)
        self.assertEqual((closed.exception.reply_code, closed.exception.reply_text),
                         (320, "CONNECTION_FORCED - Node was put into maintenance mode"))
        for member in self.nodes:
            self.assertEqual(self.statuses(member)[second.node], "marked for maintenance")
            self.assertEqual(self.statuses(member)[first.node], "not under maintenance")
        with self.assertRaises(pika.exceptions.AMQPError):
            self.connect(second)
        self.upgrade(second, "revive")
        self.connect(second).close()
        self.eventually(lambda: set(self.statuses(first).values()) == {"not under maintenance"}, "it is back")

    def test_when_drain_and_revive_answer_every_node_knows(self):
        first, second, _ = self.nodes
        for order in ("drain", "revive"):
            first.freeze()
            late = threading.Timer(0.5, first.thaw)
            began = time.monotonic()
            late.start()
            self.upgrade(second, order)
            self.assertGreaterEqual(time.monotonic() - began, 0.5, order)
            late.join()

    def test_no_queue_is_placed_on_a_drained_node(self):
        first, second, third = self.nodes
        self.upgrade(second, "drain")
        channel = self.connect(first).channel()
        for locator in ("random", "balanced"):
            for number in range(8):
                channel.queue_declare(f"{locator}-{number}", durable=True,
                                      arguments={"x-queue-leader-locator": locator})
        self.assertEqual(set(homes(first)), {first.node, third.node})
        self.assertNotIn(second.node, first.run("rabbitmq-queues", "rebalance", "all")[1])
        self.upgrade(second, "revive")
        for number in range(12):
            channel.queue_declare(f"later-{number}", durable=True, arguments={"x-queue-leader-locator": "balanced"})
        self.assertIn(second.node, homes(first))

    def test_the_metadatas_leadership_leaves_with_it(self):
        for member in self.nodes:  # whichever leads, one of them hands over
            self.upgrade(member, "drain")
            self.upgrade(member, "revive")
        logs = lambda: "".join(self.news(member) for member in self.nodes)
        self.eventually(lambda: "another node leads the metadata now" in logs(), "the log tells of it")
        self.assertNotIn("no other node could take", logs())

    def test_checks_before_a_node_is_stopped(self):
        first, second, third = self.nodes
        def ask(member, program, *arguments):
            return member.run(program, "-q", *arguments)
        self.eventually(lambda: ask(first, "rabbitmq-queues", "check_if_node_is_quorum_critical")
                        == (0, f"Node {first.node} reported no quorum queues with minimum quorum\n"), "all three vote")
        self.assertEqual(ask(first, "rabbitmq-diagnostics", "check_if_node_is_mirror_sync_critical"),
                         (0, f"Node {first.node} reported no classic mirrored queues without online synchronised "
                             "mirrors\n"))
        self.assertEqual(ask(first, "rabbitmq-upgrade", "await_online_quorum_plus_one"), (0, ""))
        third.stop()
        self.eventually(lambda: ask(first, "rabbitmq-queues", "check_if_node_is_quorum_critical")
                        == (69, f"the metadata of the cluster would lose quorum if node {first.node} is stopped\n"),
                        "two of three are just a majority")
        code, text = ask(first, "rabbitmq-upgrade", "await_online_quorum_plus_one", "-t", "1")
        self.assertEqual((code, text), (69, "Error:\ntime is up, no quorum + 1 online replicas came online for at least "
                                            "some quorum queues\n"))


class Channels(ClusterTest):
    """A channel finds a queue anew after it, or its node, has come back."""

    def test_a_queue_deleted_and_declared_again_elsewhere_is_found_by_open_channels(self):
        first, second, third = self.nodes
        channel = self.connect(first).channel()
        channel.confirm_delivery()
        for home, number in ((second, 1), (third, 2), (first, 3), (second, 4)):
            owner = self.connect(home).channel()
            owner.queue_declare("moving", durable=True)
            channel.basic_publish("", "moving", b"%d" % number, PERSISTENT, mandatory=True)
            self.assertEqual(homes(first), [home.node])
            self.assertEqual(channel.basic_get("moving", auto_ack=True)[2], b"%d" % number)
            owner.queue_delete("moving")

    def test_a_queue_whose_node_has_started_again_is_reached_by_open_channels(self):
        first, second, _ = self.nodes
        self.connect(second).channel().queue_declare("stays", durable=True)
        channel = self.connect(first).channel()
        channel.confirm_delivery()
        channel.basic_publish("", "stays", b"1", PERSISTENT, mandatory=True)
        second.kill()
        second.start()

        def publish(body):
            try:
                channel.basic_publish("", "stays", body, PERSISTENT, mandatory=True)
                return True
            except (pika.exceptions.UnroutableError, pika.exceptions.NackError):
                return False  # its node is not back yet, as this node knows

        self.eventually(lambda: publish(b"2"), "the same channel reaches the queue again", 30)
        self.assertEqual([channel.basic_get("stays", auto_ack=True)[2] for _ in range(2)], [b"1", b"2"])

    def test_a_node_that_stood_still_drops_nothing_that_is_published_to_a_queue_declared_meanwhile(self):
        first, _, third = self.nodes
        declares, publishes = self.connect(first).channel(), self.connect(third).channel()
        publishes.confirm_delivery()
        for number in range(3):
            third.freeze()
            began = time.monotonic()
            declares.queue_declare(f"missed-{number}", durable=True)
            time.sleep(max(0, 0.8 - (time.monotonic() - began)))
            third.thaw()
            publishes.basic_publish("", f"missed-{number}", b"1", PERSISTENT, mandatory=True)
            publishes.basic_publish("", f"missed-{number}", b"2", PERSISTENT)
            got = [declares.basic_get(f"missed-{number}", auto_ack=True)[2] for _ in range(2)]
            self.assertEqual(got, [b"1", b"2"])

    def test_clients_of_every_node_are_told_the_clusters_name(self):
        self.nodes[2].ctl("set_cluster_name", "lab")
        for member in self.nodes:
            connection = self.connect(member)
            properties = connection._impl.server_properties
            self.assertEqual(properties["cluster_name"], b"lab" if isinstance(properties["cluster_name"], bytes)
                             else "lab")
            self.assertEqual(member.status()["cluster_name"], "lab")
