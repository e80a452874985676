#include <rgrid/ports/store_rules.hpp>

#include "state.hpp"

namespace rgrid::memory {

namespace {

constexpr std::size_t page_limit = 1024 * 1024;

template <class T>
bool among(std::vector<T> const& wanted, T const& value) {
    return wanted.empty() || std::find(wanted.begin(), wanted.end(), value) != wanted.end();
}

bool matches(JobView const& view, JobQuery const& query) {
    if (query.before && view.job >= *query.before) return false;
    if (!among(query.jobs, view.job) || !among(query.states, view.state)) return false;
    if (!query.batch.empty() && query.batch != view.spec.batch) return false;
    if (!query.owner.empty() && query.owner != view.spec.owner) return false;
    return !query.finished_since || (view.finished && *view.finished >= *query.finished_since);
}

}  // namespace

Result<Submitted> Store::State::accept(JobSpec const& spec, Moment at) {
    if (auto const problem = spec_problem(spec)) return fail(Errc::rejected, *problem);
    if (!spec.submit_key.empty())
        if (auto const* known = jobs.find_key(spec.submit_key)) {
            if (known->view.spec == spec) return Submitted{known->view.job, true};
            return key_is_taken(spec.submit_key, known->view.job);
        }
    return Submitted{jobs.accept(spec, at).view.job, false};
}

Result<std::vector<Result<Submitted>>> Store::submit(Call const&, std::vector<JobSpec> const& specs) {
    std::scoped_lock const lock{state_->mutex};
    auto const now = state_->now();
    std::vector<Result<Submitted>> results;
    for (auto const& spec : specs) results.push_back(state_->accept(spec, now));
    return results;
}

Result<std::vector<JobView>> Store::look(Call const&, JobQuery const& query) {
    std::scoped_lock const lock{state_->mutex};
    std::vector<JobView> views;
    auto const& all = state_->jobs.all();
    for (auto entry = all.rbegin();
         entry != all.rend() && views.size() < static_cast<std::size_t>(std::max(0, query.limit)); ++entry)
        if (matches(entry->second.view, query)) views.push_back(entry->second.view);
    std::reverse(views.begin(), views.end());
    return views;
}

Result<JobCounts> Store::counts(Call const&) {
    std::scoped_lock const lock{state_->mutex};
    return state_->jobs.counts();
}

Result<std::vector<Result<JobState>>> Store::cancel(Call const&, std::vector<JobId> const& ids) {
    std::scoped_lock const lock{state_->mutex};
    auto const now = state_->now();
    std::vector<Result<JobState>> results;
    for (auto const id : ids) {
        auto* const job = state_->jobs.find(id);
        if (job == nullptr) {
            results.push_back(no_such_job(id));
            continue;
        }
        auto& view = job->view;
        if (!is_final(view.state)) view.cancel_requested = true;
        if (view.state == JobState::queued || view.state == JobState::scheduled)
            state_->jobs.apply(*job, {JobState::cancelled, view.attempts, view.losses}, now);
        results.push_back(view.state);
    }
    return results;
}

Result<std::vector<Result<JobState>>> Store::retry(Call const&, std::vector<JobId> const& ids) {
    std::scoped_lock const lock{state_->mutex};
    auto const now = state_->now();
    std::vector<Result<JobState>> results;
    for (auto const id : ids) {
        auto* const job = state_->jobs.find(id);
        if (job == nullptr) {
            results.push_back(no_such_job(id));
        } else if (auto const checked = check_retry(id, job->view.state); !checked) {
            results.push_back(checked.error());
        } else {
            job->view.cancel_requested = false;
            state_->jobs.apply(*job, {JobState::queued, 0, 0}, now);
            results.push_back(job->view.state);
        }
    }
    return results;
}

Result<LogPage> Store::read_log(Call const&, JobId id, LeaseEpoch epoch, std::int64_t from) {
    std::scoped_lock const lock{state_->mutex};
    auto const* const job = state_->jobs.find(id);
    if (job == nullptr) return no_such_job(id);
    auto const& view = job->view;
    LogPage page;
    page.epoch = epoch == LeaseEpoch{} ? view.epoch : epoch;
    page.next = from;
    auto const never_ran = page.epoch == LeaseEpoch{};
    page.complete = never_ran ? is_final(view.state) : page.epoch != view.epoch || view.state != JobState::running;
    auto const log = job->logs.find(page.epoch);
    if (log == job->logs.end()) return page;
    for (auto chunk = log->second.chunks.lower_bound(from); chunk != log->second.chunks.end(); ++chunk) {
        if (!page.text.empty() && page.text.size() + chunk->second.size() > page_limit) {
            page.complete = false;
            break;
        }
        page.text += chunk->second;
        page.next = chunk->first + 1;
    }
    return page;
}

}  // namespace rgrid::memory
