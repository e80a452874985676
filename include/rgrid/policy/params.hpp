#pragma once

#include <boost/describe/class.hpp>
#include <map>
#include <optional>
#include <rgrid/base/field.hpp>
#include <rgrid/base/id.hpp>
#include <rgrid/base/money.hpp>
#include <rgrid/base/time.hpp>
#include <string>
#include <tuple>
#include <vector>

namespace rgrid {

/// When a pool gets more workers.
struct ScalingParams {
    int min_queued = 5;
    Duration max_wait = 60s;
    int min_workers = 0;
    int max_workers = 10;

    static constexpr auto rules = std::tuple{
        field(&ScalingParams::min_queued, "Provision as soon as this many jobs are queued.", 1, 1'000'000),
        field(&ScalingParams::max_wait, "Provision for fewer jobs once the oldest has been queued this long.", 0s, 24h),
        field(&ScalingParams::min_workers, "Keep at least this many workers.", 0, 10'000),
        field(&ScalingParams::max_workers,
              "Never have more workers than this; booting ones and creates of unknown outcome count.", 0, 10'000)};

    friend bool operator==(ScalingParams const&, ScalingParams const&) = default;
};
BOOST_DESCRIBE_STRUCT(ScalingParams, (), (min_queued, max_wait, min_workers, max_workers))

/// When a pool lets an idle worker go.
struct BillingHourParams {
    Duration window = 5min;
    Duration delete_margin = 10s;

    static constexpr auto rules = std::tuple{
        field(&BillingHourParams::window,
              "An idle, unneeded worker goes in this last part of its paid period, never earlier.", 0s, 1h),
        field(&BillingHourParams::delete_margin,
              "Be done with deletes this long before the next paid period begins; measured delete times open the "
              "window earlier where they need to.",
              0s, 10min)};

    friend bool operator==(BillingHourParams const&, BillingHourParams const&) = default;
};
BOOST_DESCRIBE_STRUCT(BillingHourParams, (), (window, delete_margin))

inline constexpr Duration longest_heartbeat{std::chrono::minutes{10}};
inline constexpr Duration longest_lost_after{std::chrono::hours{1}};

/// Who is lost, stuck or too old.
struct HealthParams {
    Duration heartbeat = 30s;
    Duration lost_after = 120s;
    Duration create_settle = 90s;
    Duration listing_lag = 15s;
    Duration create_timeout = 10min;
    Duration boot_timeout = 10min;
    Duration delete_timeout = 2min;
    Duration max_age = 24h;
    Duration drain_limit = 1h;
    double drain_share = 0.10;
    Duration orphan_grace = 2min;
    int boot_failures = 3;
    Duration probe_interval = 10min;

    static constexpr auto rules = std::tuple{
        field(&HealthParams::heartbeat, "A worker says it is alive this often.", 100ms, longest_heartbeat),
        field(&HealthParams::lost_after,
              "A worker silent for longer is lost: its jobs are requeued and its server deleted. At least three "
              "heartbeats.",
              300ms, longest_lost_after),
        field(&HealthParams::create_settle,
              "A create of unknown outcome is looked up by name after this long. Its call gets what is left before the "
              "listing lag, but 20s at least and 80s at most.",
              0s, 1h),
        field(&HealthParams::listing_lag,
              "A server may be missing from the provider's listing this long after its creation.", 0s, 10min),
        field(&HealthParams::create_timeout, "A server that the provider has not got running by then is deleted.", 1s,
              24h),
        field(&HealthParams::boot_timeout,
              "A server whose worker has not registered this long after the server began to run is deleted.", 1s, 24h),
        field(&HealthParams::delete_timeout, "A server still listed this long after its delete is deleted again.", 1s,
              1h),
        field(&HealthParams::max_age, "An older worker is drained and replaced; its jobs finish first.", 1min, 8760h),
        field(&HealthParams::drain_limit,
              "How long a draining worker may take; never less than its running jobs may still need.", 0s, 720h),
        field(&HealthParams::drain_share,
              "At most this share of the pool's workers (and at least one) drains for age at a time.", 0.0, 1.0),
        field(&HealthParams::orphan_grace,
              "A server of ours that nobody ordered is adopted or deleted after this long.", 0s, 24h),
        field(&HealthParams::boot_failures,
              "After this many servers in a row that never came up, only single probes are created.", 1, 100),
        field(&HealthParams::probe_interval, "Between such probes; doubles each time, at most 8 times this.", 1s, 24h)};

    friend bool operator==(HealthParams const&, HealthParams const&) = default;
};
BOOST_DESCRIBE_STRUCT(HealthParams, (),
                      (heartbeat, lost_after, create_settle, listing_lag, create_timeout, boot_timeout, delete_timeout,
                       max_age, drain_limit, drain_share, orphan_grace, boot_failures, probe_interval))

/// Which offers a pool takes.
struct PlacementParams {
    std::vector<std::string> offers;
    Duration refusal_memory = 2min;
    int create_tries = 3;
    Duration retry_pause = 10s;
    Duration create_pause = 5min;

    static constexpr auto rules = std::tuple{
        field(&PlacementParams::offers,
              "Offers in the order they are tried, as \"type@location\"; empty: all, the cheapest first."),
        field(&PlacementParams::refusal_memory,
              "An offer that had no capacity is passed over for this long; doubles each time, at most 16 times this.",
              0s, 24h),
        field(&PlacementParams::create_tries,
              "How often in a row a create is tried that the provider could not carry out and that had no effect.", 1,
              10),
        field(&PlacementParams::retry_pause,
              "No creates of the pool for this long after such a try; doubles each time, and is never less than what "
              "the provider asks for.",
              100ms, 10min),
        field(&PlacementParams::create_pause,
              "No creates of the pool for this long after the last of these tries, and after a refusal that holds for "
              "every offer, such as a quota: then it grows to three times this. A fifth of it after a refused token. "
              "Then a single one is tried.",
              1s, 24h)};

    friend bool operator==(PlacementParams const&, PlacementParams const&) = default;
};
BOOST_DESCRIBE_STRUCT(PlacementParams, (), (offers, refusal_memory, create_tries, retry_pause, create_pause))

/// One pool: workers of one kind.
struct PoolParams {
    int slots = 2;
    ScalingParams scaling;
    BillingHourParams billing;
    HealthParams health;
    PlacementParams placement;
    std::vector<std::string> images{};

    static constexpr auto rules =
        std::tuple{field(&PoolParams::slots, "How many one-slot jobs a worker runs at a time.", 1, 1024),
                   field(&PoolParams::scaling, "When it gets more workers."),
                   field(&PoolParams::billing, "When it lets an idle worker go."),
                   field(&PoolParams::health, "Who is lost, stuck or too old."),
                   field(&PoolParams::placement, "Which offers it takes."),
                   field(&PoolParams::images,
                         "Container images that its servers fetch in the background once they take jobs, after those "
                         "that jobs are waiting for.")};

    friend bool operator==(PoolParams const&, PoolParams const&) = default;
};
BOOST_DESCRIBE_STRUCT(PoolParams, (), (slots, scaling, billing, health, placement, images))

/// Hard caps of the whole fleet, checked last.
struct LimitsParams {
    int max_workers = 100;
    int creates_per_minute = 30;
    std::optional<Money> spend_per_hour;
    std::optional<Money> spend_per_month;
    double mass_loss_share = 0.45;
    int mass_loss_min = 3;

    static constexpr auto rules = std::tuple{
        field(&LimitsParams::max_workers, "Never have more workers than this in all pools together.", 0, 100'000),
        field(&LimitsParams::creates_per_minute, "Never order more servers than this in a minute.", 1, 10'000),
        field(&LimitsParams::spend_per_hour,
              "Never let all servers together cost more than this an hour, creates of unknown outcome included."),
        field(&LimitsParams::spend_per_month,
              "Never let this month's bill, with every standing server's current paid period, exceed this."),
        field(&LimitsParams::mass_loss_share,
              "If more than this share of the workers looks lost at once (and more than mass_loss_min), we are "
              "probably the blind ones: nobody is given up but one worker an interval.",
              0.0, 1.0),
        field(&LimitsParams::mass_loss_min, "So many losses at once are always believed.", 0, 10'000)};

    friend bool operator==(LimitsParams const&, LimitsParams const&) = default;
};
BOOST_DESCRIBE_STRUCT(LimitsParams, (),
                      (max_workers, creates_per_minute, spend_per_hour, spend_per_month, mass_loss_share,
                       mass_loss_min))

/// Everything `decide` may know beside the snapshot.
struct PlannerParams {
    LimitsParams limits;
    std::map<PoolName, PoolParams> pools;

    friend bool operator==(PlannerParams const&, PlannerParams const&) = default;
};
BOOST_DESCRIBE_STRUCT(PlannerParams, (), (limits, pools))

/// How the workers of a pool are judged. Those of a pool that is no longer configured may have been told any times that
/// a pool can have: they get the longest, so that none is given up before it has ended its jobs.
[[nodiscard]] inline HealthParams const& health_of(PlannerParams const& params, PoolName const& pool) {
    static HealthParams const unconfigured = [] {
        HealthParams health;
        health.heartbeat = longest_heartbeat;
        health.lost_after = longest_lost_after;
        return health;
    }();
    auto const found = params.pools.find(pool);
    return found == params.pools.end() ? unconfigured : found->second.health;
}

}  // namespace rgrid
