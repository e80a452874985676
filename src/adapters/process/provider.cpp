#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <rgrid/adapters/process/provider.hpp>
#include <set>
#include <sys/file.h>
#include <sys/stat.h>

#include "adapters/process/last_log.hpp"
#include "adapters/process/process_tree.hpp"
#include "adapters/process/server_folder.hpp"
#include "adapters/process/spawn.hpp"

namespace rgrid::process {

namespace fs = std::filesystem;

/// What stands under a name.
struct Provider::Place {
    enum class Kind {
        free,
        ours,
        vanished,  ///< Ours, but its keeper is dead.
        foreign,
        unclear,
    };

    std::string folder;
    Kind kind = Kind::free;
    ServerRecord record;  ///< For `ours` and `vanished`.
    Error problem;        ///< For `unclear`.
};

namespace {

bool is_server_name(std::string const& name) {
    auto const allowed = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.'; };
    return !name.empty() && name.size() <= 200 && name.front() != '.' && std::all_of(name.begin(), name.end(), allowed);
}

/// Waits its turn among all who make or sweep servers in this folder.
Result<Fd> take_turn(Call const& call, std::string const& folder, Clock& clock) {
    auto const path = folder + "/.making";
    Fd lock{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
    if (!lock)
        return fail(errno == EACCES || errno == EPERM || errno == EROFS ? Errc::denied : Errc::retry_later,
                    "cannot open " + path + ": " + std::strerror(errno));
    while (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        auto const now = clock.steady_now();
        if (call.stop.stop_requested() || now >= call.deadline)
            return fail(Errc::retry_later, "somebody else is making a server in " + folder);
        clock.sleep_until(now + 5ms, call.stop);
    }
    return lock;
}

/// Kills what a dead keeper left and removes its folder. The turn is held.
void remove_remains(std::string const& folder, ServerRecord const& record, Clock& clock) {
    // What was killed may take a moment to go; what it forked meanwhile is found the next time. Bounded, for a process
    // in an uninterruptible wait must not hold everybody up: the next look goes on.
    for (int tries = 0; kill_marked(std::string{server_mark} + "=" + record.id.value) > 0; ++tries) {
        if (tries == 100) return;
        clock.sleep_until(clock.steady_now() + 10ms, {});
    }
    remove_scratch(record);
    if (!record.name.empty()) keep_last_log(fs::path{folder}.parent_path().string(), folder, record.name);
    auto const gone = fs::path{folder}.parent_path() / (going + record.id.value);
    std::error_code error;
    if (folder != gone) fs::rename(folder, gone, error);
    if (!error) fs::remove_all(gone, error);
}

/// Folders on their way in or out.
std::vector<std::string> unfinished_in(std::string const& folder) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator entry{folder, error}, end; !error && entry != end; entry.increment(error)) {
        auto const name = entry->path().filename().string();
        if (name.starts_with(coming) || name.starts_with(going)) names.push_back(name);
    }
    return names;
}

/// Removes what was begun by somebody who died over it. The turn is held.
void remove_unfinished(std::string const& folder, Clock& clock) {
    for (auto const& name : unfinished_in(folder)) {
        auto const id = name.substr(name.find('-') + 1);
        remove_remains(folder + "/" + name, {.id = ServerId{id}}, clock);
    }
}

/// What the keeper says once the server has its name, or nothing if it does not say it in time.
std::optional<std::string> hear(int pipe, Call const& call, Clock& clock) {
    std::string text;
    std::array<char, 4096> piece;
    for (;;) {
        pollfd source{pipe, POLLIN, 0};
        ::poll(&source, 1, 100);
        auto const count = source.revents == 0 ? -1 : ::read(pipe, piece.data(), piece.size());
        if (count > 0) text.append(piece.data(), static_cast<std::size_t>(count));
        if (count == 0) return text;
        if (count < 0 && (call.stop.stop_requested() || clock.steady_now() >= call.deadline)) return std::nullopt;
    }
}

}  // namespace

