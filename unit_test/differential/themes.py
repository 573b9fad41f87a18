"""What meets in one program. Numbers are probabilities (or weights in `acts`), lists are choices.

arguments: sets of queue arguments, each taken with probability `argument`; "<exchange>" and "<queue>" name one of the
program's. properties: (name, choices, probability) of a publish. acts: weights over generate.py's defaults.
"""
TTL = {"x-message-ttl": [0, 20, 20, 3_600_000]}
DEAD_LETTER = {"x-dead-letter-exchange": "<exchange>"}
DEAD_LETTER_KEY = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "<queue>"}
LENGTH = {"x-max-length": [0, 1, 2, 3]}
BYTES = {"x-max-length-bytes": [0, 5, 20, 50]}
OVERFLOW = {"x-overflow": ["drop-head", "reject-publish", "reject-publish-dlx"]}
PRIORITY = {"x-max-priority": [1, 3, 10, 255]}
SINGLE_ACTIVE = {"x-single-active-consumer": True}
LAZY = {"x-queue-mode": ["lazy", "default"]}
EXPIRATION = ("expiration", ["0", "20", "20", "3600000"], 0.5)
PERSISTENT = ("delivery_mode", [1, 2], 0.3)

BAD_ARGUMENTS = [("x-message-ttl", v) for v in (-1, "60", 1.5, True, ["l", 2 ** 40])] + [
    ("x-expires", v) for v in (0, -1, "1", ["l", 2 ** 45])] + [
    ("x-max-length", v) for v in (-1, "3", True)] + [("x-max-length-bytes", v) for v in (-1, "3")] + [
    ("x-overflow", v) for v in ("drop-tail", 3)] + [("x-max-priority", v) for v in (-1, 256, "3")] + [
    ("x-dead-letter-exchange", v) for v in (3, True)] + [("x-dead-letter-routing-key", "k"), ("x-queue-mode", "fast"),
    ("x-single-active-consumer", "yes"), ("x-queue-mode", 1), ("x-dead-letter-routing-key", 3)]

ERRORS = [
    {"op": "settle", "which": "unknown", "how": "ack"},
    {"op": "settle", "which": "unknown", "how": "nack"},
    {"op": "settle", "which": "unknown", "how": "reject"},
    {"op": "get", "queue": "@missing"},
    {"op": "get", "queue": ""},
    {"op": "consume", "queue": "@missing", "tag": "tx"},
    {"op": "consume", "queue": "<queue>", "tag": "t1"},
    {"op": "consume", "queue": "<queue>", "tag": "tn", "args": {"x-priority": "high"}},
    {"op": "consume", "queue": "<queue>", "tag": "te", "flags": "x"},
    {"op": "purge", "queue": "@missing"},
    {"op": "passive_queue", "queue": "@missing"},
    {"op": "passive_exchange", "exchange": "@missing"},
    {"op": "delete_queue", "queue": "@missing"},
    {"op": "delete_exchange", "exchange": "@missing"},
    {"op": "delete_exchange", "exchange": "amq.direct"},
    {"op": "delete_exchange", "exchange": ""},
    {"op": "bind", "to": "@missing", "from": "amq.direct"},
    {"op": "bind", "to": "<queue>", "from": "@missing"},
    {"op": "bind", "to": "<queue>", "from": ""},
    {"op": "unbind", "to": "@missing", "from": "amq.direct"},
    {"op": "unbind", "to": "<queue>", "from": "@missing"},
    {"op": "unbind", "to": "<queue>", "from": ""},
    {"op": "unbind", "to": "<queue>", "from": "amq.direct", "key": "never"},
    {"op": "bind_exchange", "to": "@missing", "from": "amq.direct"},
    {"op": "bind_exchange", "to": "amq.fanout", "from": ""},
    {"op": "unbind_exchange", "to": "amq.fanout", "from": "@missing"},
    {"op": "bind", "to": "<queue>", "from": "amq.headers", "args": {"x-match": "some"}},
    {"op": "bind", "to": "<queue>", "from": "amq.headers", "args": {"x-match": 3}},
    {"op": "declare_queue", "queue": "amq.mine"},
    {"op": "declare_exchange", "exchange": "amq.mine"},
    {"op": "declare_exchange", "exchange": "", "type": "direct"},
    {"op": "declare_exchange", "exchange": "amq.direct", "type": "fanout", "flags": "d"},
    {"op": "declare_exchange", "exchange": "amq.direct", "type": "direct"},
    {"op": "declare_exchange", "exchange": "<exchange>", "type": "fanout"},
    {"op": "declare_exchange", "exchange": "<exchange>", "type": "topic", "flags": "d"},
    {"op": "declare_exchange", "exchange": "<exchange>", "flags": "a"},
    {"op": "declare_exchange", "exchange": "<exchange>", "flags": "i", "args": {"alternate-exchange": "amq.fanout"}},
    {"op": "declare_exchange", "exchange": "@ae", "args": {"alternate-exchange": 3}},
    {"op": "publish", "exchange": "@missing", "key": "k"},
    {"op": "publish", "exchange": "<exchange>", "key": "k", "immediate": True},
    {"op": "publish", "exchange": "", "key": "k", "props": {"expiration": "soon"}},
    {"op": "publish", "exchange": "", "key": "k", "props": {"expiration": "-1"}},
    {"op": "publish", "exchange": "", "key": "k", "props": {"expiration": "1.5"}},
    {"op": "publish", "exchange": "", "key": "k", "props": {"user_id": "somebody"}},
    {"op": "publish", "exchange": "", "key": "k", "props": {"headers": {"CC": "not an array"}}},
    {"op": "publish", "exchange": "", "key": "k", "props": {"headers": {"BCC": ["A", [3]]}}},
    {"op": "commit"}, {"op": "rollback"}, {"op": "tx_select"}, {"op": "confirm_select"},
    {"op": "qos", "count": 1, "size": 10},
    {"op": "recover", "requeue": False},
    {"op": "cancel", "tag": "never"},
    {"op": "delete_queue", "queue": "<queue>", "flags": "e"},
    {"op": "delete_queue", "queue": "<queue>", "flags": "u"},
    {"op": "declare_queue", "queue": "<queue>", "flags": "e"},
    {"op": "declare_queue", "queue": "<queue>", "flags": "d"},
    {"op": "declare_queue", "queue": "", "as": "$s1"},
] + [{"op": "declare_queue", "queue": "@bad", "args": {name: value}} for name, value in BAD_ARGUMENTS] + [
    {"op": "declare_queue", "queue": "<queue>", "args": {name: value}} for name, value in (
        ("x-message-ttl", 7), ("x-max-length", 9), ("x-max-priority", 2), ("x-overflow", "drop-head"),
        ("x-message-ttl", ["l", 20]), ("x-max-length", ["s", 2]), ("x-unknown", "kept"), ("x-queue-type", "classic"))]

