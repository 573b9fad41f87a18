// What the host does with other nodes: proposals to the leader, reads, snapshots received, membership.
#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "metadata/group_keeper.hpp"
#include "metadata/metadata_host.hpp"
#include "raft/membership.hpp"

namespace broker {

using consensus::outcome;

// -- who is who -------------------------------------------------------------------------------------------------------

bool metadata_host::leads() const {
  return group_ && group_->state() == consensus::role::leader;
}

bool metadata_host::is_alone() const {
  const auto& members = group_->members();
  return leads() && members.voters.size() == 1 && members.learners.empty() && known_nodes().empty();
}

std::string metadata_host::name_of(consensus::node_id id) const {
  if (const node_ptr node = state_.snapshot()->find_node(id))
    return node->name;
  const auto at = routes_.find(id);
  return at == routes_.end() ? std::string{} : at->second.name;
}

void metadata_host::read_routes(const std::vector<consensus::entry>& log) {
  for (const consensus::entry& one : log) {
    const result<proposed_command> what =
      one.type == consensus::entry::kind::command ? decode_proposed(one.data) : result<proposed_command>{error{}};
    const auto* start = what ? std::get_if<node_started>(&what->what) : nullptr;
    if (start && what->by.node != 0)
      routes_[what->by.node] = {what->by.node, start->node, start->host, start->port, start->incarnation, 0, false};
  }
}

std::vector<node_record> metadata_host::known_nodes() const {
  std::map<consensus::node_id, node_record> all = routes_;
  state_.snapshot()->for_each_node([&](const node_ptr& one) { all[one->id] = *one; });
  all.erase(identity_.self);
  std::vector<node_record> out;
  for (auto& [id, one] : all)
    if (!state_.was_forgotten(id))
      out.push_back(std::move(one));
  return out;
}

std::string metadata_host::leader() const {
  const auto id = group_ ? group_->leader() : std::nullopt;
  if (!id)
    return {};
  return *id == identity_.self ? settings_.metadata.node : name_of(*id);
}

void metadata_host::send_raft(consensus::node_id to, std::string bytes) {
  const std::string name = peers_ ? name_of(to) : std::string{};
  say(name, peer_message::raft{std::move(bytes)}); // without a name Raft sends again, when the table has told us
}

/// May be lost.
bool metadata_host::say(const std::string& to, decltype(peer_message::body) body) {
  if (!peers_ || to.empty())
    return false;
  peers_->send_datagram(to, encode({identity_.cluster, identity_.self, std::move(body)}));
  return true;
}

bool metadata_host::send(const std::string& to, decltype(peer_message::body) body) {
  return peers_ && !to.empty() && peers_->send(to, encode({identity_.cluster, identity_.self, std::move(body)}));
}

/// A read at leisure, or its answer, may be lost: who wants one asks again. Without frames the link owes no word of
/// them.
bool metadata_host::send(const std::string& to, consensus::read_haste haste, decltype(peer_message::body) body) {
  return haste == consensus::read_haste::at_once ? send(to, std::move(body)) : say(to, std::move(body));
}

void metadata_host::recv(const std::string& from, std::string_view bytes) {
  BROKER_ASSERT(group_, "open() comes first");
  auto got = decode_peer_message(bytes);
  if (!got || got->cluster != identity_.cluster || got->from == identity_.self)
    return;
  if (const node_ptr node = state_.snapshot()->find_node(got->from)) {
    if (node->name != from)
      return;
  } else if (state_.was_forgotten(got->from)) {
    if (!std::holds_alternative<peer_message::forgotten>(got->body))
      say(from, peer_message::forgotten{});
    return;
  } else {
    routes_[got->from].name = from;
  }
  if (auto* raft = std::get_if<peer_message::raft>(&got->body))
    enqueue(group_->recv(got->from, raft->bytes));
  else if (auto* forwarded = std::get_if<peer_message::forwarded>(&got->body))
    take_forwarded(got->from, *forwarded);
  else if (const auto* wanted = std::get_if<peer_message::read>(&got->body)) {
    if (reads_.size() >= settings_.group.proposals_max)
      return; // asked again in time, or given up
    const consensus::ticket ticket = next_ticket_++;
    reads_[ticket] = {std::nullopt, from, wanted->id, now_ + settings_.proposal_ms, std::nullopt, wanted->haste};
    enqueue(group_->read_barrier(ticket, wanted->haste));
  } else if (const auto* index = std::get_if<peer_message::read_answer>(&got->body))
    on_answer(from, *index);
  else if (const auto* far = std::get_if<peer_message::applied>(&got->body))
    gate_.applied(from, far->index);
  else if (const auto* move = std::get_if<peer_message::move_master>(&got->body))
    out_.moves.push_back(*move);
  else if (std::holds_alternative<peer_message::forgotten>(got->body))
    out_.forgotten = true;
  else if (std::holds_alternative<peer_message::hello>(got->body))
    on_hello(got->from);
  else if (const auto* wish = std::get_if<peer_message::stranded>(&got->body))
    on_stranded(got->from, *wish);
  work();
}

// -- proposals --------------------------------------------------------------------------------------------------------

void metadata_host::propose(consensus::ticket id, command what) {
  BROKER_ASSERT(group_, "open() comes first");
  if (window_.full())
    return answer(id, outcome::overloaded);
  consensus::time_ms deadline = now_ + settings_.proposal_ms;
  if (const auto* start = std::get_if<node_started>(&what)) {
    incarnation_ = start->incarnation;
    deadline = 0;
  }
  if (const auto* end = std::get_if<node_down>(&what); end && end->name == settings_.metadata.node)
    incarnation_ = 0;
  window_.add(id, std::move(what), deadline);
}

void metadata_host::dispatch() {
  if (!window_.has_unsent())
    return;
  if (leads())
    propose_own();
  else if (peers_)
    forward_own();
}

void metadata_host::propose_own() {
  std::vector<consensus::ticket> too_large;
  note_sending();
  while (const auto next = window_.next(identity_.self, identity_.run, too_large)) {
    consensus::effects queued = group_->propose(0, *next->bytes);
    if (!queued.done.empty())
      break; // later
    window_.note_sent();
  }
  for (const consensus::ticket id : too_large)
    answer(id, outcome::refused);
}

/// The oldest that was sent is waited for: what is sent behind it does not put off that it is sent again.
void metadata_host::note_sending() {
  if (!window_.has_sent())
    sent_at_ = now_;
}

void metadata_host::forward_own() {
  const std::string to = leader();
  if (to.empty())
    return;
  std::vector<consensus::ticket> too_large;
  note_sending();
  while (window_.has_unsent()) {
    peer_message::forwarded batch{identity_.run, {}};
    size_t bytes = 0;
    const size_t window = window_.size();
    while (const auto next = window_.next(identity_.self, identity_.run, too_large)) {
      if (bytes > 0 && bytes + next->bytes->size() > limits::metadata_forward_bytes)
        break;
      bytes += next->bytes->size();
      batch.commands.emplace_back(next->sequence, *next->bytes);
      window_.note_sent();
    }
    BROKER_ASSERT(!batch.commands.empty() || window_.size() < window, "each round sends, or takes something out");
    if (!batch.commands.empty() && !send(to, std::move(batch))) {
      window_.rewind(); // all of it again, some of it a second time
      break;
    }
  }
  for (const consensus::ticket id : too_large)
    answer(id, outcome::refused);
}

// What is in the log once in this reign is not put there again: if this reign ends before it is committed, whoever
// proposed sends it to the next leader. A gap is for the sender to fill.
void metadata_host::take_forwarded(consensus::node_id from, peer_message::forwarded& what) {
  if (!leads())
    return;
  proposer& newest = appended_[from];
  // A reign may begin before the state has caught up with the log, so at the first look it may know too little: then
  // what follows in the log would be a gap for ever.
  if (const proposer seen = state_.last_of(from);
      std::pair{newest.run, newest.sequence} < std::pair{seen.run, seen.sequence})
    newest = seen;
  for (auto& [sequence, bytes] : what.commands) {
    if (what.run < newest.run)
      return;
    const uint64_t known = what.run == newest.run ? newest.sequence : 0;
    if (sequence <= known)
      continue;
    if (sequence != known + 1)
      return;
    if (!group_->propose(0, std::move(bytes)).done.empty())
      return;
    newest = {from, what.run, sequence};
  }
}

void metadata_host::expire() {
  const auto over = window_.expire(now_);
  for (const consensus::ticket id : over.unsent)
    answer(id, outcome::not_leader);
  for (const consensus::ticket id : over.sent)
    answer(id, outcome::lost);
  if (!leads() && window_.has_sent() && now_ - sent_at_ >= limits::metadata_resend_ms)
    window_.rewind();
  for (auto at = reads_.begin(); at != reads_.end();) {
    if (now_ < at->second.deadline) {
      ++at;
      continue;
    }
    if (at->second.id)
      answer(*at->second.id, outcome::not_leader);
    at = reads_.erase(at);
  }
}

void metadata_host::shown() {
  if (!peers_)
    return;
  for (const consensus::node_id who : std::exchange(to_tell_, {}))
    say(name_of(who), peer_message::applied{applied_.index});
}

// -- reads ------------------------------------------------------------------------------------------------------------

void metadata_host::read_barrier(consensus::ticket id, consensus::read_haste haste) {
  BROKER_ASSERT(group_, "open() comes first");
  if (reads_.size() >= settings_.group.proposals_max)
    return answer(id, outcome::overloaded);
  reads_[next_ticket_++] = {id, {}, 0, now_ + settings_.proposal_ms, std::nullopt, haste};
}

// `number` of our own reads: 0 = not asked yet, 1 = asked.
void metadata_host::ask_for_reads() {
  if (reads_.empty())
    return;
  const std::string to = leads() ? std::string{} : leader();
  for (auto& [ticket, one] : reads_) {
    if (!one.id || one.number != 0 || one.index)
      continue;
    if (leads()) {
      one.number = 1;
      enqueue(group_->read_barrier(ticket, one.haste));
    } else if (send(to, one.haste, peer_message::read{ticket, one.haste})) {
      one.number = 1;
    }
  }
}

/// Of the group's completions only reads and changes of membership are of interest: proposals are seen applied.
void metadata_host::read_done(const consensus::completion& done) {
  if (done.id == 0)
    return;
  if (const auto transfer = transfers_.find(done.id); transfer != transfers_.end()) {
    answer(transfer->second, done.what);
    transfers_.erase(transfer);
    return;
  }
  if (done.id == changing_)
    changing_ = 0;
  const auto at = reads_.find(done.id);
  if (at == reads_.end()) // a change of membership, or a read whose time is over
    return;
  read& one = at->second;
  const bool ok = done.what == outcome::ok;
  if (!one.id) {
    send(one.asker, one.haste, peer_message::read_answer{one.number, ok, done.index});
    reads_.erase(at);
  } else if (ok) {
    one.index = done.index;
    finish_reads();
  } else {
    one.number = 0;
  }
}

void metadata_host::on_answer(const std::string& from, const peer_message::read_answer& what) {
  const auto at = reads_.find(what.id);
  if (at == reads_.end() || !at->second.id || from != leader())
    return;
  if (what.ok)
    at->second.index = what.index;
  else
    at->second.number = 0;
  finish_reads();
}

void metadata_host::finish_reads() {
  for (auto at = reads_.begin(); at != reads_.end();) {
    if (!at->second.id || !at->second.index || *at->second.index > applied_.index) {
      ++at;
      continue;
    }
    answer(*at->second.id, outcome::ok);
    at = reads_.erase(at);
  }
}

// -- time -------------------------------------------------------------------------------------------------------------

void metadata_host::tick(consensus::time_ms now) {
  BROKER_ASSERT(group_ && now >= now_, "open() comes first, and time does not go back");
  now_ = now;
  enqueue(group_->tick(now));
  work();
  expire();
  keep_own_record();
  if (!leads() && leader().empty())
    say_hello();
  if (leads() && now_ - kept_at_ >= limits::metadata_keeper_ms)
    lead();
}

void metadata_host::at(consensus::time_ms now) {
  now_ = std::max(now_, now);
  if (group_)
    group_->at(now_);
}

/// What the link has not taken is tried again four times per heartbeat. A leader looks after its charge when it sends
/// one, and at once when a node is lost.
consensus::time_ms metadata_host::next_tick() const {
  const consensus::time_ms soon = now_ + settings_.group.heartbeat_ms / 4;
  const bool leaderless = !group_->leader();
  if (is_taken_for_dead() || (!leaderless && window_.has_unsent()))
    return soon;
  if (leads() && kept_at_ == 0)
    return now_ + 1;
  consensus::time_ms due = std::min({group_->next_tick(), window_.next_deadline(), gate_.next_due()});
  if (leaderless && peers_)
    due = std::min(due, said_hello_ + limits::metadata_hello_ms);
  if (!leads() && window_.has_sent())
    due = std::min(due, sent_at_ + limits::metadata_resend_ms);
  for (const auto& [ticket, one] : reads_) {
    if (!leaderless && one.id && one.number == 0 && !one.index)
      return soon;
    due = std::min(due, one.deadline);
  }
  return std::max(due, now_ + 1);
}

void metadata_host::say_hello() {
  if (!peers_ || now_ - said_hello_ < limits::metadata_hello_ms)
    return;
  said_hello_ = now_;
  for (const node_record& one : known_nodes())
    say(one.name, peer_message::hello{});
}

// Raft's messages go from the leader to each member, so who is not reached by the leader takes part in nothing. If a
// single link is broken somebody else reaches both its ends, and leads just as well.
void metadata_host::on_hello(consensus::node_id from) {
  const std::string to = leader();
  if (leads() || to.empty() || !state_.snapshot()->find_node(from)
      || !raft::is_voter(group_->members(), identity_.self))
    return;
  say(to, peer_message::stranded{from, reached()});
}

std::vector<consensus::node_id> metadata_host::reached() const {
  std::vector<consensus::node_id> all;
  state_.snapshot()->for_each_node([&](const node_ptr& one) {
    if (connected_.contains(one->name))
      all.push_back(one->id);
  });
  return all;
}

// Whom the next leader reaches are more in any case, so leadership comes to rest.
void metadata_host::on_stranded(consensus::node_id from, const peer_message::stranded& what) {
  const node_ptr lost = state_.snapshot()->find_node(what.node);
  if (!leads() || !lost || connected_.contains(lost->name) || !connected_.contains(name_of(from)))
    return;
  auto& [since, last] = stranded_.try_emplace(what.node, now_, now_).first->second;
  if (now_ - last > 3 * limits::metadata_hello_ms)
    since = now_;
  last = now_;
  if (now_ - since < limits::metadata_stranded_ms)
    return;
  for (const consensus::node_id one : reached())
    if (one != from && std::find(what.reached.begin(), what.reached.end(), one) == what.reached.end())
      return;
  since = now_;
  out_.hands_over = {name_of(from), lost->name};
  enqueue(group_->transfer(next_ticket_++, from));
}

void metadata_host::move_master(const std::string& node, const peer_message::move_master& what) {
  if (node == settings_.metadata.node)
    out_.moves.push_back(what);
  else
    send(node, what);
}

void metadata_host::transfer(consensus::ticket id, consensus::node_id to) {
  const consensus::ticket own = next_ticket_++;
  transfers_[own] = id;
  enqueue(group_->transfer(own, to));
  work();
}

std::vector<consensus::node_id> metadata_host::successors() const {
  std::vector<consensus::node_id> all = group_->members().voters;
  std::erase_if(all, [&](consensus::node_id id) { return id == identity_.self || !connected_.contains(name_of(id)); });
  return all;
}

// -- a leader's care for the members ----------------------------------------------------------------------------------

void metadata_host::lead() {
  kept_at_ = now_;
  keep_members();
  keep_nodes();
  work();
}

void metadata_host::keep_members() {
  if (changing_ != 0)
    return;
  const auto step = next_membership_step(group_->members(), state_, identity_.self, tried_);
  if (step.what == membership_step::kind::none)
    return;
  const consensus::ticket ticket = changing_ = next_ticket_++;
  switch (step.what) {
  case membership_step::kind::add_learner:
    return enqueue(group_->add_learner(ticket, step.who));
  case membership_step::kind::promote:
    tried_ = step.who;
    return enqueue(group_->promote(ticket, step.who));
  case membership_step::kind::remove:
    return enqueue(group_->remove(ticket, step.who));
  default:
    return enqueue(group_->transfer(ticket, step.who));
  }
}

void metadata_host::peer_connected(const std::string& node) {
  unreachable_.erase(node);
  told_down_.erase(node);
  connected_.insert(node);
  gate_.connected(node);
}

void metadata_host::peer_suspect(const std::string& node, consensus::time_ms heard) {
  connected_.erase(node);
  gate_.gone(node);
  unreachable_.try_emplace(node, std::max<consensus::time_ms>(heard, 1));
}

void metadata_host::peer_lost(const std::string& node) {
  connected_.erase(node);
  gate_.gone(node);
  unreachable_[node] = 0;
  kept_at_ = 0; // its masters' successors should not wait
  if (const auto led = group_->leader(); led && !leads() && name_of(*led) == node)
    enqueue(group_->ended(*led));
  work();
}

/// What is to be said of a node that is not connected, if anything.
std::optional<node_down> metadata_host::obituary_of(const node_record& node) const {
  const auto at = unreachable_.find(node.name);
  const bool lost = at != unreachable_.end() && at->second == 0;
  // The leader before this one may have heard of it, and told it so, until its reign was over.
  const consensus::time_ms since = std::max(leads_since_, at == unreachable_.end() ? 0 : at->second);
  const auto told = told_down_.find(node.name);
  const bool lately = told != told_down_.end() && now_ - told->second.at < settings_.proposal_ms;
  if (lost || now_ - since >= settings_.node_down_ms) {
    const bool said = told != told_down_.end() && told->second.incarnation == node.incarnation;
    const bool half = settings_.session_ms != 0 && node.incarnation != 0 && !said; // its session may be over, no more
    if ((node.up && !(lately && said)) || half)
      return node_down{node.name, node.incarnation, false};
  } else if (settings_.session_ms != 0 && now_ - since >= settings_.session_ms && node.up && !lately) {
    return node_down{node.name, node.incarnation, true};
  }
  return std::nullopt;
}

void metadata_host::keep_nodes() {
  std::vector<node_down> gone;
  state_.snapshot()->for_each_node([&](const node_ptr& node) {
    if (node->id != identity_.self && !connected_.contains(node->name))
      if (auto what = obituary_of(*node))
        gone.push_back(std::move(*what));
  });
  for (node_down& one : gone) {
    if (window_.full())
      return;
    told_down_[one.name] = {now_, one.silent ? 0 : one.incarnation};
    window_.add(std::nullopt, std::move(one), now_ + settings_.proposal_ms);
  }
}

bool metadata_host::is_taken_for_dead() const {
  const node_ptr own = incarnation_ == 0 ? nullptr : state_.snapshot()->find_node(identity_.self);
  return own && !own->up && own->incarnation == incarnation_;
}

/// Who was taken for dead says that it is not.
void metadata_host::keep_own_record() {
  if (incarnation_ == 0)
    return;
  if (!is_taken_for_dead()) {
    told_up_ = 0;
    return;
  }
  if (window_.full() || (told_up_ != 0 && now_ - told_up_ < settings_.proposal_ms))
    return;
  told_up_ = now_;
  window_.add(std::nullopt, node_up{settings_.metadata.node, incarnation_}, now_ + settings_.proposal_ms);
}

} // namespace broker
