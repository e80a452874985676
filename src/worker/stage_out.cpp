#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <rgrid/worker/glob.hpp>
#include <rgrid/worker/staging.hpp>
#include <system_error>

#include "repeat.hpp"

namespace rgrid {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t outputs_most = 10'000;  // The list travels with the completion and is kept with the job.

/// What lies in the folder: files and links, by their path relative to it.
using Listing = std::map<std::string, fs::directory_entry>;

Result<> list_below(fs::path const& folder, std::string const& prefix, Listing& listing) {
    std::error_code error;
    fs::directory_iterator entry{folder / prefix, error};
    for (; !error && entry != fs::directory_iterator{}; entry.increment(error)) {
        auto const path = prefix + entry->path().filename().string();
        auto const type = entry->symlink_status(error).type();
        if (type == fs::file_type::regular || type == fs::file_type::symlink) listing.emplace(path, *entry);
        if (type != fs::file_type::directory) continue;
        if (auto const listed = list_below(folder, path + "/", listing); !listed) return listed.error();
    }
    if (error)
        return fail(Errc::rejected, "the folder '" + (prefix.empty() ? "." : prefix) +
                                        "' cannot be read to find the outputs: " + error.message());
    return {};
}

/// Whether the glob names the file or a folder that it lies in.
bool names(std::string_view glob, std::string_view path) {
    for (auto slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/', slash + 1))
        if (glob_matches(glob, path.substr(0, slash))) return true;
    return glob_matches(glob, path);
}

bool lies_in(fs::path const& path, fs::path const& folder) {
    return std::ranges::mismatch(path, folder).in2 == folder.end();
}

/// The file to store for an entry; nothing for a link to a folder.
Result<std::optional<fs::path>> source_of(std::string const& path, fs::directory_entry const& entry,
                                          fs::path const& folder) {
    if (!entry.is_symlink()) return std::optional{entry.path()};
    std::error_code error;
    auto const target = fs::canonical(entry.path(), error);
    if (error) return fail(Errc::rejected, "output '" + path + "' is a link that leads nowhere: " + error.message());
    if (!lies_in(target, folder))
        return fail(Errc::rejected, "output '" + path + "' is a link out of the working folder, to " + target.string() +
                                        "; expected a file inside");
    if (!fs::is_regular_file(target, error)) return std::optional<fs::path>{};
    return std::optional{target};
}

std::string some_of(Listing const& listing) {
    constexpr std::size_t shown_most = 8;
    if (listing.empty()) return "it is empty";
    std::string text = "it holds ";
    std::size_t shown = 0;
    for (auto const& [path, entry] : listing) {
        if (shown == shown_most) return text + " and " + std::to_string(listing.size() - shown) + " more";
        text += (shown++ == 0 ? "" : ", ") + path;
    }
    return text;
}

using Sources = std::map<std::string, fs::path>;

Result<> add_named(std::string const& glob, Listing const& listing, fs::path const& folder, Sources& sources) {
    if (!stays_below(glob))
        return fail(Errc::rejected,
                    "output '" + glob + "' leaves the working folder; expected a relative glob without '..'");
    bool found = false;
    for (auto const& [path, entry] : listing) {
        if (!names(glob, path)) continue;
        auto const source = source_of(path, entry, folder);
        if (!source) return source.error();
        if (!*source) continue;
        found = true;
        sources.emplace(path, **source);
    }
    if (!found)
        return fail(Errc::rejected, "output '" + glob + "' names no file in the working folder; " + some_of(listing));
    return {};
}

Result<Sources> find_outputs(JobSpec const& spec, std::string const& folder) {
    std::error_code error;
    auto const real = fs::canonical(folder, error);
    if (error) return fail(Errc::rejected, "the working folder cannot be read: " + folder + ": " + error.message());
    Listing listing;
    if (auto const listed = list_below(real, "", listing); !listed) return listed.error();
    Sources sources;
    for (auto const& glob : spec.outputs)
        if (auto const added = add_named(glob, listing, real, sources); !added) return added.error();
    if (sources.size() > outputs_most)
        return fail(Errc::rejected, "the outputs are " + std::to_string(sources.size()) + " files; expected at most " +
                                        std::to_string(outputs_most) + ": pack them into one");
    return sources;
}

void take_back(FileStore& files, Clock& clock, LeaseKey const& lease, std::vector<OutputFile> const& outputs) {
    auto const call = call_within(clock, 10s);
    for (auto const& output : outputs) static_cast<void>(files.remove(call, output_key(lease, output.path)));
}

}  // namespace

std::string output_key(LeaseKey const& lease, std::string const& path) {
    return "outputs/" + std::to_string(lease.first.value) + "/" + std::to_string(lease.second.value) + "/" + path;
}

Result<std::vector<OutputFile>> stage_out(Call const& call, FileStore& files, Clock& clock, JobSpec const& spec,
                                          LeaseKey const& lease, std::string const& folder) {
    std::vector<OutputFile> outputs;
    if (spec.outputs.empty()) return outputs;
    auto const sources = find_outputs(spec, folder);
    if (!sources) return sources.error();
    for (auto const& [path, source] : *sources) {
        auto const key = output_key(lease, path);
        auto const stored = detail::repeat(call, clock, [&, &from = source]() -> Result<StoredFile> {
            if (call.stop.stop_requested()) return fail(Errc::retry_later, "stopped");
            return files.put(call, key, from.string());
        });
        if (!stored) {
            take_back(files, clock, lease, outputs);
            return fail(stored.error().code, "output '" + path + "' cannot be stored: " + stored.error().message);
        }
        outputs.push_back({path, stored->sha256, stored->size});
    }
    return outputs;
}

std::string remove_folder(std::string const& folder) {
    std::error_code error;
    fs::remove_all(folder, error);
    if (!error) return {};
    // A job may have taken away its own right to write; the folders are ours, so it can be given back.
    std::vector<fs::path> pending{folder};
    while (!pending.empty()) {
        auto const path = pending.back();
        pending.pop_back();
        std::error_code ignored;
        fs::permissions(path, fs::perms::owner_all, fs::perm_options::add, ignored);
        for (fs::directory_iterator entry{path, ignored}; !ignored && entry != fs::directory_iterator{};
             entry.increment(ignored))
            if (entry->symlink_status().type() == fs::file_type::directory) pending.push_back(entry->path());
    }
    fs::remove_all(folder, error);
    return error ? folder + ": " + error.message() : std::string{};
}

}  // namespace rgrid