THEMES = {
    "ttl": {"arguments": [TTL, DEAD_LETTER, DEAD_LETTER_KEY], "properties": [EXPIRATION, PERSISTENT], 
            "acts": {"wait": 1}},
    "dead letters": {"arguments": [DEAD_LETTER, DEAD_LETTER_KEY, LENGTH], "argument": 0.5, "exchanges": (1, 3),
                     "properties": [PERSISTENT], "requeue": 0.2, "settle": ["ack", "nack", "reject", "reject"],
                     "cc": 0.15, "acts": {"consume": 1.5}},
    "dead letter cycles": {"arguments": [DEAD_LETTER_KEY, TTL, LENGTH], "argument": 0.7, "queues": (2, 3),
                           "properties": [EXPIRATION], "requeue": 0.2, "settle": ["nack", "reject"], 
                           "acts": {"wait": 1}},
    "limits": {"arguments": [LENGTH, BYTES, OVERFLOW, DEAD_LETTER, LAZY], "argument": 0.5, "sized": 0.5, "confirm": 0.6,
               "properties": [PERSISTENT], "acts": {"publish": 8}},
    "priorities": {"arguments": [PRIORITY, LENGTH, DEAD_LETTER], "argument": 0.5,
                   "properties": [("priority", [0, 1, 2, 3, 5, 9, 200], 0.8), ("expiration", ["3600000"], 0.1)],
                   "acts": {}},
    "routing": {"arguments": [LAZY], "argument": 0.1, "exchanges": (2, 4), "bindings": (3, 8), "e2e": 0.4, "headers": 0.4,
                "alternate": 0.4, "cc": 0.2, "bcc": True, "mandatory": 0.5, "properties": [],
                "keys": ["a", "b", "a.b", "a.b.c", "", "b.a", "a..b", "#", "*"],
                "patterns": ["a", "b", "#", "*", "a.*", "*.b", "a.#", "#.b", "a.#.c", "#.#", "", "*.*", "a..b", "#.a.#"],
                "acts": {"publish": 8, "unbind": 1, "delete_exchange": 0.4}},
    "consumers": {"arguments": [SINGLE_ACTIVE], "argument": 0.3, "consumer_priority": 0.4, "exclusive": 0.1,
                  "properties": [], "queues": (1, 2), "acts": {"consume": 4, "cancel": 1.5, "settle": 5, "close": 1}},
    "requeue": {"arguments": [PRIORITY, LENGTH], "argument": 0.15, "properties": [("priority", [0, 1, 5], 0.2)],
                "requeue": 0.85, "settle": ["nack", "reject", "nack", "ack"], "queues": (1, 2),
                "acts": {"settle": 7, "get": 5, "recover": 1.5, "consume": 2}},
    "lives": {"arguments": [LAZY], "argument": 0.1, "flags": [("d", 0.2), ("a", 0.5), ("e", 0.3)], "properties": [],
              "acts": {"consume": 2, "cancel": 2, "delete_queue": 1, "delete_exchange": 1, "unbind": 1, "close": 1.5,
                       "redeclare": 2, "passive": 1.5}},
    "transactions": {"arguments": [LENGTH, DEAD_LETTER, TTL], "argument": 0.2, "tx": 1, "confirm": 0, "properties": [],
                     "mandatory": 0.3, "acts": {"commit": 4, "settle": 4}},
    "confirms": {"arguments": [LENGTH, OVERFLOW], "argument": 0.5, "confirm": 1, "mandatory": 0.5,
                 "properties": [PERSISTENT], "cc": 0.1, "bcc": True, "acts": {}},
    "errors": {"arguments": [TTL, LENGTH, PRIORITY], "argument": 0.2, "missing": 0.1, "properties": [], "errors": ERRORS,
               "acts": {"error": 10, "redeclare": 2, "passive": 1}},
    "policies": {"arguments": [TTL, LENGTH, OVERFLOW, DEAD_LETTER], "argument": 0.25,
                 "policies": ["p-ttl0", "p-ttl20", "p-max3", "p-reject2", "p-bytes30", "p-dlx", "p-dlk", "p-all", "p-op2",
                              "p-op-ttl"],
                 "exchange_policies": ["p-ae", "p-all"], "exchanges": (0, 2), "mandatory": 0.3, "sized": 0.2, 
                 "properties": [EXPIRATION], "acts": {}},
}
