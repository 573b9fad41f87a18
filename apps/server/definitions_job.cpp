#include "definitions_job.hpp"

#include <sys/random.h>

#include <memory>
#include <mutex>

#include "metadata/definitions.hpp"

namespace broker {

namespace {

/// Proposals under way at once: one write of the metadata store commits them together.
constexpr size_t batch = 256;

std::string new_salt() {
  std::string salt(4, '\0');
  BROKER_ASSERT(getrandom(salt.data(), salt.size(), 0) == static_cast<ssize_t>(salt.size()),
                "no randomness from the kernel");
  return salt;
}

/// One import under way; kept alive by the answers it waits for. Batches follow each other, so that what depends on an
/// earlier entry finds it.
class job : public std::enable_shared_from_this<job> {
public:
  job(node_view& node, definitions_import what, std::function<void(result<std::vector<std::string>>)> done)
    : node_(node), what_(std::move(what)), done_(std::move(done)) {}

  void next() {
    const size_t from = sent_;
    const size_t to = std::min(what_.commands.size(), from + batch);
    if (from == to)
      return done_(std::move(what_.skipped));
    sent_ = to;
    {
      std::lock_guard guard{mutex_};
      missing_ = to - from;
    }
    for (size_t i = from; i < to; ++i)
      node_.propose(std::move(what_.commands[i]),
                    [self = shared_from_this()](const command_result& applied) { self->answered(applied); });
  }

private:
  void answered(const command_result& applied) {
    {
      std::lock_guard guard{mutex_};
      if (!applied.ok() && refused_.text.empty())
        refused_ = applied.failure;
      if (--missing_ != 0)
        return;
    }
    refused_.text.empty() ? next() : done_(refused_);
  }

  node_view& node_;
  definitions_import what_;
  std::function<void(result<std::vector<std::string>>)> done_;
  size_t sent_ = 0;
  std::mutex mutex_;
  size_t missing_ = 0;
  error refused_;
};

} // namespace

void import_definitions(node_view& node, std::string_view json,
                        std::function<void(result<std::vector<std::string>>)> done, const std::string& vhost) {
  definitions_context context;
  context.node = node.name();
  context.vhost = vhost;
  context.new_salt = new_salt;
  auto read = read_definitions(json, *node.metadata(), context);
  if (!read)
    return done(read.error());
  std::make_shared<job>(node, *std::move(read), std::move(done))->next();
}

} // namespace broker
