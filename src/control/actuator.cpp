#include <algorithm>
#include <rgrid/control/actuator.hpp>
#include <utility>

namespace rgrid {

Actuator::Actuator(ControllerPorts ports, Executor& executor, Duration call_timeout, std::function<void()> finished)
    : ports_(ports), executor_(executor), call_timeout_(call_timeout), finished_(std::move(finished)) {}

void Actuator::start(LeaderEpoch epoch, StepOrder order) {
    {
        std::lock_guard const lock{mutex_};
        in_flight_.insert(order.step.server);
        ++running_;
    }
    executor_.post([this, epoch, order = std::move(order)]() mutable { run(epoch, std::move(order)); });
}

std::vector<ServerName> Actuator::in_flight() const {
    std::lock_guard const lock{mutex_};
    return {in_flight_.begin(), in_flight_.end()};
}

void Actuator::wait_until_idle() {
    std::unique_lock lock{mutex_};
    idle_.wait(lock, [this] { return running_ == 0; });
}

bool Actuator::has_news() const {
    std::lock_guard const lock{mutex_};
    return std::any_of(reports_.begin(), reports_.end(), [](StepReport const& report) { return !report.failed; });
}

std::vector<StepReport> Actuator::collect() {
    std::lock_guard const lock{mutex_};
    return std::exchange(reports_, {});
}

void Actuator::run(LeaderEpoch epoch, StepOrder order) {
    auto const server = order.step.server;
    StepMachine machine{std::move(order)};
    auto call = machine.begin();
    while (call && !stop_.stop_requested()) call = machine.next(make(epoch, *call));
    for (auto const& event : machine.report().events) detail::tell(ports_.events, event);
    {
        std::lock_guard const lock{mutex_};
        reports_.push_back(machine.report());
        in_flight_.erase(server);
    }
    // What failed is tried again at the next pass, not at once: a peer that refuses must not be hammered.
    if (!machine.report().failed) finished_();
    std::lock_guard const lock{mutex_};
    --running_;
    idle_.notify_all();
}

StepOutcome Actuator::make(LeaderEpoch epoch, StepCall const& wanted) {
    auto const call = call_within(ports_.clock, call_timeout_, stop_.get_token());
    struct Maker {
        ControllerPorts const& ports;
        Call const& call;
        LeaderEpoch epoch;

        StepOutcome operator()(WriteFleet const& it) const {
            return detail::guarded("FleetStore.write", [&] { return ports.fleet.write(call, epoch, it.write); });
        }
        StepOutcome operator()(CloseWorker const& it) const {
            return detail::guarded("JobQueue.close",
                                   [&] { return ports.jobs.close(call, it.worker, it.mode, it.seen); });
        }
        StepOutcome operator()(CreateServer const& it) const {
            return detail::guarded("CloudProvider.create", [&] { return ports.cloud.create(call, it.request); });
        }
        StepOutcome operator()(FindServer const& it) const {
            return detail::guarded("CloudProvider.find", [&] { return ports.cloud.find(call, it.name); });
        }
        StepOutcome operator()(DestroyServer const& it) const {
            return detail::guarded("CloudProvider.destroy", [&] { return ports.cloud.destroy(call, it.id); });
        }
    };
    return std::visit(Maker{ports_, call, epoch}, wanted);
}

}  // namespace rgrid
