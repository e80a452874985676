#include <filesystem>
#include <rgrid/worker/glob.hpp>
#include <rgrid/worker/staging.hpp>
#include <system_error>

#include "repeat.hpp"

namespace rgrid {

namespace fs = std::filesystem;

namespace {

Error broken_input(InputFile const& input, std::string const& what) {
    return fail(Errc::rejected, "input '" + input.path + "' " + what);
}

Result<> fetch(Call const& call, FileStore& files, Clock& clock, InputFile const& input, fs::path const& folder) {
    if (!stays_below(input.path))
        return broken_input(input, "has a path that leaves the working folder; expected a relative one without '..'");
    auto const path = folder / input.path;
    std::error_code error;
    fs::create_directories(path.parent_path(), error);
    if (error) return broken_input(input, "cannot be placed: " + path.parent_path().string() + ": " + error.message());

    auto const key = "inputs/" + input.sha256;
    auto const got = detail::repeat(call, clock, [&] { return files.get(call, key, path.string()); });
    if (!got) return fail(got.error().code, "input '" + input.path + "' cannot be fetched: " + got.error().message);
    if (got->sha256 != input.sha256)
        return broken_input(input, "has the SHA-256 " + got->sha256 + "; expected " + input.sha256);
    if (!input.executable) return {};
    fs::permissions(path, fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec, fs::perm_options::add,
                    error);
    if (error) return broken_input(input, "cannot be made executable: " + error.message());
    return {};
}

}  // namespace

Result<> stage_in(Call const& call, FileStore& files, Clock& clock, JobSpec const& spec, std::string const& folder) {
    for (auto const& input : spec.inputs) {
        if (call.stop.stop_requested())
            return fail(Errc::retry_later, "input '" + input.path + "' was not fetched: stopped");
        if (auto const fetched = fetch(call, files, clock, input, folder); !fetched) return fetched.error();
    }
    return {};
}

}  // namespace rgrid
