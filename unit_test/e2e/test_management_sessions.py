"""What the management pages stand on (docs/management.md): sessions by cookie and token, event streams, looking into a queue
without taking anything, who holds which queue, what holds a queue up (features.md U13, U23, S11)."""
import http.client
import json
import socket
import time
import unittest

import pika

from harness import management, process
from harness.case import WAIT_S
from test_management import HttpTest


class Visitor:
    """A browser, as far as the API knows one: one cookie, and the token it was told."""

    def __init__(self, port):
        self.port, self.cookie, self.token = port, None, None

    def call(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        sent = {"X-Requested-With": "test", **(headers or {})}
        if self.cookie:
            sent.setdefault("Cookie", f"other=1; {self.cookie}")
        if self.token:
            sent.setdefault("X-CSRF-Token", self.token)
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        connection.request(method, "/api" + path, json.dumps(body) if body is not None else None, sent)
        answer = connection.getresponse()
        text = answer.read().decode()
        found = {name.lower(): value for name, value in answer.getheaders()}
        connection.close()
        return answer.status, found, json.loads(text) if text else None

    def log_in(self, name="guest", password="guest", **more):
        status, headers, body = self.call("POST", "/session", {"name": name, "password": password}, **more)
        if status == 200:
            self.cookie, self.token = headers["set-cookie"].split(";")[0], body["token"]
        return status, headers, body

    def stream(self, query, **more):
        return Stream(self.port, query, {"Cookie": self.cookie or "", **more})


class Stream:
    """GET /api/events, read line by line."""

    def __init__(self, port, query, headers):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value)
        self.socket.sendall(f"GET /api/events?{query} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n{lines}\r\n".encode())
        self.file = self.socket.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers = {}
        while (line := self.file.readline().strip()):
            name, _, value = line.decode().partition(": ")
            self.headers[name.lower()] = value

    def event(self, timeout_s=10):
        """The next one; None at the end of the stream."""
        self.socket.settimeout(timeout_s)
        while (line := self.file.readline()):
            if line.startswith(b"data: "):
                return json.loads(line[6:])
        return None

    def close(self):
        self.file.close()
        self.socket.close()


