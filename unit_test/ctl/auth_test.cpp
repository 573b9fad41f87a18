// guarantees.md S6: both ends prove the cookie; nothing recorded, mirrored or guessed gets in.
#include <boost/test/unit_test.hpp>

#include "control_auth.hpp"

using namespace broker::control;

namespace {

struct both {
  client_handshake client;
  server_handshake server;
  both(std::string_view client_cookie, std::string_view server_cookie)
    : client(client_cookie, "tool@a", fresh_nonce()), server(server_cookie, "rabbit@b", fresh_nonce()) {}
};

} // namespace

BOOST_AUTO_TEST_SUITE(control_auth)

BOOST_AUTO_TEST_CASE(holders_of_the_same_cookie_know_each_other) {
  both ends{"SECRET", "SECRET"};
  auto challenge = ends.server.challenge(ends.client.hello());
  BOOST_REQUIRE(challenge.ok());
  auto proof = ends.client.answer(*challenge);
  BOOST_REQUIRE(proof.ok());
  BOOST_TEST(ends.client.server_name() == "rabbit@b");
  auto theirs = ends.server.finish(*proof);
  BOOST_REQUIRE(theirs.ok());
  BOOST_TEST(ends.client.finish(*theirs).ok());
}

BOOST_AUTO_TEST_CASE(another_cookie_is_refused_by_the_server) {
  both ends{"OTHER", "SECRET"};
  const auto proof = ends.client.answer(*ends.server.challenge(ends.client.hello()));
  BOOST_TEST(ends.server.finish(*proof).error().text == "the cookies differ");
}

BOOST_AUTO_TEST_CASE(a_server_without_the_cookie_is_refused_by_the_client) {
  both honest{"SECRET", "OTHER"};
  BOOST_REQUIRE(honest.client.answer(*honest.server.challenge(honest.client.hello())).ok());
  both liar{"OTHER", "OTHER"};
  const auto forged = liar.server.finish(*liar.client.answer(*liar.server.challenge(liar.client.hello())));
  BOOST_TEST(honest.client.finish(*forged).error().text == "the cookies differ");
}

