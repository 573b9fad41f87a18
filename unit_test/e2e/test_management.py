"""The management API as tools use it: rabbitmqadmin unchanged, paging, messages, hostile clients, metrics (features.md
O14-O22, O41-O44, S11, S13)."""
import base64
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import unittest
import urllib.parse
import urllib.request

import pika

from harness import management, process
from harness.case import WAIT_S, BrokerTest

RABBITMQADMIN = "/usr/bin/rabbitmqadmin"


class HttpTest(BrokerTest):
    more_config = ""

    @classmethod
    def setUpClass(cls):
        cls.http_port, cls.metrics_port = process.free_port(), process.free_port()
        cls.config = (f"management.tcp.port = {cls.http_port}\nmanagement.tcp.ip = 127.0.0.1\n"
                      f"prometheus.tcp.port = {cls.metrics_port}\nprometheus.tcp.ip = 127.0.0.1\n{cls.more_config}")
        super().setUpClass()
        cls.api = management.Api(cls.http_port)

    def raw(self, octets, timeout_s=WAIT_S):
        """What the server answers to these octets until it closes or falls silent."""
        with socket.create_connection(("127.0.0.1", self.http_port), timeout=timeout_s) as client:
            client.sendall(octets)
            answer = b""
            try:
                while piece := client.recv(65536):
                    answer += piece
            except (TimeoutError, ConnectionResetError):
                pass
            return answer

    def eventually(self, condition, what, timeout_s=WAIT_S):
        if not process.wait_until(condition, timeout_s):
            self.fail(f"not within {timeout_s} s: {what}")


class RabbitmqadminTest(HttpTest):
    def admin(self, *arguments, check=True):
        done = subprocess.run([sys.executable, RABBITMQADMIN, "-P", str(self.http_port), *arguments],
                              capture_output=True, text=True, timeout=60, env={**os.environ, "HOME": self.node.root})
        if check:
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def rows(self, *arguments):
        return json.loads(self.admin("-f", "raw_json", *arguments))

    @unittest.skipUnless(os.path.exists(RABBITMQADMIN), "needs rabbitmqadmin")
    def test_rabbitmqadmin_declares_lists_publishes_gets_exports_and_imports(self):
        self.admin("declare", "vhost", "name=away")
        self.admin("declare", "user", "name=ann", "password=secret", "tags=monitoring")
        self.admin("declare", "permission", "vhost=away", "user=ann", "configure=.*", "write=.*", "read=.*")
        self.admin("declare", "exchange", "name=news", "type=topic")
        self.admin("declare", "queue", "name=inbox", "durable=true", 'arguments={"x-max-length":10}')
        self.admin("declare", "binding", "source=news", "destination=inbox", "routing_key=a.*")
        self.admin("declare", "policy", "name=short", "pattern=^in", 'definition={"message-ttl":60000}')
        self.assertIn("Message published", self.admin("publish", "exchange=news", "routing_key=a.b", "payload=hello"))
        self.assertIn("NOT routed", self.admin("publish", "exchange=news", "routing_key=none", "payload=hello"))
        got = self.rows("get", "queue=inbox", "ackmode=ack_requeue_true")
        self.assertEqual([each["payload"] for each in got], ["hello"])
        self.eventually(lambda: [each["messages"] for each in self.rows("list", "queues") if each["name"] == "inbox"]
                        == [1], "the message went back")
        got = self.rows("get", "queue=inbox", "ackmode=ack_requeue_false")
        self.assertTrue(got[0]["redelivered"])
        self.assertIn("a.*", self.admin("list", "bindings"))
        for what in ("overview", "nodes", "users", "vhosts", "permissions", "exchanges", "policies", "connections",
                     "channels", "consumers", "parameters"):
            if what == "overview":
                self.admin("show", what)
            else:
                self.admin("list", what)
        file = os.path.join(self.node.root, "definitions.json")
        self.admin("export", file)
        self.admin("delete", "queue", "name=inbox")
        self.admin("delete", "exchange", "name=news")
        self.admin("import", file)
        self.assertEqual([each["name"] for each in self.rows("list", "queues")], ["inbox"])
        self.admin("delete", "binding", "source=news", "destination_type=queue", "destination=inbox",
                   "properties_key=a.%2A")
        self.admin("purge", "queue", "name=inbox")
        self.admin("delete", "policy", "name=short")
        self.admin("delete", "user", "name=ann")
        self.admin("delete", "vhost", "name=away")
        self.assertIn("Not found", self.admin("delete", "vhost", "name=away", check=False))


