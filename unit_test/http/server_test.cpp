// The HTTP server on a real socket: bounded in everything, and gone when it is stopped.
#include <boost/test/unit_test.hpp>

#include <functional>
#include <future>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "net/http/http_server.hpp"

namespace http_server {

using boost::asio::ip::tcp;
namespace http = broker::http;

struct client {
  explicit client(uint16_t port) { socket.connect({boost::asio::ip::address_v4::loopback(), port}); }
  void send(std::string_view text) { boost::asio::write(socket, boost::asio::buffer(text)); }
  /// Everything until the server closes.
  std::string rest() {
    std::string all;
    boost::system::error_code end;
    boost::asio::read(socket, boost::asio::dynamic_buffer(all), end);
    return all;
  }
  boost::asio::io_context io;
  tcp::socket socket{io};
};

struct fixture {
  fixture() {
    http::server_limits limits;
    limits.header_timeout = std::chrono::milliseconds{300};
    limits.idle_timeout = std::chrono::milliseconds{1'000};
    limits.connections_max = 4;
    limits.stream_timeout = std::chrono::milliseconds{300};
    limits.stream_waiting_max_bytes = 8 * 1024 * 1024;
    server = std::make_unique<http::server>(limits);
    http::endpoint echo;
    echo.admit = [](const http::request& head) -> std::variant<size_t, http::response> {
      http::response refused;
      refused.status = 401;
      if (head.find("authorization") == nullptr && head.method == "PUT")
        return refused;
      return size_t{100};
    };
    echo.handle = [this](http::request what, http::responder done) {
      http::response answer;
      answer.body = what.method + " " + what.target + " " + what.body;
      if (what.target == "/stream") {
        answer.body = "first ";
        answer.stream = [this](std::weak_ptr<http::response_stream> out) { streams.push_back(std::move(out)); };
      }
      if (what.target == "/later")
        later = done;
      else
        done(answer);
    };
    auto bound = server->listen("127.0.0.1", 0, echo);
    BOOST_REQUIRE(bound.ok());
    port = *bound;
    server->start();
  }
  std::unique_ptr<http::server> server;
  uint16_t port = 0;
  http::responder later;
  std::vector<std::weak_ptr<http::response_stream>> streams;

  /// Does something on the server's thread, and waits for it.
  template<class Work>
  auto there(Work work) {
    std::promise<decltype(work())> done;
    server->poster()([&] { done.set_value(work()); });
    return done.get_future().get();
  }
  bool eventually(const std::function<bool()>& condition) {
    for (int tries = 0; tries < 500; ++tries) {
      if (there(condition))
        return true;
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
    return false;
  }
};

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

} // namespace http_server

BOOST_FIXTURE_TEST_SUITE(http_server, fixture)

BOOST_AUTO_TEST_CASE(requests_of_one_connection_are_answered_in_order) {
  client one{port};
  one.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\nPOST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
           "HEAD /c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const auto all = one.rest();
  const auto first = all.find("GET /a ");
  const auto second = all.find("POST /b hi");
  BOOST_TEST(first != std::string::npos);
  BOOST_TEST(second != std::string::npos);
  BOOST_TEST(first < second);
  BOOST_TEST(!has(all, "HEAD /c"));
  BOOST_TEST(has(all.substr(second), "Content-Length: 8"));
}

BOOST_AUTO_TEST_CASE(bodies_beyond_the_limit_are_refused_announced_or_not) {
  client announced{port};
  announced.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n");
  BOOST_TEST(has(announced.rest(), " 413 "));
  client chunked{port};
  chunked.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + std::string(101, 'x')
               + "\r\n0\r\n\r\n");
  BOOST_TEST(has(chunked.rest(), " 413 "));
}

BOOST_AUTO_TEST_CASE(a_refused_request_costs_no_body) {
  client stranger{port};
  stranger.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n");
  BOOST_TEST(has(stranger.rest(), " 401 "));
}

BOOST_AUTO_TEST_CASE(headers_beyond_the_limit_and_nonsense_are_refused) {
  client large{port};
  large.send("GET / HTTP/1.1\r\nX: " + std::string(20'000, 'y') + "\r\n\r\n");
  BOOST_TEST(has(large.rest(), " 431 "));
  client nonsense{port};
  nonsense.send("\x16\x03\x01 hello\r\n\r\n");
  const auto answer = nonsense.rest();
  const bool refused = answer.empty() || has(answer, " 400 ");
  BOOST_TEST(refused);
}

BOOST_AUTO_TEST_CASE(a_client_that_does_not_finish_its_headers_is_cut_off) {
  client slow{port};
  slow.send("GET / HTTP/1.1\r\nX: ");
  const auto began = std::chrono::steady_clock::now();
  BOOST_TEST(slow.rest().empty());
  BOOST_TEST((std::chrono::steady_clock::now() - began < std::chrono::seconds{5}));
}

BOOST_AUTO_TEST_CASE(each_step_has_its_own_time_whatever_came_before) {
  client one{port};
  char answer[512];
  for (int i = 0; i < 3; ++i) {
    one.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    BOOST_TEST(one.socket.read_some(boost::asio::buffer(answer)) > 0u);
    std::this_thread::sleep_for(std::chrono::milliseconds{150}); // beyond the first request's time for headers
  }
  one.send("GET / HTTP/1.1\r\nX: ");
  const auto began = std::chrono::steady_clock::now();
  BOOST_TEST(one.rest().empty());
  const auto took = std::chrono::steady_clock::now() - began;
  BOOST_TEST((took > std::chrono::milliseconds{250}));
  BOOST_TEST((took < std::chrono::milliseconds{900})); // not the time between requests
}

BOOST_AUTO_TEST_CASE(a_handler_may_take_longer_than_a_client) {
  client one{port};
  one.send("GET /later HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  std::this_thread::sleep_for(std::chrono::milliseconds{1'200});
  http::response answer;
  answer.body = "at last";
  there([&] {
    later(answer);
    return true;
  });
  BOOST_TEST(has(one.rest(), "at last"));
}

BOOST_AUTO_TEST_CASE(connections_beyond_the_limit_are_closed_unheard_and_their_places_come_back) {
  std::vector<std::unique_ptr<client>> open;
  for (int i = 0; i < 4; ++i) {
    open.push_back(std::make_unique<client>(port));
    open.back()->send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n");
    char octet = 0;
    boost::asio::read(open.back()->socket, boost::asio::buffer(&octet, 1));
  }
  client fifth{port};
  BOOST_TEST(fifth.rest().empty());
  open.clear();
  bool served = false;
  for (int tries = 0; tries < 100 && !served; ++tries) {
    client next{port};
    boost::system::error_code ignored;
    boost::asio::write(next.socket, boost::asio::buffer(std::string_view{"GET /n HTTP/1.0\r\n\r\n"}), ignored);
    served = has(next.rest(), "GET /n");
  }
  BOOST_TEST(served);
}

BOOST_AUTO_TEST_CASE(an_answer_after_the_end_goes_nowhere) {
  client waiting{port};
  waiting.send("GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto post = server->poster();
  for (int i = 0; i < 500; ++i) {
    std::promise<bool> asked;
    post([&] { asked.set_value(static_cast<bool>(later)); });
    if (asked.get_future().get())
      break;
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
  server->stop();
  BOOST_TEST(waiting.rest().empty());
  later({});
  bool ran = false;
  post([&] { ran = true; });
  server.reset();
  post([&] { ran = true; });
  BOOST_TEST(!ran);
}

BOOST_AUTO_TEST_CASE(a_stream_goes_on_until_it_is_ended) {
  client reader{port};
  reader.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  BOOST_REQUIRE(eventually([&] { return streams.size() == 1; }));
  there([&] { return streams[0].lock()->send("second "), 0; });
  std::this_thread::sleep_for(std::chrono::milliseconds{1'500}); // longer than any limit of time of the fixture
  there([&] {
    const auto out = streams[0].lock();
    out->send("third");
    out->end();
    out->send("never");
    return 0;
  });
  const auto all = reader.rest();
  BOOST_TEST(has(all, "HTTP/1.1 200 OK\r\n"));
  BOOST_TEST(has(all, "Connection: close"));
  BOOST_TEST(!has(all, "Content-Length"));
  BOOST_TEST(all.ends_with("\r\n\r\nfirst second third"));
}

BOOST_AUTO_TEST_CASE(a_stream_s_client_that_has_gone_is_noticed) {
  {
    client reader{port};
    reader.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    BOOST_REQUIRE(eventually([&] { return streams.size() == 1; }));
  }
  BOOST_TEST(eventually([&] { return streams[0].expired(); }));
}

BOOST_AUTO_TEST_CASE(a_stream_s_client_that_reads_nothing_is_dropped) {
  for (const size_t piece : {size_t{7} << 20, size_t{9} << 20}) { // by time, and by what lies there
    streams.clear();
    client slow{port};
    slow.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    BOOST_REQUIRE(eventually([&] { return streams.size() == 1; }));
    there([&] { return streams[0].lock()->send(std::string(piece, 'x')), 0; });
    BOOST_TEST(eventually([&] { return streams[0].expired(); }));
  }
}

BOOST_AUTO_TEST_CASE(a_stream_s_client_that_does_not_take_its_end_is_dropped_however_often_it_is_told) {
  client deaf{port};
  deaf.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  BOOST_REQUIRE(eventually([&] { return streams.size() == 1; }));
  const auto began = std::chrono::steady_clock::now();
  const bool gone = eventually([&] {
    if (const auto out = streams[0].lock())
      out->end();
    return streams[0].expired();
  });
  BOOST_TEST(gone);
  BOOST_TEST((std::chrono::steady_clock::now() - began < std::chrono::seconds{4}));
}

BOOST_AUTO_TEST_CASE(head_of_a_stream_ends) {
  client reader{port};
  reader.send("HEAD /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  BOOST_TEST(has(reader.rest(), " 200 "));
  BOOST_TEST(streams.empty());
}

BOOST_AUTO_TEST_CASE(streams_end_with_the_server) {
  client reader{port};
  reader.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  BOOST_REQUIRE(eventually([&] { return streams.size() == 1; }));
  server->stop();
  BOOST_TEST(reader.rest().ends_with("first "));
  BOOST_TEST(streams[0].expired());
}

BOOST_AUTO_TEST_SUITE_END()
