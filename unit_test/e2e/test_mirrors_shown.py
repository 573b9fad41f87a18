"""What operators see and do of mirrored queues on three real nodes (features.md S19-S22, Q10-Q14): logs, states, names of
processes, rebalancing."""
import json
import re
import time
import unittest

import pika

from harness import process
from harness.mirrored import FAILOVER_S, OnMirrors


class MirrorsShown(OnMirrors):
    def test_the_log_tells_of_masters_and_of_copies_that_come_and_go(self):
        self.mirror_all()
        self.declare(self.one, "q")
        self.await_synchronised("q", 2)
        self.await_log(self.one, f"queue 'q' in vhost '/': the copy on {self.three.node} is in sync")
        self.three.kill()
        self.await_log(self.one, f"the copy on {self.three.node} left the in-sync set: its node is down")
        self.three.start()
        self.await_synchronised("q", 2)
        self.one.kill()
        self.await_other_master("q", self.two)
        next_master = next(each for each in (self.two, self.three) if each.node in self.copies("q", self.two)[0])
        self.await_log(next_master, f"{next_master.node} is its master now, in the place of {self.one.node}, mastership 2")
        self.await_log(next_master, f"the copy on {self.one.node} left the in-sync set: its node is down")

    def test_a_queue_whose_publishes_wait_says_so(self):
        self.declare(self.one, "q", **{"x-queue-type": "quorum"})
        self.await_members_in_sync("q")
        self.publish(self.one, "q", range(3))
        self.assertEqual(self.rows(self.two, "state")["q"]["state"], "running")
        self.two.kill()
        self.three.kill()
        state = lambda: self.rows(self.one, "state")["q"]["state"]
        self.assertTrue(process.wait_until(lambda: state() == "minority", FAILOVER_S, 0.1), state())
        self.two.start()
        self.assertTrue(process.wait_until(lambda: state() == "running", FAILOVER_S, 0.1), state())

    def test_a_queue_without_a_master_is_down_and_shows_what_a_copy_has(self):
        self.one.ctl("set_policy", "ha", "^q", json.dumps({"ha-mode": "nodes", "ha-params": [self.one.node, self.two.node]}))
        self.declare(self.one, "q")
        self.declare(self.one, "plain")
        self.await_synchronised("q", 1)
        self.publish(self.one, "q", range(10))
        time.sleep(2)  # the copy has them all on disk, and so knows when it comes back
        self.two.kill()
        self.await_log(self.one, f"the copy on {self.two.node} left the in-sync set")
        self.publish(self.one, "q", range(10, 15))
        self.one.kill()  # the only one in sync
        self.two.start()
        self.cluster.await_running(self.two, self.three)
        seen = lambda at, queue: {key: value for key, value in self.rows(at, "messages", "consumers", "state")[queue].items() if value != ""}
        for at, row in ((self.two, {"name": "q", "messages": 10, "state": "down"}), (self.three, {"name": "q", "state": "down"}),
                        (self.two, {"name": "plain", "state": "down"})):
            self.assertTrue(process.wait_until(lambda: seen(at, row["name"]) == row, FAILOVER_S, 0.1), seen(at, row["name"]))
        said = "it has no master: none of its copies in sync is up"
        told = lambda: any(said in each.log() for each in (self.two, self.three))
        self.assertTrue(process.wait_until(told, FAILOVER_S, 0.1))
        self.one.start()
        self.cluster.await_running(*self.cluster)
        for at in (self.two, self.three):
            self.assertTrue(process.wait_until(lambda: seen(at, "q").get("state") == "running", FAILOVER_S, 0.1), seen(at, "q"))
        self.assertEqual(self.drain(self.three, "q"), list(range(15)))

    def test_processes_have_one_name_whichever_node_is_asked(self):
        self.mirror_all()
        self.declare(self.one, "q")
        self.await_synchronised("q", 2)
        connection = self.two.pika()
        connection.channel().basic_consume("q", lambda *_: None)
        def told(*columns):
            return {each.ctl("-s", *columns) for each in self.cluster}

        def one_name(*columns):
            self.assertTrue(process.wait_until(lambda: len(told(*columns)) == 1, FAILOVER_S, 0.1), told(*columns))

        for columns in (("list_queues", "pid", "slave_pids"), ("list_consumers", "channel_pid")):
            one_name(*columns)
            self.assertIn(self.two.node, told(*columns).pop())
        self.one.kill()
        self.one.start()
        self.await_synchronised("q", 2)
        one_name("list_queues", "pid", "slave_pids")
        name = self.two.ctl("-s", "list_connections", "pid").strip()
        self.two.ctl("close_connection", name, "enough")
        with self.assertRaisesRegex(pika.exceptions.ConnectionClosed, "enough"):
            while True:
                connection.process_data_events(time_limit=5)

    def test_rebalancing_spreads_masters_of_the_queues_that_are_named(self):
        self.mirror_all()
        for member, prefix in zip(self.cluster, "qrs"):  # as many on each node: nothing would move by itself
            for number in range(3):
                self.declare(member, f"{prefix}{number}")
        for prefix in "qrs":
            for number in range(3):
                self.await_synchronised(f"{prefix}{number}", 2)
        self.publish(self.two, "q0", range(20))
        code, page = self.two.run("rabbitmq-queues", "rebalance", "classic", "--queue-pattern", "^q")
        self.assertEqual(code, 0, page)
        self.assertEqual(sorted(set(self.copies(f"q{number}")[0].split(".")[0] for number in range(3))),
                         sorted(f"<{each.node}".split(".")[0] for each in self.cluster), page)
        for member in self.cluster:
            line = next(each for each in page.splitlines() if member.node in each)
            self.assertEqual(re.findall(r"\b\d+\b", line.split(member.node)[1]), ["0", "1"])
        self.assertEqual(self.drain(self.three, "q0"), list(range(20)))


if __name__ == "__main__":
    unittest.main()
