#pragma once

#include <array>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <rgrid/adapters/sqlite/store.hpp>
#include <rgrid/base/call.hpp>
#include <rgrid/ports/clock.hpp>
#include <string>
#include <thread>
#include <vector>

#include "adapters/sqlite/anchor.hpp"
#include "adapters/sqlite/transaction.hpp"
#include "adapters/sqlite/turn.hpp"

namespace rgrid::sqlite {

/// What goes first. Beats and leadership are small and late ones cost workers, so they pass everything that waits.
enum class Lane { urgent, bulk };

/// The one thread of a process that writes: callers leave operations and wait, and what is waiting is committed
/// together.
///
/// Each operation runs under a savepoint, so that one that fails takes nothing else with it. Waiting for another
/// process ends at each caller's own deadline. Thread safety: all methods from any thread.
class Writer {
public:
    /// `anchor` and `clock` must outlive the writer. Store time is `base` plus the clock's steady time.
    Writer(std::unique_ptr<Connection> connection, std::string const& path, Duration base, Anchor const& anchor,
           Clock& clock);
    ~Writer();

    /// Runs `work` in a transaction and returns its answer once that is committed. An error as answer undoes what
    /// `work` did. `work` runs on another thread and must own what it uses: it may outlive the call.
    template <class T>
    Result<T> write(Call const& call, Lane lane, std::function<Result<T>(Transaction&)> work) {
        auto const answer = std::make_shared<std::optional<Result<T>>>();
        auto const pending = std::make_shared<Pending>();
        pending->call = call;
        pending->run = [answer, work = std::move(work)](Transaction& transaction) {
            answer->emplace(work(transaction));
            return (*answer)->has_value();
        };
        if (auto error = finish(pending, lane)) return std::move(*error);
        return std::move(**answer);
    }

    [[nodiscard]] Statistics statistics() const;

private:
    enum class Stage { waiting, running, done, abandoned };

    struct Pending {
        Call call;
        std::function<bool(Transaction&)> run;  ///< False: undo it, its answer is an error already.
        Stage stage = Stage::waiting;
        bool kept = false;                      ///< Whether the transaction's fate is its own.
        std::optional<Error> error;
        std::condition_variable changed;
    };
    using Batch = std::vector<std::shared_ptr<Pending>>;

    std::optional<Error> finish(std::shared_ptr<Pending> const& pending, Lane lane);
    void loop();
    bool wait_for_work();
    bool begin();
    bool may_write();
    Batch run_waiting(Transaction& transaction);
    std::shared_ptr<Pending> next();
    void run_one(Transaction& transaction, Pending& pending);
    void keep_evidence(Transaction& transaction);
    std::optional<Error> commit(Transaction& transaction, std::int64_t changes_before, std::size_t operations);
    void answer(Batch const& batch, std::optional<Error> const& error);
    void fail_waiting(Error const& error);
    bool somebody_waits();
    void keep_journal_short();

    std::unique_ptr<Connection> connection_;
    std::string path_;
    Duration base_;
    Anchor const& anchor_;
    Clock& clock_;
    Turn turn_;
    int journal_frames_ = 0;

    mutable std::mutex mutex_;
    std::condition_variable work_;
    std::array<std::deque<std::shared_ptr<Pending>>, 2> lanes_;
    bool stopping_ = false;
    Statistics statistics_;
    std::thread thread_;  // Last: it uses all of the above.
};

}  // namespace rgrid::sqlite