class SessionTest(HttpTest):
    def visitor(self, *arguments):
        made = Visitor(self.http_port)
        self.assertEqual(made.log_in(*arguments)[0], 200)
        return made

    def test_whoever_logs_in_gets_a_cookie_for_no_script_and_a_token(self):
        status, headers, body = Visitor(self.http_port).log_in()
        self.assertEqual((status, body["name"], body["tags"]), (200, "guest", ["administrator"]))
        parts = [each.strip() for each in headers["set-cookie"].split(";")]
        self.assertEqual(sorted(parts[1:]), ["HttpOnly", "Path=/", "SameSite=Strict"])
        self.assertNotIn(parts[0].split("=")[1], json.dumps(body))
        _, headers, _ = Visitor(self.http_port).log_in(headers={"X-Forwarded-Proto": "https"})
        self.assertIn("Secure", headers["set-cookie"])

    def test_the_cookie_is_enough_to_read_and_not_to_change_anything(self):
        ann = self.visitor()
        self.assertEqual(ann.call("GET", "/whoami")[2]["name"], "guest")
        self.assertEqual(ann.call("GET", "/session")[2]["token"], ann.token)
        self.assertEqual(ann.call("PUT", "/queues/%2F/mine", {})[0], 201)
        for token in ("", "0" * 64, ann.token[:-1], ann.token.upper()):
            for method, path in (("PUT", "/queues/%2F/forged"), ("DELETE", "/queues/%2F/mine"), ("POST", "/definitions"), ("DELETE", "/session")):
                status, _, body = ann.call(method, path, {}, {"X-CSRF-Token": token})
                self.assertEqual(status, 403, (method, path, token))
                self.assertEqual(body["reason"], "the request lacks the session's token")
        self.assertEqual(ann.call("DELETE", "/queues/%2F/mine")[0], 204)

    def test_a_token_is_good_for_its_session_only(self):
        ann, bob = self.visitor(), self.visitor()
        self.assertEqual(ann.call("PUT", "/queues/%2F/x", {}, {"X-CSRF-Token": bob.token})[0], 403)

    def test_values_that_are_no_session_are_told_what_a_wrong_password_is_told(self):
        wrong = management.Api(self.http_port, "guest", "wrong").call("GET", "/whoami", headers={"X-Requested-With": "x"})
        name, own = self.visitor().cookie.split("=")
        self.assertRegex(name, "^warren-[0-9a-f]{8}$")
        for value in ("", "0" * 64, "x" * 5000, "%00", "é".encode().decode("latin-1"), own[:-2], own[2:], own.upper(), own[:40] + "00" + own[42:]):
            stranger = Visitor(self.http_port)
            stranger.cookie = f"{name}={value}"
            status, headers, body = stranger.call("GET", "/whoami")
            self.assertEqual((status, body), (wrong[0], wrong[2]), value[:10])
            self.assertNotIn("www-authenticate", headers)

    def test_logging_out_ends_the_session_and_its_streams(self):
        ann = self.visitor()
        stream = ann.stream("path=whoami&path=overview")
        self.assertEqual(stream.status, 200)
        stream.event()
        status, headers, _ = ann.call("DELETE", "/session")
        self.assertEqual(status, 204)
        self.assertIn("Max-Age=0", headers["set-cookie"])
        began = time.monotonic()
        while stream.event() is not None:
            pass
        self.assertLess(time.monotonic() - began, 2)
        self.assertEqual(ann.call("GET", "/whoami")[0], 401)
        self.assertEqual(ann.call("GET", "/session")[0], 204)

    def test_another_password_or_the_end_of_the_user_ends_sessions_and_streams(self):
        for end in (lambda: self.api.put("/users/eve", {"password": "two", "tags": "management"}), lambda: self.api.delete("/users/eve")):
            self.api.put("/users/eve", {"password": "one", "tags": "management"})
            eve = self.visitor("eve", "one")
            stream = eve.stream("path=overview&every=1000")
            self.assertEqual(eve.call("GET", "/whoami")[0], 200)
            end()
            self.assertEqual(eve.call("GET", "/whoami")[0], 401)
            while stream.event() is not None:
                pass
        self.api.delete("/users/eve")

    def test_tags_are_those_of_now(self):
        self.api.put("/users/eve", {"password": "one", "tags": "administrator"})
        user = self.api.get("/users/eve")
        eve = self.visitor("eve", "one")
        self.assertEqual(eve.call("GET", "/users")[0], 200)
        self.api.put("/users/eve", {"password_hash": user["password_hash"], "tags": "management"})
        self.assertEqual(eve.call("GET", "/users")[0], 401)
        self.assertEqual(eve.call("GET", "/whoami")[2]["tags"], ["management"])
        self.api.delete("/users/eve")

    def test_only_json_logs_in_and_only_with_a_tag(self):
        for kind in ("application/x-www-form-urlencoded", "text/plain", ""):
            status, _, _ = Visitor(self.http_port).log_in(headers={"Content-Type": kind})
            self.assertEqual(status, 415, kind)
        status, _, _ = Visitor(self.http_port).log_in(headers={"Sec-Fetch-Site": "cross-site"})
        self.assertEqual(status, 403)
        self.api.put("/users/nobody", {"password": "p", "tags": ""})
        status, headers, body = Visitor(self.http_port).log_in("nobody", "p")
        self.assertEqual((status, body["reason"]), (401, "Not management user"))
        self.assertNotIn("set-cookie", headers)
        self.api.delete("/users/nobody")

    def test_sessions_are_bounded(self):
        first = self.visitor()
        for _ in range(32):
            self.visitor()
        self.assertEqual(first.call("GET", "/whoami")[0], 401)


class GuessingTest(HttpTest):
    def test_guessing_passwords_of_the_pages_is_stopped_too(self):
        statuses = [Visitor(self.http_port).log_in("guest", f"guess {number}")[0] for number in range(12)]
        self.assertEqual(statuses, [401] * 10 + [429] * 2)


