"""The tools word for word (features.md O02-O05, O08, O10, O12, O46, O47): what Debian's rabbitmqctl prints for the same
commands, recorded with `run.py --broker rabbitmq test_ctl`, which must pass too. NODE stands for the node's name."""
import json
import os
import re
import time

import pika

from harness import process, raw
from harness.case import WAIT_S, BrokerTest, Collector, is_reference
from harness.node import make_node

BLOCKED, UNBLOCKED = (10, 60), (10, 61)


class ToolTest(BrokerTest):
    maxDiff = None

    def run_tool(self, tool, *arguments):
        """(exit code, everything it printed) with the node's name replaced; its warnings about itself left out."""
        done = self.node.tool(tool, *arguments)
        text = re.sub(r"\n\d\d:\d\d:\d\d\.\d+ \[warning\][^\n]*\n", "\n", "\n" + done.stdout + done.stderr)[1:]
        return done.returncode, text.replace(self.node.node_name, "NODE").rstrip("\n")

    def check(self, expected, *arguments, code=0, tool="rabbitmqctl"):
        with self.subTest(" ".join((tool,) + arguments)):
            self.assertEqual(self.run_tool(tool, *arguments), (code, expected.rstrip("\n")))

    def check_lines(self, expected, *arguments):
        """A list whose order is the broker's own affair."""
        code, text = self.run_tool("rabbitmqctl", "-q", *arguments)
        self.assertEqual(code, 0, text)
        heading, *lines = text.split("\n")
        self.assertEqual([heading] + sorted(lines), [expected[0]] + sorted(expected[1:]))

    def check_usage(self, problem, *arguments, code=64, tool="rabbitmqctl"):
        got, text = self.run_tool(tool, *arguments)
        self.assertEqual(got, code, text)
        head = f"Error (argument validation): {problem}\nArguments given:\n\t-n NODE {' '.join(arguments)}\n\nUsage\n"
        self.assertTrue(text.startswith(head), text)


class Users(ToolTest):
    def test_a_user_lives_from_add_to_delete(self):
        added = ('Adding user "u1" ...\nDone. Don\'t forget to grant the user permissions to some virtual hosts! See '
                 "'rabbitmqctl help set_permissions' to learn more.")
        self.check(added, "add_user", "u1", "p1")
        self.check('Adding user "u1" ...\nError:\nUser "u1" already exists', "add_user", "u1", "p1", code=70)
        self.check('Setting tags for user "u1" to [management, policymaker] ...', "set_user_tags", "u1", "management",
                   "policymaker")
        self.check_lines(["user\ttags", "guest\t[administrator]", "u1\t[management, policymaker]"], "list_users")
        self.check('Authenticating user "u1" ...\nSuccess', "authenticate_user", "u1", "p1")
        self.check('Clearing password for user "u1" ...', "clear_password", "u1")
        self.check("Authenticating user \"u1\" ...\nError:\nError: failed to authenticate user \"u1\"\nuser 'u1' - "
                   "invalid credentials", "authenticate_user", "u1", "p1", code=65)
        self.check('Changing password for user "u1" ...', "change_password", "u1", "p2")
        self.check('Setting permissions for user "u1" in vhost "/" ...', "set_permissions", "u1", "^a", "", ".*")
        self.check('Listing permissions for user "u1" ...\nvhost\tconfigure\twrite\tread\n/\t^a\t\t.*',
                   "list_user_permissions", "u1")
        self.check('Clearing permissions for user "u1" in vhost "/" ...', "clear_permissions", "u1")
        self.check('Listing permissions for user "u1" ...', "list_user_permissions", "u1")
        self.check('Deleting user "u1" ...', "delete_user", "u1")
        self.check('Deleting user "u1" ...\nError:\nUser "u1" does not exist', "delete_user", "u1", code=67)

    def test_topic_permissions(self):
        self.check('Setting topic permissions on "amq.topic" for user "guest" in vhost "/" ...', "set_topic_permissions",
                   "guest", "amq.topic", "^a", "^b")
        self.check('Listing topic permissions for vhost "/" ...\nuser\texchange\twrite\tread\nguest\tamq.topic\t^a\t^b',
                   "list_topic_permissions")
        self.check('Setting topic permissions on "amq.topic" for user "guest" in vhost "/" ...\nError:\n'
                   "{:invalid_regexp, \"[\", {'missing terminating ] for character class', 1}}",
                   "set_topic_permissions", "guest", "amq.topic", "[", "^b", code=69)
        self.check('Clearing topic permissions for user "guest" in vhost "/" ...', "clear_topic_permissions", "guest")
        self.check('Listing topic permissions for vhost "/" ...', "list_topic_permissions")

    def test_user_limits(self):
        self.check('Setting user limits to "{"max-connections": 10}" for user "guest" ...', "set_user_limits", "guest",
                   '{"max-connections": 10}')
        self.check('Listing limits for user "guest" ...\n{"max-connections":10}', "list_user_limits", "--user", "guest")
        self.check('Setting user limits to "{"bogus": 10}" for user "guest" ...\nError:\nUnrecognised terms '
                   '[{<<"bogus">>,10}] in user-limits', "set_user_limits", "guest", '{"bogus": 10}', code=69)
        self.check('Clearing all limits for user "guest" ...', "clear_user_limits", "guest", "all")
        self.check('Listing limits for user "guest" ...\n{}', "list_user_limits", "--user", "guest")

    def test_layouts(self):
        self.check('[\n{"user":"guest","tags":["administrator"]}\n]', "list_users", "--formatter", "json")
        self.check('"user","tags"\n"guest","[administrator]"', "list_users", "--formatter", "csv")
        self.check("guest\t[administrator]", "-s", "list_users")


