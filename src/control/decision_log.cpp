#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <rgrid/config/json.hpp>
#include <rgrid/control/decision_log.hpp>
#include <utility>

namespace rgrid {

namespace {

int open_for_append(std::string const& path) {
    auto const file = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (file < 0) return file;
    // A crash may have cut the last line short: what follows begins on a line of its own.
    char last = '\n';
    auto const size = ::lseek(file, 0, SEEK_END);
    if (size > 0 && ::pread(file, &last, 1, size - 1) == 1 && last != '\n') static_cast<void>(::write(file, "\n", 1));
    return file;
}

Error system_error(std::string const& what, std::string const& path) {
    return fail(Errc::rejected, what + " " + path + ": " + std::strerror(errno));
}

/// Findings without the spans in them, which time alone changes.
std::vector<Finding> without_spans(std::vector<Finding> findings) {
    for (auto& finding : findings)
        for (auto& fact : finding.facts)
            if (fact.unit == Unit::milliseconds) fact.value = 0;
    return findings;
}

Result<> read_file(std::string const& path, std::vector<DecisionRecord>& records) {
    std::ifstream file{path};
    std::string line;
    for (int number = 1; std::getline(file, line); ++number) {
        // The last line may have been cut short by a crash.
        if (!line.ends_with('}')) continue;
        auto record = config::from_json_text<DecisionRecord>(line);
        if (!record) return fail(Errc::rejected, path + ":" + std::to_string(number) + ": " + record.error().message);
        if (record->format > decision_log_format)
            return fail(Errc::rejected, path + ":" + std::to_string(number) + ": format " +
                                            std::to_string(record->format) + " is newer than this program's " +
                                            std::to_string(decision_log_format));
        records.push_back(std::move(*record));
    }
    return {};
}

}  // namespace

Result<std::unique_ptr<DecisionLog>> DecisionLog::open(std::string path, std::int64_t most) {
    auto const file = open_for_append(path);
    if (file < 0) return system_error("cannot write the decision log", path);
    struct stat status {};
    if (::fstat(file, &status) != 0) status.st_size = 0;
    return std::unique_ptr<DecisionLog>{new DecisionLog{std::move(path), file, status.st_size, most}};
}

DecisionLog::~DecisionLog() {
    if (file_ >= 0) ::close(file_);
}

Result<> DecisionLog::write(std::int64_t pass, Snapshot const& seen, PlannerParams const& params, Plan const& plan) {
    if (size_ >= most_)
        if (auto rotated = rotate(); !rotated) return rotated;
    DecisionRecord record;
    record.pass = pass;
    record.at = seen.now;
    record.epoch = seen.epoch;
    auto const findings = without_spans(plan.findings);
    auto const same = plan.steps.empty() && last_findings_ == findings;
    if (!same) {
        record.params = params;
        record.snapshot = seen;
        record.plan = plan;
    }
    auto const line = config::to_json_text(record) + "\n";
    auto const written = ::write(file_, line.data(), line.size());
    if (written != static_cast<ssize_t>(line.size())) {
        auto const failed = system_error("cannot write the decision log", path_);
        // What follows must not be joined to half a line.
        static_cast<void>(::ftruncate(file_, size_));
        return failed;
    }
    size_ += written;
    last_findings_.reset();
    if (plan.steps.empty()) last_findings_ = findings;
    return {};
}

Result<> DecisionLog::rotate() {
    if (std::rename(path_.c_str(), (path_ + ".1").c_str()) != 0)
        return system_error("cannot rotate the decision log", path_);
    auto const file = open_for_append(path_);
    if (file < 0) return system_error("cannot write the decision log", path_);
    ::close(file_);
    file_ = file;
    size_ = 0;
    last_findings_.reset();  // The new file must be readable without the old one.
    return {};
}

Result<std::vector<DecisionRecord>> read_decisions(std::string const& path) {
    std::vector<DecisionRecord> records;
    if (::access(path.c_str(), R_OK) != 0 && ::access((path + ".1").c_str(), R_OK) != 0)
        return system_error("cannot read the decision log", path);
    for (auto const& name : {path + ".1", path})
        if (auto const read = read_file(name, records); !read) return read.error();
    return records;
}

}  // namespace rgrid