class SamplesTest(HttpTest):
    """lengths_age, msg_rates_age and their like, of single objects."""
    RANGES = "lengths_age=60&lengths_incr=5&msg_rates_age=60&msg_rates_incr=5&data_rates_age=60&data_rates_incr=5&node_stats_age=60&node_stats_incr=5"

    @staticmethod
    def values(details):
        return [each["sample"] for each in details["samples"]]

    def work(self, connection, seconds):
        channel = connection.channel()
        channel.queue_declare("sampled")
        channel.queue_bind("sampled", "amq.fanout")
        channel.basic_consume("sampled", lambda it, method, *_: it.basic_ack(method.delivery_tag) if method.delivery_tag % 2 else None)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            channel.basic_publish("amq.fanout", "", b"x")
            connection.process_data_events(0.05)

    def check(self, details, shown, rises=True):
        """As many samples as were asked for, five seconds apart, and the average of those."""
        values = self.values(details)
        self.assertEqual(len(values), 13)
        self.assertEqual({a["timestamp"] - b["timestamp"] for a, b in zip(details["samples"], details["samples"][1:])}, {5000})
        self.assertLess(abs(details["samples"][0]["timestamp"] / 1000 - time.time()), 15)
        self.assertAlmostEqual(details["avg"], sum(values) / 13)
        self.assertAlmostEqual(details["avg_rate"], (values[0] - values[-1]) / 60)
        if rises:
            self.assertEqual(values, sorted(values, reverse=True))
            self.assertEqual(values[-1], 0)
            self.assertGreater(values[1], 0)
            self.assertGreater(values[0], values[1])
            self.assertGreaterEqual(shown, values[0])

    def test_an_object_shows_what_it_has_done_over_time(self):
        connection = pika.BlockingConnection(self.parameters(heartbeat=0))
        name = urllib.parse.quote(self.eventually_first("/connections")["name"], safe="")
        self.work(connection, 16)
        queue = self.api.get(f"/queues/%2F/sampled?{self.RANGES}")
        stats = queue["message_stats"]
        for field in ("publish", "deliver", "ack", "deliver_get"):
            self.check(stats[field + "_details"], stats[field])
        self.check(queue["messages_unacknowledged_details"], queue["messages_unacknowledged"])
        self.check(queue["messages_ready_details"], queue["messages_ready"], rises=False)
        self.assertNotIn("samples", self.api.get(f"/queues/%2F/sampled?{self.RANGES.replace('age', 'a')}")["messages_details"])
        only = self.api.get("/queues/%2F/sampled?lengths_age=10&lengths_incr=5&columns=name,messages_details.samples")
        self.assertEqual((len(only["messages_details"]["samples"]), set(only), list(only["messages_details"])), (3, {"name", "messages_details"}, ["samples"]))
        exchange = self.api.get(f"/exchanges/%2F/amq.fanout?{self.RANGES}")["message_stats"]
        self.check(exchange["publish_in_details"], exchange["publish_in"])
        channel = urllib.parse.quote(self.api.get("/channels")[0]["name"], safe="")
        stats = self.api.get(f"/channels/{channel}?{self.RANGES}")["message_stats"]
        self.check(stats["publish_details"], stats["publish"])
        samples = lambda of: of["message_stats"]["publish_details"]["samples"]
        self.eventually(lambda: samples(self.api.get(f"/channels?{self.RANGES}")[0]) == samples(self.api.get(f"/channels/{channel}?{self.RANGES}")),
                        "the list's samples are the channel's")  # but for one that is taken in between
        details = self.api.get(f"/connections/{name}?{self.RANGES}")
        self.check(details["recv_oct_details"], details["recv_oct"])
        node = self.api.get(f"/nodes?{self.RANGES}")[0]
        self.check(node["mem_used_details"], node["mem_used"], rises=False)
        self.check(node["channel_created_details"], node["channel_created"], rises=False)
        connection.close()

    def test_a_queue_that_nobody_has_used_has_zeros(self):
        self.api.put("/queues/%2F/unused")
        self.eventually(lambda: self.values(self.api.get("/queues/%2F/unused?lengths_age=60&lengths_incr=5")["messages_details"]) == [0] * 13,
                        "zeros")

    def test_ages_that_make_no_sense_are_refused_as_rabbitmq_does(self):
        for path in ("/queues", "/queues/%2F", "/exchanges", "/exchanges/%2F/amq.fanout", "/nodes", "/overview", "/channels", "/connections"):
            status, _, body = self.api.call("GET", f"{path}?lengths_age=0&lengths_incr=5")
            error = "invalid_range_parameters" if path.startswith("/queues") else "bad_request"
            self.assertEqual((status, body), (400, {"error": error, "reason": "Invalid range parameters: age 0, incr 5"}), path)

    def eventually_first(self, path):
        self.eventually(lambda: self.api.get(path), path)
        return self.api.get(path)[0]