class Vhosts(ToolTest):
    def test_a_vhost_lives_from_add_to_delete(self):
        self.check('Adding vhost "v1" ...', "add_vhost", "v1", "--description", "my vhost", "--default-queue-type",
                   "quorum")
        self.check_lines(["name\tdescription\tdefault_queue_type\ttracing\tcluster_state",
                          "/\tDefault virtual host\tundefined\tfalse\t[{NODE, running}]",
                          "v1\tmy vhost\tquorum\tfalse\t[{NODE, running}]"],
                         "list_vhosts", "name", "description", "default_queue_type", "tracing", "cluster_state")
        self.check('Setting tags for virtual host "v1" to [c, d] ...', "set_vhost_tags", "v1", "c", "d")
        self.check_lines(["name\ttags", "/\t[]", "v1\t[c, d]"], "list_vhosts", "name", "tags")
        self.check('Setting vhost limits to "{"max-queues": 5}" for vhost "v1" ...', "set_vhost_limits", "-p", "v1",
                   '{"max-queues": 5}')
        self.check('Listing limits for vhost "v1" ...\n{"max-queues":5}', "list_vhost_limits", "-p", "v1")
        self.check('Listing limits for all vhosts ...\nvhost\tlimits\nv1\t{"max-queues":5}', "list_vhost_limits",
                   "--global")
        self.check('Clearing vhost "v1" limits ...', "clear_vhost_limits", "-p", "v1")
        self.check('Deleting vhost "v1" ...', "delete_vhost", "v1")
        self.check("Deleting vhost \"v1\" ...\nVirtual host 'v1' does not exist", "delete_vhost", "v1", code=65)

    def test_tracing_and_restart(self):
        self.check('Starting tracing for vhost "/" ...\nTrace enabled for vhost /', "trace_on")
        self.check("name\ttracing\n/\ttrue", "-q", "list_vhosts", "name", "tracing")
        self.check('Stopping tracing for vhost "/" ...\nTrace disabled for vhost /', "trace_off")
        self.check("Trying to restart vhost '/' on node 'NODE' ...\nVhost '/' is already running on node 'NODE'",
                   "restart_vhost")

    def test_deleting_a_vhost_closes_its_connections(self):
        self.node.tool("rabbitmqctl", "add_vhost", "gone")
        self.node.tool("rabbitmqctl", "set_permissions", "-p", "gone", "guest", ".*", ".*", ".*")
        connection = self.connect(virtual_host="gone")
        self.node.tool("rabbitmqctl", "delete_vhost", "gone")
        with self.assertRaises(pika.exceptions.AMQPConnectionError):
            self.pump(connection, lambda: False, what="the connection's end")


