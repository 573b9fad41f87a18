"""Links between two processes: a gigabyte in order both ways, kill -9, a frozen peer, cuts within and beyond the limit,
a wrong cookie. Every payload is numbered and every receiver checks (docs/internals/cluster-links.md)."""
import signal
import time
import unittest

from harness.link_node import LinkNode, Network

QUEUES, REPLICATION = 2, 4
MIB = 1024 * 1024
BREAK_LIMIT_S = 12


class Links(unittest.TestCase):
    def start(self, name, **how):
        node = LinkNode(name, **how)
        self.addCleanup(node.close)
        return node

    def pair(self, **how):
        one, two = self.start("rabbit@one", **how), self.start("rabbit@two", **how)
        self.join(one, two)
        return one, two

    def join(self, one, two):
        one.connect(two)
        two.connect(one)
        for node in (one, two):
            node.wait(lambda seen: seen["session2"] != 0)

    def assert_in_order(self, *nodes):
        for node in nodes:
            seen = node.stats()
            self.assertEqual([seen[f"wrong{service}"] for service in range(1, 5)], [0] * 4, node.name)

    def test_a_gigabyte_each_way_arrives_in_order(self):
        one, two = self.pair()
        began, cpu = time.monotonic(), sum(node.stats()["cpu_ms"] for node in (one, two))
        count, size = 8192, 64 * 1024
        for service in (QUEUES, REPLICATION):
            one.send(two, service, count, size)
            two.send(one, service, count, size)
        for node in (one, two):
            seen = node.wait(lambda s: s["frames2"] == count and s["frames4"] == count, 120)
            self.assertEqual(seen["bytes2"] + seen["bytes4"], 2 * count * size)
            self.assertLess(seen["rss_kb"], 150 * 1024)
        took, cpu = time.monotonic() - began, sum(node.stats()["cpu_ms"] for node in (one, two)) - cpu
        volume = 4 * count * size / MIB
        print(f"\n  {volume:.0f} MiB in {took:.2f} s: {volume / took:.0f} MiB/s, {cpu / volume:.2f} CPU ms a MiB", flush=True)
        self.assert_in_order(one, two)

    def test_a_killed_peer_is_suspect_at_once_and_lost_when_nothing_listens_there(self):
        one, two = self.pair()
        one.send(two, QUEUES, 200_000, 16 * 1024)
        two.wait(lambda seen: seen["frames2"] > 100)
        two.process.kill()
        one.wait(lambda s: s["suspect2"] == 1)
        one.wait(lambda s: s["lost2"] == 1)
        one.wait_logged("lost: nothing listens at its address")
        self.assertLess(one.rss_kb(), 100 * 1024)
        again = self.start("rabbit@two", port=two.port)
        again.connect(one)
        one.wait(lambda s: s["fresh2"] == 2)
        again.wait(lambda s: s["frames2"] > 100)
        self.assert_in_order(again)

    def test_a_frozen_peer_costs_bounded_memory_and_nothing_is_lost(self):
        one, two = self.pair()
        count = 4000
        one.send(two, QUEUES, count, 64 * 1024)
        two.wait(lambda seen: seen["frames2"] > 20)
        two.signal(signal.SIGSTOP)
        one.wait(lambda seen: seen["suspect2"] >= 1)
        before = one.stats()["rss_kb"]
        time.sleep(5)
        seen = one.stats()
        self.assertEqual(seen["lost2"], 0)
        self.assertLess(seen["rss_kb"] - before, 40 * 1024, "the sender grew while its peer was frozen")
        two.signal(signal.SIGCONT)
        seen = two.wait(lambda s: s["frames2"] == count)
        self.assertEqual(seen["fresh2"], 1)
        self.assert_in_order(one, two)

    def test_a_service_that_keeps_everything_stops_its_sender(self):
        one, two = self.pair()
        two.tell("keep")
        one.send(two, QUEUES, 1000, 64 * 1024)
        time.sleep(2)
        held = two.stats()["frames2"]
        self.assertLess(held * 64 * 1024, 7 * MIB)
        two.tell("release")
        two.wait(lambda seen: seen["frames2"] == 1000)
        self.assert_in_order(two)

    def test_a_wrong_cookie_is_refused_and_both_say_so(self):
        one, two = self.start("rabbit@one"), self.start("rabbit@two", cookie="ANOTHER")
        two.connect(one)
        one.wait_logged("refused: the cookies of the two nodes differ")
        two.wait_logged("the cookies of the two nodes differ")
        self.assertEqual(one.stats()["up2"], 0)

    def test_cuts_within_the_limit_lose_and_repeat_nothing(self):
        network, one, two = self.cabled()
        count = 30_000
        one.send(two, QUEUES, count, 16 * 1024)
        two.send(one, QUEUES, count, 16 * 1024)
        for victims in (["one", "two"], ["one"], ["two"]):
            two.wait(lambda seen: seen["frames2"] > 100)
            for victim in victims:
                network.cut(victim)
            one.wait(lambda seen: seen["session2"] != 0 and seen["suspect2"] > seen["up2"] - 1)
            time.sleep(3)
            network.heal()
            one.wait(lambda seen: seen["up2"] > seen["suspect2"])
        for node in (one, two):
            seen = node.wait(lambda s: s["frames2"] == count, 120)
            self.assertEqual((seen["fresh2"], seen["lost2"]), (1, 0))
        self.assert_in_order(one, two)

    def test_a_cut_beyond_the_limit_is_told_on_both_sides(self):
        """With a limit shorter than a node's, so that the test need not wait for a minute."""
        network, one, two = self.cabled(break_limit_s=BREAK_LIMIT_S)
        network.cut("one")
        network.cut("two")
        for node in (one, two):
            node.wait(lambda seen: seen["suspect2"] == 1)
        began = time.monotonic()
        for node in (one, two):
            node.wait(lambda seen: seen["lost2"] == 1)
            node.wait_logged("lost: unreachable for 1")  # 12 s, or a little more on a busy machine
        self.assertGreater(time.monotonic() - began, BREAK_LIMIT_S / 2, "lost before its time")  # both logs tell how long
        network.heal()
        for node in (one, two):
            node.wait(lambda seen: seen["fresh2"] == 2)
        one.send(two, QUEUES, 100, 1000)
        two.wait(lambda seen: seen["frames2"] == 100)
        self.assert_in_order(two)

    def cabled(self, **how):
        if not Network.available():
            self.skipTest("network namespaces need root")
        network = Network()
        self.addCleanup(network.close)
        nodes = [self.start(f"rabbit@{host}", host=network.ADDRESS[host], prefix=network.prefix(host), **how)
                 for host in ("one", "two")]
        self.join(*nodes)
        return network, *nodes


if __name__ == "__main__":
    unittest.main()