class ListTest(HttpTest):
    def test_names_with_slashes_and_markup_come_back_as_they_are(self):
        for name in ("a/b", "<img src=x onerror=alert(1)>", 'quote"\\', "ünïcode", "100%", "a b+c"):
            path = "/queues/%2F/" + management.urllib.parse.quote(name, safe="")
            self.assertEqual(self.api.put(path), 201, name)
            self.assertEqual(self.api.get(path)["name"], name)
            self.assertEqual(self.api.delete(path), 204, name)

    def test_pages_are_sorted_filtered_and_counted(self):
        for number in range(12):
            self.api.put(f"/queues/%2F/page{number:02}")
        page = self.api.get("/queues/%2F?page=2&page_size=5&name=page&sort=name&sort_reverse=true&columns=name")
        self.assertEqual([each["name"] for each in page["items"]], [f"page{n:02}" for n in (6, 5, 4, 3, 2)])
        self.assertEqual((page["filtered_count"], page["item_count"], page["page"], page["page_count"]), (12, 5, 2, 3))
        expression = management.urllib.parse.quote("^page0[12]$")
        page = self.api.get(f"/queues/%2F?page=1&name={expression}&use_regex=true&columns=name")
        self.assertEqual([each["name"] for each in page["items"]], ["page01", "page02"])

    def test_message_rates_follow_what_clients_do(self):
        channel = self.channel()
        channel.queue_declare("rated")
        self.api.get("/queues/%2F/rated")
        end = time.monotonic() + WAIT_S
        rates = {}
        while time.monotonic() < end and not (rates and rates["publish_details"]["rate"] > 1):
            for _ in range(20):
                channel.basic_publish("", "rated", b"x")
            time.sleep(0.2)
            rates = self.api.get("/queues/%2F/rated").get("message_stats", {})
        self.assertGreater(rates["publish_details"]["rate"], 1)
        self.eventually(lambda: self.api.get("/overview")["message_stats"]["publish_details"]["rate"] > 1,
                        "the overview's rate")
        self.assertGreater(self.api.get("/overview")["queue_totals"]["messages"], 0)

    def exchange(self, name):
        return self.api.get(f"/exchanges/%2F/{name}").get("message_stats", {})

    def test_exchanges_show_what_comes_in_and_what_queues_get_of_it(self):
        channel = self.channel()
        channel.exchange_declare("spread", "fanout")
        self.assertNotIn("message_stats", self.api.get("/exchanges/%2F/spread"))
        for name in ("one", "two"):
            channel.queue_bind(channel.queue_declare(f"spread-{name}").method.queue, "spread")
        channel.confirm_delivery()
        self.exchange("spread")  # rates need two looks
        end = time.monotonic() + WAIT_S
        sent, seen = 0, {}
        while not seen.get("publish_in_details", {}).get("rate"):
            self.assertLess(time.monotonic(), end, seen)
            channel.basic_publish("spread", "", b"x")
            channel.basic_publish("", "spread-one", b"x")
            sent += 1
            time.sleep(0.02)
            seen = self.exchange("spread")
        self.assertLess(seen["publish_in_details"]["rate"], 60)
        self.assertAlmostEqual(seen["publish_out_details"]["rate"], 2 * seen["publish_in_details"]["rate"], delta=1)
        self.eventually(lambda: (self.exchange("spread").get("publish_in"), self.exchange("spread").get("publish_out")) == (sent, 2 * sent), "all that was published")
        self.assertEqual(self.exchange("amq.default")["publish_in"], sent)
        fastest = self.api.get("/exchanges?page=1&sort=message_stats.publish_out_details.rate&sort_reverse=true&columns=name")["items"]
        self.assertEqual(fastest[0], {"name": "spread"})
        self.assertNotIn("message_stats", self.api.get("/exchanges?disable_stats=true")[0])
        channel.exchange_delete("spread")
        self.eventually(lambda: "spread" not in {each["name"] for each in self.api.get("/exchanges?columns=name,message_stats")}, "it goes")
        time.sleep(1.1)
        self.api.get("/exchanges")
        channel.exchange_declare("spread", "fanout")
        channel.basic_publish("spread", "", b"x")
        self.eventually(lambda: (self.exchange("spread").get("publish_in"), self.exchange("spread").get("publish_out")) == (1, None), "another one begins at 0")
        for name in ("spread-one", "spread-two"):
            channel.queue_delete(name)
        channel.exchange_delete("spread")

    def test_a_connection_is_closed_with_the_reason_given(self):
        connection = self.connect()
        self.eventually(lambda: len(self.api.get("/connections")) == 1, "the connection is shown")
        name = self.api.get("/connections")[0]["name"]
        path = "/connections/" + management.urllib.parse.quote(name, safe="")
        self.assertEqual(self.api.call("DELETE", path, headers={"X-Reason": "go home"})[0], 204)
        with self.assertRaises(pika.exceptions.ConnectionClosedByBroker) as raised:
            for _ in range(100):
                connection.process_data_events(0.1)
        self.assertEqual(raised.exception.reply_text, "CONNECTION_FORCED - go home")

    def test_a_node_that_can_confirm_is_ready(self):
        for check in ("ready-to-serve-clients", "is-in-service", "below-node-connection-limit", "alarms"):
            self.assertEqual(self.api.get(f"/health/checks/{check}")["status"], "ok", check)
        self.node.ctl("set_vm_memory_high_watermark", "absolute", "1")
        self.addCleanup(self.node.ctl, "set_vm_memory_high_watermark", "0.9")
        self.eventually(lambda: self.api.call("GET", "/health/checks/ready-to-serve-clients")[0] == 503, "the alarm")
        self.assertEqual(self.api.get("/health/checks/local-alarms", 503)["status"], "failed")


