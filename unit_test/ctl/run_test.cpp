// warrenctl against a node, word for word as RabbitMQ 3.10's rabbitmqctl (single-node transcripts; features.md
// O02-O13).
#include <boost/test/unit_test.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include "lab.hpp"
#include "process_life.hpp"

BOOST_FIXTURE_TEST_SUITE(ctl, test::lab)

BOOST_AUTO_TEST_CASE(lists_have_a_banner_a_heading_and_tabs) {
  const auto got = run({"list_users"});
  BOOST_TEST(got.code == 0);
  BOOST_TEST(got.out == "Listing users ...\nuser\ttags\nguest\t[administrator]\n");
  BOOST_TEST(run({"list_vhosts"}).out == "Listing vhosts ...\nname\n/\n");
  BOOST_TEST(run({"list_permissions"}).out
             == "Listing permissions for vhost \"/\" ...\nuser\tconfigure\twrite\tread\nguest\t.*\t.*\t.*\n");
}

BOOST_AUTO_TEST_CASE(queues_are_listed_by_the_columns_asked_for) {
  BOOST_TEST(run({"list_queues"}).out
             == "Timeout: 60.0 seconds ...\nListing queues for vhost / ...\nname\tmessages\nq0\t1\nq1\t2\nq2\t3\n");
  BOOST_TEST(run({"-q", "list_queues", "messages_ready", "name", "type", "policy"}).out
             == "messages_ready\tname\ttype\tpolicy\n0\tq0\tclassic\t\n1\tq1\tclassic\t\n2\tq2\tclassic\t\n");
  BOOST_TEST(run({"list_queues", "-t", "5", "--offline", "name"}).out
             == "Timeout: 5.0 seconds ...\nListing queues for vhost / ...\n");
}

BOOST_AUTO_TEST_CASE(commands_that_make_no_sense_here_are_refused_with_a_reason) {
  const auto got = run({"encode", "secret", "passphrase"});
  BOOST_TEST(got.code == 69);
  BOOST_TEST(
    got.out + got.err
    == "Error:\nCommand 'encode' is not offered: values in the configuration file are not encrypted: let nobody "
       "but the broker read it\n");
  BOOST_TEST(run({"force_gc"}).code == 69);
  BOOST_TEST(run({"nosuchcommand"}).code == 64);
}

BOOST_AUTO_TEST_CASE(quiet_drops_the_banner_and_silent_the_heading_too) {
  BOOST_TEST(run({"list_users", "-q"}).out == "user\ttags\nguest\t[administrator]\n");
  BOOST_TEST(run({"list_users", "-s"}).out == "guest\t[administrator]\n");
  BOOST_TEST(run({"list_users", "--no-table-headers"}).out == "Listing users ...\nguest\t[administrator]\n");
}

BOOST_AUTO_TEST_CASE(machines_get_json_and_csv_without_banners) {
  BOOST_TEST(
    run({"list_queues", "--formatter", "json", "name", "messages", "slave_pids"}).out
    == "[\n{\"name\":\"q0\",\"messages\":1,\"slave_pids\":\"\"}\n,{\"name\":\"q1\",\"messages\":2,\"slave_pids\":\"\"}"
       "\n,{\"name\":\"q2\",\"messages\":3,\"slave_pids\":\"\"}\n]\n");
  BOOST_TEST(run({"list_users", "--formatter=csv"}).out == "\"user\",\"tags\"\n\"guest\",\"[administrator]\"\n");
  BOOST_TEST(run({"set_user_tags", "guest", "--formatter", "json"}).out
             == "{\"node\":\"rabbit@test\",\"result\":\"ok\"}\n");
}

BOOST_AUTO_TEST_CASE(connections_show_their_peer) {
  BOOST_TEST(run({"list_connections"}).out
             == "Listing connections ...\nuser\tpeer_host\tpeer_port\tstate\nguest\t127.0.0.1\t51234\trunning\n");
  BOOST_TEST(run({"-s", "list_connections", "pid", "client_properties"}).out
             == "<rabbit@test.1795415102.7.0>\t[{\"product\",\"pika\"}]\n");
}

