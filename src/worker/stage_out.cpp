#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <rgrid/base/text.hpp>
#include <rgrid/worker/glob.hpp>
#include <rgrid/worker/receipt.hpp>
#include <rgrid/worker/staging.hpp>
#include <system_error>

#include "repeat.hpp"

namespace rgrid {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t outputs_most = 10'000;  // The list travels with the completion and is kept with the job.

/// What lies in the folder, by its path relative to it.
struct Listing {
    std::map<std::string, fs::directory_entry> files;  ///< And links.
    std::map<std::string, std::string> others;         ///< What can be no output, and what it is.
};

/// What something is that is neither a file nor a link; for a folder, if that is all there is to say of it.
char const* kind_of(fs::file_type type) {
    switch (type) {
        case fs::file_type::directory:
            return "a folder without files";
        case fs::file_type::fifo:
            return "a named pipe";
        case fs::file_type::socket:
            return "a socket";
        case fs::file_type::block:
        case fs::file_type::character:
            return "a device";
        default:
            return "no regular file";
    }
}

Result<> list_below(fs::path const& folder, std::string const& prefix, Listing& listing) {
    std::error_code error;
    fs::directory_iterator entry{folder / prefix, error};
    for (; !error && entry != fs::directory_iterator{}; entry.increment(error)) {
        auto const path = prefix + entry->path().filename().string();
        auto const type = entry->symlink_status(error).type();
        if (type == fs::file_type::regular || type == fs::file_type::symlink)
            listing.files.emplace(path, *entry);
        else
            listing.others.emplace(path, kind_of(type));
        if (type != fs::file_type::directory) continue;
        if (auto const listed = list_below(folder, path + "/", listing); !listed) return listed.error();
    }
    if (error)
        return fail(Errc::rejected, "the folder '" + (prefix.empty() ? "." : printable(prefix)) +
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

/// The file to store for an entry; nothing for a link to a folder or to something special.
Result<std::optional<fs::path>> source_of(std::string const& path, fs::directory_entry const& entry,
                                          fs::path const& folder) {
    if (!entry.is_symlink()) return std::optional{entry.path()};
    std::error_code error;
    auto const target = fs::canonical(entry.path(), error);
    auto const link = "output '" + printable(path) + "' is a link ";
    if (error) return fail(Errc::rejected, link + "that leads nowhere: " + error.message());
    if (!lies_in(target, folder))
        return fail(Errc::rejected,
                    link + "out of the working folder, to " + printable(target.string()) + "; expected a file inside");
    if (!fs::is_regular_file(target, error)) return std::optional<fs::path>{};
    return std::optional{target};
}

std::string some_of(Listing const& listing) {
    constexpr std::size_t shown_most = 8;
    if (listing.files.empty()) return "it is empty";
    std::string text = "it holds ";
    std::size_t shown = 0;
    for (auto const& [path, entry] : listing.files) {
        if (shown == shown_most) return text + " and " + std::to_string(listing.files.size() - shown) + " more";
        text += (shown++ == 0 ? "" : ", ") + printable(path);
    }
    return text;
}

/// Why a glob found nothing.
Error nothing_named(std::string const& glob, Listing const& listing) {
    auto const name = "output '" + printable(glob) + "' ";
    for (auto const& [path, what] : listing.others) {
        if (path == glob) return fail(Errc::rejected, name + "is " + what + "; expected a file");
        if (names(glob, path)) return fail(Errc::rejected, name + "names no file: " + printable(path) + " is " + what);
    }
    return fail(Errc::rejected, name + "names no file in the working folder; " + some_of(listing));
}

using Sources = std::map<std::string, fs::path>;

Result<> add_named(std::string const& glob, Listing const& listing, fs::path const& folder, Sources& sources) {
    if (!stays_below(glob))
        return fail(Errc::rejected, "output '" + printable(glob) +
                                        "' leaves the working folder; expected a relative glob without '..'");
    bool found = false;
    std::string no_file;
    for (auto const& [path, entry] : listing.files) {
        if (!names(glob, path)) continue;
        if (!is_utf8(path))
            return fail(Errc::rejected, "output '" + printable(path) + "' has a name that is no UTF-8; expected text");
        auto const source = source_of(path, entry, folder);
        if (!source) return source.error();
        if (!*source) {
            no_file = path;
            continue;
        }
        found = true;
        sources.emplace(path, **source);
    }
    if (found) return {};
    if (no_file.empty()) return nothing_named(glob, listing);
    return fail(Errc::rejected, "output '" + printable(no_file) + "' is a link to what is no file; expected a file");
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

/// The receipt goes first: it vouches for the others.
void take_back(FileStore& files, Clock& clock, LeaseKey const& lease, std::vector<OutputFile> const& outputs) {
    auto const call = call_within(clock, 10s);
    static_cast<void>(files.remove(call, receipt_key(lease)));
    for (auto const& output : outputs) static_cast<void>(files.remove(call, output_key(lease, output.path)));
}

Result<StoredFile> put(Call const& call, FileStore& files, Clock& clock, std::string const& key,
                       std::string const& path) {
    return detail::repeat(call, clock, [&]() -> Result<StoredFile> {
        if (call.stop.stop_requested()) return fail(Errc::retry_later, "stopped");
        return files.put(call, key, path);
    });
}

Error already_holds(std::string const& key, LeaseKey const& lease) {
    return fail(Errc::rejected, "the file store already holds " + printable(key) +
                                    ", of a job that another store has numbered the same; expected neither " +
                                    receipt_key(lease) + " nor anything below " + output_key(lease, "") +
                                    ": take the old outputs away, or adopt the store that they belong to");
}

/// What the file store holds under an attempt's numbers, its receipt or an output; nothing if there is neither.
Result<std::optional<std::string>> find_any(Call const& call, FileStore& files, LeaseKey const& lease) {
    auto const receipt = files.find(call, receipt_key(lease));
    if (!receipt) return receipt.error();
    if (*receipt) return std::optional{receipt_key(lease)};
    auto const outputs = files.list(call, output_key(lease, ""));
    if (!outputs) return outputs.error();
    return outputs->empty() ? std::nullopt : std::optional{outputs->front()};
}

Result<> write_file(std::string const& path, std::string const& text) {
    std::ofstream file{path, std::ios::binary | std::ios::trunc};
    file << text;
    file.close();
    if (!file) return fail(Errc::rejected, path + " cannot be written");
    return {};
}

/// What a receipt came to: an object that is there stays there, and then it is not ours.
enum class Vouched { ours, anothers };

Result<Vouched> put_receipt(Call const& call, FileStore& files, Clock& clock, Receipt const& receipt,
                            std::string const& path) {
    auto const text = to_json_text(receipt);
    auto const key = receipt_key({receipt.job, receipt.epoch});
    if (auto const written = write_file(path, text); !written) return written.error();
    if (auto const stored = put(call, files, clock, key, path); !stored) return stored.error();
    std::error_code ignored;
    fs::remove(path, ignored);
    auto const got = detail::repeat(call, clock, [&] { return files.get(call, key, path); });
    if (!got) return got.error();
    std::ifstream file{path, std::ios::binary};
    std::string const there{std::istreambuf_iterator<char>{file}, {}};
    return there == text ? Vouched::ours : Vouched::anothers;
}

Result<Vouched> store_receipt(Call const& call, FileStore& files, Clock& clock, Receipt const& receipt,
                              std::string const& path) {
    auto const vouched = put_receipt(call, files, clock, receipt, path);
    std::error_code ignored;
    fs::remove(path, ignored);
    if (vouched) return vouched;
    return fail(vouched.error().code, "the receipt of the outputs cannot be stored: " + vouched.error().message);
}

}  // namespace

// What is there would stay, and be taken for this attempt's.
Result<> check_room_for_outputs(Call const& call, FileStore& files, Clock& clock, JobSpec const& spec,
                                LeaseKey const& lease) {
    if (spec.outputs.empty()) return {};
    auto const there = detail::repeat(call, clock, [&] { return find_any(call, files, lease); });
    if (!there) return fail(there.error().code, "the outputs cannot be stored: " + there.error().message);
    if (*there) return already_holds(**there, lease);
    return {};
}

std::string output_key(LeaseKey const& lease, std::string const& path) {
    return "outputs/" + std::to_string(lease.first.value) + "/" + std::to_string(lease.second.value) + "/" + path;
}

Result<std::vector<OutputFile>> stage_out(Call const& call, FileStore& files, Clock& clock, JobSpec const& spec,
                                          LeaseKey const& lease, std::string const& folder, Instant began) {
    std::vector<OutputFile> outputs;
    if (spec.outputs.empty()) return outputs;
    auto const sources = find_outputs(spec, folder);
    if (!sources) return sources.error();
    if (auto const room = check_room_for_outputs(call, files, clock, spec, lease); !room) return room.error();
    for (auto const& [path, source] : *sources) {
        auto const stored = put(call, files, clock, output_key(lease, path), source.string());
        if (!stored) {
            take_back(files, clock, lease, outputs);
            return fail(stored.error().code,
                        "output '" + printable(path) + "' cannot be stored: " + stored.error().message);
        }
        outputs.push_back({path, stored->sha256, stored->size});
    }
    Receipt const receipt{lease.first, lease.second, began, spec_digest(spec), outputs};
    auto const vouched = store_receipt(call, files, clock, receipt, folder + ".json");
    if (!vouched) {
        take_back(files, clock, lease, outputs);
        return vouched.error();
    }
    // What lies there may be what the other's receipt vouches for.
    if (*vouched == Vouched::anothers) return already_holds(receipt_key(lease), lease);
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
