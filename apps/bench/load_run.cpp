#include "load_run.hpp"

#include <cstdio>

#include "load.hpp"

namespace broker::bench {
namespace {

void run_rates(load& work, const options& run) {
  work.declare();
  work.open_consumers();
  work.open_publishers();
  const measurement cost = work.drive();
  if (run.consumers != 0)
    work.report_rates(cost);
  else
    work.report_publishing(cost, "");
}

void run_publish(load& work) {
  work.declare();
  work.open_publishers();
  work.report_publishing(work.drive(), "publish_");
}

/// The cost includes the expiry: it is taken when the last message has gone.
void run_expire(load& work, const options& run) {
  work.declare();
  work.open_publishers();
  measurement cost{run.pid};
  work.drive();
  const time_ns empty_at = work.wait_until_expired();
  cost.end();
  work.report_expiry(empty_at, cost);
}

void run_drain(load& work) {
  work.open_consumers();
  work.report_draining(work.drive(), "drain_");
}

} // namespace

outcome run_load(const options& run) {
  load work{run};
  work.result().add("mode", name_of(run.mode));
  if (run.mode == run_mode::rates) {
    run_rates(work, run);
  } else if (run.mode == run_mode::expire) {
    run_expire(work, run);
  } else {
    if (run.mode == run_mode::drain)
      work.assume_published();
    else
      run_publish(work);
    if (run.mode != run_mode::publish && !work.stalled())
      run_drain(work);
  }
  work.report_checks();
  if (work.stalled())
    std::fprintf(stderr, "warren-bench: gave up after %g s without progress; the queues are left behind\n",
                 run.drain_timeout);
  else if (!run.keep && run.mode != run_mode::publish)
    work.remove();
  return work.take_outcome();
}

} // namespace broker::bench