BOOST_AUTO_TEST_CASE(a_user_lives_from_add_to_delete) {
  const auto added = run({"add_user", "admin", "123"});
  BOOST_TEST(
    added.out
    == "Adding user \"admin\" ...\nDone. Don't forget to grant the user permissions to some virtual hosts! See "
       "'rabbitmqctl help set_permissions' to learn more.\n");
  const auto again = run({"add_user", "admin", "123"});
  BOOST_TEST(again.code == 70);
  BOOST_TEST(again.out + again.err == "Adding user \"admin\" ...\nError:\nUser \"admin\" already exists\n");
  BOOST_TEST(run({"set_user_tags", "admin", "administrator", "monitoring"}).out
             == "Setting tags for user \"admin\" to [administrator, monitoring] ...\n");
  BOOST_TEST(run({"set_permissions", "-p", "/", "admin", ".*", ".*", ".*"}).out
             == "Setting permissions for user \"admin\" in vhost \"/\" ...\n");
  BOOST_TEST(run({"list_user_permissions", "admin"}).out
             == "Listing permissions for user \"admin\" ...\nvhost\tconfigure\twrite\tread\n/\t.*\t.*\t.*\n");
  BOOST_TEST(run({"authenticate_user", "admin", "123"}).out == "Authenticating user \"admin\" ...\nSuccess\n");
  BOOST_TEST(run({"change_password", "admin", "1234"}).out == "Changing password for user \"admin\" ...\n");
  const auto bad = run({"authenticate_user", "admin", "123"});
  BOOST_TEST(bad.code == 65);
  BOOST_TEST(bad.err == "Error:\nError: failed to authenticate user \"admin\"\nuser 'admin' - invalid credentials\n");
  BOOST_TEST(run({"clear_permissions", "-p", "/", "admin"}).out
             == "Clearing permissions for user \"admin\" in vhost \"/\" ...\n");
  BOOST_TEST(run({"delete_user", "admin"}).code == 0);
  BOOST_TEST(run({"delete_user", "admin"}).code == 67);
}

BOOST_AUTO_TEST_CASE(a_missing_password_is_asked_for) {
  typed = "from the terminal";
  BOOST_TEST(run({"add_user", "typed"}).code == 0);
  BOOST_TEST(node.view.metadata()->authenticate("typed", "from the terminal", true).ok());
  typed.clear();
  const auto none = run({"add_user", "onlyname"});
  BOOST_TEST(none.code == 65);
  BOOST_TEST(none.out + none.err
             == "Adding user \"onlyname\" ...\nPassword: \nError:\nPassword is not provided via argument or stdin\n");
}

BOOST_AUTO_TEST_CASE(refusals_have_rabbitmqs_codes_and_words) {
  struct refusal {
    std::vector<const char*> arguments;
    int code;
    std::string err;
  };
  const refusal cases[] = {
    {{"set_user_tags", "nobody", "x"}, 67, "Error:\nUser \"nobody\" does not exist\n"},
    {{"change_password", "nobody", "x"}, 67, "Error:\nUser \"nobody\" does not exist\n"},
    {{"set_permissions", "-p", "/nope", "guest", ".*", ".*", ".*"}, 69, "Error:\nVirtual host /nope does not exist\n"},
    {{"set_permissions", "nobody", ".*", ".*", ".*"}, 67, "Error:\nUser nobody does not exist\n"},
    {{"set_permissions", "guest", "[", ".*", ".*"},
     69,
     "Error:\n{:invalid_regexp, '[', {'missing terminating ] for character class', 1}}\n"},
    {{"list_permissions", "-p", "/nope"}, 65, "Virtual host '/nope' does not exist\n"},
  };
  for (const auto& each : cases) {
    const auto got = run(each.arguments);
    BOOST_TEST(got.code == each.code);
    BOOST_TEST(got.err == each.err);
  }
}

BOOST_AUTO_TEST_CASE(usage_errors_name_the_arguments_and_the_usage) {
  const auto few = run({"-n", "rabbit@test", "add_user"});
  BOOST_TEST(few.code == 64);
  BOOST_TEST(few.err
             == "Error (argument validation): not enough arguments.\nArguments given:\n\t-n rabbit@test add_user\n\n"
                "Usage\n\nrabbitmqctl [--node <node>] [--longnames] [--quiet] add_user <username> <password>\n");
  const auto column = run({"-n", "rabbit@test", "list_queues", "name", "mirror_pids", "bogus"});
  BOOST_TEST(column.code == 64);
  BOOST_TEST(
    column.err.starts_with("Error (argument validation): Info key(s) mirror_pids,bogus are not supported\n"
                           "Arguments given:\n\t-n rabbit@test list_queues name mirror_pids bogus\n\nUsage\n\n"
                           "rabbitmqctl [--node <node>] [--longnames] [--quiet] list_queues [--vhost <vhost>]"));
  BOOST_TEST(run({"list_users", "extra"}).code == 64);
  BOOST_TEST(run({"list_users", "--bogus"}).code == 64);
  BOOST_TEST(run({"list_users", "-t", "soon"}).code == 64);
  BOOST_TEST(run({}).code == 64);
  BOOST_TEST(run({"help"}).code == 0);
  const auto unknown = run({"list_qeues"});
  BOOST_TEST(unknown.code == 64);
  BOOST_TEST(unknown.err.starts_with("\nCommand 'list_qeues' not found. \nDid you mean 'list_queues'?\n\nUsage\n\n"));
}

BOOST_AUTO_TEST_CASE(ping_and_await_startup_answer_at_once) {
  BOOST_TEST(
    run({"ping"}).out
    == "Will ping rabbit@test. This only checks if the OS process is running and registered with epmd. Timeout: "
       "60000 ms.\nPing succeeded\n");
  BOOST_TEST(run({"await_startup"}).code == 0);
}

BOOST_AUTO_TEST_CASE(await_startup_gives_up_after_its_timeout) {
  const auto got = run({"-n", "rabbit@localhost", "await_startup", "--timeout", "0.3"});
  BOOST_TEST(got.code == 75);
  BOOST_TEST(got.err == "Error: operation await_startup on node rabbit@localhost timed out. Timeout value used: 300\n");
}

