#pragma once

#include <algorithm>
#include <optional>
#include <rgrid/worker/machine.hpp>
#include <utility>
#include <vector>

namespace rgrid::testing {

inline LeaseKey key_of(std::int64_t job, std::int64_t epoch = 1) {
    return {JobId{job}, LeaseEpoch{epoch}};
}

inline Lease lease_of(std::int64_t job, int slots = 1, std::int64_t epoch = 1) {
    Lease lease;
    lease.job = JobId{job};
    lease.epoch = LeaseEpoch{epoch};
    lease.spec.slots = slots;
    return lease;
}

inline Completion result_of(std::int64_t job, Outcome outcome = Outcome::succeeded, std::int64_t epoch = 1) {
    Completion completion;
    completion.job = JobId{job};
    completion.epoch = LeaseEpoch{epoch};
    completion.outcome = outcome;
    return completion;
}

inline BeatReply holding(std::vector<LeaseKey> held, SessionState state = SessionState::open) {
    return {state, {}, std::move(held), {}};
}

/// Drives one machine by hand: what it asked for is collected until a test takes it.
class MachineDriver {
public:
    explicit MachineDriver(AgentSettings settings) : machine(std::move(settings)) {}

    void tell(AgentEvent const& event) {
        for (auto& command : machine.handle(event, now)) commands.push_back(std::move(command));
    }

    /// Lets time pass, with a Tick wherever the machine wants one.
    void pass(Duration span) {
        auto const until = now + span;
        while (machine.next_wake() <= until) {
            now = machine.next_wake();
            tell(agent::Tick{});
        }
        now = until;
        tell(agent::Tick{});
    }

    /// The first command of a kind that nobody has taken yet.
    template <class Command>
    std::optional<Command> take() {
        auto const found = std::ranges::find_if(commands, [](auto& c) { return std::holds_alternative<Command>(c); });
        if (found == commands.end()) return std::nullopt;
        auto command = std::get<Command>(*found);
        commands.erase(found);
        return command;
    }

    template <class Command>
    [[nodiscard]] int count() const {
        return static_cast<int>(
            std::ranges::count_if(commands, [](auto& c) { return std::holds_alternative<Command>(c); }));
    }

    /// Registered, and its first claim answered with these jobs.
    void serve(std::vector<Lease> leases) {
        tell(agent::Tick{});
        take<agent::Register>();
        tell(agent::RegisterAnswer{Registered{Incarnation{1}}});
        claim(std::move(leases));
    }

    /// Answers the claim in flight; follow-up claims for the slots left are answered with nothing.
    void claim(std::vector<Lease> leases) {
        take<agent::Claim>();
        tell(agent::ClaimAnswer{std::move(leases)});
        if (take<agent::Claim>()) tell(agent::ClaimAnswer{std::vector<Lease>{}});
    }

    /// Answers the beat in flight, letting time pass until there is one.
    void beat(BeatReply reply) {
        while (count<agent::Beat>() == 0) {
            now = machine.next_wake();
            tell(agent::Tick{});
        }
        take<agent::Beat>();
        tell(agent::BeatAnswer{std::move(reply)});
    }

    AgentMachine machine;
    SteadyInstant now{1000s};
    std::vector<AgentCommand> commands;
};

}  // namespace rgrid::testing
