#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <rgrid/adapters/gateway/client.hpp>
#include <rgrid/adapters/http/client.hpp>
#include <set>
#include <string>
#include <utility>

#include "adapters/gateway/answers.hpp"
#include "adapters/gateway/wire.hpp"

namespace rgrid::gateway {

/// What an agent was told and has to show again.
///
/// Of an attempt that is over its proof is kept for a while, since its report may be repeated and its last words may come
/// late; its inputs are not asked for any more.
class Memory {
public:
    using Attempt = std::pair<JobId, LeaseEpoch>;

    void keep(WorkerId const& worker, wire::Registered const& registered);
    void keep(WorkerId const& worker, Incarnation incarnation, wire::Beats const& beats);
    void keep(WorkerId const& worker, JobId job, LeaseEpoch epoch, std::string proof);
    void keep_inputs(WorkerId const& worker, Lease const& lease);

    /// How many attempts the worker was told of, ever.
    [[nodiscard]] std::int64_t told(WorkerId const& worker) const;
    /// It is reported, or lost.
    void is_over(WorkerId const& worker, Attempt const& attempt);
    /// A beat says which attempts are held: of those that were told before it, `told` ones, all others are over.
    void only_holds(WorkerId const& worker, std::vector<Attempt> const& held, std::int64_t told);

    [[nodiscard]] wire::Run run(WorkerId const& worker, Incarnation incarnation) const;
    [[nodiscard]] wire::Beats beats(WorkerId const& worker, Incarnation incarnation, BeatCount count) const;
    [[nodiscard]] wire::HeldLease lease(WorkerId const& worker, JobId job, LeaseEpoch epoch) const;

    /// The attempt that an object is for; zeros if it is for none that is known.
    [[nodiscard]] Attempt attempt_for(WorkerId const& worker, std::string const& key) const;

private:
    struct Told {
        std::string proof;
        std::int64_t number = 0;
        std::set<std::string> inputs;  ///< Keys.
        bool over = false;
    };
    struct Life {
        std::map<Incarnation, std::string> incarnations;
        std::map<Incarnation, wire::Beats> beats;
        std::int64_t told = 0;
        std::map<Attempt, Told> attempts;
        std::map<std::string, std::set<Attempt>> users;  ///< Of each input's key, those that are not over.
        std::deque<Attempt> over;                        ///< In that order.

        void is_over(Attempt const& attempt, Told& known);
    };

    mutable std::mutex mutex_;
    std::map<WorkerId, Life> lives_;
};

class Link {
public:
    Link(std::unique_ptr<http::Client> client, ClientSettings settings, Clock& clock)
        : client_(std::move(client)), settings_(std::move(settings)), clock_(clock) {}

    Memory memory;

    /// Asks for something in a worker's name. `may_have_effect`: asking changes something.
    template <class Answer, class Question>
    Result<Answer> ask(Call const& call, WorkerId const& worker, char const* operation, Question const& question,
                       bool may_have_effect = true) {
        auto const text = post(call, worker, operation, config::to_json_text(question), may_have_effect);
        if (!text) return text.error();
        auto answer = config::from_json_text<Answer>(*text, true);
        if (answer) return answer;
        return fail(may_have_effect ? Errc::in_doubt : Errc::retry_later,
                    std::string{"the gateway's answer to "} + operation + " cannot be read: " + answer.error().message);
    }

    Result<std::string> post(Call const& call, WorkerId const& worker, char const* operation, std::string body,
                             bool may_have_effect);

    Result<http::Response> get_file(Call const& call, std::string const& target, std::string const& path);
    Result<http::Response> put_file(Call const& call, std::string const& target, std::string const& path);

    [[nodiscard]] Clock& clock() const { return clock_; }
    [[nodiscard]] Duration claim_wait() const { return settings_.claim_wait; }

private:
    [[nodiscard]] std::vector<http::Header> headers(Call const& call) const;

    std::unique_ptr<http::Client> const client_;
    ClientSettings const settings_;
    Clock& clock_;
};

}  // namespace rgrid::gateway
