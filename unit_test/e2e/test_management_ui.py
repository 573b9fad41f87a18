"""The management pages in a real browser (features.md U23, S11; docs/management.md): what an operator does with them, by
mouse and by keyboard, and that nothing a client can choose a name for becomes markup."""
import http.client
import json
import os
import tempfile
import time
import unittest
import urllib.parse

import pika

from harness import browser, management, process
from harness.case import BrokerTest
from harness.managed_cluster import ManagedCluster

MARKUP = "<img src=x onerror=alert(1)>"
ATTRIBUTE = '"><script>alert(2)</script>'
PAGES = ["overview", "cluster?only=all", "queues", "exchanges", "connections", "channels", "admin/users", "admin/permissions",
         "admin/vhosts", "admin/policies", "admin/operator-policies", "admin/limits", "admin/definitions", "admin/cluster"]


def quoted(*names):
    return "/".join(urllib.parse.quote(name, safe="") for name in names)


class Watched:
    """No test may leave an error in the console: of scripts, or of the content security policy."""
    expected = ()  # parts of messages that a test means to cause

    def check_console(self):
        bad = [each for each in self.browser.console() if not any(part in each for part in self.expected)]
        self.browser.seen.clear()
        self.assertEqual(bad, [])
        self.assertIsNone(self.browser.alert())


