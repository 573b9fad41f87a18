"""Any node's management API shows the whole cluster, and a node that is down as down (features.md O14, S16)."""
import time
import unittest
import urllib.parse

from harness import process
from harness.managed_cluster import ManagedCluster
from test_management_sessions import Visitor


class ManagementOfAClusterTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = ManagedCluster(count=3).open()
        cls.addClassCleanup(cls.cluster.close)

    def api(self, name):
        return self.cluster.api(name)

    @staticmethod
    def totals(api):
        overview = api.get("/overview")
        return (overview["object_totals"]["connections"], overview["object_totals"]["consumers"],
                overview["message_stats"]["publish"])

    def eventually(self, condition, what, timeout_s=20):
        if not process.wait_until(condition, timeout_s):
            self.fail(f"not within {timeout_s} s: {what}")

    def test_1_connections_channels_and_queues_of_all_nodes_are_shown_by_each(self):
        clients = [self.cluster[name].pika() for name in ("node1", "node2", "node3")]
        for client, name in zip(clients, ("node1", "node2", "node3")):
            self.addCleanup(client.close)
            channel = client.channel()
            channel.queue_declare(f"at-{name}", durable=True)
            channel.basic_publish("", f"at-{name}", b"x")
            channel.basic_consume(f"at-{name}", lambda *_: None, consumer_tag=name)
        for name in ("node1", "node2"):
            api = self.api(name)
            self.eventually(lambda: {each["node"] for each in api.get("/connections")}
                            == {f"node{n}@localhost" for n in (1, 2, 3)}, "connections of all nodes")
            self.eventually(lambda: {each["node"] for each in api.get("/channels")} == {f"node{n}@localhost" for n in (1, 2, 3)},
                            "channels of all nodes")
            self.assertEqual({each["name"]: each["node"] for each in api.get("/queues")},
                             {f"at-node{n}": f"node{n}@localhost" for n in (1, 2, 3)})
            self.eventually(lambda: [(each["message_stats"].get("publish"), each["message_stats"].get("deliver"))
                                     for each in api.get("/queues") if "message_stats" in each] == [(1, 1)] * 3, "counts of all nodes' queues")
            self.eventually(lambda: {each["consumer_tag"]: each["channel_details"]["node"] for each in api.get("/consumers")}
                            == {f"node{n}": f"node{n}@localhost" for n in (1, 2, 3)}, "consumers of all nodes")
            self.eventually(lambda: self.totals(api) == (3, 3, 3), "connections, consumers and publishes of all nodes")
            self.assertEqual([each["running"] for each in api.get("/nodes")], [True] * 3)

    def test_2_a_connection_of_another_node_is_closed(self):
        client = self.cluster["node3"].pika()
        api = self.api("node1")
        self.eventually(lambda: len(api.get("/connections")) == 1, "the connection is shown")
        name = api.get("/connections")[0]["name"]
        self.assertEqual(api.delete("/connections/" + urllib.parse.quote(name, safe="")), 204)
        with self.assertRaises(Exception):
            for _ in range(100):
                client.process_data_events(0.1)

    def test_3_messages_go_to_and_come_from_queues_of_another_node(self):
        api = self.api("node1")
        channel = self.cluster["node2"].pika().channel()
        channel.queue_declare("far", durable=True)
        publish = {"properties": {"delivery_mode": 2}, "routing_key": "far", "payload": "x", "payload_encoding": "string"}
        self.assertEqual(api.post("/exchanges/%2F/amq.default/publish", publish)[2], {"routed": True})
        got = api.post("/queues/%2F/far/get", {"count": 1, "ackmode": "ack_requeue_false", "encoding": "auto"})[2]
        self.assertEqual([each["payload"] for each in got], ["x"])
        self.assertEqual(api.delete("/queues/%2F/far"), 204)
        channel.connection.close()

    def test_3a_a_queue_of_another_node_is_looked_into_and_says_what_holds_it_up(self):
        api = self.api("node1")
        api.put("/policies/%2F/ha", {"pattern": "^copied", "definition": {"ha-mode": "all"}})
        channel = self.cluster["node2"].pika().channel()
        channel.confirm_delivery()
        for name in ("plain-far", "copied-far"):
            channel.queue_declare(name, durable=True)
            for number in range(30):
                channel.basic_publish("", name, b"%d" % number)
            found = api.get(f"/queues/%2F/{name}/messages?offset=10&count=5")
            self.assertEqual((found["ready"], found["looked_at"]), (30, 5))
            self.assertEqual([(each["position"], each["payload"], each["redelivered"]) for each in found["messages"]],
                             [(number + 1, str(number), False) for number in range(10, 15)])
            self.assertEqual([each["what"] for each in api.get(f"/queues/%2F/{name}/flow")["causes"]], ["consumer"])
            self.assertEqual(channel.basic_get(name, auto_ack=True)[0].redelivered, False)
        rows = {each["name"]: each for each in api.get("/cluster/queues?replicated=true")}
        self.assertEqual(list(rows), ["copied-far"])
        self.eventually(lambda: api.get("/cluster/queues?name=copied&page=1")["items"][0]["health"] == "good", "copies in sync")
        row = api.get("/cluster/queues?name=copied&page=1")["items"][0]
        self.assertEqual((row["master"], row["type"], row["policy"]), ("node2@localhost", "mirrored", "ha"))
        self.assertEqual(sorted((each["node"], each["master"], each["in_sync"]) for each in row["replicas"]),
                         [("node1@localhost", False, True), ("node2@localhost", True, True), ("node3@localhost", False, True)])
        nodes = {each["name"]: each for each in api.get("/cluster/nodes")}
        self.assertEqual(nodes["node2@localhost"]["masters"], 2 + sum(each["node"].startswith("node2") for each in api.get("/queues")
                                                                      if each["name"] not in ("plain-far", "copied-far")))
        self.assertEqual([nodes[f"node{number}@localhost"]["mirrors"] for number in (1, 2, 3)], [1, 0, 1])
        self.assertEqual(sum(each["leads_metadata"] for each in nodes.values()), 1)
        channel.connection.close()
        for name in ("queues/%2F/plain-far", "queues/%2F/copied-far", "policies/%2F/ha"):
            self.assertEqual(api.delete("/" + name), 204)

    def visitors(self, *arguments):
        """The same browser at every node: as behind a balancer."""
        first = Visitor(self.cluster.ports["node1"])
        self.assertEqual(first.log_in(*arguments)[0], 200)
        others = [Visitor(self.cluster.ports[name]) for name in ("node2", "node3")]
        for each in others:
            each.cookie, each.token = first.cookie, first.token
        return [first, *others]

    def test_3b_a_session_of_one_node_is_one_of_all_and_ends_at_all(self):
        one, two, three = self.visitors()
        for each in (two, three, one, two):
            self.assertEqual(each.call("GET", "/whoami")[2]["name"], "guest")
            self.assertEqual(each.call("GET", "/session")[2]["token"], one.token)
        self.assertEqual(two.call("PUT", "/queues/%2F/by-page", {})[0], 201)
        self.assertEqual(three.call("DELETE", "/queues/%2F/by-page", None, {"X-CSRF-Token": "0" * 64})[0], 403)
        self.eventually(lambda: three.call("DELETE", "/queues/%2F/by-page")[0] == 204, "the queue is deleted through the third node")
        stream = three.stream("path=whoami")
        self.assertEqual(stream.event()["body"]["name"], "guest")
        self.assertEqual(two.call("DELETE", "/session")[0], 204)
        began = time.monotonic()
        while stream.event() is not None:
            pass
        self.assertLess(time.monotonic() - began, 3)
        for each in (one, two, three):
            self.eventually(lambda: each.call("GET", "/whoami")[0] == 401, "the session is over")

    def test_3c_a_node_that_was_down_or_stood_still_goes_on_with_sessions_and_with_none_that_has_ended(self):
        stays, left, later = (self.visitors() for _ in range(3))
        for each in (stays, left, later):
            self.assertEqual(each[2].call("GET", "/whoami")[0], 200)
        node3 = self.cluster["node3"]
        node3.stop()
        self.assertEqual(left[0].call("DELETE", "/session")[0], 204)
        node3.start()
        self.assertEqual([each[2].call("GET", "/whoami")[0] for each in (stays, left, later)], [200, 401, 200])
        node3.freeze()
        self.addCleanup(node3.thaw)
        self.assertEqual(later[1].call("DELETE", "/session")[0], 204)
        node3.thaw()
        self.eventually(lambda: later[2].call("GET", "/whoami")[0] == 401, "the node has learned what it has missed")
        self.assertEqual(stays[2].call("GET", "/whoami")[0], 200)
        # Which sessions have ended is the nodes' own affair.
        for told in (self.api("node1").get("/global-parameters"), self.api("node1").get("/definitions")["global_parameters"]):
            self.assertEqual([each["name"] for each in told if each["name"].startswith("warren.")], [])
        self.assertEqual(self.api("node1").put("/global-parameters/warren.mine", {"value": 1}), 400)
        self.cluster["node1"].ctl("set_global_parameter", "warren.mine", "1", code=69)

    def test_3c_another_password_ends_the_session_at_every_node(self):
        api = self.api("node1")
        api.put("/users/eve", {"password": "one", "tags": "administrator"})
        self.eventually(lambda: self.api("node3").call("GET", "/users/eve")[0] == 200, "all nodes know the user")
        _, two, three = self.visitors("eve", "one")
        self.assertEqual([each.call("GET", "/whoami")[0] for each in (two, three)], [200, 200])
        api.put("/users/eve", {"password": "two", "tags": "administrator"})
        for each in (two, three):
            self.eventually(lambda: each.call("GET", "/whoami")[0] == 401, "the session is over")
        api.delete("/users/eve")

    def published(self, name):
        """To and by the exchange, as that node shows it."""
        stats = self.api(name).get("/exchanges/%2F/spread").get("message_stats", {})
        return stats.get("publish_in"), stats.get("publish_out")

    def test_3d_exchanges_show_what_was_published_through_any_node(self):
        channels = [self.cluster[name].pika().channel() for name in ("node1", "node2", "node3")]
        channels[0].exchange_declare("spread", "fanout", durable=True)
        for name in ("spread-1", "spread-2"):
            channels[0].queue_declare(name, durable=True)
            channels[0].queue_bind(name, "spread")
        for number, channel in enumerate(channels):
            channel.confirm_delivery()
            for _ in range(number + 1):
                channel.basic_publish("spread", "", b"x")
        for name in ("node1", "node3"):
            self.eventually(lambda: self.published(name) == (6, 12), "six messages in, twelve out")
        for channel in channels:
            channel.connection.close()
        self.eventually(lambda: self.published("node1") == (6, 12), "they stay when their channels have gone")
        for each in ("exchanges/%2F/spread", "queues/%2F/spread-1", "queues/%2F/spread-2"):
            self.assertEqual(self.api("node1").delete("/" + each), 204)

    def test_3e_samples_of_objects_come_from_the_nodes_that_have_them(self):
        clients = [self.cluster[name].pika() for name in ("node2", "node3")]
        for client in clients:
            self.addCleanup(client.close)
        channels = [client.channel() for client in clients]
        channels[0].queue_declare("sampled", durable=True)
        channels[0].queue_declare("unused", durable=True)
        channels[0].exchange_declare("sampled", "fanout")
        channels[0].queue_bind("sampled", "sampled")
        for channel, count in zip(channels, (3, 4)):
            for _ in range(count):
                channel.basic_publish("sampled", "", b"x")
        ranges = "?lengths_age=60&lengths_incr=5&msg_rates_age=60&msg_rates_incr=5&data_rates_age=60&data_rates_incr=5"

        def newest(details):
            return [each["sample"] for each in details["samples"][:1]] if details else []
        for name in ("node1", "node3"):
            api = self.api(name)
            self.eventually(lambda: newest(api.get("/queues/%2F/sampled" + ranges)["messages_details"]) == [7], "samples of a queue of another node")
            queues = lambda: {each["name"]: each for each in api.get("/queues" + ranges)}
            self.eventually(lambda: newest(queues()["sampled"].get("message_stats", {}).get("publish_details")) == [7], "samples in the list")
            self.assertEqual(len(queues()["unused"]["messages_details"]["samples"]), 13)
            self.eventually(lambda: newest(api.get("/exchanges/%2F/sampled" + ranges).get("message_stats", {}).get("publish_in_details")) == [7], "samples of all nodes' publishes")
            self.eventually(lambda: {each["node"]: newest(each["message_stats"]["publish_details"]) for each in api.get("/channels" + ranges)
                                     if "message_stats" in each} == {"node2@localhost": [3], "node3@localhost": [4]}, "samples of channels")
            self.eventually(lambda: all(len(each["recv_oct_details"]["samples"]) > 1 for each in api.get("/connections" + ranges)), "samples of connections")
        for path in ("/queues/%2F/sampled", "/queues/%2F/unused", "/exchanges/%2F/sampled"):
            self.assertEqual(self.api("node1").delete(path), 204)

    def test_4_a_dead_node_is_shown_as_not_running_within_five_seconds(self):
        api = self.api("node1")
        self.cluster["node3"].kill()
        began = time.monotonic()
        self.eventually(lambda: [each["running"] for each in api.get("/nodes") if each["name"].startswith("node3")]
                        == [False], "node3 is down", 10)
        self.assertLess(time.monotonic() - began, 5)
        self.eventually(lambda: api.call("GET", "/health/checks/ready-to-serve-clients")[0] == 200, "node1 confirms, once one of two leads")
        self.eventually(lambda: self.api("node2").call("GET", "/health/checks/node-is-quorum-critical")[0] == 503,
                        "node2 is needed now")
        self.cluster["node3"].start()
        self.eventually(lambda: all(each["running"] for each in api.get("/nodes")), "node3 is back")


if __name__ == "__main__":
    unittest.main()
