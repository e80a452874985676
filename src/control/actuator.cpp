#include <algorithm>
#include <rgrid/control/actuator.hpp>
#include <utility>

namespace rgrid {

Actuator::Actuator(ControllerPorts ports, Executor& executor, Limits limits, std::function<void()> finished)
    : ports_(ports), executor_(executor), limits_(limits), finished_(std::move(finished)) {}

void Actuator::start(LeaderEpoch epoch, StepOrder order) {
    auto const creates = order.step.action == Action::create_server;
    Work work{epoch, std::move(order), {}};
    work.create_by = ports_.clock.steady_now() + work.order.create_limit;
    {
        std::lock_guard const lock{mutex_};
        in_flight_.insert(work.order.step.server);
        ++running_;
        if (creates && creating_ >= limits_.creates_at_once) return creates_.push_back(std::move(work));
        if (creates) ++creating_;
    }
    post(std::move(work));
}

void Actuator::post(Work work) {
    executor_.post([this, work = std::move(work)]() mutable { run(std::move(work)); });
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

void Actuator::run(Work work) {
    auto const server = work.order.step.server;
    auto const creates = work.order.step.action == Action::create_server;
    StepMachine machine{std::move(work.order)};
    auto call = machine.begin();
    while (call && !stop_.stop_requested()) call = machine.next(make(*call, work.epoch, work.create_by));
    for (auto const& event : machine.report().events) detail::tell(ports_.events, event);
    {
        std::lock_guard const lock{mutex_};
        reports_.push_back(machine.report());
        in_flight_.erase(server);
    }
    // What failed is tried again at the next pass, not at once: a peer that refuses must not be hammered.
    if (!machine.report().failed) finished_();
    if (creates) post_next_create();
    std::lock_guard const lock{mutex_};
    --running_;
    idle_.notify_all();
}

/// In the place of a create that has ended.
void Actuator::post_next_create() {
    Work next;
    {
        std::lock_guard const lock{mutex_};
        if (creates_.empty()) {
            --creating_;
            return;
        }
        next = std::move(creates_.front());
        creates_.pop_front();
    }
    post(std::move(next));
}

StepOutcome Actuator::make(StepCall const& wanted, LeaderEpoch epoch, SteadyInstant create_by) {
    auto const call = call_within(ports_.clock, limits_.call_timeout, stop_.get_token());
    struct Maker {
        ControllerPorts const& ports;
        Call const& call;
        LeaderEpoch epoch;
        SteadyInstant create_by;

        StepOutcome operator()(WriteFleet const& it) const {
            return detail::guarded("FleetStore.write", [&] { return ports.fleet.write(call, epoch, it.write); });
        }
        StepOutcome operator()(CloseWorker const& it) const {
            return detail::guarded("JobQueue.close",
                                   [&] { return ports.jobs.close(call, it.worker, it.mode, it.seen); });
        }
        StepOutcome operator()(CreateServer const& it) const {
            // What came of a create is looked up when its call must have ended.
            if (ports.clock.steady_now() >= create_by)
                return Result<Server>{fail(Errc::retry_later, "other orders have taken too long: it was not asked for")};
            auto const until = Call{create_by, call.stop};
            return detail::guarded("CloudProvider.create", [&] { return ports.cloud.create(until, it.request); });
        }
        StepOutcome operator()(FindServer const& it) const {
            return detail::guarded("CloudProvider.find", [&] { return ports.cloud.find(call, it.name); });
        }
        StepOutcome operator()(DestroyServer const& it) const {
            return detail::guarded("CloudProvider.destroy", [&] { return ports.cloud.destroy(call, it.id); });
        }
    };
    return std::visit(Maker{ports_, call, epoch, create_by}, wanted);
}

}  // namespace rgrid