BOOST_AUTO_TEST_CASE(a_node_that_does_not_run_is_69_with_the_diagnostics_page) {
  setenv("RABBITMQ_DIST_PORT", "1", 1); // nothing listens there
  const auto got = run({"-n", "rabbit@localhost", "status"});
  unsetenv("RABBITMQ_DIST_PORT");
  BOOST_TEST(got.code == 69);
  BOOST_TEST(
    got.err.starts_with("Error: unable to perform an operation on node 'rabbit@localhost'. Please see diagnostics "
                        "information and suggestions below.\n"));
  BOOST_TEST(got.err.find("attempted to contact: [rabbit@localhost]\n") != std::string::npos);
  BOOST_TEST(got.err.find("  * suggestion: start the node\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_wrong_cookie_is_69_and_shows_only_its_hash) {
  write_cookie("WRONGCOOKIE", 0400);
  const auto got = run({"list_users"});
  BOOST_TEST(got.code == 69);
  BOOST_TEST(got.err.find("suggestion: check if the Erlang cookie is identical") != std::string::npos);
  BOOST_TEST(got.err.find(" * Erlang cookie hash: ") != std::string::npos);
  BOOST_TEST(got.err.find("WRONGCOOKIE") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_cookie_others_can_read_is_78) {
  write_cookie("SECRET", 0644);
  const auto got = run({"list_users"});
  BOOST_TEST(got.code == 78);
  BOOST_TEST(got.err == "Error: Cookie file " + folder + "/.erlang.cookie must be accessible by owner only\n");
}

BOOST_AUTO_TEST_CASE(a_cookie_may_be_given_directly) {
  write_cookie("WRONG", 0400);
  BOOST_TEST(run({"list_users", "--erlang-cookie", "SECRET"}).code == 0);
}

BOOST_AUTO_TEST_CASE(cluster_status_has_rabbitmqs_sections) {
  BOOST_TEST(
    run({"cluster_status"})
      .out.starts_with(
        "Cluster status of node rabbit@test ...\nBasics\n\nCluster name: rabbit@test\n\nDisk Nodes\n\nrabbit@test\n\n"
        "Running Nodes\n\nrabbit@test\n\nVersions\n\nrabbit@test: RabbitMQ 3.13.7 on Warren "));
  const auto page = run({"-q", "cluster_status"}).out;
  BOOST_TEST(
    page.find("\nMaintenance status\n\nNode: rabbit@test, status: not under maintenance\n\nAlarms\n\n(none)\n\n"
              "Network Partitions\n\n(none)\n\nListeners\n\nNode: rabbit@test, interface: [::], port: 5672, "
              "protocol: amqp, purpose: AMQP 0-9-1 and AMQP 1.0\n\nFeature flags\n\nFlag: ")
    != std::string::npos);
  BOOST_TEST(run({"cluster_status", "--formatter", "json"}).out.find("\"running_nodes\":[\"rabbit@test\"]")
             != std::string::npos);
}

BOOST_AUTO_TEST_CASE(status_tells_what_tools_look_for) {
  const auto page = run({"status"}).out;
  BOOST_TEST(page.starts_with("Status of node rabbit@test ...\nRuntime\n\nOS PID: "));
  for (const char* line :
       {"\nUptime (seconds): 22\n", "\nIs under maintenance?: false\n", "\nRabbitMQ version: 3.13.7\n",
        "\nNode name: rabbit@test\n", "\nAlarms\n\n(none)\n", "\nTotals\n\nConnection count: 0\n"})
    BOOST_TEST(page.find(line) != std::string::npos, line);
}

BOOST_AUTO_TEST_CASE(stop_asks_the_node_and_waits_for_the_process_of_its_pid_file) {
  const auto pid_file = folder + "/gone.pid";
  std::ofstream{pid_file} << 2'000'000'000; // beyond any process number: already gone
  const auto got = run({"stop", pid_file.c_str()});
  BOOST_TEST(got.out == "Stopping and halting node rabbit@test ...\n");
  BOOST_TEST(got.code == 0);
  BOOST_TEST(node.view.stopped);
}

BOOST_AUTO_TEST_CASE(stop_does_not_wait_for_somebody_to_ask_how_the_process_ended) {
  const auto pid_file = folder + "/ended.pid";
  const pid_t child = fork();
  if (child == 0)
    _exit(0);
  std::ofstream{pid_file} << child;
  siginfo_t ended{};
  BOOST_REQUIRE(waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT) == 0); // stays in the table
  BOOST_TEST(!broker::process_lives(child));
  BOOST_TEST(broker::process_lives(getpid()));
  const auto got = run({"stop", "-t", "2", pid_file.c_str()});
  BOOST_TEST(got.code == 0);
  BOOST_TEST(got.out == "Stopping and halting node rabbit@test ...\n");
  waitpid(child, nullptr, 0);
}

BOOST_AUTO_TEST_SUITE_END()
