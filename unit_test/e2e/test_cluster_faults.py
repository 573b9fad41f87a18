"""Three real nodes on hosts of their own, and what may happen to them: kills, freezes, cuts of every kind, a slow cable,
a full disk, a torn log, strangers at the door. Metadata stay one (guarantees.md G5, G8), nothing that was confirmed is lost
or doubled, and nobody has to help afterwards. `run.py --long` takes more rounds."""
import os
import random
import select
import shutil
import socket
import statistics
import subprocess
import threading
import time
import unittest

from harness import hosts, process
from harness.client import Refused
from harness.cluster import WAIT_S, Background, HostCluster, LocalCluster, timed
from harness.linearizable import FOREVER, Operation, first_violation
from harness.options import options

PERSISTENT = {"delivery_mode": 2}


def rounds(short, long):
    return long if options.long else short


class OnHosts(unittest.TestCase):
    slow = ()

    @classmethod
    def setUpClass(cls):
        if not hosts.available():
            raise unittest.SkipTest("needs root and network namespaces")
        cls.cluster = HostCluster(slow=cls.slow)
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.open()

    def setUp(self):
        self.addCleanup(self.all_well)

    def all_well(self):
        """Whatever a test did: everybody runs and sees the others, without a hand but that which starts the dead."""
        self.cluster.heal()
        for member in self.cluster:
            if not member.alive():
                member.start()
            member.thaw()
        self.cluster.await_running(*self.cluster, timeout_s=WAIT_S)

    def on(self, member, **more):
        client = member.client(**more)
        self.addCleanup(client.cut)
        return client

    def others(self, member):
        return [each for each in self.cluster if each is not member]

    def leader(self):
        """The leader, once the group has one that everybody has heard of."""
        declare(self.cluster.members[0])
        return self.cluster.leader()

    def refused(self, action, *arguments):
        with self.assertRaises(Refused) as raised:
            action(*arguments)
        return raised.exception.event


made = iter(range(1_000_000))