class Policies(ToolTest):
    def test_policies_and_operator_policies(self):
        self.check('Setting policy "p1" for pattern "^a" to "{"max-length":5,"expires":60000}" with priority "3" for '
                   'vhost "/" ...', "set_policy", "p1", "^a", '{"max-length":5,"expires":60000}', "--priority", "3",
                   "--apply-to", "queues")
        heading = "vhost\tname\tpattern\tapply-to\tdefinition\tpriority\n"
        self.check('Listing policies for vhost "/" ...\n' + heading
                   + '/\tp1\t^a\tqueues\t{"expires":60000,"max-length":5}\t3', "list_policies")
        self.channel().queue_declare("a1")
        self.check("name\tpolicy\na1\tp1", "-q", "list_queues", "name", "policy")
        self.check('Clearing policy "p1" on vhost "/" ...', "clear_policy", "p1")
        self.check('Clearing policy "p1" on vhost "/" ...\nError:\nParameter does not exist', "clear_policy", "p1",
                   code=69)
        self.check('Setting operator policy override "o1" for pattern "^b" to "{"max-length":5}" with priority "0" for '
                   'vhost "/" ...', "set_operator_policy", "o1", "^b", '{"max-length":5}', "--apply-to", "queues")
        self.check('Listing operator policy overrides for vhost "/" ...\n' + heading
                   + '/\to1\t^b\tqueues\t{"max-length":5}\t0', "list_operator_policies")
        self.check('Clearing operator policy "o1" on vhost "/" ...', "clear_operator_policy", "o1")

    def test_refusals(self):
        banner = 'Setting policy "bad" for pattern "^x" to "%s" with priority "0" for vhost "/" ...\nError:\n'
        self.check(banner % "notjson" + "JSON decoding error. Reason: badarg", "set_policy", "bad", "^x", "notjson",
                   code=69)
        self.check(banner % '{"nosuch":1}' + 'Validation failed\n\n[{<<"nosuch">>,1}] are not recognised policy settings',
                   "set_policy", "bad", "^x", '{"nosuch":1}', code=69)
        self.check_usage("not enough arguments.", "set_policy", "bad", "^x")
        self.check('Setting runtime parameter "x" for component "nosuch" to "{}" in vhost "/" ...\nError:\nValidation '
                   "failed\n\ncomponent nosuch not found", "set_parameter", "nosuch", "x", "{}", code=69)
        self.check('Clearing global runtime parameter "x" ...\nError:\nParameter does not exist',
                   "clear_global_parameter", "x", code=69)

    def test_global_parameters(self):
        self.check('Setting global runtime parameter "cluster_tags" to "{"a":"b"}" ...', "set_global_parameter",
                   "cluster_tags", '{"a":"b"}')
        code, text = self.run_tool("rabbitmqctl", "-s", "list_global_parameters")
        self.assertEqual(code, 0)
        self.assertIn('cluster_tags\t{"a":"b"}', text.split("\n"))


