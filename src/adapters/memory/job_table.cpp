#include "job_table.hpp"

#include <rgrid/ports/store_rules.hpp>

namespace rgrid::memory {

namespace {

constexpr auto most_shown = static_cast<std::size_t>(oldest_shown);

std::tuple<PoolName, int, int> kind_of(JobSpec const& spec) {
    return {spec.pool, -spec.priority, spec.slots};
}

}  // namespace

Job& JobTable::accept(JobSpec const& spec, Moment now) {
    JobId const id{++last_id_};
    auto& job = jobs_[id];
    job.view.job = id;
    job.view.spec = spec;
    job.view.submitted = now.calendar;
    if (!spec.submit_key.empty()) keys_[spec.submit_key] = id;
    ++counts_.accepted;
    job.due = now.steady + spec.delay;
    if (spec.delay > Duration{0}) job.view.due = now.calendar + spec.delay;
    enter(job, spec.delay > Duration{0} ? JobState::scheduled : JobState::queued, now);
    return job;
}

Job* JobTable::find(JobId job) {
    auto const found = jobs_.find(job);
    return found == jobs_.end() ? nullptr : &found->second;
}

Job* JobTable::find_key(std::string const& submit_key) {
    auto const found = keys_.find(submit_key);
    return found == keys_.end() ? nullptr : find(found->second);
}

void JobTable::apply(Job& job, JobMove const& move, Moment now) {
    leave(job);
    job.view.attempts = move.attempts;
    job.view.losses = move.losses;
    job.view.due.reset();
    job.view.finished.reset();
    if (move.state == JobState::scheduled) {
        job.due = now.steady + move.delay;
        job.view.due = now.calendar + move.delay;
    }
    if (is_final(move.state)) job.view.finished = now.calendar;
    enter(job, move.state, now);
}

void JobTable::lease(Job& job, WorkerId const& worker, Generation generation, Moment now) {
    leave(job);
    job.view.epoch = LeaseEpoch{next_count(job.view.epoch.value, generation)};
    job.view.worker = worker;
    job.view.started = now.calendar;
    job.view.exit_code = 0;
    job.view.message.clear();
    job.view.outputs.clear();
    job.reported.reset();
    enter(job, JobState::running, now);
}

void JobTable::forget(Job& job) {
    finished_.erase({job.since, job.view.job});
    keys_.erase(job.view.spec.submit_key);
    ++counts_.swept;
    jobs_.erase(JobId{job.view.job});
}

std::vector<JobId> JobTable::choose(PoolName const& pool, int free, int total, Moment now) const {
    std::vector<JobId> chosen;
    auto const ranks = queued_.find(pool);
    if (ranks == queued_.end()) return chosen;
    for (auto const& [priority, id] : ranks->second) {
        if (free <= 0) break;
        auto const& job = jobs_.at(id);
        auto const slots = job.view.spec.slots;
        if (slots <= free) {
            chosen.push_back(id);
            free -= slots;
        } else if (slots <= total && now.steady - job.since >= pass_over_limit) {
            break;
        }
    }
    return chosen;
}

std::set<JobId> const& JobTable::held_by(WorkerId const& worker) const {
    static std::set<JobId> const none;
    auto const found = leases_.find(worker);
    return found == leases_.end() ? none : found->second;
}

std::vector<JobId> JobTable::due(Moment now, std::size_t limit) const {
    std::vector<JobId> jobs;
    for (auto const& [time, job] : scheduled_) {
        if (time > now.steady || jobs.size() == limit) break;
        jobs.push_back(job);
    }
    return jobs;
}

std::vector<JobId> JobTable::overrun(Moment now) const {
    std::vector<JobId> jobs;
    for (auto const& [worker, held] : leases_)
        for (auto const id : held) {
            auto const& job = jobs_.at(id);
            if (now.steady - job.since >= job.view.spec.timeout + lease_grace) jobs.push_back(id);
        }
    return jobs;
}

std::vector<JobId> JobTable::finished_before(SteadyInstant time, std::size_t limit) const {
    std::vector<JobId> jobs;
    for (auto const& [finished, job] : finished_) {
        if (finished > time || jobs.size() == limit) break;
        jobs.push_back(job);
    }
    return jobs;
}

Demand JobTable::demand(Moment now) const {
    Demand demand;
    for (auto const& [kind, jobs] : waiting_) {
        auto const& [pool, negated_priority, slots] = kind;
        demand.groups.push_back(
            {pool, -negated_priority, slots, static_cast<std::int64_t>(jobs.size()), now.steady - jobs.begin()->first});
        std::size_t taken = 0;
        for (auto const& [since, job] : jobs) {
            if (taken++ == most_shown) break;
            demand.oldest.push_back({job, pool, slots, now.steady - since});
        }
    }
    std::sort(demand.oldest.begin(), demand.oldest.end(), [](WaitingJob const& a, WaitingJob const& b) {
        return a.waited != b.waited ? a.waited > b.waited : a.job < b.job;
    });
    if (demand.oldest.size() > most_shown) demand.oldest.resize(most_shown);
    for (auto& waiting : demand.oldest) waiting.runtime = jobs_.at(waiting.job).view.spec.runtime;
    if (!scheduled_.empty()) demand.next_due = std::max(Duration{0}, scheduled_.begin()->first - now.steady);
    return demand;
}

void JobTable::enter(Job& job, JobState state, Moment now) {
    auto const id = job.view.job;
    job.view.state = state;
    job.since = now.steady;
    ++count_of(counts_, state);
    if (state == JobState::scheduled) {
        scheduled_.insert({job.due, id});
    } else if (state == JobState::queued) {
        queued_[job.view.spec.pool].insert({-job.view.spec.priority, id});
        waiting_[kind_of(job.view.spec)].insert({job.since, id});
    } else if (state == JobState::running) {
        leases_[job.view.worker].insert(id);
    } else {
        finished_.insert({job.since, id});
    }
}

void JobTable::leave(Job& job) {
    auto const id = job.view.job;
    auto const state = job.view.state;
    --count_of(counts_, state);
    if (state == JobState::scheduled) {
        scheduled_.erase({job.due, id});
    } else if (state == JobState::queued) {
        queued_[job.view.spec.pool].erase({-job.view.spec.priority, id});
        auto const group = waiting_.find(kind_of(job.view.spec));
        group->second.erase({job.since, id});
        if (group->second.empty()) waiting_.erase(group);
    } else if (state == JobState::running) {
        leases_[job.view.worker].erase(id);
    } else {
        finished_.erase({job.since, id});
    }
}

}  // namespace rgrid::memory
