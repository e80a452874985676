#include "app/proofs.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <rgrid/config/json_text.hpp>
#include <rgrid/model/generation.hpp>
#include <rgrid/worker/staging.hpp>
#include <string_view>

namespace rgrid::app {

namespace {

constexpr std::string_view outputs_prefix = "outputs/";

/// An attempt that has something in the file store.
struct Trace {
    LeaseKey lease;
    bool is_receipt = false;
};

/// Takes a positive number and what follows it off the front of a text.
std::optional<std::int64_t> take_number(std::string_view& text, std::string_view follows) {
    std::int64_t number = 0;
    auto const [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (problem != std::errc{} || number <= 0 || !text.starts_with(follows)) return std::nullopt;
    text.remove_prefix(follows.size());
    return number;
}

/// Reads "outputs/7/3/..." and "outputs/7/3.json"; nothing for what no agent has stored.
std::optional<Trace> trace_of(std::string_view key) {
    key.remove_prefix(outputs_prefix.size());
    auto const job = take_number(key, "/");
    if (!job) return std::nullopt;
    auto const epoch = take_number(key, "");
    bool const is_receipt = key == ".json";
    if (!epoch || !(is_receipt || key.starts_with("/"))) return std::nullopt;
    return Trace{{JobId{*job}, LeaseEpoch{*epoch}}, is_receipt};
}

Result<Receipt> read_receipt(Call const& call, FileStore& files, LeaseKey const& lease, std::string const& scratch) {
    auto const path = scratch + "/receipt-" + std::to_string(::getpid()) + ".json";
    // What a program of the same number has left behind would be in the way.
    ::unlink(path.c_str());
    auto const fetched = files.get(call, receipt_key(lease), path);
    if (!fetched) return fetched.error();
    std::string const text{std::istreambuf_iterator<char>{std::ifstream{path, std::ios::binary}.rdbuf()}, {}};
    ::unlink(path.c_str());
    auto receipt = config::from_json_text<Receipt>(text, true);
    if (!receipt) return fail(Errc::rejected, "it is no receipt: " + receipt.error().message);
    if (LeaseKey{receipt->job, receipt->epoch} != lease)
        return fail(Errc::rejected, "it is that of job " + std::to_string(receipt->job.value) + ", epoch " +
                                        std::to_string(receipt->epoch.value));
    return receipt;
}

Result<> check_outputs(Call const& call, FileStore& files, Receipt const& receipt) {
    for (auto const& output : receipt.outputs) {
        auto const key = output_key({receipt.job, receipt.epoch}, output.path);
        auto const there = files.find(call, key);
        if (!there) return there.error();
        if (!*there) return fail(Errc::rejected, key + " is not there");
        if ((*there)->size != output.size || (*there)->sha256 != output.sha256)
            return fail(Errc::rejected, key + " is not what was delivered: it has " + std::to_string((*there)->size) +
                                            " bytes and the SHA-256 " + (*there)->sha256 + "; expected " +
                                            std::to_string(output.size) + " and " + output.sha256);
    }
    return {};
}

Result<Completion> prove(Call const& call, FileStore& files, LeaseKey const& lease, JobView const& job,
                         std::string const& scratch) {
    auto const receipt = read_receipt(call, files, lease, scratch);
    if (!receipt) return receipt.error();
    auto proven = proven_by(*receipt, job);
    if (!proven) return proven;
    if (auto const there = check_outputs(call, files, *receipt); !there) return there.error();
    return proven;
}

/// Whether an error tells of the receipt and not of a file store that cannot be read.
bool is_of_receipt(Error const& error) {
    return error.code == Errc::rejected || error.code == Errc::not_found;
}

}  // namespace

Result<Completion> proven_by(Receipt const& receipt, JobView const& job) {
    if (receipt.job != job.job)
        return fail(Errc::rejected, "it is of job " + std::to_string(receipt.job.value) + "; expected job " +
                                        std::to_string(job.job.value));
    if (receipt.spec != spec_digest(job.spec))
        return fail(Errc::rejected, "it is of another job that had the same number");
    if (receipt.epoch < job.epoch)
        return fail(Errc::rejected, "it is of the attempt with epoch " + std::to_string(receipt.epoch.value) +
                                        "; the store knows a later one, " + std::to_string(job.epoch.value));
    if (receipt.began < job.submitted)
        return fail(Errc::rejected, "it is of an attempt that began at " + to_text(receipt.began) +
                                        "; expected one after the job was submitted, at " + to_text(job.submitted) +
                                        ": another job had the same number");
    Completion completion;
    completion.job = receipt.job;
    completion.epoch = receipt.epoch;
    completion.outcome = Outcome::succeeded;
    completion.outputs = receipt.outputs;
    return completion;
}

Result<Proofs> find_proofs(Call const& call, FileStore& files, std::vector<JobView> const& jobs,
                           std::string const& scratch) {
    auto const keys = files.list(call, std::string{outputs_prefix});
    if (!keys) return keys.error();
    std::map<JobId, JobView const*> open;
    for (auto const& job : jobs) open.emplace(job.job, &job);
    Proofs proofs;
    std::map<JobId, std::vector<LeaseEpoch>> receipts;
    for (auto const& key : *keys) {
        auto const trace = trace_of(key);
        if (!trace) continue;
        proofs.last_job = std::max(proofs.last_job, trace->lease.first);
        proofs.generation = std::max(proofs.generation, generation_of(trace->lease.second.value));
        if (trace->is_receipt && open.contains(trace->lease.first))
            receipts[trace->lease.first].push_back(trace->lease.second);
    }
    for (auto& [job, epochs] : receipts) {
        std::ranges::sort(epochs, std::greater{});
        for (auto const epoch : epochs) {
            auto const proven = prove(call, files, {job, epoch}, *open.at(job), scratch);
            if (proven) {
                proofs.proven.push_back(*proven);
                break;
            }
            if (!is_of_receipt(proven.error())) return proven.error();
            proofs.unproven.push_back(receipt_key({job, epoch}) + ": " + proven.error().message);
        }
    }
    return proofs;
}

}  // namespace rgrid::app
