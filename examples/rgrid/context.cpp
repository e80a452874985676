#include "context.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>

namespace rgrid::cli {

void quit(int code, std::string message) {
    throw Quit{code, std::move(message)};
}

void quit(Error const& error) {
    bool const unreachable = error.code == Errc::retry_later || error.code == Errc::in_doubt;
    quit(unreachable ? exit_not_reachable : exit_failed, error.message);
}

app::LoadedSettings const& Context::loaded() {
    if (!loaded_) {
        loaded_ = app::load_settings(options.source, app::process_environment());
        if (!loaded_->problems.empty())
            quit(exit_wrong_use, "the configuration " + (loaded_->file ? "'" + *loaded_->file + "' " : std::string{}) +
                                     "cannot be used:\n  " + config::to_text(loaded_->problems, "\n  "));
    }
    return *loaded_;
}

app::Ports& Context::ports() {
    if (!ports_) {
        auto opened = app::open_ports(loaded(), clock_, app::Role::client);
        if (!opened) quit(exit_not_reachable, opened.error().message);
        ports_ = std::move(*opened);
    }
    return *ports_;
}

Result<std::vector<JobView>> look_at_all(Context const& context, JobStore& store, JobQuery query) {
    query.limit = 20'000;
    std::vector<JobView> all;
    for (;;) {
        auto page = store.look(context.call(), query);
        if (!page) return page.error();
        all.insert(all.end(), std::move_iterator(page->rbegin()), std::move_iterator(page->rend()));
        if (page->size() < static_cast<std::size_t>(query.limit)) break;
        query.before = all.back().job;
    }
    std::reverse(all.begin(), all.end());
    return all;
}

std::vector<JobView> look_at_all(Context& context, JobQuery query) {
    return expect(look_at_all(context, *context.ports().jobs, std::move(query)));
}

std::vector<JobId> parse_jobs(std::vector<std::string> const& texts) {
    std::vector<JobId> jobs;
    for (auto const& text : texts) {
        std::int64_t number = 0;
        auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error != std::errc{} || end != text.data() + text.size() || number <= 0)
            quit(exit_wrong_use, "'" + text + "' is no job; expected a job's number, as 'rgrid status' shows it");
        jobs.emplace_back(number);
    }
    return jobs;
}

JobView find_job(Context& context, JobId job) {
    auto found = expect(context.ports().jobs->look(context.call(), JobQuery{.jobs = {job}}));
    if (found.empty())
        quit(exit_wrong_use, "there is no job " + std::to_string(job.value) + " (finished jobs are kept for " +
                                 to_text(context.loaded().settings.store.keep_finished) + ")");
    return std::move(found.front());
}

void require_pool(Context& context, PoolName const& pool) {
    auto const& pools = context.loaded().settings.pool;
    if (pools.contains(pool)) return;
    std::string names;
    for (auto const& [name, params] : pools) names += (names.empty() ? "" : ", ") + name.value;
    quit(exit_wrong_use, "there is no pool '" + pool.value + "'; the configuration has: " + names);
}

}  // namespace rgrid::cli