BOOST_AUTO_TEST_CASE(the_cookie_never_travels) {
  both ends{"VERYSECRETCOOKIE", "VERYSECRETCOOKIE"};
  const std::string hello = ends.client.hello();
  const auto challenge = ends.server.challenge(hello);
  const auto proof = ends.client.answer(*challenge);
  const auto theirs = ends.server.finish(*proof);
  for (const std::string& sent : {hello, *challenge, *proof, *theirs})
    BOOST_TEST(sent.find("VERYSECRET") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_recorded_conversation_cannot_be_replayed) {
  both recorded{"SECRET", "SECRET"};
  const std::string hello = recorded.client.hello();
  const auto proof = recorded.client.answer(*recorded.server.challenge(hello));
  BOOST_REQUIRE(recorded.server.finish(*proof).ok());
  server_handshake again{"SECRET", "rabbit@b", fresh_nonce()};
  BOOST_REQUIRE(again.challenge(hello).ok());
  BOOST_TEST(!again.finish(*proof).ok());
}

BOOST_AUTO_TEST_CASE(a_server_cannot_be_made_to_prove_itself_for_somebody_else) {
  // The attacker opens a second connection and sends the server's own words back.
  const nonce mirrored = fresh_nonce();
  server_handshake first{"SECRET", "rabbit@b", mirrored};
  client_handshake attacker{"GUESS", "rabbit@b", mirrored};
  BOOST_REQUIRE(first.challenge(attacker.hello()).ok()); // equal nonces, equal names: only the role differs
  client_handshake honest{"SECRET", "rabbit@b", mirrored};
  server_handshake second{"SECRET", "rabbit@b", mirrored};
  const auto proof = honest.answer(*second.challenge(honest.hello()));
  const auto server_proof = second.finish(*proof);
  BOOST_REQUIRE(server_proof.ok());
  BOOST_TEST(*proof != *server_proof);
  BOOST_TEST(!first.finish(*server_proof).ok());
}

BOOST_AUTO_TEST_CASE(a_proof_belongs_to_one_pair_of_names) {
  const nonce mine = fresh_nonce(), theirs = fresh_nonce();
  client_handshake tool{"SECRET", "tool@a", mine};
  server_handshake node{"SECRET", "rabbit@b", theirs};
  server_handshake other{"SECRET", "rabbit@c", theirs};
  const auto proof = tool.answer(*node.challenge(tool.hello()));
  BOOST_REQUIRE(other.challenge(tool.hello()).ok());
  BOOST_TEST(!other.finish(*proof).ok());
}

BOOST_AUTO_TEST_CASE(malformed_greetings_are_refused) {
  const std::string good = client_handshake{"SECRET", "tool@a", fresh_nonce()}.hello();
  server_handshake server{"SECRET", "rabbit@b", fresh_nonce()};
  for (size_t size = 0; size < good.size(); ++size)
    BOOST_TEST(!server.challenge(good.substr(0, size)).ok());
  BOOST_TEST(!server.challenge(good + "x").ok());
  BOOST_TEST(!server.challenge("AMQP\x00\x00\x09\x01").ok());
  std::string version = good;
  version[4] = 1;
  BOOST_TEST(!server.challenge(version).ok());
}

BOOST_AUTO_TEST_CASE(short_and_altered_proofs_are_refused) {
  both ends{"SECRET", "SECRET"};
  const auto proof = ends.client.answer(*ends.server.challenge(ends.client.hello()));
  BOOST_TEST(!ends.server.finish("").ok());
  BOOST_TEST(!ends.server.finish(proof->substr(1)).ok());
  for (size_t i = 0; i < proof->size(); ++i) {
    std::string altered = *proof;
    altered[i] = static_cast<char>(altered[i] ^ 1);
    BOOST_TEST(!ends.server.finish(altered).ok());
  }
}

// -- frames after it --

namespace {

/// Two ends that have proved their cookie to each other.
struct sealed_pair {
  sealed_frames client;
  sealed_frames server;

  static sealed_pair make(both ends = {"SECRET", "SECRET"}) {
    const auto proof = ends.client.answer(*ends.server.challenge(ends.client.hello()));
    BOOST_REQUIRE(ends.client.finish(*ends.server.finish(*proof)).ok());
    return {*ends.client.frames(), *ends.server.frames()};
  }
};

} // namespace

BOOST_AUTO_TEST_CASE(frames_are_read_by_the_other_end_only) {
  auto ends = sealed_pair::make();
  auto others = sealed_pair::make(); // the same cookie and names, other keys
  for (const std::string plain : {"", "add_user admin secret", "x"}) {
    const std::string sealed = ends.client.seal(plain);
    // One octet may well be among random ones.
    BOOST_TEST((plain.size() <= 1 || sealed.find(plain) == std::string::npos));
    BOOST_TEST(sealed.size() == plain.size() + seal_bytes);
    BOOST_TEST(!others.server.open(sealed).ok());
    const auto opened = ends.server.open(sealed);
    BOOST_REQUIRE(opened.ok());
    BOOST_TEST(*opened == plain);
    BOOST_TEST(*ends.client.open(ends.server.seal(plain)) == plain);
  }
}

BOOST_AUTO_TEST_CASE(an_altered_frame_is_refused) {
  const std::string sealed = sealed_pair::make().client.seal("stop");
  for (size_t i = 0; i < sealed.size(); ++i) {
    auto ends = sealed_pair::make();
    std::string altered = ends.client.seal("stop");
    altered[i] = static_cast<char>(altered[i] ^ 1);
    BOOST_TEST(!ends.server.open(altered).ok());
  }
  BOOST_TEST(!sealed_pair::make().server.open("short").ok());
}

BOOST_AUTO_TEST_CASE(a_frame_is_neither_repeated_nor_left_out_nor_sent_back) {
  auto ends = sealed_pair::make();
  const std::string first = ends.client.seal("one"), second = ends.client.seal("two");
  BOOST_TEST(ends.server.open(first).ok());
  BOOST_TEST(!ends.server.open(first).ok());
  auto more = sealed_pair::make();
  const std::string lost = more.client.seal("one"), next = more.client.seal("two");
  BOOST_TEST(!more.server.open(next).ok());
  auto mirror = sealed_pair::make();
  BOOST_TEST(!mirror.client.open(mirror.client.seal("one")).ok());
}

BOOST_AUTO_TEST_CASE(a_key_that_gives_a_known_secret_is_refused) {
  server_handshake server{"SECRET", "rabbit@b", fresh_nonce()};
  std::string hello = client_handshake{"SECRET", "tool@a", fresh_nonce()}.hello();
  std::fill_n(hello.begin() + 5, nonce_bytes, '\0'); // the point of order one
  BOOST_REQUIRE(server.challenge(hello).ok());
  BOOST_TEST(!server.frames().ok());
}

BOOST_AUTO_TEST_SUITE_END()