def declare(member, timeout_s=WAIT_S):
    """A new exchange through this node, tried until one is made."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            client = member.client(timeout_s=10)
            client.exchange(f"x{next(made)}", "direct", durable=True)
            client.close()
            return
        except Refused:
            if time.monotonic() > deadline:
                raise


class LossOfTheLeader(OnHosts):
    def measure(self, fault, repair, count, worst_s):
        times = []
        for _ in range(count):
            leader = self.leader()
            witness = self.others(leader)[len(times) % 2]
            client = witness.client(timeout_s=worst_s + 10)
            fault(leader)

            def next_declare(client=client, witness=witness):
                while True:  # RabbitMQ's clients, too, open a new channel and try again
                    try:
                        return client.exchange(f"x{next(made)}", "direct", durable=True)
                    except Refused:
                        client = witness.client(timeout_s=worst_s + 10)

            took, _ = timed(next_declare)
            client.cut()
            times.append(took)
            repair(leader)
            self.cluster.await_running(*self.cluster, timeout_s=WAIT_S)
        times.sort()
        print(f"\n  {self._testMethodName}: p50 {statistics.median(times):.2f} s, worst {times[-1]:.2f} s of {count}", flush=True)
        self.assertLess(times[-1], worst_s)

    def test_killed(self):
        self.measure(lambda who: who.kill(), lambda who: who.start(), rounds(3, 30), 6)

    def test_frozen(self):
        self.measure(lambda who: who.freeze(), lambda who: who.thaw(), rounds(2, 20), 10)

    def test_cut_off(self):
        self.measure(self.cluster.cut_off, lambda who: self.cluster.heal(), rounds(2, 20), 10)


class Faults(OnHosts):
    def test_a_minority_refuses_within_seconds_and_heals_by_itself(self):
        alone = self.leader()
        there = self.on(alone)
        there.confirm()
        there.declare("of-the-minority", durable=True)
        self.cluster.cut_off(alone)
        for other in self.others(alone):
            declare(other)
        self.cluster[self.others(alone)[0].name].ctl("add_user", "majority", "x")
        took, event = timed(lambda: self.refused(there.declare, "new-one"))
        self.assertEqual(event.code, 541)
        self.assertLess(took, 8)
        took, (code, _) = timed(lambda: alone.run("rabbitmqctl", "add_user", "minority", "x"))
        self.assertNotEqual(code, 0)
        self.assertLess(took, 8)
        # Its own queues need nobody (G5).
        there = self.on(alone)
        there.confirm()
        there.publish("", "of-the-minority", b"kept", mandatory=True, **PERSISTENT)
        self.assertEqual(there.read_event().name, "ack")
        self.cluster.heal()
        took, _ = timed(lambda: declare(alone))
        self.assertLess(took, 10)
        users = alone.ctl("list_users")
        self.assertIn("majority", users)
        self.cluster.await_running(*self.cluster)  # each link heals by itself
        self.assertEqual(self.on(self.others(alone)[1]).get("of-the-minority").body, b"kept")
        for member in self.cluster:
            self.assertEqual("minority" in member.ctl("list_users"), "minority\t" in users)

    def test_one_way_cuts(self):
        """The leader is heard and does not hear, or the other way round: everybody goes on within seconds, who is cut off from
        the leader by a leader whom it reaches."""
        leader = self.leader()
        for index, other in enumerate(self.others(leader)):
            if index == 0:
                self.cluster.network.cut(leader.name, other.name)
            else:
                self.cluster.network.cut(other.name, leader.name)
            for member in self.cluster:
                took, _ = timed(lambda member=member: declare(member))
                self.assertLess(took, 15)
            self.cluster.heal()
            took, _ = timed(lambda other=other: declare(other))
            self.assertLess(took, 10)
        leader = self.leader()
        for other in self.others(leader):
            self.cluster.network.cut(leader.name, other.name)  # it hears everybody, nobody hears it
        for other in self.others(leader):
            took, _ = timed(lambda other=other: declare(other))
            self.assertLess(took, 10)
        self.cluster.heal()
        took, _ = timed(lambda: declare(leader))
        self.assertLess(took, 10)

    def test_a_node_starts_that_reaches_another_but_not_the_leader(self):
        leader = self.leader()
        starts, third = self.others(leader)
        starts.kill()
        self.cluster.network.cut(leader.name, starts.name)
        self.cluster.network.cut(starts.name, leader.name)
        took, _ = timed(starts.start)
        self.assertLess(took, 15)
        said = f"node {starts.node} cannot be reached from here, but from {third.node}"
        self.assertTrue(process.wait_until(lambda: said in leader.log(), WAIT_S), leader.log()[-1000:])
        for member in self.cluster:
            declare(member)
        self.assertTrue(process.wait_until(lambda: self.cluster.leader() is third, WAIT_S), self.cluster.leader().name)

    def test_a_node_that_reaches_nobody_says_so_and_starts_by_itself_when_it_does(self):
        starts, others = self.cluster["node2"], self.others(self.cluster["node2"])
        starts.kill()
        self.cluster.cut_off(starts)
        starts.spawn()
        said = "no node that leads its metadata is heard of; nodes reached: none; not reached: " + others[0].node
        self.assertTrue(process.wait_until(lambda: said in starts.log(), WAIT_S), starts.log()[-1000:])
        self.cluster.heal()
        starts.await_startup()
        declare(starts)

    def test_a_broken_link_loses_and_doubles_nothing(self):
        """Publishes that were not confirmed when the cable broke are sent again; the queue takes each once."""
        home, via = self.cluster["node3"], self.cluster["node1"]
        queue, count = "over-breaks", 3000
        self.on(home).declare(queue, durable=True)
        consumer = self.on(self.cluster["node2"])
        consumer.qos(50)
        consumer.consume(queue)
        publisher = self.on(via, timeout_s=60)
        publisher.confirm()
        bodies, outcomes = [], []

        def consume():
            if not consumer.raw.buffer and not select.select([consumer.raw.socket], [], [], 0.2)[0]:
                return
            event = consumer.wait_reply(1, "deliver")
            bodies.append(int(event.body))
            consumer.ack(event.delivery_tag)

        work = Background(consume)
        cuts = threading.Thread(target=self.break_links, args=(via, home, self.cluster["node2"]))
        cuts.start()
        upto = 0
        for number in range(1, count + 1):
            publisher.publish("", queue, b"%d" % number, mandatory=True, **PERSISTENT)
            if number % 30 == 0:
                while upto < number:
                    event = publisher.read_event_or_close()
                    outcomes.append(event.name)
                    upto = max(upto, event.delivery_tag) if event.multiple else upto + 1
                time.sleep(0.05 if cuts.is_alive() else 0)
        cuts.join()
        self.assertEqual(set(outcomes), {"ack"})
        self.assertTrue(process.wait_until(lambda: len(bodies) >= count, WAIT_S))
        time.sleep(0.3)
        work.finish()
        self.assertEqual(bodies, list(range(1, count + 1)))

    def break_links(self, via, home, consumer):
        network = self.cluster.network
        for pairs in ([(via, home), (home, via)], [(via, home)], [(home, via)], [(home, consumer), (consumer, home)]):
            time.sleep(0.3)
            for sender, receiver in pairs:
                network.cut(sender.name, receiver.name)
            time.sleep(2.5)  # longer than a silent peer is waited for
            self.cluster.heal()

    def test_a_frozen_node_costs_bounded_memory_and_goes_on(self):
        frozen, via = self.cluster["node3"], self.cluster["node1"]
        queue = "of-the-frozen"
        self.on(frozen).declare(queue, durable=False)
        publisher = self.on(via, timeout_s=90)
        publisher.confirm()
        publisher.publish("", queue, b"warm")
        self.assertEqual(publisher.read_event().name, "ack")
        before = via.rss_mib()
        frozen.freeze()
        body, sent = b"x" * 100_000, [0]

        def publish():
            publisher.publish("", queue, body)
            sent[0] += 1

        work = Background(publish)
        ends = time.monotonic() + rounds(5, 20)
        highest = 0
        while time.monotonic() < ends:
            highest = max(highest, via.rss_mib())
            time.sleep(0.2)
        declare(self.cluster["node2"])
        frozen.thaw()
        work.finish(60)
        self.assertLess(highest - before, 120 * options.memory_scale, "a publisher's node grows while the queue's is frozen")
        confirmed = 1
        while confirmed < sent[0] + 1:
            event = publisher.read_event_or_close()
            self.assertEqual(event.name, "ack")
            confirmed = max(confirmed, event.delivery_tag) if event.multiple else confirmed + 1
        self.assertEqual(self.on(self.cluster["node2"]).declare(queue, passive=True).messages, sent[0] + 1)

    def test_metadata_are_linearizable_under_faults(self):
        """Users are added and removed through all nodes at once, while leaders die, freeze and are cut off; every answer
        must be one that a single list of users could have given."""
        seed = random.SystemRandom().randrange(1 << 32) if options.long else 20_27
        dice, history, lock = random.Random(seed), [], threading.Lock()
        names = [f"user{index}" for index in range(4)]
        answers = {"add": ("exists", 'User "{}" already exists'), "remove": ("missing", 'User "{}" does not exist')}
        dices = [random.Random(dice.randrange(1 << 32)) for _ in range(3)]

        def worker(member, own):
            name, kind = own.choice(names), own.choice(("add", "remove"))
            line = ("add_user", name, "x") if kind == "add" else ("delete_user", name)
            began = time.monotonic()
            code, text = member.run("rabbitmqctl", *line)
            ended, answer = time.monotonic(), None
            if code == 0:
                answer = "ok"
            elif answers[kind][1].format(name) in text:
                answer = answers[kind][0]
            with lock:
                history.append(Operation(kind, name, began, ended if answer else FOREVER, answer))
            if not answer:
                time.sleep(0.2)

        work = [Background(lambda member=member, own=own: worker(member, own))
                for member, own in zip(self.cluster.members, dices)]
        for _ in range(rounds(3, 40)):
            time.sleep(0.7)
            victim = self.cluster.leader() if dice.random() < 0.7 else dice.choice(self.cluster.members)
            fault = dice.choice(("kill", "freeze", "cut", "one-way"))
            if fault == "kill":
                victim.kill()
            elif fault == "freeze":
                victim.freeze()
            elif fault == "cut":
                self.cluster.cut_off(victim)
            else:
                other = dice.choice(self.others(victim))
                self.cluster.network.cut(victim.name, other.name)
            time.sleep(2.0)
            if fault == "kill":
                victim.start()
            victim.thaw()
            self.cluster.heal()
        time.sleep(1)
        for each in work:
            each.finish(60)
        self.all_well()
        answered = sum(each.answer is not None for each in history)
        print(f"\n  seed {seed}: {len(history)} operations, {answered} answered", flush=True)
        self.assertGreater(answered, 30)  # as many as a busy machine does, too
        wrong = first_violation(history)
        self.assertIsNone(wrong, f"seed {seed}: {wrong}")
        lists = {}

        def alike():  # what had no answer may come to pass a little later
            for member in self.cluster:
                lists[member.name] = sorted(line for line in member.ctl("-q", "list_users").splitlines() if line.startswith("user"))
            return len({tuple(each) for each in lists.values()}) == 1

        self.assertTrue(process.wait_until(alike, WAIT_S, 0.2), lists)

    def test_strangers_on_the_cluster_port(self):
        """Ten thousand connections in a second that say nothing, half of a greeting or garbage: no node is taken for dead."""
        target = self.cluster["node1"]
        before = target.log().count(" lost: ")
        rss = target.rss_mib()
        dice = random.Random(1)

        def flood():
            ends, count = time.monotonic() + rounds(3, 20), 0
            while time.monotonic() < ends:
                for _ in range(200):
                    stranger = socket.socket()
                    stranger.setblocking(False)
                    stranger.connect_ex((target.address, 25672))
                    if count % 3:
                        select.select([], [stranger], [], 0.01)
                        try:
                            stranger.send(dice.randbytes(50) if count % 3 == 1 else b"\x16\x03\x01\x02\x00\x01")
                        except OSError:
                            pass
                    stranger.close()
                    count += 1
            return count

        floods = []
        for _ in range(2):
            thread = threading.Thread(target=lambda: floods.append(self.cluster.network.on("client", flood)))
            thread.start()
            floods.append(thread)
        took = [timed(lambda member=member: declare(member))[0] for member in self.cluster for _ in range(3)]
        threads = [each for each in floods if isinstance(each, threading.Thread)]
        for thread in threads:
            thread.join()
        print(f"\n  {sum(each for each in floods if isinstance(each, int))} connections, worst declare {max(took):.2f} s",
              flush=True)
        self.assertLess(max(took), 5)
        self.assertEqual(target.log().count(" lost: "), before)
        self.assertLess(target.rss_mib() - rss, 100 * options.memory_scale)
        self.cluster.await_running(*self.cluster)


class SlowCables(OnHosts):
    slow = ("node3",)

    def test_one_slow_node_slows_nobody_but_its_own(self):
        network, far = self.cluster.network, self.cluster["node3"]
        for member in self.cluster:
            declare(member)
        far_client = self.on(far)
        far_client.declare("far", durable=True)
        network.slow_down("node3", 0.1)
        self.addCleanup(network.slow_down, "node3", 0)
        near = self.on(self.cluster["node1"])
        near.confirm()
        near.exchange("x-slow", "direct")
        times = [timed(lambda: near.exchange(f"x{next(made)}", "direct"))[0] for _ in range(10)]
        self.assertLess(statistics.median(times), 0.5, "a declare waits for a slow minority")
        for number in range(500):
            near.publish("", "far", b"%d" % number, mandatory=True, **PERSISTENT)
        confirmed = 0
        while confirmed < 500:
            event = near.read_event_or_close()
            self.assertEqual(event.name, "ack")
            confirmed = max(confirmed, event.delivery_tag) if event.multiple else confirmed + 1
        reader = self.on(self.cluster["node2"])
        reader.consume("far", no_ack=True)
        self.assertEqual([int(reader.wait_reply(1, "deliver").body) for _ in range(500)], list(range(500)))
        self.cluster.await_running(*self.cluster)
        self.assertNotIn(" lost: ", self.cluster["node1"].log())


class OwnClusters(unittest.TestCase):
    """Each with a cluster of its own, since a node may not survive."""

    def test_a_node_counts_from_the_moment_it_has_joined(self):
        """start_app of the third node has returned: from now on any one of them may die."""
        for _ in range(rounds(2, 20)):
            cluster = LocalCluster()
            self.addCleanup(cluster.close)
            cluster.open(wait=False)
            cluster["node1"].kill()
            took, _ = timed(lambda cluster=cluster: declare(cluster["node2"]))
            self.assertLess(took, 4)
            cluster.close()

    def cluster(self, **more):
        if not hosts.available():
            self.skipTest("needs root and network namespaces")
        made_here = HostCluster(**more)
        self.addCleanup(made_here.close)
        return made_here

    def test_a_torn_metadata_log_is_refused_by_name_and_costs_no_committed_change(self):
        """LevelDB would take the shorter log for the whole one; a node that has forgotten its vote must not vote again."""
        cluster = self.cluster().open()
        for index in range(30):
            cluster.members[index % 3].ctl("add_user", f"user{index}", "x")
        victim = cluster["node2"]
        victim.kill()
        folder = os.path.join(victim.home, "data", victim.node, "metadata", "db")
        logs = [os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".log")]
        newest = max(logs, key=os.path.getmtime)
        with open(newest, "rb") as log:
            written = len(log.read().rstrip(b"\0"))  # behind that it is prepared
        os.truncate(newest, written - 1000)
        victim.spawn()
        self.assertTrue(process.wait_until(lambda: "LevelDB has lost the end of its log" in victim.log(), WAIT_S), victim.log())
        self.assertTrue(process.wait_until(lambda: not victim.alive(), WAIT_S))
        cluster["node1"].ctl("add_user", "meanwhile", "x")
        cluster.await_running(cluster["node1"], cluster["node3"])
        cluster["node3"].ctl("forget_cluster_node", victim.node)
        shutil.rmtree(os.path.join(victim.home, "data"))
        victim.start()
        cluster.join(victim, cluster["node3"])
        cluster.await_running(*cluster)
        for member in cluster:
            users = member.ctl("-q", "list_users")
            missing = [index for index in range(30) if f"user{index}\t" not in users]
            self.assertEqual(missing, [], member.name)
            self.assertIn("meanwhile\t", users)

    def test_a_full_disk_on_the_leader_hands_over_and_loses_nothing(self):
        cluster = self.cluster()
        for member in cluster:
            place = os.path.join(member.home, "data")
            os.makedirs(place)
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", place], check=True)
            self.addCleanup(subprocess.run, ["umount", "-l", place], check=False)
        self.addCleanup(cluster.close)  # before the disks go: on them it finds its processes
        cluster.open()
        declare(cluster["node1"])
        leader = cluster.leader()
        others = [each for each in cluster if each is not leader]
        others[0].ctl("add_user", "before", "x")
        hog = os.path.join(leader.home, "data", "hog")
        with open(hog, "wb") as file:
            try:
                while True:
                    file.write(b"\0" * 65536)
                    file.flush()
            except OSError:
                pass
        times = [timed(lambda index=index: declare(others[index % 2]))[0] for index in range(6)]
        self.assertLess(max(times), 10)
        others[1].ctl("add_user", "during", "x")
        os.unlink(hog)
        if not leader.alive():  # a write failed: the node has ended rather than go on without its log (G6)
            leader.start()
        cluster.await_running(*cluster, timeout_s=WAIT_S)
        for member in cluster:
            users = member.ctl("-q", "list_users")
            self.assertIn("before\t", users)
            self.assertIn("during\t", users)


if __name__ == "__main__":
    unittest.main()