Provider::Provider(ProviderSettings settings, FleetId fleet, std::vector<std::string> command,
                   std::map<std::string, std::string> environment, std::string keeper, Clock& clock,
                   std::string scratch)
    : settings_(std::move(settings)),
      fleet_(std::move(fleet)),
      command_(std::move(command)),
      environment_(std::move(environment)),
      keeper_(std::move(keeper)),
      clock_(clock),
      scratch_(std::move(scratch)) {
    std::error_code ignored;
    settings_.folder = fs::absolute(settings_.folder, ignored).lexically_normal().string();
    while (settings_.folder.size() > 1 && settings_.folder.ends_with('/')) settings_.folder.pop_back();
}

Result<std::vector<Offer>> Provider::offers(Call const&) {
    std::vector<Offer> offers;
    for (auto const& offer : settings_.offers)
        offers.push_back({{offer.type, offer.location}, offer.price, offer.period, std::nullopt});
    return offers;
}

Result<std::vector<Server>> Provider::list(Call const& call) {
    auto const there = places();
    if (!there) return there.error();
    std::vector<Server> servers;
    for (auto const& place : *there) {
        if (place.kind == Place::Kind::ours) servers.push_back(server(place));
        // A vanished server is not listed whether its remains go now or at the next look.
        if (place.kind == Place::Kind::vanished) static_cast<void>(sweep({clock_.steady_now(), call.stop}, place));
    }
    // Unless somebody is busy with it now.
    if (!unfinished_in(settings_.folder).empty())
        if (auto const turn = take_turn({clock_.steady_now(), call.stop}, settings_.folder, clock_))
            remove_unfinished(settings_.folder, clock_);
    return servers;
}

Result<std::optional<Server>> Provider::find(Call const& call, ServerName const& name) {
    std::error_code error;
    bool const none_yet = !fs::exists(settings_.folder, error) && !error;
    if (!is_server_name(name.value) || none_yet) return std::optional<Server>{};
    // A create whose caller gave up may be just about to succeed; its keeper holds the turn until it has.
    auto const turn = take_turn(call, settings_.folder, clock_);
    if (!turn) return turn.error();
    auto const found = place(name.value);
    if (found.kind == Place::Kind::unclear) return found.problem;
    if (found.kind == Place::Kind::vanished) remove_remains(found.folder, found.record, clock_);
    if (found.kind != Place::Kind::ours) return std::optional<Server>{};
    return std::optional{server(found)};
}

Result<Server> Provider::create(Call const& call, ServerRequest const& request) {
    if (auto const checked = check(request); !checked) return checked.error();
    if (call.stop.stop_requested() || clock_.steady_now() >= call.deadline)
        return fail(Errc::retry_later, "the time to make the server " + request.name.value + " is over");
    std::error_code error;
    fs::create_directories(settings_.folder, error);
    if (error)
        return fail(error == std::errc::permission_denied ? Errc::denied : Errc::retry_later,
                    "cannot make the folder " + settings_.folder + ": " + error.message());
    auto const turn = take_turn(call, settings_.folder, clock_);
    if (!turn) return turn.error();
    remove_unfinished(settings_.folder, clock_);
    auto const there = place(request.name.value);
    switch (there.kind) {
        case Place::Kind::ours: return server(there);
        case Place::Kind::foreign:
            return fail(Errc::rejected, "the name " + request.name.value + " is taken by a server of another fleet");
        case Place::Kind::unclear: return there.problem;
        case Place::Kind::vanished: remove_remains(there.folder, there.record, clock_); break;
        case Place::Kind::free: break;
    }
    return make(call, request, turn->get());
}

Result<> Provider::destroy(Call const& call, ServerId const& id) {
    auto const there = places();
    if (!there) return there.error();
    auto const wanted = std::find_if(there->begin(), there->end(), [&](Place const& place) {
        return (place.kind == Place::Kind::ours || place.kind == Place::Kind::vanished) && place.record.id == id;
    });
    if (wanted == there->end()) return {};
    if (wanted->kind == Place::Kind::vanished) return sweep(call, *wanted);
    Fd const mark{::open((wanted->folder + "/" + deleting_file).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)};
    auto asked = signal_keeper(wanted->folder, SIGTERM);
    // One that was stopped would not hear it.
    if (asked) asked = signal_keeper(wanted->folder, SIGCONT);
    if (!asked && asked.error().code != Errc::not_found) return asked.error();
    return {};
}

