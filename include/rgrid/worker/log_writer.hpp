#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <rgrid/ports/clock.hpp>
#include <rgrid/ports/work_source.hpp>
#include <rgrid/worker/backoff.hpp>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

namespace rgrid {

struct LogWriterSettings {
    Duration flush = 250ms;                     ///< What was written is stored at least this often.
    std::size_t buffer = std::size_t{1} << 20;  ///< Bytes that wait to be stored, at most.
    Duration patience = 5s;                     ///< How long one store call may take, and the last ones after `close`.
};

/// Brings the output of one attempt into the store, as numbered chunks of at most 64 KiB.
///
/// A job that writes faster than the store takes it is slowed down. Once the store has failed or taken longer than
/// `patience`, and until it takes something again, the job goes on and what does not fit into the buffer is dropped; a
/// line in the log says how many bytes were. A chunk whose fate is unknown is stored again under its number, which
/// writes it once.
///
/// Thread safety: `write` from one thread at a time; it may be another one than that of `close`. Owns one thread, from
/// the first `write` on. If there is none to be had, what fits into the buffer is stored by `close`.
/// Lifetime: `work` and `clock` outlive it.
class LogWriter {
public:
    LogWriter(WorkSource& work, Clock& clock, LogWriterSettings settings, WorkerId worker, Incarnation incarnation,
              JobId job, LeaseEpoch epoch);
    ~LogWriter();
    LogWriter(LogWriter const&) = delete;
    LogWriter& operator=(LogWriter const&) = delete;

    void write(std::string_view text);

    /// Stores what is left, for at most `patience` and the call in flight, and ends. What is written later is ignored.
    void close();

private:
    void start();
    void run();
    void wait_for_more(std::unique_lock<std::mutex>& lock);
    std::string take_chunk();
    bool store(LogChunk const& chunk);
    void give_up();
    [[nodiscard]] SteadyInstant last_moment() const;

    WorkSource& work_;
    Clock& clock_;
    LogWriterSettings const settings_;
    WorkerId const worker_;
    Incarnation const incarnation_;
    JobId const job_;
    LeaseEpoch const epoch_;

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::string buffer_;
    std::int64_t dropped_ = 0;  // Bytes since the last ones that found room.
    bool stalled_ = false;      // The last call did not succeed: nobody waits for room.
    bool gathering_ = false;    // The writer waits for more text before it stores a chunk.
    bool closing_ = false;
    bool refused_ = false;  // The store will take nothing more of this attempt.
    SteadyInstant close_by_ = SteadyInstant::max();
    std::stop_source hurry_;  // Ends the writer's current wait; replaced when it begins the next one.
    std::thread thread_;      // Last: it uses all of the above. Made by the first write.
};

}  // namespace rgrid
