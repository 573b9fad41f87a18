"""The two brokers of a comparison, with the same policies on both.

Setting a policy takes rabbitmqctl seconds, so each exists from the start and is chosen by the end of a queue's or exchange's
name: "@q1.p-max3" falls under the policy whose pattern is `\\.p-max3$`.
"""
import base64
import hashlib
import itertools
import json
import os

from harness import node as nodes
from runner import Runner

POLICIES = {  # name: (apply-to, definition)
    "p-ttl0": ("queues", '{"message-ttl":0}'),
    "p-ttl20": ("queues", '{"message-ttl":20}'),
    "p-max3": ("queues", '{"max-length":3}'),
    "p-reject2": ("queues", '{"max-length":2,"overflow":"reject-publish"}'),
    "p-bytes30": ("queues", '{"max-length-bytes":30}'),
    "p-dlx": ("queues", '{"dead-letter-exchange":"amq.fanout"}'),
    "p-dlk": ("queues", '{"dead-letter-exchange":"","dead-letter-routing-key":"nowhere"}'),
    "p-all": ("all", '{"max-length":2,"alternate-exchange":"amq.fanout"}'),
    "p-ae": ("exchanges", '{"alternate-exchange":"amq.fanout"}'),
}
OPERATOR_POLICIES = {
    "p-op2": ("queues", '{"max-length":2}'),
    "p-op-ttl": ("queues", '{"message-ttl":20}'),
}
RABBITMQ_MISSING = "differential: rabbitmq-server is not installed (scripts/setup installs it)"


def rabbitmq_installed():
    return os.path.exists(os.path.join(nodes.RabbitNode.scripts, "rabbitmq-server"))


def guest_hash():
    salt = os.urandom(4)
    return base64.b64encode(salt + hashlib.sha256(salt + b"guest").digest()).decode()


def vhost_of(worker):
    """Programs share amq.fanout and its like within a vhost: each worker has one of its own."""
    return f"w{worker}" if worker else "/"


def definitions(workers):
    """All of it as a definitions file: one call of a command-line tool for each policy would take too long."""
    vhosts = [vhost_of(worker) for worker in range(workers)]
    every = itertools.product(vhosts, POLICIES.items())
    operator = itertools.product(vhosts, OPERATOR_POLICIES.items())

    def rule(name, apply_to, definition):
        return {"pattern": f"\\.{name}$", "apply-to": apply_to, "priority": 0, "definition": json.loads(definition)}

    return {"vhosts": [{"name": vhost} for vhost in vhosts],
            "users": [{"name": "guest", "password_hash": guest_hash(), "tags": "administrator",
                       "hashing_algorithm": "rabbit_password_hashing_sha256"}],
            "permissions": [{"user": "guest", "vhost": vhost, "configure": ".*", "write": ".*", "read": ".*"}
                            for vhost in vhosts],
            "policies": [{"vhost": vhost, "name": name, **rule(name, *more)} for vhost, (name, more) in every],
            "parameters": [{"vhost": vhost, "component": "operator_policy", "name": name, "value": rule(name, *more)}
                           for vhost, (name, more) in operator]}


class Broker:
    """A node of its own, or one that already listens on `port` (its policies are then somebody else's business)."""

    def __init__(self, kind, port=None, workers=1):
        self.kind, self.port, self.workers = kind, port, workers
        self.node = None if port else {"rabbitmq": nodes.RabbitNode, "warren": nodes.WarrenNode}[kind]()

    def start(self):
        if self.node:
            if self.kind == "rabbitmq":
                self.node.write_config(f"load_definitions = {self.definitions_path()}\n")
            self.node.start()
            self.port = self.node.port
            if self.kind == "warren":
                self.node.ctl("import_definitions", self.definitions_path())
        return self

    def definitions_path(self):
        path = os.path.join(self.node.root, "definitions.json")
        with open(path, "w") as file:
            json.dump(definitions(self.workers), file)
        return path

    def runner(self, label, worker=0):
        return Runner(self.port, f"{label}{worker}", vhost_of(worker))

    def close(self):
        if self.node:
            self.node.close()
