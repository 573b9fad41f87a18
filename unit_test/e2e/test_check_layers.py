"""scripts/check_layers sees a breach of each kind, and only those."""
import os
import subprocess
import sys
import tempfile
import unittest

from harness.options import options

CLEAN = {
    "libbroker/base/a.hpp": "#pragma once\n#include <vector>\n",
    "libbroker/queue/q.cpp": '#include "base/a.hpp"\n#include "queue/q.hpp"\n',
    "libbroker/queue/q.hpp": "#pragma once\n#include <unordered_map>\nstd::unordered_map<int, int> index_;\n",
    "actors/x.hpp": '#pragma once\n#include <caf/actor.hpp>\n#include "base/a.hpp"\n',
    "net/listener.cpp": '#include "actors/x.hpp"\n#include <boost/asio.hpp>\nauto t = std::chrono::steady_clock::now();\n',
    "persistence/store.cpp": '#include "base/a.hpp"\n#include <leveldb/db.h>\n',
    "apps/server/main.cpp": '#include "actors/x.hpp"\n#include <iostream>\n',
}
BREACHES = {
    "libbroker may not include actors": ("libbroker/queue/q.cpp", '#include "actors/x.hpp"'),
    "persistence may not include actors": ("persistence/store.cpp", '#include "actors/x.hpp"'),
    "<caf/actor.hpp> is not for libbroker": ("libbroker/queue/q.cpp", "#include <caf/actor.hpp>"),
    "<thread> is not for libbroker": ("libbroker/queue/q.cpp", "#include <thread>"),
    "<chrono> is not for libbroker": ("libbroker/queue/q.cpp", "#include <chrono>"),
    "<leveldb/db.h> is not for actors": ("actors/x.hpp", "#include <leveldb/db.h>"),
    "<sys/socket.h> is not for actors": ("actors/x.hpp", "#include <sys/socket.h>"),
    "random_device": ("libbroker/queue/q.cpp", "std::random_device seed;"),
    "a clock read": ("actors/x.hpp", "auto t = std::chrono::steady_clock::now();"),
    "sleep": ("actors/x.hpp", "std::this_thread::sleep_for(one);"),
    "detached": ("actors/x.hpp", "spawn<caf::detached>(f);"),
    "unordered container index_": ("libbroker/queue/q.cpp", "for (auto& [key, value] : index_)"),
}


class CheckLayers(unittest.TestCase):
    def run_on(self, tree):
        with tempfile.TemporaryDirectory(prefix="warren-layers-") as root:
            for path, text in tree.items():
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                with open(os.path.join(root, path), "w") as file:
                    file.write(text)
            done = subprocess.run([sys.executable, os.path.join(options.repository, "scripts/check_layers"), root],
                                  capture_output=True, text=True)
            return done.returncode, done.stdout

    def test_a_clean_tree_passes(self):
        self.assertEqual(self.run_on(CLEAN), (0, f"check_layers: {len(CLEAN)} files, 0 breaches\n"))

    def test_each_kind_of_breach_is_named(self):
        for reason, (file, line) in BREACHES.items():
            with self.subTest(reason):
                code, output = self.run_on({**CLEAN, file: CLEAN[file] + line + "\n"})
                self.assertEqual(code, 1)
                self.assertIn(reason, output)
                self.assertIn("1 breaches", output)

    def test_an_excuse_needs_a_reason(self):
        file, line = "libbroker/queue/q.cpp", "for (auto& [key, value] : index_)"
        excused = CLEAN[file] + "// layers: the sum does not depend on the order\n" + line + "\n"
        self.assertEqual(self.run_on({**CLEAN, file: excused})[0], 0)
        self.assertEqual(self.run_on({**CLEAN, file: CLEAN[file] + "// layers:\n" + line + "\n"})[0], 1)
