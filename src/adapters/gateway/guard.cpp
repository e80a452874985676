#include <algorithm>
#include <rgrid/adapters/gateway/gateway.hpp>

namespace rgrid::gateway {

namespace {

std::string attempt_text(FileWish const& wish) {
    return "attempt " + std::to_string(wish.epoch.value) + " of job " + std::to_string(wish.job.value);
}

bool is_output_of(FileWish const& wish) {
    auto const outputs = "outputs/" + std::to_string(wish.job.value) + "/" + std::to_string(wish.epoch.value);
    return wish.key.starts_with(outputs + "/") || wish.key == outputs + ".json";
}

bool is_input_of(FileWish const& wish, JobSpec const& spec) {
    return std::ranges::any_of(spec.inputs,
                               [&](InputFile const& input) { return wish.key == "inputs/" + input.sha256; });
}

}  // namespace

FileGuard guard_by_lease(JobStore& jobs) {
    return [&jobs](Call const& call, WorkerId const& worker, FileWish const& wish) -> Result<> {
        JobQuery query;
        query.jobs = {wish.job};
        auto const found = jobs.look(call, query);
        if (!found) return found.error();
        bool const holds = found->size() == 1 && found->front().state == JobState::running &&
                           found->front().worker == worker && found->front().epoch == wish.epoch;
        if (!holds)
            return fail(Errc::denied, "worker \"" + worker.value + "\" does not hold " + attempt_text(wish) +
                                          ", for which it asks for \"" + wish.key + "\"");
        if (is_output_of(wish)) return {};
        bool const looks_only = wish.act == FileWish::Act::read || wish.act == FileWish::Act::find;
        if (looks_only && is_input_of(wish, found->front().spec)) return {};
        return fail(Errc::denied, "\"" + wish.key + "\" is not for " + attempt_text(wish) +
                                      "; expected one of its outputs, or to read one of its inputs");
    };
}

}  // namespace rgrid::gateway