std::vector<std::string> Provider::problems() const {
    std::vector<std::string> problems;
    auto const there = places();
    if (!there) return {there.error().message};
    for (auto const& place : *there)
        if (place.kind == Place::Kind::unclear) problems.push_back(place.problem.message);
    return problems;
}

std::vector<FleetId> Provider::fleets() const {
    std::set<FleetId> fleets;
    if (auto const there = places())
        for (auto const& place : *there)
            if (place.kind != Place::Kind::unclear) fleets.insert(place.record.fleet);
    return {fleets.begin(), fleets.end()};
}

/// All names that are taken, ordered.
Result<std::vector<Provider::Place>> Provider::places() const {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator entry{settings_.folder, error}, end; !error && entry != end; entry.increment(error))
        if (is_server_name(entry->path().filename().string())) names.push_back(entry->path().filename().string());
    // Before the first create there is no folder, and certainly no server.
    if (error && error != std::errc::no_such_file_or_directory)
        return fail(error == std::errc::permission_denied ? Errc::denied : Errc::retry_later,
                    "cannot list the servers in " + settings_.folder + ": " + error.message());
    std::sort(names.begin(), names.end());
    std::vector<Place> places;
    for (auto const& name : names) {
        auto there = place(name);
        // Not to know of one server now is not to know the list; what nobody can ever read is another matter.
        if (there.kind == Place::Kind::unclear && there.problem.code != Errc::rejected) return there.problem;
        if (there.kind != Place::Kind::free) places.push_back(std::move(there));
    }
    return places;
}

Provider::Place Provider::place(std::string const& name) const {
    Place place{.folder = settings_.folder + "/" + name};
    auto record = read_record(place.folder);
    std::error_code error;
    if (!record) {
        // Looked at second: a folder that has just gone is no problem.
        if (!fs::is_directory(place.folder, error)) return place;
        place.kind = Place::Kind::unclear;
        place.problem = record.error();
        if (place.problem.code == Errc::retry_later) return place;
        place.problem.code = Errc::rejected;
        place.problem.message += "; remove the folder if nothing needs it";
        return place;
    }
    place.record = std::move(*record);
    if (place.record.fleet != fleet_) {
        place.kind = Place::Kind::foreign;
        return place;
    }
    auto const keeper = keeper_of(place.folder);
    place.kind = !keeper ? Place::Kind::unclear : *keeper == 0 ? Place::Kind::vanished : Place::Kind::ours;
    if (!keeper) place.problem = keeper.error();
    return place;
}

Server Provider::server(Place const& place) const {
    auto const& record = place.record;
    Server server{record.id,           record.name, record.pool, record.offer, ServerStatus::running,
                  Duration{0}, record.store, record.generation};
    server.age = std::max(clock_.steady_now().time_since_epoch() - record.created_steady, Duration{0});
    if (server.age < record.boot_delay) server.status = ServerStatus::starting;
    std::error_code ignored;
    if (fs::exists(place.folder + "/" + deleting_file, ignored)) server.status = ServerStatus::deleting;
    return server;
}

Result<> Provider::sweep(Call const& call, Place const& place_seen) {
    auto const turn = take_turn(call, settings_.folder, clock_);
    if (!turn) return turn.error();
    // Another may have swept it, and even made a new one of that name, while we waited.
    auto const now = place(place_seen.record.name.value);
    if (now.kind == Place::Kind::vanished && now.record.id == place_seen.record.id)
        remove_remains(now.folder, now.record, clock_);
    return {};
}

Result<> Provider::check(ServerRequest const& request) const {
    if (!is_server_name(request.name.value))
        return fail(Errc::rejected,
                    "\"" + request.name.value +
                        "\" cannot name a local server; expected letters, digits, \"-\", \"_\" and \".\"");
    if (request.fleet != fleet_)
        return fail(Errc::rejected, "the server " + request.name.value + " is ordered for the fleet \"" +
                                        request.fleet.value + "\"; this provider serves \"" + fleet_.value + "\"");
    if (command_.empty()) return fail(Errc::rejected, "local servers have no agent command; expected a program");
    for (auto const& offer : settings_.offers)
        if (OfferKey{offer.type, offer.location} == request.offer) return {};
    return fail(Errc::rejected, "there is no offer " + to_text(request.offer) + " on this machine");
}

