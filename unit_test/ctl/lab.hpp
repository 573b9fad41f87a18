// A tool beside a fake node: what every test of a command shares.
#pragma once

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <unistd.h>

#include "fake_node.hpp"
#include "node_registry.hpp"
#include "run.hpp"

namespace test {

struct answer {
  int code = 0;
  std::string out;
  std::string err;
};

struct lab {
  fake_node node;
  std::string folder = (std::filesystem::temp_directory_path() / "warren-ctl-XXXXXX").string();
  std::string typed; ///< what the operator types for a password
  std::string piped; ///< what comes from standard input

  lab() {
    BOOST_REQUIRE(mkdtemp(folder.data()) != nullptr);
    setenv("XDG_RUNTIME_DIR", folder.c_str(), 1);
    setenv("HOME", folder.c_str(), 1);
    setenv("RABBITMQ_NODENAME", "rabbit@test", 1);
    unsetenv("RABBITMQ_ERLANG_COOKIE");
    write_cookie("SECRET", 0400);
    BOOST_REQUIRE(broker::add_to_registry("rabbit@test", {getpid(), node.port, "", ""}).ok());
  }
  ~lab() { std::filesystem::remove_all(folder); }

  void write_cookie(std::string_view text, int mode) {
    const auto file = folder + "/.erlang.cookie";
    std::filesystem::remove(file);
    std::ofstream{file} << text;
    std::filesystem::permissions(file, static_cast<std::filesystem::perms>(mode));
  }
  answer run_as(const char* program, const std::vector<const char*>& arguments) {
    answer got;
    broker::ctl::terminal console;
    console.out = [&](const std::string& text) { got.out += text; };
    console.err = [&](const std::string& text) { got.err += text; };
    console.read_secret = [&] { return typed; };
    console.read_input = [&] { return piped; };
    got.code = broker::ctl::run(program, arguments, console);
    return got;
  }
  answer run(const std::vector<const char*>& arguments) { return run_as("/usr/sbin/rabbitmqctl", arguments); }
  answer diagnose(const std::vector<const char*>& arguments) { return run_as("rabbitmq-diagnostics", arguments); }

  /// The command succeeds and prints exactly this.
  void expect(const std::vector<const char*>& arguments, std::string_view out) {
    const auto got = run(arguments);
    BOOST_TEST_CONTEXT(arguments[0]) {
      BOOST_TEST(got.code == 0);
      BOOST_TEST(got.out == out);
      BOOST_TEST(got.err == "");
    }
  }
  /// The command fails with this code and says this.
  void expect_failure(const std::vector<const char*>& arguments, int code, std::string_view err) {
    const auto got = run(arguments);
    BOOST_TEST_CONTEXT(arguments[0]) {
      BOOST_TEST(got.code == code);
      BOOST_TEST(got.err == err);
    }
  }
};

} // namespace test
