#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <rgrid/worker/agent.hpp>
#include <rgrid/worker/machine.hpp>
#include <rgrid/worker/receipt.hpp>
#include <rgrid/worker/staging.hpp>
#include <system_error>
#include <thread>

#include "hands.hpp"
#include "lane.hpp"
#include "mailbox.hpp"

namespace rgrid {

namespace {

char const* name_of(Outcome outcome) {
    switch (outcome) {
        case Outcome::succeeded:
            return "succeeded";
        case Outcome::failed:
            return "failed";
        case Outcome::timed_out:
            return "timed out";
        case Outcome::cancelled:
            return "cancelled";
        case Outcome::released:
            return "released";
    }
    return "ended";
}

char const* name_of(StopWhy why) {
    switch (why) {
        case StopWhy::cancelled:
            return "a user cancelled it";
        case StopWhy::released:
            return "the agent stops";
        case StopWhy::lost:
            return "its lease is no longer ours";
    }
    return "the agent stops";
}

std::string name_of(LeaseKey const& key) {
    return "job " + std::to_string(key.first.value) + " (epoch " + std::to_string(key.second.value) + ")";
}

}  // namespace

class Agent::Shell {
public:
    Shell(AgentPorts ports, AgentSettings settings, AttemptSettings attempts, AgentLog log)
        : ports_(ports),
          machine_(std::move(settings)),
          attempt_settings_(std::move(attempts)),
          log_(std::move(log)),
          mailbox_(ports.clock),
          attempts_(static_cast<std::size_t>(machine_.settings().slots)) {
        attempt_settings_.kill_grace = machine_.settings().kill_grace;
    }

    void stop_now() { mailbox_.post(agent::StopRequested{.at_once = true}); }

    AgentExit run(std::stop_token const& stop) {
        sweep_attempt_folders(attempt_settings_);
        std::stop_callback const on_stop{stop, [this] { mailbox_.post(agent::StopRequested{}); }};
        std::jthread const listener = listen();
        AgentEvent event = agent::Tick{};
        while (!exit_) {
            narrate(event);
            for (auto const& command : machine_.handle(event, ports_.clock.steady_now()))
                std::visit([this](auto const& what) { perform(what); }, command);
            // A clock need not cope with the end of all time, which is what an idle machine asks for.
            if (!exit_) event = mailbox_.take(std::min(machine_.next_wake(), ports_.clock.steady_now() + 1h));
        }
        calls_end_.request_stop();
        claim_end_.request_stop();
        for (auto& [key, attempt] : running_) attempt.request_stop();
        attempts_.rest();
        std::error_code not_empty;  // Kept working folders keep it.
        std::filesystem::remove(attempt_settings_.folder, not_empty);
        return *exit_;
    }

private:
    auto const& settings() const { return machine_.settings(); }

    /// Beats come first: every other call may take as long as the time between two of them.
    Call call_for(Duration span) const { return call_within(ports_.clock, span, calls_end_.get_token()); }

    void perform(agent::Register const& command) {
        beats_.run([this, command, call = call_for(settings().heartbeat)] {
            mailbox_.post(agent::RegisterAnswer{ports_.work.register_worker(call, command.registration)});
        });
    }

    void perform(agent::Beat const& command) {
        beats_.run([this, command, call = call_for(settings().heartbeat / 2)] {
            mailbox_.post(agent::BeatAnswer{
                ports_.work.beat(call, settings().worker, command.incarnation, command.acknowledged, command.leaving)});
        });
    }

    void perform(agent::Claim const& command) {
        claim_end_ = std::stop_source{};
        Call const call{ports_.clock.steady_now() + settings().heartbeat, claim_end_.get_token()};
        claims_.run([this, command, call] {
            mailbox_.post(agent::ClaimAnswer{
                ports_.work.claim(call, settings().worker, command.incarnation, command.acknowledged, command.slots)});
        });
    }

    void perform(agent::CancelClaim const&) { claim_end_.request_stop(); }

    void perform(agent::Complete const& command) {
        reports_.run([this, command, call = call_for(settings().heartbeat)] {
            mailbox_.post(agent::CompleteAnswer{
                ports_.work.complete(call, settings().worker, command.incarnation, command.completions)});
        });
    }