class HostileTest(HttpTest):
    def test_a_wrong_password_and_an_unknown_user_are_told_the_same(self):
        answers = [management.Api(self.http_port, user, "wrong").call("GET", "/whoami") for user in ("guest", "nobody")]
        for status, headers, body in answers:
            self.assertEqual((status, body), (401, {"error": "not_authorized", "reason": "Login failed"}))
            self.assertIn("basic", headers["www-authenticate"].lower())

    def test_paths_that_climb_or_hide_are_refused(self):
        for path in ("/api/../api/whoami", "/api/%2e%2e/whoami", "/api//whoami", "/%2e%2e/%2e%2e/etc/passwd",
                     "/api/queues/%2F/%00", "/api/queues/%zz", "/../index.html"):
            head = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
            status = int(self.raw(head).split(b" ", 2)[1])
            self.assertIn(status, (400, 401, 404), path)

    def test_large_headers_and_bodies_are_refused_before_they_are_read(self):
        many = b"GET /api/whoami HTTP/1.1\r\nHost: x\r\n" + b"X-Filler: " + b"y" * 20000 + b"\r\n\r\n"
        self.assertIn(b" 431 ", self.raw(many).split(b"\r\n", 1)[0])
        head = (b"PUT /api/queues/%2F/large HTTP/1.1\r\nHost: x\r\nAuthorization: "
                + self.api.authorization.encode() + b"\r\nContent-Length: 5000000\r\n\r\n")
        self.assertIn(b" 413 ", self.raw(head).split(b"\r\n", 1)[0])
        stranger = b"PUT /api/queues/%2F/large HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
        self.assertIn(b" 401 ", self.raw(stranger).split(b"\r\n", 1)[0])

    def test_pages_of_other_sites_change_nothing(self):
        status, _, _ = self.api.call("PUT", "/queues/%2F/forged", {}, {"Sec-Fetch-Site": "cross-site"})
        self.assertEqual(status, 403)
        self.api.get("/queues/%2F/forged", 404)

    def test_deep_json_is_refused(self):
        deep = "[" * 100_000
        self.assertEqual(self.api.call("PUT", "/queues/%2F/deep", deep)[0], 400)
        self.assertEqual(self.api.call("POST", "/definitions", deep)[0], 400)

    def test_a_client_that_sends_an_octet_a_second_is_cut_off_and_others_are_served(self):
        slow = socket.create_connection(("127.0.0.1", self.http_port), timeout=1)
        self.addCleanup(slow.close)
        began = time.monotonic()
        closed = False
        for octet in b"GET /api/whoami HTTP/1.1\r\nX: " + b"y" * 60:
            try:
                slow.sendall(bytes([octet]))
                closed = slow.recv(1) == b""
            except TimeoutError:
                continue
            except OSError:
                closed = True
            if closed:
                break
            self.assertLess(time.monotonic() - began, 40)
        self.assertTrue(closed)
        self.assertLess(time.monotonic() - began, 40)
        self.assertEqual(self.api.get("/whoami")["name"], "guest")

    def test_more_connections_than_allowed_leave_the_others_alone(self):
        kept = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=30)
        headers = {"Authorization": self.api.authorization}
        kept.request("GET", "/api/whoami", headers=headers)
        kept.getresponse().read()
        idle = []
        for _ in range(300):
            idle.append(socket.create_connection(("127.0.0.1", self.http_port), timeout=5))
        try:
            kept.request("GET", "/api/whoami", headers=headers)
            self.assertEqual(kept.getresponse().status, 200)
        finally:
            for each in idle:
                each.close()
            kept.close()
        self.eventually(lambda: self.answers(), "the places of closed connections are free again")

    def answers(self):
        try:
            return self.api.get("/whoami")["name"] == "guest"
        except OSError:
            return False