class StreamTest(HttpTest):
    def stream(self, query, user=None):
        ann = Visitor(self.http_port)
        ann.log_in(*(user or ("guest", "guest")))
        made = ann.stream(query)
        self.addCleanup(made.close)
        return made

    def until(self, stream, condition, what):
        end = time.monotonic() + 10
        while time.monotonic() < end:
            event = stream.event()
            self.assertIsNotNone(event, "the stream ends")
            if condition(event):
                return event
        self.fail(f"no event within 10 s: {what}")

    def test_changes_come_by_themselves_and_at_once(self):
        stream = self.stream("path=queues%3Fcolumns=name&path=overview%3Fcolumns=object_totals.queues&every=60000")
        self.assertEqual(stream.headers["content-type"], "text/event-stream")
        first = {event["path"]: event for event in (stream.event(), stream.event())}
        self.assertEqual((first[0]["status"], first[0]["body"], first[1]["body"]), (200, [], {"object_totals": {"queues": 0}}))
        began = time.monotonic()
        self.api.put("/queues/%2F/seen")
        self.until(stream, lambda event: event["body"] == [{"name": "seen"}], "the new queue")
        self.assertLess(time.monotonic() - began, 2)
        self.api.delete("/queues/%2F/seen")
        self.until(stream, lambda event: event["body"] == [], "its end")

    def test_what_is_only_counted_comes_after_the_interval_and_only_if_it_is_different(self):
        channel = self.channel()
        channel.queue_declare("counted")
        stream = self.stream("path=queues/%252F/counted%3Fcolumns=messages&every=1000")
        self.assertEqual(stream.event()["body"]["messages"], 0)
        with self.assertRaises(TimeoutError):
            stream.event(2.5)
        stream = self.stream("path=queues/%252F/counted%3Fcolumns=messages&every=1000")
        stream.event()
        channel.basic_publish("", "counted", b"x")
        self.until(stream, lambda event: event["body"]["messages"] == 1, "the message")

    def test_a_stream_shows_what_its_user_may_see(self):
        self.api.put("/users/small", {"password": "p", "tags": "management"})
        stream = self.stream("path=nodes&path=users&path=session&path=events%3Fpath=overview&path=nonsense&path=../queues", ("small", "p"))
        self.assertEqual({event["path"]: event["status"] for event in (stream.event() for _ in range(6))},
                         {0: 401, 1: 401, 2: 404, 3: 404, 4: 404, 5: 400})
        self.api.delete("/users/small")

    def test_streams_are_bounded_and_their_places_come_back(self):
        ann = Visitor(self.http_port)
        ann.log_in()
        self.assertEqual(ann.stream("").status, 400)
        self.assertEqual(ann.stream("&".join(["path=overview"] * 9)).status, 400)
        self.assertEqual(Stream(self.http_port, "path=overview", {}).status, 401)
        self.assertNotIn("www-authenticate", Stream(self.http_port, "path=overview", {}).headers)
        streams = []

        def fills_up():  # places of streams that were closed just before come back a moment later
            while streams:
                streams.pop().close()
            streams.extend(ann.stream("path=whoami") for _ in range(17))
            return [each.status for each in streams] == [200] * 16 + [503]
        self.assertTrue(process.wait_until(fills_up, WAIT_S, 0.5), [each.status for each in streams])
        for each in streams:
            each.close()
        self.eventually(lambda: self.opens(ann), "there is room again")

    def opens(self, visitor):
        stream = visitor.stream("path=whoami")
        stream.close()
        return stream.status == 200

    def test_a_reader_that_does_not_read_is_dropped_and_costs_nobody_anything(self):
        names = ["long" * 40 + str(number) for number in range(600)]
        self.assertEqual({self.api.put(f"/queues/%2F/{name}") for name in names}, {201})
        ann = Visitor(self.http_port)
        ann.log_in()
        slow = ann.stream("&".join(["path=queues", "path=queues%3Fsort=name"] * 4) + "&every=1000")
        self.assertEqual(slow.status, 200)
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        channel = self.channel()
        before = self.node.rss_mib()
        end = time.monotonic() + 16
        while time.monotonic() < end:
            channel.basic_publish("", names[0], b"x")
            self.assertEqual(self.api.get("/whoami")["name"], "guest")
            time.sleep(0.2)
        self.assertLess(self.node.rss_mib() - before, 60)
        self.assertEqual({self.api.delete(f"/queues/%2F/{name}") for name in names}, {204})


