#pragma once

#include <cstdint>
#include <optional>
#include <rgrid/adapters/system/clock.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/model/job.hpp>
#include <string>
#include <utility>
#include <vector>

#include "app/exit_codes.hpp"
#include "app/open.hpp"
#include "app/settings.hpp"

namespace rgrid::cli {

using app::exit_done;
using app::exit_failed;
using app::exit_interrupted;
using app::exit_not_reachable;
using app::exit_wrong_use;

/// Ends the command from anywhere in it: a sentence for standard error and the program's exit code.
struct Quit {
    int code = exit_failed;
    std::string message;
};

/// The options that every command has.
struct CommonOptions {
    app::SettingsSource source;
    bool json = false;
};

/// What a command works with. The configuration is read and the ports are opened when they are first asked for.
class Context {
public:
    CommonOptions options;

    [[nodiscard]] Clock& clock() { return clock_; }

    /// The settings; quits with `exit_wrong_use` and all problems if there are any.
    app::LoadedSettings const& loaded();

    /// The store and the files; quits with `exit_not_reachable` if they cannot be opened.
    app::Ports& ports();

    /// Every call of a command is bounded by this.
    [[nodiscard]] Call call() const { return call_within(clock_, 20s); }

private:
    SystemClock clock_;
    std::optional<app::LoadedSettings> loaded_;
    std::optional<app::Ports> ports_;
};

/// The value of a call, or the end of the command with its error.
[[noreturn]] void quit(Error const& error);
[[noreturn]] void quit(int code, std::string message);

template <class T>
T expect(Result<T> result) {
    if (!result) quit(result.error());
    return std::move(*result);
}
inline void expect(Result<> const& result) {
    if (!result) quit(result.error());
}

/// Makes one call for each piece of at most 5,000 items and returns all answers in order. Many at a time would keep
/// others from the store for longer than their heartbeats can wait.
///
/// @param make        Takes a piece, returns the answers to its items.
/// @param unfinished  Said of an error, given how many items were done before.
template <class Item, class Make, class Unfinished>
auto in_pieces(std::vector<Item> const& items, Make const& make, Unfinished const& unfinished) {
    constexpr std::size_t most = 5'000;
    typename decltype(make(items))::value_type answers;
    std::size_t done = 0;
    do {
        auto const end = std::min(items.size(), done + most);
        std::vector<Item> const piece(items.begin() + static_cast<std::ptrdiff_t>(done),
                                      items.begin() + static_cast<std::ptrdiff_t>(end));
        auto part = make(piece);
        if (!part && done > 0) {
            auto error = part.error();
            error.message += unfinished(done);
            quit(error);
        }
        for (auto& answer : expect(std::move(part))) answers.push_back(std::move(answer));
        done = end;
    } while (done < items.size());
    return answers;
}

/// All jobs that a query finds, oldest first, a page a call: reading a million at once would take longer than a call may.
[[nodiscard]] Result<std::vector<JobView>> look_at_all(Context const& context, JobStore& store, JobQuery query);
[[nodiscard]] std::vector<JobView> look_at_all(Context& context, JobQuery query);

/// Reads job numbers as a user types them; quits with `exit_wrong_use` naming the one that is none.
[[nodiscard]] std::vector<JobId> parse_jobs(std::vector<std::string> const& texts);

/// The job, or the end of the command if there is none of that number.
[[nodiscard]] JobView find_job(Context& context, JobId job);

/// Quits with `exit_wrong_use` and the names there are, if the configuration has no such pool.
void require_pool(Context& context, PoolName const& pool);

}  // namespace rgrid::cli
