#include <algorithm>
#include <exception>
#include <filesystem>
#include <rgrid/worker/attempt.hpp>
#include <rgrid/worker/staging.hpp>
#include <system_error>

namespace rgrid {

namespace fs = std::filesystem;

namespace {

/// "12-3", as attempt_folder() names it, or "12-3.json", as an unfinished receipt is named.
bool names_an_attempt(std::string name) {
    if (name.ends_with(".json")) name.resize(name.size() - 5);
    auto const dash = name.find('-');
    auto const digits = [](std::string const& text) {
        return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
    };
    return dash != std::string::npos && digits(name.substr(0, dash)) && digits(name.substr(dash + 1));
}

/// A working folder, empty when made and gone when left.
class WorkFolder {
public:
    WorkFolder(std::string path, bool keep) : path_(std::move(path)), keep_(keep) {}
    ~WorkFolder() { leave(); }
    WorkFolder(WorkFolder const&) = delete;
    WorkFolder& operator=(WorkFolder const&) = delete;

    void leave() {
        if (made_ && !keep_) remove_folder(path_);
    }

    Result<> make() {
        if (auto const left = remove_folder(path_); !left.empty())
            return fail(Errc::rejected, "the working folder holds leftovers that cannot be removed: " + left);
        made_ = true;
        std::error_code error;
        fs::create_directories(path_, error);
        if (!error) fs::permissions(path_, fs::perms::owner_all, error);
        if (error) return fail(Errc::rejected, "the working folder " + path_ + " cannot be made: " + error.message());
        return {};
    }

private:
    std::string path_;
    bool keep_;
    bool made_ = false;
};

struct Run {
    AttemptPorts const& ports;
    AttemptSettings const& settings;
    AttemptOwner const& owner;
    Lease const& lease;
    std::stop_token stop;
    Completion result;

    void end(Outcome outcome, std::string message) {
        result.outcome = outcome;
        result.message = std::move(message);
    }

    /// Something between the store and the job went wrong, or we were told to end meanwhile.
    void fail_staging(Error const& error) {
        if (stop.stop_requested()) return end(Outcome::cancelled, "stopped");
        end(Outcome::failed, error.message);
    }

    // A folder made and removed waits twice for a disk that somebody else makes durable writes to.
    [[nodiscard]] bool needs_folder() const {
        return !lease.spec.inputs.empty() || !lease.spec.outputs.empty() || ports.executor.needs_folder();
    }

    void run() {
        auto const key = LeaseKey{lease.job, lease.epoch};
        auto const began = ports.clock.now();
        auto const folder = attempt_folder(settings, key);
        WorkFolder work{folder, settings.keep_folders};
        // A machine that has no room for a folder is no fault of the job's.
        if (needs_folder())
            if (auto const made = work.make(); !made) return end(Outcome::released, made.error().message);
        auto const in = call_within(ports.clock, settings.transfer_limit, stop);
        if (auto const staged = stage_in(in, ports.files, ports.clock, lease.spec, folder); !staged)
            return fail_staging(staged.error());
        // A job that cannot deliver need not run.
        if (auto const room = check_room_for_outputs(in, ports.files, ports.clock, lease.spec, key); !room)
            return fail_staging(room.error());
        execute(folder, work);
        if (result.outcome != Outcome::succeeded) return;
        auto const out = call_within(ports.clock, settings.transfer_limit, stop);
        auto outputs = stage_out(out, ports.files, ports.clock, lease.spec, key, folder, began);
        if (!outputs) return fail_staging(outputs.error());
        result.outputs = std::move(*outputs);
    }

    void execute(std::string const& folder, WorkFolder& work) {
        if (stop.stop_requested()) return end(Outcome::cancelled, "stopped");
        LogWriter log{ports.work, ports.clock, settings.log, owner.worker, owner.incarnation, lease.job, lease.epoch};
        auto const report = ports.executor.run(Call{SteadyInstant::max(), stop}, {lease, folder, settings.kill_grace},
                                               [&](std::string_view text) { log.write(text); });
        // A job that has filled the disk has taken the room for its last words, too, where the store is on that disk.
        if (!report || report->outcome != Outcome::succeeded) work.leave();
        log.close();
        // Short of processes or memory for the moment: no fault of the job, which another worker may start.
        if (!report && report.error().code == Errc::retry_later && !stop.stop_requested())
            return end(Outcome::released, report.error().message);
        if (!report) return fail_staging(report.error());
        result.exit_code = report->exit_code;
        result.ran = report->ran;
        end(report->outcome, report->message);
    }
};

}  // namespace

std::string attempt_folder(AttemptSettings const& settings, LeaseKey const& lease) {
    return settings.folder + "/" + std::to_string(lease.first.value) + "-" + std::to_string(lease.second.value);
}

Completion run_attempt(AttemptPorts const& ports, AttemptSettings const& settings, AttemptOwner const& owner,
                       Lease const& lease, std::stop_token stop) {
    Run attempt{ports, settings, owner, lease, std::move(stop), {}};
    attempt.result.job = lease.job;
    attempt.result.epoch = lease.epoch;
    try {
        attempt.run();
    } catch (std::exception const& error) {
        attempt.end(Outcome::failed, std::string{"the worker could not run it: "} + error.what());
    }
    return std::move(attempt.result);
}

void sweep_attempt_folders(AttemptSettings const& settings) {
    std::error_code error;
    std::vector<std::string> old;
    for (fs::directory_iterator entry{settings.folder, error}; !error && entry != fs::directory_iterator{};
         entry.increment(error))
        if (names_an_attempt(entry->path().filename().string())) old.push_back(entry->path().string());
    for (auto const& folder : old) remove_folder(folder);
}

}  // namespace rgrid