class LoginGuardTest(HttpTest):
    def test_guessing_passwords_is_stopped_after_ten_tries(self):
        guesser = management.Api(self.http_port, "guest", "guess")
        statuses = [guesser.call("GET", "/whoami")[0] for _ in range(12)]
        self.assertEqual(statuses, [401] * 10 + [429] * 2)
        self.assertEqual(self.api.call("GET", "/whoami")[0], 429)  # unheard: also the right one


class PrometheusTest(HttpTest):
    """Every name and label that the stock RabbitMQ-Overview board asks for (features.md O42-O44)."""
    BOARD = """
    rabbitmq_build_info{rabbitmq_version,erlang_version}
    rabbitmq_identity_info{rabbitmq_node,rabbitmq_cluster,rabbitmq_cluster_permanent_id}
    rabbitmq_queue_messages_ready rabbitmq_queue_messages_unacked rabbitmq_queues rabbitmq_connections
    rabbitmq_channels rabbitmq_consumers rabbitmq_channel_consumers rabbitmq_connections_opened_total
    rabbitmq_connections_closed_total rabbitmq_channels_opened_total rabbitmq_channels_closed_total
    rabbitmq_queues_declared_total rabbitmq_queues_created_total rabbitmq_queues_deleted_total
    rabbitmq_global_messages_received_total{protocol} rabbitmq_global_messages_received_confirm_total{protocol}
    rabbitmq_global_messages_confirmed_total{protocol} rabbitmq_global_messages_routed_total{protocol}
    rabbitmq_global_messages_unroutable_dropped_total{protocol}
    rabbitmq_global_messages_unroutable_returned_total{protocol}
    rabbitmq_global_messages_delivered_total{protocol,queue_type}
    rabbitmq_global_messages_redelivered_total{protocol,queue_type}
    rabbitmq_global_messages_delivered_consume_auto_ack_total{protocol,queue_type}
    rabbitmq_global_messages_delivered_consume_manual_ack_total{protocol,queue_type}
    rabbitmq_global_messages_delivered_get_auto_ack_total{protocol,queue_type}
    rabbitmq_global_messages_delivered_get_manual_ack_total{protocol,queue_type}
    rabbitmq_global_messages_get_empty_total{protocol,queue_type}
    rabbitmq_global_messages_acknowledged_total{protocol,queue_type}
    rabbitmq_global_publishers{protocol} rabbitmq_global_consumers{protocol}
    rabbitmq_resident_memory_limit_bytes rabbitmq_process_resident_memory_bytes rabbitmq_disk_space_available_bytes
    rabbitmq_disk_space_available_limit_bytes rabbitmq_process_open_fds rabbitmq_process_max_fds
    rabbitmq_process_open_tcp_sockets rabbitmq_process_max_tcp_sockets rabbitmq_erlang_uptime_seconds
    rabbitmq_alarms_memory_used_watermark rabbitmq_alarms_free_disk_space_watermark
    """.split()
    SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(.*)\})? (NaN|[-+0-9.eE]+)$')
    LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')

    def scrape(self, path="/metrics"):
        """{name: [(labels, value)]}; fails on anything that the text format 0.0.4 does not allow."""
        connection = http.client.HTTPConnection("127.0.0.1", self.metrics_port, timeout=30)
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        self.assertEqual(answer.status, 200)
        self.assertTrue(answer.getheader("content-type").startswith("text/plain; version=0.0.4"))
        self.assertTrue(text.endswith("\n"))
        samples, types, finished, current = {}, {}, set(), None
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                self.assertNotIn(name, types, "one TYPE per family")
                self.assertIn(kind, ("counter", "gauge", "untyped", "histogram", "summary"))
                types[name] = kind
                continue
            if line.startswith("#"):
                continue
            parsed = self.SAMPLE.match(line)
            self.assertIsNotNone(parsed, line)
            name, labels = parsed[1], parsed[3] or ""
            if name != current:
                self.assertNotIn(name, finished, f"samples of {name} are not together")
                finished.add(current)
                current = name
            self.assertIn(name, types, line)
            found = {each[1]: each[2] for each in self.LABEL.finditer(labels)}
            self.assertEqual("".join(each[0] for each in self.LABEL.finditer(labels)), labels, line)
            samples.setdefault(name, []).append((found, float(parsed[4])))
        return samples

    def test_the_overview_board_finds_all_it_asks_for(self):
        samples = self.scrape()
        for wanted in self.BOARD:
            name, _, labels = wanted.rstrip("}").partition("{")
            self.assertIn(name, samples)
            for label in filter(None, labels.split(",")):
                self.assertIn(label, samples[name][0][0], name)

    @unittest.skipUnless(shutil.which("promtool"), "needs promtool (Debian's prometheus)")
    def test_promtool_reads_every_page(self):
        self.channel().queue_declare("measured")
        families = ("queue_coarse_metrics", "queue_metrics", "queue_consumer_count", "channel_metrics", "connection_metrics",
                    "connection_coarse_metrics", "connection_churn_metrics", "node_metrics", "vhost_status", "exchange_names", "exchange_bindings")
        for path in ("/metrics", "/metrics/per-object", "/metrics/detailed?" + "&".join(f"family={each}" for each in families)):
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}{path}", timeout=30) as answer:
                text = answer.read()
            done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, timeout=60)
            said = (done.stdout + done.stderr).decode()
            # 3: readable, but it would name some things otherwise. The names are RabbitMQ's.
            self.assertIn(done.returncode, (0, 3), path + "\n" + said)
            self.assertNotIn("error while linting", said, path)
        broken = subprocess.run(["promtool", "check", "metrics"], input=text.replace(b"# TYPE", b"# TYPO", 1) + b"x{ 1\n", capture_output=True, timeout=60)
        self.assertNotIn(broken.returncode, (0, 3), "promtool accepts anything")

    def test_counts_follow_what_clients_do(self):
        before = self.scrape()
        channel = self.channel()
        channel.queue_declare("counted")
        channel.confirm_delivery()
        for _ in range(10):
            channel.basic_publish("", "counted", b"12345")
        channel.basic_get("counted")
        after = self.scrape()

        def rise(name):
            return after[name][0][1] - before[name][0][1]

        self.assertEqual(rise("rabbitmq_global_messages_received_total"), 10)
        self.assertEqual(rise("rabbitmq_global_messages_confirmed_total"), 10)
        self.assertEqual(rise("rabbitmq_global_messages_delivered_get_manual_ack_total"), 1)
        self.assertEqual(after["rabbitmq_queue_messages_ready"][0][1], 9)
        self.assertEqual(after["rabbitmq_queue_messages_unacked"][0][1], 1)
        self.assertEqual(after["rabbitmq_queue_messages_bytes"][0][1], 50)
        channel.connection.close()
        self.eventually(lambda: self.scrape()["rabbitmq_channels"][0][1] == 0, "the channel has ended")
        self.assertEqual(self.scrape()["rabbitmq_global_messages_received_total"][0][1]
                         - before["rabbitmq_global_messages_received_total"][0][1], 10)

    def test_every_queue_has_its_line_and_odd_names_are_escaped(self):
        channel = self.channel()
        odd = 'odd"\\\nname'
        channel.queue_declare(odd.replace("\n", ""))
        channel.queue_declare("plain")
        queues = {labels["queue"] for labels, _ in self.scrape("/metrics/per-object")["rabbitmq_queue_messages_ready"]}
        self.assertIn("plain", queues)
        self.assertIn('odd\\"\\\\name', queues)
        detailed = self.scrape("/metrics/detailed?family=queue_coarse_metrics&family=connection_churn_metrics&vhost=/")
        self.assertIn("rabbitmq_detailed_queue_messages_ready", detailed)
        self.assertIn("rabbitmq_detailed_channels_opened_total", detailed)
        self.assertNotIn("rabbitmq_detailed_queue_messages_ram", detailed)
        self.api.put("/exchanges/%2F/bound", {"type": "fanout"})
        for key in ("a", "b"):
            self.api.post("/bindings/%2F/e/bound/q/plain", {"routing_key": key})
        wide = self.scrape("/metrics/detailed?family=vhost_status&family=exchange_names&family=exchange_bindings")
        self.assertIn(({"vhost": "/"}, 1), wide["rabbitmq_cluster_vhost_status"])
        bound = {"vhost": "/", "exchange": "bound", "type": "fanout"}
        self.assertIn((bound, 2), wide["rabbitmq_cluster_exchange_bindings"])
        self.assertIn((bound, 1), wide["rabbitmq_cluster_exchange_name"])
        self.api.delete("/exchanges/%2F/bound")
        elsewhere = self.scrape("/metrics/detailed?family=queue_coarse_metrics&vhost=nowhere")
        self.assertNotIn("rabbitmq_detailed_queue_messages_ready", elsewhere)


if __name__ == "__main__":
    unittest.main()
