#pragma once

#include <fstream>
#include <memory>
#include <mutex>
#include <rgrid/adapters/http/message.hpp>
#include <rgrid/base/result.hpp>
#include <string>

namespace rgrid::hetzner_sim {

/// A file of calls and their answers, each a line of JSON: `method`, `target`, `content`, `status`, `body`. No header is
/// in it, and so no token.
///
/// Thread safety: all methods from any thread.
class Record {
public:
    /// Adds to the file if it is there. Errors: `rejected` (it cannot be written).
    static Result<std::unique_ptr<Record>> open(std::string const& path);

    void add(http::Request const& request, http::Response const& response);

private:
    explicit Record(std::ofstream file) : file_(std::move(file)) {}

    std::mutex mutex_;
    std::ofstream file_;
};

}  // namespace rgrid::hetzner_sim