class Lists(ToolTest):
    def test_what_a_client_made_is_listed(self):
        connection = self.connect()
        channel = connection.channel()
        channel.queue_declare("q1", durable=True, arguments={"x-max-length": 5, "x-dead-letter-exchange": "d"})
        channel.exchange_declare("x1", "topic", durable=True)
        channel.queue_bind("q1", "x1", "a.b")
        channel.queue_bind("q1", "amq.headers", "", arguments={"n": 1, "x-match": "all"})
        for _ in range(3):
            channel.basic_publish("", "q1", b"hello", pika.BasicProperties(delivery_mode=2))
        channel.basic_qos(prefetch_count=10)
        consumer = Collector(channel, "q1", consumer_tag="ct1", arguments={"x-priority": 3})
        self.pump(connection, lambda: len(consumer.deliveries) == 3)
        self.check('name\tdurable\targuments\tmessages_ready\tmessages_unacknowledged\tmessages\tconsumers\tstate\ttype\n'
                   'q1\ttrue\t[{"x-max-length",5},{"x-dead-letter-exchange","d"}]\t0\t3\t3\t1\trunning\tclassic', "-q",
                   "list_queues", "name", "durable", "arguments", "messages_ready", "messages_unacknowledged",
                   "messages", "consumers", "state", "type")
        self.check("Timeout: 60.0 seconds ...\nListing queues for vhost / ...\nname\tmessages\nq1\t3", "list_queues")
        code, text = self.run_tool("rabbitmqctl", "list_queues", "--formatter", "json", "name", "arguments", "messages")
        self.assertEqual(text, '[\n{"name":"q1","arguments":[["x-max-length","signedint",5],["x-dead-letter-exchange",'
                               '"longstr","d"]],"messages":3}\n]')
        self.check('"name","arguments","messages"\n"q1","[{""x-max-length"",5},{""x-dead-letter-exchange"",""d""}]","3"',
                   "list_queues", "--formatter", "csv", "name", "arguments", "messages")
        self.check_lines(["source_name\tsource_kind\tdestination_name\tdestination_kind\trouting_key\targuments",
                          "\texchange\tq1\tqueue\tq1\t[]", "x1\texchange\tq1\tqueue\ta.b\t[]",
                          'amq.headers\texchange\tq1\tqueue\t\t[{"n",1},{"x-match","all"}]'], "list_bindings")
        self.check('queue_name\tconsumer_tag\tack_required\tprefetch_count\tactive\tactivity_status\targuments\n'
                   'q1\tct1\ttrue\t10\ttrue\tup\t[{"x-priority",3}]', "-q", "list_consumers", "queue_name",
                   "consumer_tag", "ack_required", "prefetch_count", "active", "activity_status", "arguments")
        self.check("user\tvhost\tnumber\tconsumer_count\tmessages_unacknowledged\tconfirm\tprefetch_count\n"
                   "guest\t/\t1\t1\t3\tfalse\t10", "-q", "list_channels", "user", "vhost", "number", "consumer_count",
                   "messages_unacknowledged", "confirm", "prefetch_count")
        self.check("user\tpeer_host\tstate\tchannels\tprotocol\tauth_mechanism\tssl\n"
                   "guest\t127.0.0.1\trunning\t1\t{0,9,1}\tPLAIN\tfalse", "-q", "list_connections", "user", "peer_host",
                   "state", "channels", "protocol", "auth_mechanism", "ssl")

    def test_the_exchanges_of_a_fresh_node(self):
        self.check_lines(["name\ttype\tdurable\tauto_delete\tinternal\targuments\tpolicy",
                          "\tdirect\ttrue\tfalse\tfalse\t[]\t", "amq.direct\tdirect\ttrue\tfalse\tfalse\t[]\t",
                          "amq.fanout\tfanout\ttrue\tfalse\tfalse\t[]\t",
                          "amq.headers\theaders\ttrue\tfalse\tfalse\t[]\t",
                          "amq.match\theaders\ttrue\tfalse\tfalse\t[]\t",
                          "amq.rabbitmq.trace\ttopic\ttrue\tfalse\ttrue\t[]\t",
                          "amq.topic\ttopic\ttrue\tfalse\tfalse\t[]\t"], "list_exchanges", "name", "type", "durable",
                         "auto_delete", "internal", "arguments", "policy")

    def test_columns_and_options_that_do_not_exist(self):
        self.check_usage("Info key(s) mirror_pids,bogus are not supported", "list_queues", "name", "mirror_pids", "bogus")
        self.check_usage("Invalid options for this command:\n--bogus : ", "list_queues", "--bogus")
        self.check("Listing exchanges for vhost /nope ...", "list_exchanges", "-p", "/nope")
        self.check("[\n]", "list_consumers", "-p", "/nope", "--formatter", "json")
        self.check("[\n]", "list_bindings", "-p", "/nope", "--formatter", "json")


