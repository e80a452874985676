#include <algorithm>
#include <rgrid/adapters/gateway/client.hpp>

#include "adapters/gateway/codes.hpp"
#include "adapters/gateway/link.hpp"

namespace rgrid::gateway {

namespace {

constexpr std::size_t report_size = 200;
constexpr std::size_t largest_chunk = 64 * 1024;

Result<> check_name(WorkerId const& worker) {
    if (worker.empty()) return fail(Errc::rejected, "a worker without a name; expected its server's");
    return {};
}

}  // namespace

Result<Registered> Source::register_worker(Call const& call, Registration const& registration) {
    auto const& worker = registration.worker;
    if (auto const named = check_name(worker); !named) return named.error();
    auto const answer = link_->ask<wire::Registered>(
        call, worker, "register",
        wire::Register{registration.server, registration.pool, registration.slots, registration.version,
                       registration.protocol});
    if (!answer) return answer.error();
    link_->memory.keep(worker, *answer);
    return Registered{answer->incarnation};
}

Result<BeatReply> Source::beat(Call const& call, WorkerId const& worker, Incarnation incarnation,
                               BeatCount acknowledged, bool leaving) {
    if (auto const named = check_name(worker); !named) return named.error();
    auto& memory = link_->memory;
    auto const told = memory.told(worker);
    auto const answer = link_->ask<wire::BeatReply>(
        call, worker, "beat",
        wire::Beat{memory.run(worker, incarnation), memory.beats(worker, incarnation, acknowledged), leaving});
    if (!answer) return answer.error();
    memory.keep(worker, incarnation, answer->beats);
    BeatReply reply{answer->state, answer->beats.count, {}, answer->cancel, answer->frozen};
    for (auto const& held : answer->held) {
        memory.keep(worker, held.job, held.epoch, held.proof);
        reply.held.emplace_back(held.job, held.epoch);
    }
    // A store that stands still may have forgotten what is held.
    if (!reply.frozen) memory.only_holds(worker, reply.held, told);
    return reply;
}

Result<std::vector<Lease>> Source::claim(Call const& call, WorkerId const& worker, Incarnation incarnation,
                                         BeatCount acknowledged, int slots) {
    if (auto const named = check_name(worker); !named) return named.error();
    auto& memory = link_->memory;
    auto wait = link_->claim_wait();
    if (call.deadline != SteadyInstant::max())
        wait = std::clamp<Duration>((call.deadline - link_->clock().steady_now()) / 2, Duration{0}, wait);
    auto answer = link_->ask<wire::ClaimReply>(
        call, worker, "claim",
        wire::Claim{memory.run(worker, incarnation), memory.beats(worker, incarnation, acknowledged), slots, wait});
    if (!answer) return answer.error();
    std::vector<Lease> leases;
    for (auto& claimed : answer->leases) {
        memory.keep(worker, claimed.lease.job, claimed.lease.epoch, std::move(claimed.proof));
        memory.keep_inputs(worker, claimed.lease);
        leases.push_back(std::move(claimed.lease));
    }
    return leases;
}

Result<std::vector<Verdict>> Source::complete(Call const& call, WorkerId const& worker, Incarnation incarnation,
                                              std::vector<Completion> const& completions) {
    if (auto const named = check_name(worker); !named) return named.error();
    auto& memory = link_->memory;
    std::vector<Verdict> verdicts;
    for (std::size_t begin = 0; begin < completions.size() || begin == 0; begin += report_size) {
        auto const end = std::min(begin + report_size, completions.size());
        wire::Complete part{memory.run(worker, incarnation), {}};
        for (auto i = begin; i < end; ++i) {
            auto const& [job, epoch] = std::pair{completions[i].job, completions[i].epoch};
            part.ended.push_back({completions[i], memory.lease(worker, job, epoch).proof});
            memory.is_over(worker, {job, epoch});
        }
        auto const answer = link_->ask<wire::CompleteReply>(call, worker, "complete", part);
        if (!answer) return answer.error();
        if (answer->verdicts.size() != end - begin)
            return fail(Errc::in_doubt, "the gateway gave " + std::to_string(answer->verdicts.size()) +
                                            " verdicts for " + std::to_string(end - begin) + " results");
        verdicts.insert(verdicts.end(), answer->verdicts.begin(), answer->verdicts.end());
    }
    return verdicts;
}

Result<> Source::append_log(Call const& call, WorkerId const& worker, Incarnation incarnation, LogChunk const& chunk) {
    if (auto const named = check_name(worker); !named) return named.error();
    if (chunk.text.size() > largest_chunk)
        return fail(Errc::rejected, "a log chunk of " + std::to_string(chunk.text.size()) + " bytes; expected at most " +
                                        std::to_string(largest_chunk));
    auto& memory = link_->memory;
    auto const answer = link_->ask<wire::Nothing>(call, worker, "log",
                                                  wire::Log{memory.run(worker, incarnation),
                                                            memory.lease(worker, chunk.job, chunk.epoch), chunk.number,
                                                            to_base64(chunk.text)});
    if (!answer) return answer.error();
    return {};
}

Result<std::string> read_settings(Call const& call, Link& link, WorkerId const& worker) {
    if (auto const named = check_name(worker); !named) return named.error();
    return link.post(call, worker, "settings", "{}", false);
}

}  // namespace rgrid::gateway
