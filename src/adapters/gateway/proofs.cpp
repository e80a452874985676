#include "adapters/gateway/proofs.hpp"

#include <charconv>

#include "adapters/gateway/codes.hpp"

namespace rgrid::gateway {

namespace {

template <class Number>
std::string text_of(Number number) {
    return std::to_string(number.value);
}

std::int64_t seconds_of(Instant instant) {
    return std::chrono::floor<std::chrono::seconds>(instant.time_since_epoch()).count();
}

}  // namespace

std::string Proofs::of(WorkerId const& worker, Incarnation incarnation) const {
    return signature(secret_, {"incarnation", worker.value, text_of(incarnation)});
}

std::string Proofs::of(WorkerId const& worker, Incarnation incarnation, BeatCount beats) const {
    return signature(secret_, {"beats", worker.value, text_of(incarnation), text_of(beats)});
}

std::string Proofs::of(WorkerId const& worker, JobId job, LeaseEpoch epoch) const {
    return signature(secret_, {"lease", worker.value, text_of(job), text_of(epoch)});
}

Incarnation Proofs::proven(WorkerId const& worker, wire::Run const& run) const {
    return same_in_constant_time(run.proof, of(worker, run.incarnation)) ? run.incarnation : Incarnation{-1};
}

BeatCount Proofs::proven(WorkerId const& worker, Incarnation incarnation, wire::Beats const& beats) const {
    return same_in_constant_time(beats.proof, of(worker, incarnation, beats.count)) ? beats.count : BeatCount{};
}

LeaseEpoch Proofs::proven(WorkerId const& worker, JobId job, LeaseEpoch epoch, std::string const& proof) const {
    return same_in_constant_time(proof, of(worker, job, epoch)) ? epoch : LeaseEpoch{-1};
}

std::string Proofs::link_signature(std::string const& method, std::string const& key, std::string const& until) const {
    return signature(secret_, {"file", method, key, until});
}

std::string Proofs::link(std::string const& method, std::string const& key, Instant until) const {
    auto const seconds = std::to_string(seconds_of(until) + 1);
    return "/v1/files/" + percent_encoded(key) + "?until=" + seconds +
           "&signature=" + link_signature(method, key, seconds);
}

std::string Proofs::link_problem(std::string const& method, std::string const& key, Target const& target,
                                 Instant now) const {
    auto const until = target.query.find("until");
    auto const given = target.query.find("signature");
    if (until == target.query.end() || given == target.query.end() || target.query.size() != 2)
        return "a file is asked for with \"until\" and \"signature\", as the link says that the gateway gave";
    auto const& text = until->second;
    if (!same_in_constant_time(given->second, link_signature(method, key, text)))
        return "the signature is not that of this file and method";
    std::int64_t seconds = 0;
    std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (seconds_of(now) < seconds) return {};
    return "the link has expired " + std::to_string(seconds_of(now) - seconds) + " s ago";
}

}  // namespace rgrid::gateway
