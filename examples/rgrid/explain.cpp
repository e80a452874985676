#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <rgrid/adapters/process/agent_log.hpp>
#include <rgrid/control/decision_log.hpp>
#include <rgrid/policy/explain.hpp>

#include "commands.hpp"
#include "output.hpp"
#include "scene.hpp"

namespace rgrid::cli {

namespace {

struct ExplainOptions {
    int last = 1;
    std::string job;
    std::string worker;
};

using Records = std::vector<DecisionRecord>;

/// Keeps the decisions in which something was done or noticed that `matters`; nothing else of them.
Records filtered(Records records, std::function<bool(Step const&)> const& step_matters,
                 std::function<bool(Finding const&)> const& finding_matters) {
    Records kept;
    for (auto& record : records) {
        if (!record.plan) continue;
        std::erase_if(record.plan->steps, [&](Step const& step) { return !step_matters(step); });
        std::erase_if(record.plan->findings, [&](Finding const& finding) { return !finding_matters(finding); });
        if (!record.plan->steps.empty() || !record.plan->findings.empty()) kept.push_back(std::move(record));
    }
    return kept;
}

Records about_worker(Records records, std::string const& worker) {
    return filtered(
        std::move(records), [&](Step const& step) { return step.server.value == worker; },
        [&](Finding const& finding) { return finding.subject == worker; });
}

/// What was decided for the job's pool while the job waited.
Records about_job(Records records, JobView const& job) {
    auto const end = job.started.value_or(job.finished.value_or(Instant::max()));
    std::erase_if(records, [&](DecisionRecord const& record) { return record.at < job.submitted || record.at > end; });
    auto const& pool = job.spec.pool;
    return filtered(
        std::move(records), [&](Step const& step) { return step.pool == pool && step.action != Action::settle_intent; },
        [&](Finding const& finding) { return finding.pool.empty() || finding.pool == pool; });
}

Records last_ones(Records records, int count) {
    auto const all = [](auto const&) { return true; };
    records = filtered(std::move(records), all, all);
    auto const surplus = static_cast<std::ptrdiff_t>(records.size()) - count;
    if (surplus > 0) records.erase(records.begin(), records.begin() + surplus);
    return records;
}

/// What the decision saw, in one line.
std::string seen_text(Snapshot const& seen) {
    std::string text;
    auto const add = [&](std::string const& part) { text += (text.empty() ? "" : ", ") + part; };
    if (seen.demand.value) {
        std::int64_t queued = 0;
        Duration oldest{0};
        for (auto const& group : seen.demand.value->groups) {
            queued += group.jobs;
            oldest = std::max(oldest, group.oldest);
        }
        add(std::to_string(queued) + " queued" + (queued > 0 ? " (the oldest for " + to_rough_text(oldest) + ")" : ""));
    } else {
        add("an unknown number queued");
    }
    if (seen.sessions.value) {
        int busy = 0;
        int slots = 0;
        for (auto const& session : *seen.sessions.value) {
            if (session.state == SessionState::closed) continue;
            busy += session.busy_slots;
            slots += session.slots;
        }
        add(std::to_string(busy) + " of " + std::to_string(slots) + " slots busy");
    } else {
        add("workers unknown");
    }
    add(std::to_string(seen.intents.size()) +
        (seen.intents.size() == 1 ? " server ordered or standing" : " servers ordered or standing"));
    return text;
}

void print(Records const& records) {
    for (auto const& record : records) {
        std::cout << paint(Colour::bold, to_text(record.at).substr(0, 19) + "Z") << "  pass " << record.pass;
        if (record.snapshot) std::cout << ": " << seen_text(*record.snapshot);
        std::cout << "\n";
        for (auto const& line : explain(*record.plan)) std::cout << "    " << line << "\n";
    }
    std::cout << std::flush;
}

/// Of a worker that never came up, only its agent can say why.
void print_agent_log(Context& context, ServerName const& server) {
    auto const cloud = context.loaded().settings.cloud.process.value_or(process::ProviderSettings{});
    auto const path = process::find_agent_log(cloud.folder, server);
    if (!path.empty()) std::cout << "Its agent's log: " << path << "\n";
}

int explain_decisions(Context& context, ExplainOptions const& options) {
    auto const& path = context.loaded().settings.fleet.decision_log;
    auto records = std::filesystem::exists(path) ? expect(read_decisions(path)) : Records{};
    std::string waiting;
    if (!options.job.empty()) {
        auto const job = find_job(context, parse_jobs({options.job}).front());
        waiting = why_waiting(job, look_at_waiting(context, look_at_fleet(context), job));
        records = about_job(std::move(records), job);
    } else if (!options.worker.empty()) {
        records = about_worker(std::move(records), options.worker);
        if (records.empty())
            quit(exit_wrong_use, "no decision in '" + path + "' is about a worker '" + options.worker +
                                     "'; 'rgrid servers --all' lists the names");
    } else {
        records = last_ones(std::move(records), options.last);
    }
    if (context.options.json) {
        print_json(records);
        return exit_done;
    }
    print(records);
    if (!options.worker.empty()) print_agent_log(context, ServerName{options.worker});
    if (!waiting.empty())
        std::cout << "Now: " << waiting << "\n";
    else if (records.empty())
        std::cout << (options.job.empty() ? "Nothing was decided yet: '" + path + "' holds no step and no finding.\n"
                                          : "While this job waited, nothing was decided for its pool.\n");
    return exit_done;
}

}  // namespace

void add_explain(Commands const& commands) {
    auto options = std::make_shared<ExplainOptions>();
    auto* command = commands.add("explain", "Says why servers were ordered and let go",
                                 [options](Context& context) { return explain_decisions(context, *options); });
    auto* last =
        command->add_option("--last", options->last, "The last decisions in which anything was done or noticed")
            ->check(CLI::Range(1, 1'000'000))
            ->capture_default_str();
    auto* job = command->add_option("--job", options->job, "What was decided while this job waited");
    auto* worker = command->add_option("--worker", options->worker, "What was decided about this worker");
    last->excludes(job)->excludes(worker);
    job->excludes(worker);
}

}  // namespace rgrid::cli