@unittest.skipUnless(browser.available(), "needs chromium, chromium-driver and python3-selenium")
class PagesTest(Watched, BrokerTest):
    @classmethod
    def setUpClass(cls):
        cls.http_port = process.free_port()
        cls.config = f"management.tcp.port = {cls.http_port}\nmanagement.tcp.ip = 127.0.0.1\n"
        super().setUpClass()
        cls.api = management.Api(cls.http_port)
        cls.browser = browser.Browser(cls.http_port)
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        self.browser.wide()
        self.browser.scheme("light")
        self.browser.open()
        self.browser.driver.delete_all_cookies()
        self.browser.log_in()
        self.browser.sees("Log out")
        self.browser.console()  # what the page before has said when its cookie went is nobody's mistake
        self.browser.seen.clear()

    def tearDown(self):
        self.check_console()

    def go(self, place, sees, selector="main"):
        self.browser.go(place)
        self.browser.sees(sees, selector)

    def cookie(self):
        return self.browser.driver.get_cookies()[0]

    def answers_to(self, cookie, method="GET", path="/whoami", body=None, token=None):
        headers = {"Cookie": f"{cookie['name']}={cookie['value']}", "Authorization": ""}
        if token is not None:
            headers["X-CSRF-Token"] = token
        api = management.Api(self.http_port)
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=10)
        del headers["Authorization"]
        connection.request(method, "/api" + path, json.dumps(body) if body is not None else None, headers)
        status = connection.getresponse().status
        connection.close()
        return status

    # -- logging in ---------------------------------------------------------------------------------------------------

    def test_a_session_is_a_cookie_no_script_can_read_and_ends_with_logging_out(self):
        cookie = self.cookie()
        self.assertTrue(cookie["httpOnly"])
        self.assertEqual(cookie["sameSite"], "Strict")
        self.assertEqual(self.browser.run("return document.cookie"), "")
        kept = self.browser.run("return JSON.stringify([{...sessionStorage}, {...localStorage}])")
        self.assertNotIn("guest", kept)
        self.assertNotIn(cookie["value"], kept)
        self.browser.driver.refresh()
        self.browser.sees("Log out")
        self.assertEqual(self.answers_to(cookie), 200)
        self.browser.click_text("Log out")
        self.browser.shown("input[name=password]")
        self.assertEqual(self.answers_to(cookie), 401)
        self.browser.driver.refresh()
        self.browser.shown("input[name=password]")

    def test_a_wrong_password_is_told_and_can_be_tried_again(self):
        self.expected = ("401",)
        self.browser.click_text("Log out")
        self.browser.type("input[name=username]", "guest")
        self.browser.type("input[name=password]", "wrong")
        self.browser.click_text("Log in")
        self.browser.sees("Login failed")
        self.browser.picture("login-failed")
        self.browser.type("input[name=password]", "guest")
        self.browser.keys("ENTER")
        self.browser.sees("Log out")

    def test_a_new_password_ends_the_page_s_session(self):
        self.expected = ("401",)
        self.api.put("/users/eve", {"password": "one", "tags": "administrator"})
        self.browser.click_text("Log out")
        self.browser.type("input[name=username]", "eve")
        self.browser.type("input[name=password]", "one")
        self.browser.keys("ENTER")
        self.browser.sees("Log out")
        self.api.put("/users/eve", {"password": "two", "tags": "administrator"})
        self.browser.sees("Your session has ended.")
        self.api.delete("/users/eve")

    # -- what an operator does ----------------------------------------------------------------------------------------

    def fill(self, **fields):
        for name, value in fields.items():
            selector = f"dialog [name={name}]"
            if isinstance(value, bool):
                if self.browser.shown(selector).is_selected() != value:
                    self.browser.click(selector)
            elif self.browser.shown(selector).tag_name == "select":
                self.browser.choose(selector, value)
            else:
                self.browser.type(selector, value)

    def submit(self, label, says):
        self.browser.click_text(label, "dialog")
        self.browser.sees(says, ".notice")
        self.browser.until(lambda: not self.browser.there("dialog"), "the form closes")

    def test_a_user_a_policy_a_queue_a_message_and_their_end(self):
        page = self.browser
        self.go("admin/users", "guest")
        page.click_text("Add user")
        self.fill(name="ann", password="secret", tag_monitoring=True)
        page.picture("dialog-user")
        self.submit("Add user", "User added")
        page.sees("ann", "main table")
        self.assertEqual(sorted(self.api.get("/users/ann")["tags"]), ["management", "monitoring"])
        self.go("admin/policies", "Policies")
        page.click_text("Add policy")
        self.fill(name="short", pattern="^inbox", definition='{"max-length": 5}')
        page.picture("dialog-policy")
        self.submit("Add policy", "Policy added")
        self.go("queues", "Queues")
        page.click_text("Add queue")
        self.fill(name="inbox")
        page.click_text("Most messages", "dialog")
        page.picture("dialog-queue")
        self.submit("Add queue", "Queue added")
        page.click_text("inbox", "main table")
        page.sees("Queue inbox")
        page.sees("short", "main .title")
        self.publish_and_look()
        page.click_text("Purge")
        page.click_text("Drop them", "dialog")
        page.sees("Queue purged", ".notice")
        page.click_text("Delete")
        page.click_text("Delete queue", "dialog")
        page.sees("Queue deleted", ".notice")
        self.assertEqual(self.api.call("GET", "/queues/%2F/inbox")[0], 404)
        self.go("admin/users", "ann")
        page.run("document.querySelectorAll('main tr').forEach((row) => { if (row.textContent.startsWith('ann')) row.id = 'ann'; })")
        page.click_text("Delete", "#ann")
        page.click_text("Delete", "dialog")
        page.until(lambda: "ann" not in page.text("main table"), "the user goes")
        self.api.delete("/policies/%2F/short")

    def publish_and_look(self):
        page = self.browser
        page.click_text("Publish")
        self.fill(payload='{"hello": "world"}', headers='{"colour": "blue"}')
        page.picture("dialog-publish")
        self.submit("Publish", "Message published")
        page.until(lambda: self.api.get("/queues/%2F/inbox")["messages_ready"] == 1, "the message is there")
        page.click_text("Browse")
        page.sees('"hello": "world"', "dialog")
        page.sees("colour", "dialog")
        page.picture("dialog-browse")
        self.assertNotIn("redelivered", page.text("dialog .message"))
        page.keys("ESCAPE")
        page.click_text("Get")
        self.fill(count="1")
        page.click_text("Get", "dialog", "button.main")
        page.sees('"hello": "world"', "dialog")
        self.assertNotIn("redelivered", page.text("dialog .message"), "browsing has marked it")
        page.picture("dialog-get")
        page.keys("ESCAPE")
        page.picture("queue")

    def test_bindings_are_made_and_undone(self):
        page = self.browser
        self.api.put("/queues/%2F/bound")
        self.api.put("/exchanges/%2F/news", {"type": "topic"})
        self.go("exchanges/%2F/news", "Exchange news")
        page.click_text("Bind")
        self.fill(destination="bound", key="a.#")
        self.submit("Bind", "Bound")
        page.sees("a.#", "main table")
        page.sees("nothing yet", "main .pairs")
        self.api.post("/exchanges/%2F/news/publish", {**management.PUBLISH, "routing_key": "a.b"})
        page.sees("1 in all", "main .pairs")
        page.picture("exchange")
        page.click_text("Unbind")
        page.until(lambda: "a.#" not in page.text("main"), "the binding goes")
        self.api.delete("/queues/%2F/bound")
        page.click_text("Delete")
        page.click_text("Delete exchange", "dialog")
        page.sees("Exchange deleted", ".notice")

    def test_errors_are_told_where_they_happen_and_nothing_typed_is_lost(self):
        self.expected = ("401",)  # names that begin with amq. are refused
        page = self.browser
        self.go("queues", "Queues")
        page.click_text("Add queue")
        self.fill(name="amq.mine")
        page.click_text("Add queue", "dialog", "button.main")
        page.until(lambda: page.text("dialog .problem").strip(), "the reason")
        self.assertEqual(page.shown("dialog [name=name]").get_attribute("value"), "amq.mine")
        self.fill(name="mine", arguments="{not json")
        page.click_text("Add queue", "dialog", "button.main")
        page.sees("Arguments:", "dialog .problem")

    def choose_file(self, content):
        file = tempfile.NamedTemporaryFile("w", suffix=".json")
        self.addCleanup(file.close)
        file.write(content if isinstance(content, str) else json.dumps(content))
        file.flush()
        self.browser.shown("input[type=file]").send_keys(file.name)

    def downloaded(self, folder):
        """The JSON file that the browser has put there."""
        found = self.browser.until(lambda: [each for each in os.listdir(folder) if each.endswith(".json")], "a file has come")
        self.assertEqual(len(found), 1)
        with open(os.path.join(folder, found[0])) as file:
            return found[0], json.load(file)

    def test_definitions_are_exported_and_imported_by_button(self):
        page = self.browser
        self.api.put("/queues/%2F/kept", {"durable": True, "arguments": {"x-max-length": 7}})
        self.go("admin/definitions", "Export everything")
        with tempfile.TemporaryDirectory() as folder:
            page.keep_downloads_in(folder)
            page.click_text("Export everything")
            page.sees("Exported", ".notice")
            name, everything = self.downloaded(folder)
        self.assertRegex(name, r"^warren-definitions-\d{4}-\d\d-\d\d\.json$")
        self.assertEqual([(each["name"], each["arguments"]) for each in everything["queues"]], [("kept", {"x-max-length": 7})])
        self.assertEqual([each["name"] for each in everything["users"]], ["guest"])
        self.assertEqual(self.api.delete("/queues/%2F/kept"), 204)
        everything["exchanges"] = [{"name": "from-file", "vhost": "/", "type": "topic", "durable": True, "auto_delete": False, "internal": False, "arguments": {}}]
        self.choose_file(everything)
        page.click_text("Import")
        page.sees("1 queue,", "dialog")
        page.sees("1 exchange", "dialog")
        page.picture("dialog-import")
        page.click_text("Import", "dialog")
        page.sees("Definitions imported: ", ".notice")
        page.picture("definitions-imported")
        self.assertEqual(self.api.get("/queues/%2F/kept")["arguments"], {"x-max-length": 7})
        self.assertEqual(self.api.get("/exchanges/%2F/from-file")["type"], "topic")
        for each in ("queues/%2F/kept", "exchanges/%2F/from-file"):
            self.api.delete("/" + each)

    def test_what_is_wrong_with_a_file_is_told_and_nothing_of_it_is_imported(self):
        self.expected = ("400",)
        page = self.browser
        self.go("admin/definitions", "Export everything")
        page.click_text("Import")
        page.sees("Choose a file first", ".notice.bad")
        self.choose_file("{ this is none")
        page.click_text("Import")
        page.sees("That file is no JSON", ".notice.bad")
        self.choose_file([1, 2])
        page.click_text("Import")
        page.sees("holds no definitions", ".notice.bad")
        self.assertFalse(page.there("dialog"))
        self.choose_file({"queues": [{"name": "never", "vhost": "nowhere", "durable": True, "auto_delete": False, "arguments": {}}]})
        page.click_text("Import")
        page.click_text("Import", "dialog")
        page.sees("nowhere", ".notice.bad")
        page.picture("definitions-refused")
        self.assertEqual([each for each in self.api.get("/queues") if each["name"] == "never"], [])

    def test_the_import_is_done_by_keyboard(self):
        page = self.browser
        self.go("admin/definitions", "Export everything")
        self.choose_file({"policies": [{"name": "typed", "vhost": "/", "pattern": "^nothing", "definition": {"max-length": 1}, "apply-to": "queues", "priority": 0}]})
        page.run("document.querySelector('input[type=file]').focus()")
        page.keys("TAB")
        self.assertEqual(page.focused(), "BUTTON Import")
        page.keys("ENTER")
        page.sees("1 policy", "dialog")
        self.assertEqual(page.focused(), "BUTTON Import", "the answer that is meant has the keyboard")
        page.keys("TAB", "TAB", "TAB")
        self.assertTrue(page.run("return document.activeElement === document.body || !!document.activeElement.closest('dialog')"), "the keyboard stays in the question")
        page.keys("ESCAPE")
        page.until(lambda: not page.there("dialog"), "the question goes")
        page.until(lambda: page.focused() == "BUTTON Import", "the keyboard is back where the question was asked")
        self.assertEqual(self.api.get("/policies"), [])
        page.keys("ENTER")
        page.shown("dialog")
        page.keys("ENTER")
        page.sees("Definitions imported: 1 policy", ".notice")
        self.assertEqual([each["name"] for each in self.api.get("/policies")], ["typed"])
        self.api.delete("/policies/%2F/typed")

    # -- names --------------------------------------------------------------------------------------------------------

    def test_names_that_are_markup_are_text_on_every_page(self):
        for name in (MARKUP, ATTRIBUTE):
            self.api.put("/vhosts/" + quoted(name), {"description": name, "tags": name})
            self.api.put("/users/" + quoted(name), {"password": "p", "tags": name})
            self.api.put("/permissions/" + quoted(name, "guest"), management.ALL)
            for vhost in ("/", name):
                self.api.put("/queues/" + quoted(vhost, name), {"durable": True})
                self.api.put("/exchanges/" + quoted(vhost, name), {"type": "topic", "durable": True})
                self.api.post("/bindings/" + quoted(vhost, "e", name, "q", name), {"routing_key": name, "arguments": {name: name}})
            self.api.put("/policies/" + quoted("/", name), {"pattern": "^nothing " + name.replace(")", "x").replace("(", "x"), "definition": {"max-length": 5}})
            self.api.put("/permissions/" + quoted("/", name), {"configure": "img", "write": "img", "read": "<img"})
            self.api.post("/exchanges/%2F/amq.default/publish", {"properties": {"type": name, "headers": {name: name}}, "routing_key": name,
                                                                  "payload": name, "payload_encoding": "string"})
        self.api.put("/cluster-name", {"name": MARKUP})
        connection = self.connect(client_properties={"connection_name": MARKUP, "product": ATTRIBUTE})
        connection.channel().basic_consume(MARKUP, lambda *_: None, consumer_tag=MARKUP)
        name = self.browser.until(lambda: self.api.get("/connections"), "the connection is shown")[0]["name"]
        places = [*PAGES, "queues/" + quoted("/", MARKUP), "queues/" + quoted(ATTRIBUTE, ATTRIBUTE), "exchanges/" + quoted("/", MARKUP),
                  "connections/" + quoted(name)]
        for place in places:
            self.browser.go(place)
            self.browser.until(lambda: not self.browser.there(".loading"), place)
            self.assertNotIn("That did not work", self.browser.text("main"), place)
            self.check_nothing_ran(place)
        for place in ("queues", "exchanges", "admin/users", "admin/vhosts", "admin/policies"):
            self.go(place, MARKUP)
            self.browser.sees(ATTRIBUTE, "main")
        self.go("queues/" + quoted("/", ATTRIBUTE), ATTRIBUTE)
        self.browser.click_text("Browse")
        self.browser.sees(ATTRIBUTE, "dialog .message")
        self.check_nothing_ran("browse")
        self.browser.picture("markup")
        self.browser.keys("ESCAPE")
        self.browser.click_text("Delete", ".actions")
        self.browser.sees(ATTRIBUTE, "dialog")
        self.check_nothing_ran("a question")
        self.browser.keys("ESCAPE")
        for name in (MARKUP, ATTRIBUTE):
            self.api.delete("/vhosts/" + quoted(name))
            for kind in ("queues", "exchanges", "policies"):
                self.api.delete(f"/{kind}/" + quoted("/", name))
            self.api.delete("/users/" + quoted(name))
        self.api.put("/cluster-name", {"name": "tests"})

    def check_nothing_ran(self, place):
        self.assertIsNone(self.browser.alert(), place)
        self.assertEqual(self.browser.run("return document.querySelectorAll('img[src=x], main script, dialog script').length"), 0, place)

    # -- live ---------------------------------------------------------------------------------------------------------

    def test_what_happens_is_shown_without_asking_and_what_is_typed_stays(self):
        page = self.browser
        channel = self.channel()
        channel.queue_declare("live")
        self.go("queues", "live")
        page.sees("Live", ".live", 60)  # a stream that was late is tried again after 30 s
        page.type("input.filter", "liv")
        for number in range(3):
            channel.basic_publish("", "live", b"x")
        page.until(lambda: self.row("live")[4] == "3", "the count rises by itself")
        self.assertIn("INPUT", page.focused())
        self.assertEqual(page.shown("input.filter").get_attribute("value"), "liv")
        channel.queue_declare("live-too")
        page.sees("live-too", "main table", 3)
        channel.queue_delete("live")
        channel.queue_delete("live-too")
        page.sees("Nothing has such a name.", "main table", 3)

    def test_a_queue_s_charts_show_what_was_before_the_page_was_opened(self):
        page, channel = self.browser, self.channel()
        channel.queue_declare("charted")
        for _ in range(50):
            channel.basic_publish("", "charted", b"x")
        page.until(lambda: self.api.get("/queues/%2F/charted?lengths_age=5&lengths_incr=5")["messages_ready_details"]["samples"][:1] != [], "samples")
        page.until(lambda: self.api.get("/queues/%2F/charted?lengths_age=5&lengths_incr=5")["messages_ready_details"]["samples"][0]["sample"] == 50, "a sample")
        self.go("queues/%2F/charted", "Messages in the queue")
        for span in ("10 minutes", "hour"):
            page.choose(".title select", span)
            page.until(lambda: page.text("figure[aria-label='Messages in the queue'] .legend").startswith("Ready 50"), f"the last {span} in the chart")
            self.assertEqual(len(page.all("figure[aria-label='Messages in the queue'] path.line")), 2)
            page.until(lambda: page.run("return new Set(document.querySelector('figure path.line').getAttribute('d').match(/ [0-9.]+/g)).size") > 1, "it rises")
        channel.queue_delete("charted")

    def row(self, name):
        return self.browser.run("const row = [...document.querySelectorAll('main tbody tr')].find((r) => r.cells[0].textContent === arguments[0]);"
                                "return row ? [...row.cells].map((c) => c.textContent) : []", name) or [""] * 9

    def test_without_events_the_page_asks_every_few_seconds(self):
        added = self.browser.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {
            "source": "window.EventSource = class { constructor() { setTimeout(() => this.onerror?.(), 10); } close() {} };"})
        self.addCleanup(self.browser.driver.execute_cdp_cmd, "Page.removeScriptToEvaluateOnNewDocument", added)
        self.browser.driver.refresh()
        self.browser.sees("Every 5 s", ".live")
        self.go("queues", "Queues")
        self.channel().queue_declare("polled")
        self.browser.sees("polled", "main table")
        self.api.delete("/queues/%2F/polled")

    # -- by keyboard, narrow, dark ------------------------------------------------------------------------------------

    def test_everything_can_be_reached_with_the_keyboard(self):
        page = self.browser
        page.keys("g", "q")
        page.sees("Queues", "main h2")
        page.shown("input.filter")
        page.keys("/")
        page.until(lambda: "INPUT" in page.focused(), "the filter has the keyboard")
        page.keys("ESCAPE", "n")
        page.shown("dialog [name=name]")
        page.until(lambda: "vhost" in page.focused(), "the form has it")
        page.keys("TAB", *"typed", "ENTER")
        page.sees("Queue added", ".notice")
        page.sees("typed", "main table")
        page.until(lambda: "BUTTON Add queue" in page.focused(), "the keyboard is back where the form was opened")
        page.keys("?")
        page.sees("These keys", "dialog")
        page.picture("dialog-keys")
        page.keys("ESCAPE")
        page.until(lambda: not page.there("dialog"), "the keys go")
        page.run("document.activeElement.blur()")
        page.driver.refresh()
        page.sees("typed", "main table")
        page.keys("TAB")
        self.assertIn("Skip to content", page.focused())
        page.keys("ENTER")
        page.until(lambda: page.run("return document.activeElement.id") == "main", "the content has the keyboard")
        self.api.delete("/queues/%2F/typed")

    def furnish(self):
        """Something to see on every page."""
        self.api.put("/vhosts/shop", {"description": "Orders and invoices", "tags": "production"})
        self.api.put("/permissions/shop/guest", management.ALL)
        self.api.put("/users/ann", {"password": "p", "tags": "monitoring"})
        self.api.put("/permissions/shop/ann", {"configure": "", "write": "^orders", "read": ".*"})
        self.api.put("/policies/%2F/limits", {"pattern": "^orders", "definition": {"max-length": 10000, "overflow": "reject-publish"}})
        self.api.put("/vhost-limits/shop/max-queues", {"value": 50})
        connection = self.connect(client_properties={"connection_name": "orders-service", "product": "pika"})
        channel = connection.channel()
        channel.basic_qos(prefetch_count=10)
        channel.confirm_delivery()
        for name, arguments in (("orders", {"x-dead-letter-exchange": "amq.topic"}), ("invoices", {"x-message-ttl": 60000}), ("mail", None)):
            channel.queue_declare(name, durable=True, arguments=arguments)
            channel.queue_bind(name, "amq.topic", f"{name}.#")
        for number in range(40):
            channel.basic_publish("amq.topic", "orders.new", b'{"number": %d}' % number, pika.BasicProperties(delivery_mode=2))
        channel.basic_consume("orders", lambda *_: None, consumer_tag="packing")
        connection.process_data_events(0.2)
        return connection

    def test_every_page_fits_a_narrow_window_and_is_dark_where_that_is_wished(self):
        self.furnish()
        page = self.browser
        name = page.until(lambda: self.api.get("/connections"), "the connection is shown")[0]["name"]
        node = self.api.get("/nodes")[0]["name"]
        places = [*PAGES, "queues/%2F/orders", "exchanges/%2F/amq.topic", "connections/" + quoted(name), "nodes/" + quoted(node)]
        for scheme in ("light", "dark"):
            page.scheme(scheme)
            for place in places:
                page.go(place)
                page.until(lambda: not page.there(".loading"), place)
                if "WARREN_SCREENSHOTS" in os.environ:
                    time.sleep(1.5)  # for something to be in the charts
                page.picture(f"{scheme}-{place}")
                shade = page.run("return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0]")
                self.assertTrue(shade < 60 if scheme == "dark" else shade > 200, (place, scheme, shade))
                if scheme == "dark" and "WARREN_SCREENSHOTS" not in os.environ:
                    continue
                page.narrow()
                page.picture(f"narrow-{scheme}-{place}")
                self.assertFalse(page.overflows(), place)
                page.wide()
        for each in ("users/ann", "vhosts/shop", "policies/%2F/limits", "queues/%2F/orders", "queues/%2F/invoices", "queues/%2F/mail"):
            self.api.delete("/" + each)

    def test_a_queue_says_what_holds_it_up(self):
        connection = self.furnish()
        self.go("queues/%2F/orders", "as many unacknowledged messages as", ".causes")
        connection.close()
        self.browser.sees("Nobody consumes", ".causes")
        for each in ("users/ann", "vhosts/shop", "policies/%2F/limits", "queues/%2F/orders", "queues/%2F/invoices", "queues/%2F/mail"):
            self.api.delete("/" + each)

    def test_a_user_without_rights_sees_what_is_theirs(self):
        self.api.put("/users/small", {"password": "p", "tags": "management"})
        self.browser.click_text("Log out")
        self.browser.type("input[name=username]", "small")
        self.browser.type("input[name=password]", "p")
        self.browser.keys("ENTER")
        self.browser.sees("Cluster", "main h2")
        self.assertNotIn("Nodes", self.browser.text("main"))
        self.go("queues", "There is no queue yet.")
        self.go("admin", "for administrators and policymakers")
        self.api.delete("/users/small")