class Operations(ToolTest):
    def test_queues_are_purged_and_deleted(self):
        channel = self.channel()
        channel.queue_declare("q1")
        channel.confirm_delivery()
        for _ in range(4):
            channel.basic_publish("", "q1", b"x")
        code, text = self.run_tool("rabbitmqctl", "delete_queue", "q1", "--if-empty")
        self.assertNotEqual(code, 0, text)
        self.assertTrue(text.startswith("Deleting queue 'q1' on vhost '/' if queue is empty ...\nError:\n"), text)
        self.check("Purging queue 'q1' in vhost '/' ...", "purge_queue", "q1")
        self.assertEqual(self.count(channel, "q1"), 0)
        channel.basic_publish("", "q1", b"x")
        self.check("Deleting queue 'q1' on vhost '/' ...\nQueue was successfully deleted with 1 ready messages",
                   "delete_queue", "q1")
        self.check("Deleting queue 'q1' on vhost '/' ...\nError:\nQueue not found", "delete_queue", "q1", code=64)
        self.check("Purging queue 'q1' in vhost '/' ...\nError:\nnot_found", "purge_queue", "q1", code=69)

    def test_connections_are_closed_with_320(self):
        client = raw.RawClient(self.node.port).login()
        pid = self.node.tool("rabbitmqctl", "-s", "list_connections", "pid").stdout.strip()
        done = self.node.tool("rabbitmqctl", "close_connection", pid, "enough")
        self.assertEqual((done.returncode, done.stdout), (0, f"Closing connection {pid}, reason: enough...\n"))
        self.assertEqual(client.reaction(), ("connection", 320, "CONNECTION_FORCED - enough"))
        client.send(raw.method(0, 10, 51))
        client.close()
        two = [raw.RawClient(self.node.port).login() for _ in range(2)]
        self.check("Closing all connections in vhost /, reason: why...\nClosed 2 connections", "close_all_connections",
                   "why")
        for each in two:
            self.assertEqual(each.reaction(), ("connection", 320, "CONNECTION_FORCED - why"))
            each.send(raw.method(0, 10, 51))
            each.close()
        self.check("Closing connection <0.1.0>, reason: why...\nError:\nError:\n{:invalid_pid_syntax, \"<0.1.0>\"}",
                   "close_connection", "<0.1.0>", "why", code=69)


class Alarms(ToolTest):
    """Watermarks that change while clients publish (O46)."""

    def check_blocks(self, command, reason, alarm, lift):
        with raw.RawClient(self.node.port) as client:
            client.login().open_channel()
            self.node.tool("rabbitmqctl", *command)
            process.wait_until(lambda: alarm in self.run_tool("rabbitmq-diagnostics", "alarms")[1], WAIT_S)
            client.send(raw.message(1, "nowhere", b"x"))
            self.assertEqual(client.expect(*BLOCKED), raw.short_string(reason))
            self.check("Asking node NODE to report any local resource alarms ...\nError:\n" + alarm,
                       "check_local_alarms", code=69, tool="rabbitmq-diagnostics")
            self.assertIn("\nAlarms\n\n" + alarm, self.run_tool("rabbitmqctl", "status")[1])
            self.assertIn("\nAlarms\n\n", self.run_tool("rabbitmqctl", "cluster_status")[1])
            self.check("state\nblocked", "-q", "list_connections", "state")
            self.node.tool("rabbitmqctl", *lift)
            client.expect(*UNBLOCKED)
            self.check("Asking node NODE to report any local resource alarms ...\nNode NODE reported no local alarms",
                       "check_local_alarms", tool="rabbitmq-diagnostics")

    def test_a_memory_watermark_of_0_blocks_at_once(self):
        self.check_blocks(["set_vm_memory_high_watermark", "0"], "low on memory", "Memory alarm on node NODE",
                          ["set_vm_memory_high_watermark", "0.4"])

    def test_a_disk_limit_beyond_the_disk_blocks(self):
        self.check_blocks(["set_disk_free_limit", "900000GB"], "low on disk", "Free disk space alarm on node NODE",
                          ["set_disk_free_limit", "50MB"])

    def test_bad_limits(self):
        self.check_usage("Bad argument: The threshold should be a fraction between 0.0 and 1.0",
                         "set_vm_memory_high_watermark", "2.0", code=65)
        self.check_usage("Bad argument: Invalid units.", "set_vm_memory_high_watermark", "absolute", "1XB", code=65)
        self.check_usage("Bad argument.", "set_disk_free_limit", "mem_relative", "x", code=65)


