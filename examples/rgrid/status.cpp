#include <algorithm>
#include <boost/describe/class.hpp>
#include <iostream>
#include <memory>

#include "app/self.hpp"
#include "commands.hpp"
#include "output.hpp"
#include "scene.hpp"

namespace rgrid::cli {

/// What `rgrid status JOB --json` prints.
struct JobStatus {
    JobView job;
    std::string waiting;  ///< Why it does not run yet; empty if it runs or has ended.
};
BOOST_DESCRIBE_STRUCT(JobStatus, (), (job, waiting))

/// One pool's workers by phase.
struct PoolStatus {
    PoolName pool;
    int requested = 0;
    int booting = 0;     ///< Created or further.
    int created = 0;     ///< Of the booting ones: they do not run yet.
    int installing = 0;  ///< Of the booting ones.
    int ready = 0;
    int draining = 0;
    int leaving = 0;  ///< Closed or being deleted.
    int slots = 0;    ///< Of ready workers.
    int busy_slots = 0;  ///< Of these.
    int last_slots = 0;  ///< Busy slots of workers that take no more jobs.
    std::int64_t queued = 0;
    std::string refused;  ///< Why its creates pause or what it cannot have, for an operator; empty if nothing.
};
BOOST_DESCRIBE_STRUCT(PoolStatus, (),
                      (pool, requested, booting, created, installing, ready, draining, leaving, slots, busy_slots, last_slots,
                       queued, refused))

/// What `rgrid status --json` prints.
struct FleetStatus {
    FleetId fleet;
    std::string leader;  ///< Empty if no daemon leads.
    std::string frozen;  ///< Why the store stands still until it is adopted; empty if it does not.
    JobCounts jobs;
    std::vector<PoolStatus> pools;
    std::vector<Hold> holds;
};
BOOST_DESCRIBE_STRUCT(FleetStatus, (), (fleet, leader, frozen, jobs, pools, holds))

namespace {

struct StatusOptions {
    std::string job;
    std::string batch;
    int last = 10;
};

PoolStatus& pool_of(std::vector<PoolStatus>& pools, PoolName const& name) {
    auto const found =
        std::find_if(pools.begin(), pools.end(), [&](PoolStatus const& pool) { return pool.pool == name; });
    if (found != pools.end()) return *found;
    pools.push_back(PoolStatus{name});
    return pools.back();
}

void count_worker(PoolStatus& pool, WorkerView const& worker) {
    switch (worker.phase) {
        case Phase::requested:
            ++pool.requested;
            break;
        case Phase::booting:
            ++pool.booting;
            if (worker.intent) {
                auto const stage = derive_stage(*worker.intent, nullptr);
                pool.created += stage == BootStage::created;
                pool.installing += stage == BootStage::installing;
            }
            break;
        case Phase::ready:
            ++pool.ready;
            break;
        case Phase::draining:
            ++pool.draining;
            break;
        case Phase::closed:
        case Phase::deleting:
            ++pool.leaving;
            break;
        default:
            break;
    }
    if (!worker.session || worker.session->state == SessionState::closed) return;
    if (worker.phase == Phase::ready) pool.slots += worker.session->slots;
    (worker.phase == Phase::ready ? pool.busy_slots : pool.last_slots) += worker.session->busy_slots;
}

/// What the provider has refused a pool, for an operator; empty if nothing that still counts.
std::string refused_text(FleetScene const& scene, PoolStatus const& pool, PlacementParams const& placement) {
    auto const& memory = scene.record.memory;
    if (auto const paused = paused_creates(memory, pool.pool, placement, scene.now, pool.ready))
        return tell_operator(*paused);
    auto const sold = sold_out(memory, placement, scene.now);
    return sold ? tell_operator(*sold) : "";
}

FleetStatus status_of(Context& context, FleetScene const& scene) {
    FleetStatus status{context.loaded().settings.fleet.name, scene.record.leader, scene.record.frozen,
                       expect(context.ports().jobs->counts(context.call()))};
    status.holds = scene.record.holds;
    for (auto const& [name, params] : context.loaded().settings.pool) pool_of(status.pools, name);
    for (auto const& worker : scene.roster().workers) count_worker(pool_of(status.pools, worker.pool), worker);
    for (auto const& group : scene.demand.groups) pool_of(status.pools, group.pool).queued += group.jobs;
    for (auto& pool : status.pools) {
        auto const known = context.loaded().settings.pool.find(pool.pool);
        if (known != context.loaded().settings.pool.end())
            pool.refused = refused_text(scene, pool, known->second.placement);
    }
    return status;
}

/// "3 queued, 2 running", leaving out what there is none of.
std::string parts_text(std::vector<std::pair<std::int64_t, char const*>> const& parts) {
    std::string text;
    for (auto const& [count, name] : parts)
        if (count > 0) text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + name;
    return text.empty() ? "none" : text;
}

std::string times_text(JobView const& job, Instant now) {
    if (job.finished && job.started && !job.worker.empty())
        return "ran" + elapsed_text(" ", *job.started, *job.finished);
    if (job.state == JobState::running && job.started) return "runs" + elapsed_text(" for ", *job.started, now);
    return is_final(job.state) ? "" : "waits" + elapsed_text(" for ", job.submitted, now);
}

void print_jobs(std::vector<JobView> const& jobs, Instant now) {
    Table table{{"JOB", "NAME", "STATE", "POOL", "WORKER", "TIME", "EXIT"}};
    for (auto const& job : jobs)
        table.add({std::to_string(job.job.value), tame(job.spec.name, 40), enum_name(job.state), job.spec.pool.value,
                   job.worker.value, times_text(job, now),
                   is_final(job.state) && !job.worker.empty() ? std::to_string(job.exit_code) : ""});
    table.print();
}

std::string slots_text(PoolStatus const& pool) {
    std::vector<std::string> parts;
    if (pool.slots > 0)
        parts.push_back(std::to_string(pool.busy_slots) + " of " + std::to_string(pool.slots) + " slots busy");
    if (pool.last_slots > 0)
        parts.push_back(std::to_string(pool.last_slots) + " busy on workers that take no more jobs");
    return parts.empty() ? "" : " (" + parts.front() + (parts.size() > 1 ? ", " + parts.back() : "") + ")";
}

void print_fleet(FleetStatus const& status) {
    std::cout << paint(Colour::bold, "Fleet " + status.fleet.value) << ": "
              << (status.leader.empty() ? "no daemon is running (rgridd, or any 'rgrid run', starts one)"
                                        : "led by " + app::readable_run_name(status.leader))
              << "\n";
    if (!status.frozen.empty())
        std::cout << paint(Colour::red, "The store went back in time") << " (" << tame(status.frozen, 500)
                  << "): nothing is ordered, ended or handed out; 'rgrid store adopt' shows what there is\n";
    for (auto const& hold : status.holds)
        std::cout << paint(Colour::yellow, hold.pool.empty() ? "Paused" : "Pool " + hold.pool.value + " is paused")
                  << " by an operator since " << to_text(hold.since).substr(0, 19) + "Z"
                  << " ('rgrid resume" << (hold.pool.empty() ? "" : " " + hold.pool.value) << "' ends that)\n";
    auto const& jobs = status.jobs;
    std::cout << "Jobs: "
              << parts_text({{jobs.queued, "queued"},
                             {jobs.running, "running"},
                             {jobs.scheduled, "scheduled"},
                             {jobs.succeeded, "succeeded"},
                             {jobs.failed, "failed"},
                             {jobs.dead, "dead"},
                             {jobs.cancelled, "cancelled"}})
              << "\n";
    for (auto const& pool : status.pools)
        std::cout << "Workers of pool " << pool.pool.value << ": "
                  << parts_text({{pool.requested, "asked for"},
                                 {pool.created, "created"},
                                 {pool.booting - pool.created - pool.installing, "booting"},
                                 {pool.installing, "installing"},
                                 {pool.ready, "ready"},
                                 {pool.draining, "draining"},
                                 {pool.leaving, "leaving"}})
                  << slots_text(pool) << "\n";
    for (auto const& pool : status.pools)
        if (!pool.refused.empty())
            std::cout << paint(Colour::yellow, "Pool " + pool.pool.value) << ": " << tame(pool.refused, 1000) << "\n";
    std::cout << std::flush;
}

int fleet_status(Context& context, StatusOptions const& options) {
    auto const scene = look_at_fleet(context);
    auto const status = status_of(context, scene);
    if (context.options.json) {
        print_json(status);
        return exit_done;
    }
    print_fleet(status);
    auto const jobs = expect(context.ports().jobs->look(context.call(), JobQuery{.limit = options.last}));
    if (jobs.empty()) return exit_done;
    std::cout << "\nThe last jobs:\n";
    print_jobs(jobs, scene.now);
    return exit_done;
}

int batch_status(Context& context, StatusOptions const& options) {
    auto const jobs = look_at_all(context, {.batch = options.batch});
    if (jobs.empty()) quit(exit_wrong_use, "there is no batch '" + options.batch + "'");
    if (context.options.json)
        print_json(jobs);
    else
        print_jobs(jobs, context.clock().now());
    return exit_done;
}

void print_line(char const* name, std::string const& value) {
    if (!value.empty()) std::cout << name << std::string(12 - std::string{name}.size(), ' ') << value << "\n";
}

void print_job(JobStatus const& status, Instant now) {
    auto const& job = status.job;
    std::string command;
    for (auto const& part : job.spec.command) command += (command.empty() ? "" : " ") + part;
    std::cout << paint(Colour::bold, "Job " + std::to_string(job.job.value)) << " (" << tame(job.spec.name)
              << "): " << paint(colour_of(job.state), enum_name(job.state))
              << (job.cancel_requested && !is_final(job.state) ? ", being cancelled" : "") << "\n";
    print_line("why", status.waiting);
    print_line("command", tame(command, 500));
    print_line("pool", job.spec.pool.value);
    print_line("owner", tame(job.spec.owner));
    print_line("batch", tame(job.spec.batch));
    print_line("worker", job.worker.value);
    print_line("submitted", to_text(job.submitted));
    print_line("started", job.started ? to_text(*job.started) : "");
    print_line("finished", job.finished ? to_text(*job.finished) : "");
    print_line("time", times_text(job, now));
    print_line("attempts", job.attempts > 0 ? std::to_string(job.attempts) + " of " +
                                                  std::to_string(job.spec.max_attempts) + " failed"
                                            : "");
    print_line("lost", job.losses > 0
                           ? std::to_string(job.losses) + " of " + std::to_string(job.spec.max_losses) + " workers"
                           : "");
    print_line("exit code", is_final(job.state) && !job.worker.empty() ? std::to_string(job.exit_code) : "");
    print_line("message", tame(job.message, 500));
    for (auto const& output : job.outputs)
        print_line("output", tame(output.path) + " (" + std::to_string(output.size) + " bytes)");
    std::cout << std::flush;
}

int job_status(Context& context, JobId id) {
    auto const job = find_job(context, id);
    auto const scene = look_at_fleet(context);
    JobStatus const status{job, why_waiting(job, look_at_waiting(context, scene, job))};
    if (context.options.json)
        print_json(status);
    else
        print_job(status, scene.now);
    return exit_done;
}

}  // namespace

void add_status(Commands const& commands) {
    auto options = std::make_shared<StatusOptions>();
    auto* command = commands.add(
        "status", "Shows the fleet, a batch or one job; for a waiting job why it waits", [options](Context& context) {
            if (!options->job.empty()) return job_status(context, parse_jobs({options->job}).front());
            return options->batch.empty() ? fleet_status(context, *options) : batch_status(context, *options);
        });
    command->add_option("JOB", options->job, "A job's number");
    command->add_option("--batch", options->batch, "All jobs of a batch");
    command->add_option("--last", options->last, "How many jobs the overview lists")
        ->check(CLI::Range(1, 1'000'000))
        ->capture_default_str();
}

}  // namespace rgrid::cli
