"""Records what Debian's rabbitmq-server answers to the conversation of harness/management.py, for
test_management_contract.py. Usage: record_management.py FILE"""
import json
import os
import sys

import pika

from harness import management, process
from harness.node import RabbitNode

PLUGINS = "[rabbitmq_management].\n"


def main(file):
    port = process.free_port()
    node = RabbitNode(config=f"management.tcp.port = {port}\nmanagement.tcp.ip = 127.0.0.1\n"
                             "collect_statistics_interval = 1000\n")
    with open(os.path.join(node.root, "plugins"), "w") as plugins:
        plugins.write(PLUGINS)
    try:
        node.start()
        assert process.wait_until(lambda: process.accepts(port), 60), "no management listener"
        api = management.Api(port)
        connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", node.port, heartbeat=0))
        recorded = {"version": api.get("/overview")["rabbitmq_version"],
                    "conversation": management.Conversation(api, connection).hold(),
                    "matrix": management.matrix(port)}
    finally:
        node.close()
    with open(file, "w") as out:
        json.dump(recorded, out, indent=1, sort_keys=True)
        out.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