class Health(ToolTest):
    def check(self, expected, *arguments, code=0, tool="rabbitmq-diagnostics"):
        super().check(expected, *arguments, code=code, tool=tool)

    def test_checks_of_a_healthy_node(self):
        port = str(self.node.port)
        self.check("Checking if RabbitMQ is running on node NODE ...\nRabbitMQ on node NODE is fully booted and running",
                   "check_running")
        self.check(f"Asking node NODE if there's an active listener on port {port} ...\nA listener for port {port} is "
                   "running on node NODE.", "check_port_listener", port)
        self.check("Asking node NODE if there's an active listener for protocol amqp ...\nA listener for protocol amqp is "
                   "running on node NODE.", "check_protocol_listener", "amqp")
        self.check("Asking node NODE if there's an active listener for protocol mqtt ...\nError:\nNo listener for "
                   "protocol mqtt is active on node NODE. Found listeners for the following protocols: amqp, clustering, control",
                   "check_protocol_listener", "mqtt", code=69)
        self.check("Checking if all vhosts are running on node NODE ...\nNode NODE reported all vhosts as running",
                   "check_virtual_hosts")
        self.check("Asking node NODE to report any known resource alarms ...\nNode NODE reported no alarms, local or "
                   "clusterwide", "alarms")
        self.check("Asking node NODE for its status ...\nRabbitMQ on node NODE is fully booted and running", "is_running")
        code, text = self.run_tool("rabbitmq-diagnostics", "check_port_connectivity")
        self.assertEqual(code, 0)
        self.assertIn("Successfully connected to ports ", text)
        code, text = self.run_tool("rabbitmq-diagnostics", "erlang_cookie_hash")
        self.assertRegex(text, r"^Asking node NODE its Erlang cookie hash...\n[A-Za-z0-9+/]{22}==$")
        self.check_usage("Bad argument: Argument must be a positive integer", "check_port_listener", "abc", code=65,
                         tool="rabbitmq-diagnostics")

    def test_a_tool_has_only_its_own_commands(self):
        code, text = self.run_tool("rabbitmq-diagnostics", "add_user", "a", "b")
        self.assertEqual(code, 64)
        self.assertTrue(text.startswith("\nCommand 'add_user' not found."), text)

    def test_memory_adds_up(self):
        code, text = self.run_tool("rabbitmq-diagnostics", "memory_breakdown", "--formatter", "json")
        self.assertEqual(code, 0)
        parts = json.loads(text).values()
        self.assertAlmostEqual(sum(part["percentage"] for part in parts), 100, delta=2)


class Definitions(ToolTest):
    """What one node exports makes another the same (O10, O28)."""

    def test_definitions_move_to_another_node(self):
        self.node.tool("rabbitmqctl", "add_user", "alice", "secret")
        self.node.tool("rabbitmqctl", "set_permissions", "alice", ".*", ".*", ".*")
        channel = self.channel()
        channel.queue_declare("kept", durable=True, arguments={"x-max-length": 5})
        channel.exchange_declare("x1", "topic", durable=True)
        channel.queue_bind("kept", "x1", "a.b")
        file = os.path.join(self.node.root, "definitions.json")
        self.check(f'Exporting definitions in JSON to a file at "{file}" ...', "export_definitions", file)
        with open(file) as exported:
            self.assertEqual([queue["name"] for queue in json.load(exported)["queues"]], ["kept"])
        other = make_node(config=f"load_definitions = {file}\n")
        self.addCleanup(other.close)
        other.start()
        bindings = other.tool("rabbitmqctl", "-s", "list_bindings", "source_name", "destination_name", "routing_key")
        self.assertIn("x1\tkept\ta.b", bindings.stdout.split("\n"))
        self.assertEqual(other.tool("rabbitmqctl", "authenticate_user", "alice", "secret").returncode, 0)
        again = other.tool("rabbitmqctl", "import_definitions", file)  # import adds: twice is once
        self.assertEqual(again.returncode, 0, again.stderr)

    def test_a_file_that_makes_no_sense_is_refused(self):
        file = os.path.join(self.node.root, "bad.json")
        with open(file, "w") as bad:
            bad.write("nonsense")
        code, text = self.run_tool("rabbitmqctl", "import_definitions", file)
        self.assertNotEqual(code, 0)
        self.assertIn("\nError:\n", text)
        self.check_usage("Bad argument: File /nonexistent/x.json does not exist", "import_definitions",
                         "/nonexistent/x.json", code=65)


