#include "fixture.hpp"
#include "proto/raft.pb.h"
#include "raft/membership.hpp"

using namespace raft_test;

namespace messages {
namespace {

std::string why(const broker::proto::RaftMessage& what) {
  const auto read = raft::decode(what.SerializeAsString());
  return read.ok() ? "ok" : read.error().text;
}

broker::proto::RaftMessage base(uint64_t term = 5) {
  broker::proto::RaftMessage out;
  out.set_to(1);
  out.set_term(term);
  return out;
}

} // namespace
} // namespace messages

BOOST_AUTO_TEST_SUITE(messages)

BOOST_AUTO_TEST_CASE(every_message_survives_its_encoding) {
  const std::vector<raft::message> all = {
    {1, 5, raft::vote_request{true, false, 7, 4}},
    {2, 5, raft::vote_answer{true, true}},
    {3, 5, raft::append_request{2, 1, 2, 9, {command(3, 4, "a"), {4, 5, entry::kind::noop, ""}}}},
    {4, 5, raft::append_answer{false, 1, 2, 3, 2, 1, 4}},
    {5, 5, raft::chunk_message{{3, 2, {{1, 2}, {3}}}, 4, 9, "hello"}},
    {6, 5, raft::chunk_answer{3, 2, 9}},
    {7, 5, raft::timeout_now{}},
  };
  for (const auto& one : all) {
    const auto read = raft::decode(raft::encode(one));
    BOOST_REQUIRE(read.ok());
    BOOST_TEST((*read == one));
  }
}

BOOST_AUTO_TEST_CASE(what_no_member_can_mean_is_refused_with_its_reason) {
  BOOST_TEST(raft::decode(std::string(broker::limits::raft_message_max_bytes + 1, 'x')).error().text
             == "raft message: too large");
  BOOST_TEST(raft::decode("\xff\xff").error().text == "raft message: malformed");
  BOOST_TEST(raft::decode("").error().text == "raft message: without a receiver or with an impossible term");
  BOOST_TEST(why(base()) == "raft message: of a kind this version does not know");
  auto one = base(UINT64_MAX);
  one.mutable_timeout_now();
  BOOST_TEST(why(one) == "raft message: without a receiver or with an impossible term");
  one = base(0);
  one.mutable_timeout_now();
  BOOST_TEST(why(one) == "raft message: a transfer without a term");
}

BOOST_AUTO_TEST_CASE(votes_about_impossible_logs_are_refused) {
  auto one = base();
  one.mutable_vote_request()->set_last_index(3); // without a term
  BOOST_TEST(why(one) == "raft message: a vote request with an impossible log");
  one.mutable_vote_request()->set_last_term(5); // an entry of the term that is only asked for
  BOOST_TEST(why(one) == "raft message: a vote request that contradicts itself");
  one.mutable_vote_request()->set_last_term(4);
  BOOST_TEST(why(one) == "ok");
  one.mutable_vote_request()->set_pre(true);
  one.mutable_vote_request()->set_transfer(true);
  BOOST_TEST(why(one) == "raft message: a vote request that contradicts itself");
}

BOOST_AUTO_TEST_CASE(appends_of_impossible_entries_are_refused) {
  auto one = base();
  auto& append = *one.mutable_append();
  append.set_prev_index(2);
  BOOST_TEST(why(one) == "raft message: an append with an impossible predecessor");
  append.set_prev_term(2);
  append.set_commit(UINT64_MAX);
  BOOST_TEST(why(one) == "raft message: an append with an impossible number");
  append.set_commit(1);
  auto& added = *append.add_entries();
  added.set_term(1);
  BOOST_TEST(why(one) == "raft message: an entry of an impossible term");
  added.set_term(6);
  BOOST_TEST(why(one) == "raft message: an entry of an impossible term");
  added.set_term(3);
  added.set_kind(9);
  BOOST_TEST(why(one) == "raft message: an entry of a kind this version does not know");
  added.set_kind(2);
  BOOST_TEST(why(one) == "raft message: a malformed membership");
  added.set_data(raft::encode_membership({{1}, {}}));
  BOOST_TEST(why(one) == "ok");
}

BOOST_AUTO_TEST_CASE(answers_and_chunks_that_contradict_themselves_are_refused) {
  auto answer = base();
  answer.mutable_append_answer()->set_match(2);
  BOOST_TEST(why(answer) == "raft message: an append answer that contradicts itself");
  answer.mutable_append_answer()->set_checked(UINT64_MAX);
  BOOST_TEST(why(answer) == "raft message: an append answer with an impossible number");
  auto chunk = base();
  auto& what = *chunk.mutable_snapshot_chunk();
  BOOST_TEST(why(chunk) == "raft message: a snapshot of an impossible position");
  what.set_index(1);
  what.set_term(1);
  what.set_data("abc");
  BOOST_TEST(why(chunk) == "raft message: a snapshot chunk outside the snapshot");
  what.set_size(3);
  BOOST_TEST(why(chunk) == "raft message: a snapshot without valid members");
  what.mutable_members()->add_voters(1);
  BOOST_TEST(why(chunk) == "ok");
  auto wanted = base();
  wanted.mutable_snapshot_answer();
  BOOST_TEST(why(wanted) == "raft message: a snapshot answer of an impossible position");
}

BOOST_AUTO_TEST_SUITE_END()
