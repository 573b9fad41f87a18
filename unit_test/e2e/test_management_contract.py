"""The management API keeps RabbitMQ's contract (features.md O14-O21): statuses, errors, keys and types as recorded from a
real rabbitmq-server (record_management.py), and who may ask what."""
import json
import os
import unittest

import pika

from harness import management, management_matrix, process
from harness.case import BrokerTest

HERE = os.path.dirname(os.path.abspath(__file__))

# What Warren does not have and does not invent (docs/differences.md), by the last key of the path.
MISSING = {"backing_queue_status", "ssl_opts", "idle_since", "javascript"}
# Likewise, of some objects only.
MISSING_OF = {
    "/definitions/%2F": {"vhost"},  # a file of one vhost does not name it
    "/overview?columns": {"channels", "connections", "consumers", "exchanges"},  # what was not asked for
    "/vhosts": {"recv_oct", "send_oct", "confirm", "drop_unroutable", "return_unroutable"},
}
# Keys whose values come from something that differs: names of nodes, arguments and the like.
OPEN = {"arguments", "client_properties", "socket_opts", "cluster_state", "memory", "cowboy_opts", "metadata", "limits",
        "value", "definition", "effective_policy_definition", "properties"}
# Error texts that are compared word by word; those of Erlang terms are not.
TERM = ("{key_missing", "[{", "invalid_regexp")


def missing_of(request):
    """Keys that an answer to this request may lack."""
    extra = [keys for prefix, keys in MISSING_OF.items() if f" {prefix}" in request and "bindings" not in request]
    return MISSING.union(*extra)


def differences(expected, found, missing, path=""):
    """What `found` lacks or has of another type. More keys than expected are no mistake."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key, member in expected.items():
            where = f"{path}.{key}"
            if key in missing or key.removesuffix("_details") in missing:
                continue
            if key not in found:
                yield f"{where} is missing"
            elif key not in OPEN:
                yield from differences(member, found[key], missing, where)
    elif isinstance(expected, list) and isinstance(found, list):
        if expected and found:
            yield from differences(expected[0], found[0], missing, path + "[]")
        elif expected:
            yield f"{path} is an empty list"
    elif expected != found and "null" not in (expected, found) and "any" not in (expected, found):
        if not (expected == [] or found == [] or isinstance(expected, dict) and not expected):
            yield f"{path} is {found!r}, not {expected!r}"


class ManagementContractTest(BrokerTest):
    @classmethod
    def setUpClass(cls):
        cls.http_port = process.free_port()
        cls.config = f"management.tcp.port = {cls.http_port}\nmanagement.tcp.ip = 127.0.0.1\n"
        super().setUpClass()
        with open(os.path.join(HERE, "management_3_10.json")) as recorded:
            cls.recorded = json.load(recorded)

    def test_answers_have_the_statuses_keys_and_types_of_rabbitmq(self):
        connection = pika.BlockingConnection(self.parameters(heartbeat=0))
        found = management.Conversation(management.Api(self.http_port), connection).hold()
        problems = []
        for request, expected in self.recorded["conversation"].items():
            answer = found[request]
            if answer["status"] != expected["status"]:
                problems.append(f"{request}: {answer['status']} {answer.get('body')}, not {expected['status']}")
                continue
            if "allow" in expected and set(expected["allow"].split(", ")) - set(answer.get("allow", "").split(", ")):
                problems.append(f"{request}: allows {answer.get('allow')}, not {expected['allow']}")
            if "body" in expected:
                problems += [f"{request}: {each}" for each in self.error_differences(expected["body"], answer["body"])]
            else:
                problems += [f"{request}: {each}" for each in differences(expected["shape"], answer["shape"],
                                                                             missing_of(request))]
        self.assertEqual(problems, [], "\n".join([""] + problems))

    @staticmethod
    def error_differences(expected, found):
        if not isinstance(expected, dict):
            return
        if found.get("error") != expected.get("error"):
            yield f"error {found.get('error')!r}, not {expected['error']!r}"
        reason = expected.get("reason")
        if isinstance(reason, str) and not reason.startswith(TERM) and found.get("reason") != reason:
            yield f"reason {found.get('reason')!r}, not {reason!r}"

    def test_every_path_is_open_to_the_tags_that_rabbitmq_opens_it_to(self):
        found = management.matrix(self.http_port)
        problems = [f"{request}: {found[request]}, not {expected} for {management.TAGS}"
                    for request, expected in self.recorded["matrix"].items() if found[request] != expected]
        self.assertEqual(problems, [], "\n".join([""] + problems))
        self.check_the_rest_of_the_matrix()
        self.check_that_no_path_is_left_out()

    def check_the_rest_of_the_matrix(self):
        node = management.Api(self.http_port).get("/nodes")[0]["name"]
        problems = []
        for method, path, body, expected in management_matrix.REST:
            found = [management.Api(self.http_port, f"t_{tag}", "p").call(method, path.replace("NODE", node), body)[0] for tag in management.TAGS]
            if found != expected:
                problems.append(f"{method} {path}: {found}, not {expected} for {management.TAGS}")
        self.assertEqual(problems, [], "\n".join([""] + problems))

    def check_that_no_path_is_left_out(self):
        table = management_matrix.routes()
        self.assertGreater(len(table), 130)
        asked = [each[:2] for each in management.MATRIX + management_matrix.REST]
        covered = {management_matrix.route_of(method, path, table) for method, path in asked}
        self.assertEqual([each for each in table if each not in covered and each[2] != "anyone"], [])


if __name__ == "__main__":
    unittest.main()
