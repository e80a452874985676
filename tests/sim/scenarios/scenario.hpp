#pragma once

#include <functional>
#include <optional>
#include <rgrid/sim/world.hpp>
#include <string>
#include <vector>

/// The words that scenarios are written in. docs/simulation.md explains them.
namespace rgrid::sim {

// ---- what happens ----------------------------------------------------------------------------------------------

struct What {
    std::string words;
    std::function<void(World&)> happens;
};

struct Happening {
    Duration at{0};
    What what;
};

/// So many jobs are submitted at once; each runs so long and ends like this.
[[nodiscard]] What jobs(int count, Duration run, Ending ending = Ending::succeeds);
/// ... with something special about them.
[[nodiscard]] What jobs(int count, Work work);
[[nodiscard]] What cancel_everything();
/// The provider refuses every call for so long.
[[nodiscard]] What provider_away(Duration span);
/// Nobody reaches the store for so long.
[[nodiscard]] What store_away(Duration span);
/// The one controller is killed, and another starts so much later.
[[nodiscard]] What controller_away(Duration span);
[[nodiscard]] What controller_frozen(std::size_t seat, Duration span);
[[nodiscard]] What controller_cut_from_store(std::size_t seat, Duration span);
/// That share of the servers is gone, and the provider's listing says so.
[[nodiscard]] What servers_vanish(double share);
/// That share of the agents dies; their servers stand, and are paid for.
[[nodiscard]] What agents_die(double share);
[[nodiscard]] What agents_cut_off(double share, Duration span);
/// Calendars are set: of the controllers, of the provider, of the agents' machines.
[[nodiscard]] What calendars_jump(Duration span);
/// The store's clocks, both of them, jump ahead.
[[nodiscard]] What store_clock_jumps(Duration span);
[[nodiscard]] What deletes_take(Duration fastest, Duration slowest);
/// No agent comes up on servers that are made for so long.
[[nodiscard]] What boots_fail(Duration span);
/// The boot scripts of the next so many servers fail, and say so.
[[nodiscard]] What boot_scripts_fail(int servers);
/// The provider makes the next so many servers and cannot finish them.
[[nodiscard]] What servers_unfinished(int servers);
[[nodiscard]] What foreign_store(int servers, Duration span);
[[nodiscard]] What store_backed_up();
/// The store is the last backup again; an operator adopts it so much later.
[[nodiscard]] What store_restored(Duration notices);

/// Something happens again and again.
[[nodiscard]] std::vector<Happening> every(Duration interval, int times, What const& what);

// ---- what is expected ------------------------------------------------------------------------------------------

template <class T>
struct Range {
    std::optional<T> least;
    std::optional<T> most;
};

template <class T>
[[nodiscard]] Range<T> exactly(T value) {
    return {value, value};
}
template <class T>
[[nodiscard]] Range<T> at_most(T value) {
    return {std::nullopt, value};
}
template <class T>
[[nodiscard]] Range<T> at_least(T value) {
    return {value, std::nullopt};
}
template <class T, class U>
[[nodiscard]] Range<std::common_type_t<T, U>> between(T least, U most) {
    return {least, most};
}

/// Something about a `Source` that can be counted or measured.
template <class Source, class T>
struct Figure {
    std::string name;
    std::function<T(Source)> of;
};

using Count = Figure<Report const&, std::int64_t>;
using Span = Figure<Report const&, Duration>;
using Price = Figure<Report const&, Money>;

extern Count const succeeded, failed, cancelled, dead;  // Jobs.
extern Count const creations;                           // Servers that were made.
extern Count const create_calls;                        // ... and those that were asked for.
extern Count const most_servers;                        // At a time.
extern Count const paid_hours;                          // Of all servers, as the provider charges them.
extern Count const losses;                              // Attempts that were given up with their workers.
extern Price const cost;                                // What the provider charges.
extern Price const billed;                              // What the fleet's own bill says.
extern Span const longest_wait, mean_wait;
extern Span const lasted;  // Until nothing was left to do and nothing to pay.

/// How often the run came to a point, by the name under which the referee notes it.
[[nodiscard]] Count reached(std::string const& point);

/// What can be seen in the middle of a run.
using Sight = Figure<World&, std::int64_t>;
extern Sight const servers;          // Those that stand.
extern Sight const agents;           // Those that run.
extern Sight const queued, running;  // Jobs.

namespace detail {

[[nodiscard]] std::string text_of(std::int64_t value);
[[nodiscard]] std::string text_of(Duration value);
[[nodiscard]] std::string text_of(Money value);

template <class T>
[[nodiscard]] std::string text_of(Range<T> const& range) {
    if (!range.least) return "at most " + text_of(*range.most);
    if (!range.most) return "at least " + text_of(*range.least);
    if (*range.least == *range.most) return "exactly " + text_of(*range.least);
    return "between " + text_of(*range.least) + " and " + text_of(*range.most);
}

template <class T, class U>
[[nodiscard]] Range<T> converted(Range<U> const& range) {
    Range<T> result;
    if (range.least) result.least = T{*range.least};
    if (range.most) result.most = T{*range.most};
    return result;
}

}  // namespace detail

/// A sentence for people, with its number.
template <class Source>
struct Expects {
    template <class T, class U>
    Expects(std::string sentence, Figure<Source, T> figure, Range<U> const& range)
        : words(std::move(sentence)),
          differs([figure = std::move(figure),
                   range = detail::converted<T>(range)](Source source) -> std::optional<std::string> {
              auto const found = figure.of(source);
              if (!(range.least && found < *range.least) && !(range.most && *range.most < found)) return std::nullopt;
              return "expected " + figure.name + ": " + detail::text_of(range) + "; found " + detail::text_of(found);
          }) {}

    std::string words;
    std::function<std::optional<std::string>(Source)> differs;  ///< What was expected and found, if it is not so.
};

using Expectation = Expects<Report const&>;

struct Look {
    Duration at{0};
    Expects<World&> expects;
};

/// The same look again and again, from the first time to the last.
[[nodiscard]] std::vector<Look> at_every(Duration interval, Duration from, Duration to, Expects<World&> const& expects);

// ---- a scenario ------------------------------------------------------------------------------------------------

/// It ends when there is nothing left to do and nothing to pay, and not before the last thing that happens or is seen.
struct Scenario {
    std::string story;  ///< What happens, and why the numbers have to be what they are.
    WorldSettings fleet{};
    std::vector<Happening> happens{};
    std::vector<Look> sees{};            ///< On the way.
    std::vector<Expectation> expects{};  ///< In the end.
};

/// A pool of so many workers of so many slots at most. Everybody is well and the provider costs 0.0064 EUR an hour.
[[nodiscard]] WorldSettings fleet_of(int most_workers, int slots = 2);

/// Plays it once: what is not as expected, with the last lines of its log; empty if everything is.
[[nodiscard]] std::string play_once(Scenario const& scenario, std::string const& name, std::uint64_t seed);

/// Plays it with a few seeds, or with as many as RGRID_SCENARIO_SEEDS says, or with the one in RGRID_SEED; twice with
/// the first, which must not differ. Whatever is not as expected fails the test that runs. With RGRID_LOG, whole logs
/// are shown.
void play(Scenario const& scenario);

}  // namespace rgrid::sim