class Plugins(ToolTest):
    def check(self, expected, *arguments, code=0):
        got, text = self.run_tool("rabbitmq-plugins", *arguments)
        text = "\n".join(line for line in text.split("\n") if not line.startswith("Warning: ")).rstrip("\n")
        self.assertEqual((got, text), (code, expected))

    def test_names_are_enabled_and_disabled_again_and_again(self):
        banner = "Enabling plugins on node NODE:\nrabbitmq_top\nThe following plugins have been configured:\n"
        names = "  rabbitmq_top\n" if not is_reference() else None
        if names is None:
            self.skipTest("its plug-ins bring dependencies along")
        self.check(banner + names + "Applying plugin configuration to NODE...\nThe following plugins have been enabled:\n"
                   + names + "\nstarted 1 plugins.", "enable", "rabbitmq_top")
        self.check(banner + names + "Applying plugin configuration to NODE...\nPlugin configuration unchanged.",
                   "enable", "rabbitmq_top")
        self.node.restart()
        self.check("Asking node NODE if plugin rabbitmq_top is enabled...\nPlugin rabbitmq_top is enabled on node NODE",
                   "is_enabled", "rabbitmq_top")
        self.assertEqual(self.run_tool("rabbitmq-plugins", "disable", "rabbitmq_top")[0], 0)
        self.assertEqual(self.run_tool("rabbitmq-plugins", "is_enabled", "rabbitmq_top")[0], 69)

    def test_a_name_that_nobody_knows_is_refused(self):
        self.check("Enabling plugins on node NODE:\nbogus\nError:\n{:plugins_not_found, [:bogus]}", "enable", "bogus",
                   code=70)


class Eval(ToolTest):
    def test_what_clients_tests_send(self):
        self.check("ok", "eval", "rabbit_alarm:set_alarm({{resource_limit, memory, node()}, []}).")
        self.assertIn("Memory alarm on node NODE", self.run_tool("rabbitmq-diagnostics", "alarms")[1])
        self.check("ok", "eval", "rabbit_alarm:clear_alarm({resource_limit, memory, node()}).")
        self.check('{ok,[<<"guest">>]}', "eval", "application:get_env(rabbit, loopback_users).")
        self.check("ok", "eval", "application:set_env(rabbit, channel_max, 5).")
        with raw.RawClient(self.node.port) as client:
            client.send(raw.HEADER)
            client.expect(10, 10)
            client.send(raw.start_ok())
            self.assertEqual(client.expect(10, 30)[:2], b"\x00\x05")


class Flow(ToolTest):
    """A publisher that the node slows down is shown in state `flow` (O47)."""

    def test_a_fast_publisher_is_in_flow(self):
        if is_reference():
            self.skipTest("its credit is counted in messages between processes and rarely runs out here")
        consumer = self.channel()  # with a consumer that does not read, credit is withheld
        consumer.queue_declare("slow")
        client = raw.RawClient(self.node.port)
        self.addCleanup(client.close)
        client.login().open_channel()
        client.socket.settimeout(0.01)
        block = raw.message(1, "slow", b"x" * 100_000) * 20

        def states():
            deadline = time.monotonic() + 0.5
            while time.monotonic() < deadline:
                try:
                    client.socket.sendall(block)
                except OSError:
                    break
            return self.node.tool("rabbitmqctl", "-s", "list_connections", "state").stdout.split()
        self.assertTrue(process.wait_until(lambda: "flow" in states(), 30), "never in flow")
