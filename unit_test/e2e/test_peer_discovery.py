"""Nodes that are told whom to look for form one cluster by themselves (features.md O38; docs/clustering.md)."""
import unittest

from harness.cluster import LocalCluster

NODES = ("node1@localhost", "node2@localhost", "node3@localhost")
CONFIG = "cluster_formation.peer_discovery_backend = classic_config\n" + "".join(
    f"cluster_formation.classic_config.nodes.{number} = {node}\n" for number, node in enumerate(NODES, 1)) + """
cluster_formation.discovery_retry_interval = 200
cluster_formation.discovery_retry_limit = 200
"""


class PeerDiscovery(unittest.TestCase):
    def setUp(self):
        self.cluster = LocalCluster(config=CONFIG)
        self.addCleanup(self.cluster.close)
        for member in self.cluster:
            member.write_cookie()
            member.configure(CONFIG)

    def check_one_cluster(self):
        for member in self.cluster:
            member.await_startup()
        self.cluster.await_running(*self.cluster)
        for member in self.cluster:
            self.assertEqual(sorted(member.status()["disk_nodes"]), sorted(NODES))
        self.cluster["node1"].ctl("add_vhost", "shared")
        for member in self.cluster:
            self.assertIn("shared", member.ctl("-q", "list_vhosts"))

    def test_nodes_that_start_at_once_form_one_cluster(self):
        for member in self.cluster:
            member.spawn()
        self.check_one_cluster()

    def test_whoever_starts_first_waits_for_the_founder(self):
        for name in ("node3", "node2", "node1"):
            self.cluster[name].spawn()
        self.check_one_cluster()

    def test_a_cluster_that_has_formed_stays_when_all_stop_and_start(self):
        for member in self.cluster:
            member.spawn()
        self.check_one_cluster()
        for member in self.cluster:
            member.stop()
        for name in ("node2", "node3", "node1"):
            self.cluster[name].spawn()
        for member in self.cluster:
            member.await_startup()
        self.cluster.await_running(*self.cluster, timeout_s=60)
        self.assertIn("shared", self.cluster["node3"].ctl("-q", "list_vhosts"))