@unittest.skipUnless(browser.available(), "needs chromium, chromium-driver and python3-selenium")
class ClusterPagesTest(Watched, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = ManagedCluster(count=3).open()
        cls.addClassCleanup(cls.cluster.close)
        cls.api = cls.cluster.api("node1")
        cls.browser = browser.Browser(cls.cluster.ports["node1"])
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        self.browser.log_in()
        self.browser.sees("Log out")
        self.browser.seen.clear()

    def tearDown(self):
        self.check_console()
        self.browser.driver.delete_all_cookies()

    def rows(self):
        return self.browser.run("return [...document.querySelectorAll('main table tbody tr')].map((r) => [r.cells[0].textContent, r.cells[1].textContent,"
                                " getComputedStyle(r.cells[0]).backgroundColor])")

    def test_1_a_killed_node_turns_red_within_five_seconds(self):
        page = self.browser
        page.until(lambda: [each[1] for each in self.rows()[:3]] == ["running"] * 3, "three nodes run")
        calm = self.rows()[2][2]
        page.picture("cluster-overview")
        victim = self.cluster["node3"]
        victim.kill()
        began = time.monotonic()
        page.until(lambda: self.rows()[2][1] == "down", "node3 is down", 10)
        self.assertLess(time.monotonic() - began, 5)
        red, green, blue = [int(each) for each in self.rows()[2][2].strip("rgba()").split(",")[:3]]
        self.assertNotEqual(self.rows()[2][2], calm)
        self.assertGreater(red, max(green, blue))
        page.sees("node3@localhost does not run", ".problems")
        page.picture("cluster-down")
        victim.start()
        page.until(lambda: [each[1] for each in self.rows()[:3]] == ["running"] * 3, "node3 is back", 60)
        page.until(lambda: not page.there(".problems"), "nothing is wrong any more")

    def test_2_the_map_shows_who_holds_what_and_a_promotion_as_it_happens(self):
        page = self.browser
        self.api.put("/policies/%2F/ha", {"pattern": "^m", "definition": {"ha-mode": "all"}})
        channels = {name: self.cluster[name].pika().channel() for name in ("node2", "node3")}
        for number in range(6):
            channels["node3"].queue_declare(f"m{number}", durable=True)
        channels["node2"].queue_declare("single", durable=True)
        page.go("cluster")
        page.until(lambda: [each[1] for each in self.rows()] == ["in sync"] * 6, "six queues with copies in sync", 60)
        page.picture("cluster-map")
        before = {each["name"]: each for each in self.api.get("/cluster/queues?replicated=true")}
        self.assertEqual({each["master"] for each in before.values()}, {"node3@localhost"})
        page.run("window.travelled = 0; new MutationObserver((all) => all.forEach((m) => m.addedNodes.forEach((n) =>"
                 " { if (n.className === 'travelling') window.travelled += 1; }))).observe(document.body, {childList: true})")
        self.cluster["node3"].kill()
        page.until(lambda: page.run("return window.travelled") >= 6, "the marks of six masters travel")
        page.picture("cluster-promotion")
        page.sees("node3@localhost → ", ".news")
        after = {each["name"]: each for each in self.api.get("/cluster/queues?replicated=true")}
        for name, each in after.items():
            self.assertNotEqual(each["master"], "node3@localhost")
            self.assertGreater(each["epoch"], before[name]["epoch"])
        page.until(lambda: page.run("return document.querySelectorAll('table.map .cell.away').length") == 6, "six copies are away")
        page.picture("cluster-map-down")
        self.look_at_queues_whose_copies_are_away()
        page.go("cluster")
        page.choose("select", "all")
        page.sees("single", "main table")
        self.cluster["node3"].start()
        page.until(lambda: [each[1] for each in self.rows() if each[0] != "single"] == ["in sync"] * 6, "all copies are in sync again", 90)
        page.picture("cluster-map-back")

    def look_at_queues_whose_copies_are_away(self):
        page = self.browser
        page.narrow()
        page.go("queues")
        page.sees("m0", "main table")
        self.assertFalse(page.overflows(), "the table is scrolled, not the page")
        page.picture("narrow-queues-down")
        page.go("queues/%2F/m0")
        page.sees("node3@localhost, down", "main .pairs")
        page.sees("in sync", "main .pairs")
        self.assertFalse(page.overflows())
        page.picture("narrow-queue-down")
        page.go("admin/cluster")
        page.sees("Cluster", "main .tabs")
        for bar in ("nav", ".tabs"):
            page.until(lambda: page.run("const bar = document.querySelector(arguments[0]).getBoundingClientRect(), chosen = document.querySelector(arguments[0]"
                                        " + ' [aria-current]').getBoundingClientRect(); return chosen.left >= bar.left && chosen.right <= bar.right + 1", bar),
                       f"what is chosen in {bar} is seen")
        page.wide()


if __name__ == "__main__":
    unittest.main()
