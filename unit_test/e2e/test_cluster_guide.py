"""The cluster guide, line by line: three hosts node1, node2, node3 (features.md S01-S15; docs/clustering.md).

Each test is one part of the guide and goes on where the one before it ended, as an operator would.
"""
import json
import os
import shutil
import tempfile
import time
import unittest

import pika

from harness import hosts, process
from harness.cluster import Host

NODES = ("node1", "node2", "node3")
PERSISTENT = pika.BasicProperties(delivery_mode=2)


@unittest.skipUnless(hosts.available(), "needs root and network namespaces")
class ClusterGuide(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.mkdtemp(prefix="warren-guide-")
        cls.addClassCleanup(shutil.rmtree, cls.root, ignore_errors=True)
        cls.network = hosts.Network(NODES)
        cls.addClassCleanup(cls.network.close)
        cls.network.open()
        cls.hosts = {name: Host(cls.network, name, cls.root) for name in NODES}
        cls.addClassCleanup(cls.stop_all)

    @classmethod
    def stop_all(cls):
        for host in cls.hosts.values():
            if host.alive():
                host.kill()

    # -- what an operator does ----------------------------------------------------------------------------------------

    def do(self, name, program, *arguments, code=0):
        got, text = self.hosts[name].run(program, *arguments)
        self.assertEqual(got, code, f"[{name}]# {program} {' '.join(arguments)}\n{text}")
        return text

    def ctl(self, name, *arguments, code=0):
        return self.do(name, "rabbitmqctl", *arguments, code=code)

    def boot(self, *names):
        for name in names:
            self.do(name, "warren-server", "-detached")
        for name in names:
            self.ctl(name, "await_startup", "--timeout", "60")

    def stop(self, name):
        self.ctl(name, "stop")
        self.assertTrue(process.wait_until(lambda: not self.hosts[name].alive(), 60))

    def status(self, name):
        return json.loads(self.ctl(name, "cluster_status", "--formatter", "json"))

    def await_running(self, name, expected, timeout_s=60):
        """Waits until the node sees exactly these running."""
        wanted = sorted(f"rabbit@{each}" for each in expected)
        seen = []

        def reached():
            seen[:] = sorted(self.status(name)["running_nodes"])
            return seen == wanted

        self.assertTrue(process.wait_until(reached, timeout_s), f"{name} sees {seen} instead of {wanted}")

    def connect(self, client, to, user="admin", password="123"):
        """A pika connection from one host to another."""
        where = pika.ConnectionParameters(self.network.addresses[to], socket_timeout=60, connection_attempts=1,
                                          blocked_connection_timeout=60,
                                          credentials=pika.PlainCredentials(user, password))
        return self.network.on(client, lambda: pika.BlockingConnection(where))

    # -- the guide ----------------------------------------------------------------------------------------------------

    def test_01_three_single_nodes(self):
        self.boot(*NODES)
        for name in NODES:
            status = self.status(name)
            self.assertEqual(status["running_nodes"], [f"rabbit@{name}"])
            self.assertEqual(status["cluster_name"], f"rabbit@{name}")

    def test_02_without_the_same_cookie_nobody_gets_in(self):
        cookies = {open(host.cookie).read() for host in self.hosts.values()}
        self.assertEqual(len(cookies), 3)
        refused = self.ctl("node2", "-n", "rabbit@node1", "status", code=69)
        self.assertIn("cookie", refused)
        self.ctl("node2", "stop_app")
        refused = self.ctl("node2", "join_cluster", "rabbit@node1", code=69)
        self.assertIn("cookie", refused)
        self.ctl("node2", "start_app")
        self.assertEqual(self.status("node2")["disk_nodes"], ["rabbit@node2"])

    def test_03_copy_the_cookie_and_restart(self):
        """scp /var/lib/rabbitmq/.erlang.cookie root@node2:..., then rabbitmq-server -detached on all three."""
        for name in ("node2", "node3"):
            self.stop(name)
            os.chmod(self.hosts[name].cookie, 0o600)
            shutil.copyfile(self.hosts["node1"].cookie, self.hosts[name].cookie)
            os.chmod(self.hosts[name].cookie, 0o400)
        self.boot("node2", "node3")
        hashes = {self.do(name, "rabbitmq-diagnostics", "-q", "erlang_cookie_hash") for name in NODES}
        self.assertEqual(len(hashes), 1)
        self.assertIn("rabbit@node1", self.ctl("node2", "-n", "rabbit@node1", "status"))

    def test_04_join_needs_a_stopped_app_and_another_node_that_exists(self):
        refused = self.ctl("node2", "join_cluster", "rabbit@node1", code=64)
        self.assertIn("this command requires the 'rabbit' app to be stopped on the target node. Stop it with "
                      "'rabbitmqctl stop_app'.", refused)
        self.ctl("node2", "stop_app")
        self.assertEqual(self.ctl("node2", "join_cluster", "rabbit@node2", code=70),
                         "Clustering node rabbit@node2 with rabbit@node2\n"
                         "Error:\nError: cannot cluster node with itself: rabbit@node2\n")
        started = time.monotonic()
        self.assertIn("nosuch", self.ctl("node2", "join_cluster", "rabbit@nosuch", code=69))
        self.assertLess(time.monotonic() - started, 5)
        self.ctl("node2", "start_app")

    def test_05_node2_joins_node1(self):
        self.ctl("node1", "add_vhost", "of-node1")
        self.ctl("node2", "add_user", "lost", "secret")
        self.assertEqual(self.ctl("node2", "stop_app"), "Stopping rabbit application on node rabbit@node2 ...\n")
        self.assertEqual(self.ctl("node2", "reset"), "Resetting node rabbit@node2 ...\n")
        self.assertEqual(self.ctl("node2", "join_cluster", "rabbit@node1"),
                         "Clustering node rabbit@node2 with rabbit@node1\n")
        self.assertEqual(self.ctl("node2", "join_cluster", "rabbit@node1"),
                         "Clustering node rabbit@node2 with rabbit@node1\n"
                         "The node is already a member of this cluster\n")
        self.ctl("node2", "cluster_status", code=64)
        self.assertEqual(self.ctl("node2", "start_app"), "Starting node rabbit@node2 ...\n")
        self.assertIn("of-node1", self.ctl("node2", "list_vhosts"))
        self.assertNotIn("lost", self.ctl("node2", "list_users"))

    def test_06_node3_joins_node2(self):
        """Without `reset`: joining resets by itself. Any member is as good as any other."""
        self.ctl("node3", "stop_app")
        self.ctl("node3", "join_cluster", "rabbit@node2", "--ram")
        self.ctl("node3", "start_app")
        self.ctl("node3", "await_online_nodes", "3")

    def test_07_cluster_status_is_the_same_everywhere(self):
        for name in NODES:
            self.await_running(name, NODES)
            status = self.status(name)
            self.assertEqual(sorted(status["disk_nodes"]), [f"rabbit@{each}" for each in NODES])
            self.assertEqual(status["ram_nodes"], [])
            self.assertEqual(status["partitions"], {})
            self.assertEqual(sorted(status["versions"]), [f"rabbit@{each}" for each in NODES])
            self.assertEqual(sorted(status["listeners"]), [f"rabbit@{each}" for each in NODES])
            for each in NODES:
                self.assertEqual(status["maintenance_status"][f"rabbit@{each}"], "not under maintenance")
                self.assertIn(5672, [listener["port"] for listener in status["listeners"][f"rabbit@{each}"]])
        page = self.ctl("node1", "cluster_status")
        self.assertIn("Disk Nodes\n\nrabbit@node1\nrabbit@node2\nrabbit@node3\n", page)
        self.assertIn("Running Nodes\n\nrabbit@node1\nrabbit@node2\nrabbit@node3\n", page)

    def test_08_an_account_made_on_one_node_is_good_on_all(self):
        self.ctl("node1", "add_user", "admin", "123")
        self.ctl("node2", "set_user_tags", "admin", "administrator")
        self.ctl("node3", "set_permissions", "-p", "/", "admin", ".*", ".*", ".*")
        for name in NODES:
            connection = self.connect("node1", name)
            channel = connection.channel()
            channel.confirm_delivery()
            channel.queue_declare(f"of-{name}", durable=True)
            channel.basic_publish("", f"of-{name}", b"kept", PERSISTENT, mandatory=True)
            connection.close()

    def test_09_set_cluster_name(self):
        self.ctl("node3", "set_cluster_name", "lab")
        for name in NODES:
            self.assertEqual(self.status(name)["cluster_name"], "lab")

    def test_10_node2_leaves_and_is_alone(self):
        self.ctl("node2", "stop_app")
        self.assertEqual(self.ctl("node2", "reset"), "Resetting node rabbit@node2 ...\n")
        self.ctl("node2", "start_app")
        self.assertEqual(self.status("node2")["disk_nodes"], ["rabbit@node2"])
        self.assertEqual(self.ctl("node2", "-q", "list_users"), "user\ttags\nguest\t[administrator]\n")
        for name in ("node1", "node3"):
            self.assertEqual(sorted(self.status(name)["disk_nodes"]), ["rabbit@node1", "rabbit@node3"])

    def test_11_forget_what_is_no_member(self):
        self.assertEqual(self.ctl("node1", "forget_cluster_node", "rabbit@node2", code=69),
                         "Removing node rabbit@node2 from the cluster\nError:\n"
                         "{:not_a_cluster_node, 'The node selected is not in the cluster.'}\n")
        for running in ("rabbit@node3", "rabbit@node1"):
            self.assertIn(f"RabbitMQ on node {running} must be stopped with 'rabbitmqctl -n {running} stop_app' before it "
                          "can be removed", self.ctl("node1", "forget_cluster_node", running, code=69))

    def test_12_node2_joins_again(self):
        self.ctl("node2", "stop_app")
        self.ctl("node2", "join_cluster", "rabbit@node3")
        self.ctl("node2", "start_app")
        for name in NODES:
            self.await_running(name, NODES)

    def test_13_a_dead_node_is_forgotten_and_refused_until_it_is_reset(self):
        self.hosts["node3"].kill()
        self.await_running("node1", ("node1", "node2"), timeout_s=90)
        self.assertEqual(sorted(self.status("node1")["disk_nodes"]), [f"rabbit@{each}" for each in NODES])
        self.assertEqual(self.ctl("node1", "forget_cluster_node", "rabbit@node3"),
                         "Removing node rabbit@node3 from the cluster\n")
        self.assertEqual(sorted(self.status("node2")["disk_nodes"]), ["rabbit@node1", "rabbit@node2"])
        self.do("node3", "warren-server", "-detached")
        self.assertTrue(process.wait_until(lambda: "inconsistent_cluster" in self.hosts["node3"].log(), 60),
                        self.hosts["node3"].log()[-2000:])
        self.ctl("node3", "status", code=64)
        self.assertEqual(sorted(self.status("node1")["disk_nodes"]), ["rabbit@node1", "rabbit@node2"])
        # It says so before its app has come to rest.
        self.assertTrue(process.wait_until(lambda: self.hosts["node3"].run("rabbitmqctl", "force_reset")[0] == 0, 60))
        self.ctl("node3", "join_cluster", "rabbit@node1")
        self.ctl("node3", "start_app")
        for name in NODES:
            self.await_running(name, NODES)

    def test_14_all_stop_and_start_in_any_order(self):
        for name in ("node2", "node1", "node3"):
            self.stop(name)
        for name in ("node1", "node3", "node2"):  # the last one to stop is not the first to start
            self.do(name, "warren-server", "-detached")
        for name in NODES:
            self.ctl(name, "await_startup", "--timeout", "60")
        for name in NODES:
            self.await_running(name, NODES)
        connection = self.connect("node1", "node1")
        method, _, body = connection.channel().basic_get("of-node1", auto_ack=True)
        self.assertEqual(body, b"kept", method)
        connection.close()
