#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <rgrid/base/call.hpp>
#include <rgrid/ports/clock.hpp>
#include <string>
#include <vector>

#include "adapters/sqlite/anchor.hpp"
#include "adapters/sqlite/database.hpp"

namespace rgrid::sqlite {

/// A few connections that only read, each used by one caller at a time in one short transaction.
///
/// Thread safety: all methods from any thread. `anchor` and `clock` must outlive it.
class Readers {
public:
    Readers(std::string path, Anchor const& anchor, Clock& clock)
        : path_(std::move(path)), anchor_(anchor), clock_(clock) {}

    /// Runs `work` on one state of the file. It is interrupted at the call's deadline and when a stop is requested.
    template <class T>
    Result<T> read(Call const& call, std::function<Result<T>(Connection&)> const& work) {
        // Before, because a connection that is opened for the work would make what is missing.
        if (auto lost = anchor_.error()) return std::move(*lost);
        auto answer = ask<T>(call, work);
        // And after, because it may have been opened to another file.
        if (auto lost = anchor_.error()) return std::move(*lost);
        return answer;
    }

private:
    template <class T>
    Result<T> ask(Call const& call, std::function<Result<T>(Connection&)> const& work) {
        try {
            Use const turn{*this, call};
            anchor_.check_content(turn.connection());
            return work(turn.connection());
        } catch (SqliteFailure const& failure) {
            return to_error(failure);
        } catch (std::exception const& exception) {
            return fail(Errc::bug, path_ + ": " + exception.what());
        }
    }

    /// One caller's use of a connection, with a transaction around it.
    class Use {
    public:
        Use(Readers& readers, Call const& call);
        ~Use();
        Use(Use const&) = delete;
        Use& operator=(Use const&) = delete;

        [[nodiscard]] Connection& connection() const noexcept { return *connection_; }
        [[nodiscard]] bool over() const;

    private:
        Readers& readers_;
        Call const& call_;
        std::unique_ptr<Connection> connection_;
    };

    std::unique_ptr<Connection> borrow(Call const& call);
    void give_back(std::unique_ptr<Connection> connection);

    std::string path_;
    Anchor const& anchor_;
    Clock& clock_;
    std::mutex mutex_;
    std::condition_variable returned_;
    std::vector<std::unique_ptr<Connection>> idle_;
    int lent_ = 0;
};

}  // namespace rgrid::sqlite
