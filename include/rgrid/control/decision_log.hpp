#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <rgrid/base/result.hpp>
#include <rgrid/model/plan.hpp>
#include <rgrid/model/snapshot.hpp>
#include <rgrid/policy/params.hpp>
#include <string>
#include <vector>

namespace rgrid {

/// The format of a line. A reader refuses a newer one with a sentence and reads older ones.
inline constexpr int decision_log_format = 1;

/// One pass. Parameters and snapshot are there when the plan says something that the last one in the log does not: a
/// step, or another finding than those, whatever spans have gone by since. With them the decision can be replayed byte
/// for byte.
struct DecisionRecord {
    int format = decision_log_format;
    std::int64_t pass = 0;
    Instant at;
    LeaderEpoch epoch;
    std::optional<PlannerParams> params;
    std::optional<Snapshot> snapshot;
    std::optional<Plan> plan;  ///< Absent when it says what the last one in the log does.
};
BOOST_DESCRIBE_STRUCT(DecisionRecord, (), (format, pass, at, epoch, params, snapshot, plan))

/// Appends one JSON line a pass to a file. At `most` bytes the file becomes `PATH.1` and a new one begins, so that the
/// log never takes more than twice that. Thread safety: none; one pass at a time.
class DecisionLog {
public:
    /// Opens or creates the file, readable by its owner only. Errors: `rejected` with the path and the system's words.
    static Result<std::unique_ptr<DecisionLog>> open(std::string path, std::int64_t most = std::int64_t{64} << 20);
    ~DecisionLog();
    DecisionLog(DecisionLog const&) = delete;
    DecisionLog& operator=(DecisionLog const&) = delete;

    /// Writes a line. An error (a full disk) costs the line, never the pass.
    Result<> write(std::int64_t pass, Snapshot const& seen, PlannerParams const& params, Plan const& plan);

private:
    DecisionLog(std::string path, int file, std::int64_t size, std::int64_t most)
        : path_(std::move(path)), file_(file), size_(size), most_(most) {}
    Result<> rotate();

    std::string path_;
    int file_;
    std::int64_t size_;
    std::int64_t most_;
    std::optional<std::vector<Finding>> last_findings_;  ///< Of the last plan in the log, if it had no step.
};

/// The records of a log (and of the file it replaced), oldest first. Lines cut short by a crash are passed over; a line
/// of a newer format is an error that names it.
[[nodiscard]] Result<std::vector<DecisionRecord>> read_decisions(std::string const& path);

}  // namespace rgrid
