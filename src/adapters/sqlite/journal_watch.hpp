#pragma once

#include <chrono>
#include <stop_token>
#include <string>

namespace rgrid::sqlite {

/// Tells at once that somebody writes to a store's journal, where the kernel can; waits by real time.
///
/// What is written counts only once it is committed, a moment later, so whoever is told looks more than once.
/// Thread safety: one waiting thread at a time.
class JournalWatch {
public:
    /// Of the journal that exists at `path`. Where the kernel has no watch left, every wait takes its whole span.
    explicit JournalWatch(std::string const& path);
    ~JournalWatch();
    JournalWatch(JournalWatch const&) = delete;
    JournalWatch& operator=(JournalWatch const&) = delete;

    /// Waits until the journal is written to, until `span` has passed or until a stop is requested. Returns whether it
    /// was written to since the last call.
    bool wait(std::chrono::milliseconds span, std::stop_token const& stop);

    /// Waits only for the span or a stop; what is written meanwhile is told by the next wait().
    void pause(std::chrono::milliseconds span, std::stop_token const& stop);

private:
    bool wait_for(std::chrono::milliseconds span, std::stop_token const& stop, bool for_writes);

    int events_ = -1;
    int stop_ = -1;
};

}  // namespace rgrid::sqlite