    void perform(agent::Start const& command) {
        auto const key = LeaseKey{command.lease.job, command.lease.epoch};
        say(Severity::info, name_of(key) + " starts: " + command.lease.spec.name);
        try {
            std::stop_source stop;
            attempts_.run([this, command, token = stop.get_token()] {
                AttemptPorts const ports{ports_.work, ports_.executor, ports_.files, ports_.clock};
                AttemptOwner const owner{settings().worker, command.incarnation};
                mailbox_.post(agent::AttemptEnded{run_attempt(ports, attempt_settings_, owner, command.lease, token)});
            });
            running_.emplace(key, std::move(stop));
        } catch (std::system_error const& error) {
            Completion completion;
            completion.job = key.first;
            completion.epoch = key.second;
            completion.outcome = Outcome::released;
            completion.message = std::string{"the worker has no thread for it: "} + error.what();
            mailbox_.post(agent::AttemptEnded{std::move(completion)});
        }
    }

    void perform(agent::Stop const& command) {
        say(Severity::info, name_of(command.lease) + " is ended: " + name_of(command.why));
        if (auto const found = running_.find(command.lease); found != running_.end()) found->second.request_stop();
    }

    void perform(agent::Discard const& command) {
        chores_.run([this, command, call = call_within(ports_.clock, settings().heartbeat)] {
            static_cast<void>(ports_.files.remove(call, receipt_key(command.lease)));
            for (auto const& output : command.outputs)
                static_cast<void>(ports_.files.remove(call, output_key(command.lease, output.path)));
        });
    }

    void perform(agent::Exit const& command) { exit_ = command.exit; }

    /// Says what a person who watches the agent wants to know.
    void narrate(AgentEvent const& event) {
        if (auto const* const registered = std::get_if<agent::RegisterAnswer>(&event)) {
            if (registered->result)
                say(Severity::info, "worker " + settings().worker.value + " is registered (incarnation " +
                                        std::to_string(registered->result->incarnation.value) + ")");
            else
                say(Severity::warning, "not registered: " + registered->result.error().message);
        } else if (auto const* const beat = std::get_if<agent::BeatAnswer>(&event)) {
            bool const lost = !beat->result;
            if (lost && !out_of_touch_) say(Severity::warning, "a heartbeat failed: " + beat->result.error().message);
            if (!lost && out_of_touch_) say(Severity::info, "heartbeats arrive again");
            out_of_touch_ = lost;
        } else if (auto const* const answer = std::get_if<agent::CompleteAnswer>(&event)) {
            bool const failed = !answer->result;
            if (failed && !unreported_)
                say(Severity::warning, "results not reported: " + answer->result.error().message);
            unreported_ = failed;
        } else if (auto const* const ended = std::get_if<agent::AttemptEnded>(&event)) {
            auto const& completion = ended->completion;
            running_.erase({completion.job, completion.epoch});
            say(Severity::info, name_of(LeaseKey{completion.job, completion.epoch}) + " " +
                                    name_of(completion.outcome) +
                                    (completion.message.empty() ? "" : ": " + completion.message));
        }
    }

    void say(Severity severity, std::string const& text) const {
        if (log_) log_(severity, text);
    }

    std::jthread listen() {
        if (ports_.wake == nullptr) return {};
        return std::jthread{[this](std::stop_token const& stop) {
            while (!stop.stop_requested()) {
                auto const call = call_within(ports_.clock, settings().heartbeat, stop);
                if (ports_.wake->wait(call)) mailbox_.post(agent::Woken{});
                // One that cannot wait must not spin.
                else if (ports_.clock.steady_now() < call.deadline)
                    ports_.clock.sleep_until(ports_.clock.steady_now() + settings().poll, stop);
            }
        }};
    }

    AgentPorts const ports_;
    AgentMachine machine_;
    AttemptSettings attempt_settings_;
    AgentLog const log_;
    detail::Mailbox mailbox_;
    std::optional<AgentExit> exit_;
    bool out_of_touch_ = false;
    bool unreported_ = false;
    std::stop_source calls_end_;
    std::stop_source claim_end_;
    std::map<LeaseKey, std::stop_source> running_;
    // Last: their threads use all of the above.
    detail::Hands attempts_;
    detail::Lane beats_;
    detail::Lane claims_;
    detail::Lane reports_;
    detail::Lane chores_;
};

Agent::Agent(AgentPorts ports, AgentSettings settings, AttemptSettings attempts, AgentLog log)
    : shell_(std::make_unique<Shell>(ports, std::move(settings), std::move(attempts), std::move(log))) {}

Agent::~Agent() = default;

AgentExit Agent::run(std::stop_token stop) {
    return shell_->run(stop);
}

void Agent::stop_now() {
    shell_->stop_now();
}

}  // namespace rgrid
