#include <algorithm>
#include <rgrid/worker/log_writer.hpp>
#include <system_error>
#include <utility>

namespace rgrid {

namespace {

constexpr std::size_t chunk_most = 64 * 1024;

std::string marker(std::int64_t dropped) {
    return "\n[rgrid: " + std::to_string(dropped) +
           " bytes of output were dropped here: the store did not take them]\n";
}

}  // namespace

LogWriter::LogWriter(WorkSource& work, Clock& clock, LogWriterSettings settings, WorkerId worker,
                     Incarnation incarnation, JobId job, LeaseEpoch epoch)
    : work_(work),
      clock_(clock),
      settings_(settings),
      worker_(std::move(worker)),
      incarnation_(incarnation),
      job_(job),
      epoch_(epoch) {}

LogWriter::~LogWriter() {
    close();
}

void LogWriter::write(std::string_view text) {
    std::unique_lock lock{mutex_};
    if (!closing_ && !thread_.joinable()) start();
    while (!text.empty()) {
        changed_.wait(lock, [&] { return buffer_.size() < settings_.buffer || stalled_ || closing_ || refused_; });
        if (closing_ || refused_) return;
        auto const room = settings_.buffer - std::min(buffer_.size(), settings_.buffer);
        if (room == 0) {
            dropped_ += static_cast<std::int64_t>(text.size());
            return;
        }
        if (dropped_ > 0) buffer_ += marker(std::exchange(dropped_, 0));
        auto const part = text.substr(0, room);
        buffer_ += part;
        text.remove_prefix(part.size());
        if (gathering_ && buffer_.size() >= chunk_most) hurry_.request_stop();
        changed_.notify_all();
    }
}

void LogWriter::close() {
    {
        std::scoped_lock const lock{mutex_};
        if (!closing_) close_by_ = clock_.steady_now() + settings_.patience;
        closing_ = true;
        hurry_.request_stop();
        changed_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
    else run();
}

void LogWriter::start() {
    try {
        thread_ = std::thread{[this] { run(); }};
    } catch (std::system_error const&) {
        stalled_ = true;
    }
}

void LogWriter::run() {
    LogChunk chunk{job_, epoch_, 0, {}};
    for (;;) {
        {
            std::unique_lock lock{mutex_};
            wait_for_more(lock);
            if (refused_) return;
            chunk.text = take_chunk();
            if (chunk.text.empty()) return;
        }
        if (!store(chunk)) return give_up();
        ++chunk.number;
    }
}

void LogWriter::wait_for_more(std::unique_lock<std::mutex>& lock) {
    changed_.wait(lock, [&] { return !buffer_.empty() || closing_; });
    if (buffer_.size() >= chunk_most || closing_) return;
    hurry_ = std::stop_source{};
    auto const token = hurry_.get_token();
    gathering_ = true;
    lock.unlock();
    clock_.sleep_until(clock_.steady_now() + settings_.flush, token);
    lock.lock();
    gathering_ = false;
}

std::string LogWriter::take_chunk() {
    if (buffer_.empty() && dropped_ > 0) buffer_ = marker(std::exchange(dropped_, 0));
    auto text = buffer_.substr(0, chunk_most);
    buffer_.erase(0, text.size());
    return text;
}

bool LogWriter::store(LogChunk const& chunk) {
    Backoff backoff{100ms, settings_.patience, static_cast<std::uint64_t>(job_.value)};
    for (;;) {
        Call const call{std::min(clock_.steady_now() + settings_.patience, last_moment()), {}};
        auto const stored = work_.append_log(call, worker_, incarnation_, chunk);
        std::unique_lock lock{mutex_};
        stalled_ = !stored;
        changed_.notify_all();
        if (stored) return true;
        auto const code = stored.error().code;
        if (code != Errc::retry_later && code != Errc::in_doubt) return false;
        auto const again = clock_.steady_now() + backoff.next(stored.error());
        if (again >= close_by_) return false;
        hurry_ = std::stop_source{};
        auto const token = closing_ ? std::stop_token{} : hurry_.get_token();
        lock.unlock();
        clock_.sleep_until(again, token);
    }
}

void LogWriter::give_up() {
    std::scoped_lock const lock{mutex_};
    refused_ = true;
    buffer_.clear();
    changed_.notify_all();
}

SteadyInstant LogWriter::last_moment() const {
    std::scoped_lock const lock{mutex_};
    return close_by_;
}

}  // namespace rgrid
