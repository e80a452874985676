#pragma once

#include <memory>
#include <rgrid/base/result.hpp>
#include <string>

namespace rgrid::gateway {

/// A folder for files on their way, which nobody else uses. Removed with everything in it at the end; what a killed
/// process left beside it is removed by the next one.
class Spool {
public:
    /// Makes it below `folder`, and that too if it has to. Errors: `rejected`.
    static Result<std::unique_ptr<Spool>> make(std::string const& folder);
    ~Spool();
    Spool(Spool const&) = delete;
    Spool& operator=(Spool const&) = delete;

    [[nodiscard]] std::string const& folder() const { return folder_; }

    /// A path that nobody has been given before.
    [[nodiscard]] std::string new_path();

private:
    Spool(std::string folder, int lock) : folder_(std::move(folder)), lock_(lock) {}

    std::string const folder_;
    int const lock_;
};

}  // namespace rgrid::gateway
