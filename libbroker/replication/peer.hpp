// What a master knows of one other replica.
#pragma once

#include "replication/types.hpp"

namespace broker::replication {

struct peer {
  node_id node = 0;
  seqno match = 0;   ///< acknowledged in this epoch by its registered incarnation
  seqno next = 1;    ///< first entry not sent yet
  bool probe = true; ///< wants an append even if there is nothing to send
  /// It has acknowledged since its last reject: what is sent now will fit, so all of it may go. Before, one append at a
  /// time: every append that does not fit is rejected, and each reject would send the whole window again.
  bool streaming = false;
  bool heard = false;       ///< has acknowledged in this epoch, under this incarnation
  bool barred = false;      ///< was slow: not to be added yet (R7)
  bool reading = false;     ///< waits for entries from the store
  uint64_t read_ticket = 0; ///< of that read
  bool unserved = false;    ///< listed, and too far behind for what the store keeps: it must leave the set first
  seqno back_step = 0;      ///< how far back it is asked next, since appends do not fit; 0: the last one did
  seqno told_commit = 0;    ///< commit in the last append
  seqno told_delivered = 0; ///< delivered_upto in it
  size_t in_flight_bytes = 0;

  // -- a copy (T15) --
  bool copying = false;
  bool copy_refused = false;    ///< its log is not empty
  bool must_start_over = false; ///< nothing can be sent that it could use
  seqno copy_upto = 0;          ///< the base: the copy is complete up to here when it is done
  seqno copy_read = 0;          ///< read from the store up to here
  seqno copy_acked = 0;
  bool copy_reading = false;
  uint64_t copy_ticket = 0; ///< of the read under way. What an older one found live may have been settled since

  /// It is asked again from time to time: it lacks something of a log of `length`, has not said anything yet, or has
  /// still to begin anew.
  bool owes(seqno length) const noexcept { return match < length || copying || !heard || must_start_over; }
  bool copied() const noexcept { return copying && copy_acked == copy_upto; }
  /// Nothing of it is under way or wanted.
  void forget_copy() noexcept {
    copying = copy_reading = false;
    copy_upto = copy_read = copy_acked = 0;
  }
};

} // namespace broker::replication