Result<> Provider::check_capacity(OfferSettings const& offer) const {
    if (!offer.capacity) return {};
    auto const there = places();
    if (!there) return there.error();
    OfferKey const key{offer.type, offer.location};
    auto const standing = std::count_if(there->begin(), there->end(), [&](Place const& place) {
        return place.kind == Place::Kind::ours && place.record.offer == key;
    });
    if (standing < *offer.capacity) return {};
    return fail(Errc::capacity, to_text(key) + " has no capacity: " + std::to_string(standing) + " of at most " +
                                    std::to_string(*offer.capacity) + " servers exist");
}

Provider::Place Provider::new_place(ServerRequest const& request) const {
    Place place{.kind = Place::Kind::ours,
                .record = {.id = ServerId{unique_id()},
                           .name = request.name,
                           .fleet = fleet_,
                           .pool = request.pool,
                           .offer = request.offer,
                           .store = request.store,
                           .generation = request.generation,
                           .slots = request.slots,
                           .created = clock_.now(),
                           .created_steady = clock_.steady_now().time_since_epoch(),
                           .boot_delay = settings_.boot_delay,
                           .stop_grace = settings_.stop_grace,
                           .scratch = scratch_.empty() ? "" : scratch_ + "/" + request.name.value}};
    place.folder = settings_.folder + "/" + coming + place.record.id.value;
    return place;
}

Result<Server> Provider::make(Call const& call, ServerRequest const& request, int turn) {
    for (auto const& offer : settings_.offers)
        if (OfferKey{offer.type, offer.location} == request.offer)
            if (auto const free = check_capacity(offer); !free) return free.error();
    auto const made = new_place(request);
    if (::mkdir(made.folder.c_str(), 0700) != 0)
        return fail(errno == EACCES || errno == EPERM || errno == EROFS ? Errc::denied : Errc::retry_later,
                    "cannot make the folder " + made.folder + ": " + std::strerror(errno));
    auto const started = start(call, made, request.token, turn);
    if (started) return server(made);
    // In doubt: its keeper may be alive, and the next create looks.
    if (started.error().code == Errc::in_doubt) return started.error();
    remove_remains(made.folder, made.record, clock_);
    auto const named = place(request.name.value);
    if (named.kind == Place::Kind::vanished) remove_remains(named.folder, named.record, clock_);
    return started.error();
}

Result<> Provider::start(Call const& call, Place const& place, Secret const& token, int turn) {
    auto const& record = place.record;
    Program agent{command_, own_environment()};
    for (auto const& [name, value] : environment_) agent.environment[name] = value;
    agent.environment["RGRID_SERVER"] = record.name.value;
    agent.environment["RGRID_POOL"] = record.pool.value;
    agent.environment["RGRID_SLOTS"] = std::to_string(record.slots);
    agent.environment["RGRID_FLEET"] = record.fleet.value;
    if (!token.empty()) agent.environment["RGRID_TOKEN"] = token.reveal();
    agent.environment[server_mark] = record.id.value;
    if (auto const written = write_record(place.folder, record); !written) return written.error();
    auto const packed = pack(agent);
    if (!packed) return packed.error();
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return fail(Errc::retry_later, std::string{"cannot start a keeper: "} + std::strerror(errno));
    Fd const reading{ends[0]};
    Fd writing{ends[1]};
    auto const child = spawn_keeper(keeper_, {"serve", place.folder}, {-1, -1, writing.get(), packed->get(), turn});
    if (!child) return child.error();
    writing.reset();
    // Ends as soon as the keeper is a process of its own.
    wait_for(*child);
    auto const said = hear(reading.get(), call, clock_);
    if (!said)
        return fail(Errc::in_doubt,
                    "the server " + record.name.value + " was ordered, but its keeper has not answered");
    if (*said == "ok") return {};
    return fail(Errc::retry_later, "the keeper of " + record.name.value + " did not start: " +
                                       (said->empty() ? "it ended without a word" : *said));
}

}  // namespace rgrid::process
