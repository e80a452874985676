#include "download.hpp"

#include <unistd.h>

#include <filesystem>
#include <rgrid/model/job_rules.hpp>
#include <rgrid/worker/staging.hpp>
#include <system_error>

namespace rgrid::cli {
namespace fs = std::filesystem;

std::vector<std::string> download(Context& context, JobView const& job, std::string const& folder) {
    std::vector<std::string> written;
    for (auto const& output : job.outputs) {
        // The path comes from a worker: it may not lead out of the folder.
        if (!is_inner_path(output.path))
            quit(exit_failed, "job " + std::to_string(job.job.value) + " names an output outside of its folder: '" +
                                  output.path + "'; it was not fetched");
        auto const target = fs::path{folder} / output.path;
        auto const part = target.string() + ".part-" + std::to_string(::getpid());
        auto const key = output_key({job.job, job.epoch}, output.path);
        std::error_code error;
        fs::create_directories(target.parent_path(), error);
        if (error)
            quit(exit_failed, "cannot make the folder '" + target.parent_path().string() + "': " + error.message());
        expect(context.ports().files->get(Call{}, key, part));
        fs::rename(part, target, error);
        if (error) {
            std::error_code ignored;
            fs::remove(part, ignored);
            quit(exit_failed, "cannot write '" + target.string() + "': " + error.message());
        }
        written.push_back(target.lexically_normal().string());
    }
    return written;
}

}  // namespace rgrid::cli