class LookTest(HttpTest):
    def look(self, queue, query=""):
        return self.api.get(f"/queues/%2F/{queue}/messages?{query}")

    def test_messages_are_seen_and_stay_where_and_as_they_are(self):
        channel = self.channel()
        channel.queue_declare("seen", durable=True)
        channel.confirm_delivery()
        for number in range(50):
            channel.basic_publish("", "seen", f"body {number}".encode(),
                                  pika.BasicProperties(delivery_mode=1 + number % 2, headers={"number": number}, type="t"))
        channel.basic_publish("", "seen", bytes(range(256)))
        found = self.look("seen", "offset=10&count=3")
        self.assertEqual((found["ready"], found["looked_at"]), (51, 3))
        self.assertEqual([(each["position"], each["payload"], each["redelivered"]) for each in found["messages"]],
                         [(11, "body 10", False), (12, "body 11", False), (13, "body 12", False)])
        self.assertEqual(found["messages"][0]["properties"], {"delivery_mode": 1, "headers": {"number": 10}, "type": "t"})
        last = self.look("seen", "offset=50")["messages"][0]
        self.assertEqual((last["payload_encoding"], last["payload_bytes"], last["routing_key"]), ("base64", 256, "seen"))
        self.assertEqual(self.look("seen", "offset=51")["messages"], [])
        self.assertEqual(self.look("seen", "count=1&truncate=3")["messages"][0]["payload"], "bod")
        only = self.look("seen", "count=200&contains=body%2041")
        self.assertEqual([each["position"] for each in only["messages"]], [42])
        self.assertEqual(only["looked_at"], 51)
        bodies, marks = [], []
        for _ in range(50):
            method, _, body = channel.basic_get("seen", auto_ack=True)
            bodies.append(body.decode())
            marks.append(method.redelivered)
        self.assertEqual(bodies, [f"body {number}" for number in range(50)])
        self.assertNotIn(True, marks)
        self.assertEqual(self.api.get("/queues/%2F/seen")["message_stats"].get("redeliver", 0), 0)

    def test_messages_on_disk_are_seen_too(self):
        channel = self.channel()
        channel.queue_declare("deep", durable=True)
        channel.confirm_delivery()
        for number in range(300):
            channel.basic_publish("", "deep", b"%06d" % number + b"x" * 10_000, pika.BasicProperties(delivery_mode=2))
        channel.connection.close()
        self.node.restart()
        self.eventually(lambda: self.api.call("GET", "/queues/%2F/deep")[0] == 200, "the node is back")
        self.assertLess(self.api.get("/queues/%2F/deep")["messages_ram"], 300)
        for offset in (0, 150, 280):
            found = self.look("deep", f"offset={offset}&count=20&truncate=6")
            self.assertEqual([each["payload"] for each in found["messages"]], ["%06d" % number for number in range(offset, offset + 20)])
        self.assertEqual(self.api.get("/queues/%2F/deep")["messages_ready"], 300)
        self.api.delete("/queues/%2F/deep")

    def test_whoever_may_not_read_the_queue_may_not_look(self):
        self.api.put("/queues/%2F/private")
        self.api.put("/users/peep", {"password": "p", "tags": "management"})
        peep = management.Api(self.http_port, "peep", "p")
        self.assertEqual(peep.call("GET", "/queues/%2F/private/messages")[0], 401)
        self.api.put("/permissions/%2F/peep", {"configure": ".*", "write": ".*", "read": "^public"})
        self.assertEqual(peep.call("GET", "/queues/%2F/private/messages")[0], 401)
        self.api.put("/permissions/%2F/peep", {"configure": "", "write": "", "read": "^private"})
        self.assertEqual(peep.call("GET", "/queues/%2F/private/messages")[0], 200)
        self.assertEqual(self.api.call("GET", "/queues/%2F/nonsuch/messages")[0], 404)
        self.api.delete("/users/peep")

    def test_what_holds_a_queue_up_is_told(self):
        def causes():
            return [(each["what"], each["severity"]) for each in self.api.get("/queues/%2F/slow/flow")["causes"]]

        connection = self.connect()
        channel = connection.channel()
        channel.queue_declare("slow")
        self.assertEqual(causes(), [])
        for _ in range(5):
            channel.basic_publish("", "slow", b"x")
        self.eventually(lambda: causes() == [("consumer", "note")], "nobody consumes")
        channel.basic_qos(prefetch_count=2)
        channel.basic_consume("slow", lambda *_: None)
        connection.process_data_events(0.2)
        self.eventually(lambda: causes() == [("consumer", "warn")], "a consumer at its prefetch")
        self.assertEqual(self.api.get("/queues/%2F/slow/flow")["figures"]["at_prefetch"], 1)
        self.node.ctl("set_vm_memory_high_watermark", "absolute", "1")
        self.addCleanup(self.node.ctl, "set_vm_memory_high_watermark", "0.9")
        self.eventually(lambda: ("alarm", "bad") in causes(), "the alarm")
        self.assertEqual(self.api.call("GET", "/queues/%2F/nonsuch/flow")[0], 404)


if __name__ == "__main__":
    unittest.main()
