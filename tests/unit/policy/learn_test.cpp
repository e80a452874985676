#include "scene.hpp"

#include <gmock/gmock.h>

#include <rgrid/policy/learn.hpp>

namespace rgrid {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Instant const noon = *parse_instant("2026-03-01T12:00:00Z");

Observation observed(ObservationKind kind, Instant at = noon, Duration took = 0s, std::string const& server = "w1") {
    return {kind, at, default_pool, ServerName{server}, small_offer, took, "sold out"};
}

Memory after(Memory memory, Observation const& seen) {
    return learn(std::move(memory), seen, PoolParams{});
}

TEST(Learn, A_refusal_is_remembered_with_the_providers_words) {
    auto const memory = after({}, observed(ObservationKind::create_refused));

    ASSERT_EQ(memory.refusals.size(), 1U);
    EXPECT_EQ(memory.refusals[0], (Refusal{small_offer, noon + 2min, 1, "sold out"}));
}

TEST(Learn, The_memory_of_a_refusal_doubles_each_time_up_to_16_times) {
    Memory memory;
    std::vector<Duration> remembered;
    auto now = noon;
    for (int i = 0; i < 7; ++i) {
        memory = after(std::move(memory), observed(ObservationKind::create_refused, now));
        remembered.push_back(memory.refusals[0].until - now);
        now = memory.refusals[0].until;
    }

    EXPECT_THAT(remembered, ElementsAre(2min, 4min, 8min, 16min, 32min, 32min, 32min));
}

TEST(Learn, Creates_that_are_refused_together_are_one_refusal) {
    Memory memory;
    for (int i = 0; i < 7; ++i)
        memory = after(std::move(memory), observed(ObservationKind::create_refused, noon + i * 1s));

    EXPECT_EQ(memory.refusals[0], (Refusal{small_offer, noon + 2min, 1, "sold out"}));
}

TEST(Learn, A_refusal_from_before_the_calendar_was_set_back_does_not_hide_later_ones) {
    auto memory = after({}, observed(ObservationKind::create_refused, noon + 24h));

    memory = after(std::move(memory), observed(ObservationKind::create_refused, noon));

    EXPECT_EQ(memory.refusals[0], (Refusal{small_offer, noon + 4min, 2, "sold out"}));
}

TEST(Learn, An_accepted_create_forgets_that_offers_refusals_only) {
    Memory memory;
    memory.refusals = {{{"another", "here"}, noon, 3, ""}, {small_offer, noon, 5, ""}};

    memory = after(std::move(memory), observed(ObservationKind::create_accepted));

    ASSERT_EQ(memory.refusals.size(), 1U);
    EXPECT_EQ(memory.refusals[0].offer.type, "another");
}

TEST(Learn, Refusals_are_ordered_by_offer) {
    Memory memory;
    auto now = noon;
    for (auto const* type : {"m", "a", "z", "a"}) {
        auto seen = observed(ObservationKind::create_refused, now += 5min);
        seen.offer.type = type;
        memory = after(std::move(memory), seen);
    }

    ASSERT_EQ(memory.refusals.size(), 3U);
    EXPECT_EQ(memory.refusals[0].offer.type, "a");
    EXPECT_EQ(memory.refusals[0].count, 2);
    EXPECT_EQ(memory.refusals[2].offer.type, "z");
}

// --- Pauses of a pool's creates ---------------------------------------------------------------------------------------

Observation refused(Errc code, Instant at = noon, Duration retry_after = 0s) {
    auto seen = observed(ObservationKind::create_refused, at);
    seen.code = code;
    seen.retry_after = retry_after;
    seen.message = "no";
    return seen;
}

TEST(Learn, Only_a_lack_of_capacity_is_remembered_against_the_offer_all_else_pauses_the_pools_creates) {
    for (auto const code : {Errc::quota, Errc::denied, Errc::rejected, Errc::retry_later, Errc::not_found}) {
        auto const memory = after({}, refused(code));
        EXPECT_THAT(memory.refusals, IsEmpty());
        ASSERT_EQ(memory.pauses.size(), 1U);
        EXPECT_EQ(memory.pauses[0].pool, default_pool);
        EXPECT_EQ(memory.pauses[0].code, code);
        EXPECT_EQ(memory.pauses[0].tries, 1);
        EXPECT_EQ(memory.pauses[0].message, "no");
    }
    EXPECT_THAT(after({}, refused(Errc::capacity)).pauses, IsEmpty());
}

std::vector<Duration> pauses_after(Errc code, int waves, Duration retry_after = 0s) {
    Memory memory;
    std::vector<Duration> pauses;
    auto at = noon;
    for (int i = 0; i < waves; ++i) {
        memory = after(std::move(memory), refused(code, at, retry_after));
        pauses.push_back(memory.pauses[0].until - at);
        at = memory.pauses[0].until;
    }
    return pauses;
}

TEST(Learn, A_pause_is_as_long_as_its_ground_asks_for) {
    EXPECT_THAT(pauses_after(Errc::quota, 5), ElementsAre(5min, 10min, 15min, 15min, 15min));
    EXPECT_THAT(pauses_after(Errc::rejected, 4), ElementsAre(5min, 10min, 15min, 15min));
    EXPECT_THAT(pauses_after(Errc::denied, 3), ElementsAre(1min, 1min, 1min));
    EXPECT_THAT(pauses_after(Errc::retry_later, 6), ElementsAre(10s, 20s, 5min, 10s, 20s, 5min)) << "3 tries a round";
}

TEST(Learn, A_pause_is_never_shorter_than_the_provider_asks_for_nor_longer_than_an_hour) {
    EXPECT_THAT(pauses_after(Errc::retry_later, 3, 15s), ElementsAre(15s, 20s, 5min));
    EXPECT_THAT(pauses_after(Errc::quota, 1, 10h), ElementsAre(1h));
}

TEST(Learn, A_pause_counts_from_when_the_refusal_became_known) {
    auto seen = refused(Errc::retry_later);
    seen.learned = noon + 20s;

    EXPECT_EQ(after({}, seen).pauses[0].until, noon + 30s);
}

TEST(Learn, Creates_of_one_wave_that_are_refused_count_once) {
    Memory memory;
    for (int i = 0; i < 5; ++i) {
        auto seen = refused(Errc::retry_later);
        seen.learned = noon + i * 30s;
        memory = after(std::move(memory), seen);
    }

    EXPECT_EQ(memory.pauses[0].tries, 1);
    EXPECT_EQ(memory.pauses[0].until, noon + 10s);
}

TEST(Learn, Of_two_grounds_in_one_wave_the_one_with_the_longer_pause_counts) {
    for (bool const quota_first : {true, false}) {
        auto memory = after({}, refused(quota_first ? Errc::quota : Errc::retry_later));
        memory = after(std::move(memory), refused(quota_first ? Errc::retry_later : Errc::quota));

        EXPECT_EQ(memory.pauses, (std::vector{CreatePause{default_pool, Errc::quota, noon + 5min, 1, "no"}}));
    }
}

TEST(Learn, Another_ground_after_the_pause_begins_to_count_anew) {
    auto memory = after({}, refused(Errc::quota));
    memory = after(std::move(memory), refused(Errc::quota, noon + 5min));

    memory = after(std::move(memory), refused(Errc::retry_later, noon + 15min));

    EXPECT_EQ(memory.pauses, (std::vector{CreatePause{default_pool, Errc::retry_later, noon + 15min + 10s, 1, "no"}}));
}

TEST(Learn, A_create_that_is_accepted_after_a_pause_ends_it_but_not_one_of_the_same_wave) {
    auto memory = after({}, refused(Errc::quota));

    memory = after(std::move(memory), observed(ObservationKind::create_accepted, noon));
    EXPECT_EQ(memory.pauses.size(), 1U);

    auto elsewhere = observed(ObservationKind::create_accepted, noon + 5min);
    elsewhere.pool = PoolName{"other"};
    memory = after(std::move(memory), elsewhere);
    EXPECT_EQ(memory.pauses.size(), 1U);

    memory = after(std::move(memory), observed(ObservationKind::create_accepted, noon + 5min));
    EXPECT_THAT(memory.pauses, IsEmpty());
}

TEST(Learn, A_pause_that_was_over_long_ago_or_lies_far_ahead_does_not_count_on) {
    for (auto const until : {noon - 15min - 1s, noon + 25h}) {
        Memory memory;
        memory.pauses = {{default_pool, Errc::quota, until, 7, "old"}};
        EXPECT_EQ(pause_of(memory, default_pool, noon, {}), nullptr);

        memory = after(std::move(memory), refused(Errc::quota));
        EXPECT_EQ(memory.pauses, (std::vector{CreatePause{default_pool, Errc::quota, noon + 5min, 1, "no"}}));
    }
}

TEST(Learn, A_pause_counts_on_for_a_quarter_of_an_hour_however_long_it_was) {
    PlacementParams patient;
    patient.create_pause = 24h;
    Memory memory;
    memory.pauses = {{default_pool, Errc::quota, noon, 7, "old"}};

    EXPECT_NE(pause_of(memory, default_pool, noon + 15min, patient), nullptr);
    EXPECT_EQ(pause_of(memory, default_pool, noon + 15min + 1s, patient), nullptr);
}

TEST(Learn, Where_a_server_has_gone_the_creates_that_wait_for_room_are_tried_at_once) {
    auto memory = after({}, refused(Errc::quota));
    ASSERT_EQ(memory.pauses[0].until, noon + 5min);
    memory = after(std::move(memory), observed(ObservationKind::delete_finished, noon + 1min, 10s));
    EXPECT_EQ(memory.pauses[0].until, noon + 1min);

    memory = after(std::move(memory), observed(ObservationKind::delete_finished, noon + 2min, 10s));
    EXPECT_EQ(memory.pauses[0].until, noon + 1min) << "it was over";

    memory = after({}, refused(Errc::denied));
    memory = after(std::move(memory), observed(ObservationKind::delete_finished, noon + 10s, 10s));
    EXPECT_EQ(memory.pauses[0].until, noon + 1min) << "it did not wait for room";
}

TEST(Learn, Whether_a_worker_has_gone_to_make_room_is_remembered_until_a_create_has_gone_through) {
    auto memory = after({}, refused(Errc::quota));
    EXPECT_TRUE(waits_for_room(memory.pauses[0]));

    memory = after(std::move(memory), observed(ObservationKind::worker_aged, noon + 1min));
    EXPECT_FALSE(waits_for_room(memory.pauses[0]));
    memory = after(std::move(memory), refused(Errc::quota, noon + 5min));
    EXPECT_FALSE(waits_for_room(memory.pauses[0])) << "there was none for us";

    memory = after(std::move(memory), observed(ObservationKind::create_accepted, noon + 15min));
    memory = after(std::move(memory), refused(Errc::quota, noon + 16min));
    EXPECT_TRUE(waits_for_room(memory.pauses[0]));

    EXPECT_FALSE(waits_for_room(after({}, refused(Errc::denied)).pauses[0]));
}

TEST(Learn, Pauses_are_ordered_by_pool) {
    Memory memory;
    for (auto const* name : {"m", "a", "z", "a"}) {
        auto seen = refused(Errc::quota);
        seen.pool = PoolName{name};
        memory = after(std::move(memory), seen);
    }

    ASSERT_EQ(memory.pauses.size(), 3U);
    EXPECT_EQ(memory.pauses[0].pool, PoolName{"a"});
    EXPECT_EQ(memory.pauses[2].pool, PoolName{"z"});
}

TEST(Learn, An_offer_whose_servers_are_never_finished_is_put_off_ever_longer_until_a_worker_comes_up) {
    Memory memory;
    std::vector<Duration> put_off;
    auto at = noon;
    for (int i = 0; i < 3; ++i) {
        memory = after(std::move(memory), observed(ObservationKind::create_accepted, at));
        memory = after(std::move(memory), observed(ObservationKind::server_unfinished, at));
        put_off.push_back(memory.refusals.at(0).until - at);
        at = memory.refusals[0].until;
    }
    EXPECT_THAT(put_off, ElementsAre(2min, 4min, 8min)) << "that the next one was made proved nothing";
    EXPECT_THAT(memory.boots, IsEmpty()) << "no image or setting is to blame";

    memory = after(std::move(memory), observed(ObservationKind::boot_finished, at, 42s));
    EXPECT_THAT(memory.refusals, IsEmpty());
}

// --- Boots -------------------------------------------------------------------------------------------------------------

Observation booted(std::string const& server, Duration took, OfferKey offer = small_offer) {
    auto seen = observed(ObservationKind::boot_finished, noon, took, server);
    seen.offer = std::move(offer);
    return seen;
}

TEST(Learn, The_range_of_boots_is_the_middle_half_of_the_offers_last_ones) {
    Memory memory;
    EXPECT_EQ(boot_range(memory, default_pool, small_offer), std::nullopt);

    memory = after(std::move(memory), booted("a", 80s));
    EXPECT_EQ(boot_range(memory, default_pool, small_offer), (BootRange{80s, 80s}));
    memory = after(std::move(memory), booted("b", 70s));
    EXPECT_EQ(boot_range(memory, default_pool, small_offer), (BootRange{70s, 80s})) << "a few: all of them";
    for (auto const& [name, took] : {std::pair{"c", 600s}, std::pair{"d", 1s}, std::pair{"e", 75s}})
        memory = after(std::move(memory), booted(name, took));
    EXPECT_EQ(boot_range(memory, default_pool, small_offer), (BootRange{70s, 80s})) << "without the odd ones";
}

TEST(Learn, Boots_are_told_apart_by_offer_and_before_its_first_one_the_pools_count) {
    OfferKey const big{"big", "here"};
    Memory memory;
    memory.boots = {{default_pool, 0, {}, {50s, 60s}, {}}};
    EXPECT_EQ(boot_range(memory, default_pool, big), (BootRange{50s, 60s})) << "as it was kept before";

    memory = after(std::move(memory), booted("a", 20s, big));
    memory = after(std::move(memory), booted("b", 90s));

    EXPECT_EQ(boot_range(memory, default_pool, big), (BootRange{20s, 20s}));
    EXPECT_EQ(boot_range(memory, PoolName{"another"}, big), (BootRange{20s, 20s}));
    EXPECT_EQ(boot_range(memory, default_pool, small_offer), (BootRange{90s, 90s}));
}

TEST(Learn, Boots_of_at_most_64_offers_are_kept_16_of_each_and_the_longest_unused_offer_goes_first) {
    Memory memory;
    for (int i = 0; i < 70; ++i) {
        memory = after(std::move(memory), booted("s" + std::to_string(i), 1s, {"t" + std::to_string(i), "x"}));
        memory = after(std::move(memory), booted("u" + std::to_string(i), 1s));
    }

    EXPECT_EQ(memory.offer_boots.size(), 64U);
    EXPECT_EQ(memory.offer_boots.back().offer, small_offer);
    EXPECT_EQ(memory.offer_boots.back().times.size(), 16U);
    EXPECT_EQ(memory.offer_boots.front().offer.type, "t7");
}

TEST(Learn, Boot_failures_are_counted_and_from_the_third_on_the_next_probe_waits_ever_longer) {
    Memory memory;
    std::vector<Duration> waits;
    auto now = noon;
    for (int i = 0; i < 8; ++i) {
        memory = after(std::move(memory), observed(ObservationKind::boot_failed, now));
        auto const& boots = memory.boots[0];
        EXPECT_EQ(boots.failures, i + 1);
        waits.push_back(boots.next_probe == Instant{} ? 0ms : boots.next_probe - now);
        now = std::max(now, boots.next_probe);
    }

    EXPECT_THAT(waits, ElementsAre(0s, 0s, 10min, 20min, 40min, 80min, 80min, 80min));
}

TEST(Learn, Servers_that_never_came_up_together_do_not_put_the_first_probe_off) {
    Memory memory;
    for (int i = 0; i < 6; ++i)
        memory = after(std::move(memory), observed(ObservationKind::boot_failed, noon + i * 1s));

    EXPECT_EQ(memory.boots[0].next_probe, noon + 2s + 10min);

    memory = after(std::move(memory), observed(ObservationKind::boot_failed, noon + 20min));
    EXPECT_EQ(memory.boots[0].next_probe, noon + 20min + 20min) << "that was a probe";
}

TEST(Learn, A_worker_that_came_up_ends_the_row_of_failures_and_is_counted_once) {
    Memory memory;
    memory = after(std::move(memory), observed(ObservationKind::boot_failed));
    memory = after(std::move(memory), observed(ObservationKind::boot_finished, noon, 42s));
    memory = after(std::move(memory), observed(ObservationKind::boot_finished, noon, 99s));

    EXPECT_EQ(memory.boots[0].failures, 0);
    EXPECT_THAT(memory.boots[0].boot_times, ElementsAre(42s));
}

TEST(Learn, The_typical_boot_time_is_the_middle_one_of_the_pools_last_boots) {
    Memory memory;
    EXPECT_EQ(typical_boot(memory, default_pool), std::nullopt);
    for (int took : {90, 5, 40})
        memory =
            after(std::move(memory), observed(ObservationKind::boot_finished, noon, took * 1s, std::to_string(took)));

    EXPECT_EQ(typical_boot(memory, default_pool), 40s);
    EXPECT_EQ(typical_boot(memory, PoolName{"other"}), std::nullopt);
}

TEST(Learn, Creates_older_than_a_minute_or_from_the_future_are_forgotten_at_the_next_one) {
    Memory memory;
    memory.recent_creates = {noon - 61s, noon - 60s, noon - 59s, noon + 1h};

    memory = after(std::move(memory), observed(ObservationKind::create_sent));

    EXPECT_THAT(memory.recent_creates, ElementsAre(noon - 59s, noon));
}

TEST(Learn, Losses_and_delete_times_are_kept_newest_last) {
    Memory memory;
    memory = after(std::move(memory), observed(ObservationKind::worker_lost, noon));
    memory = after(std::move(memory), observed(ObservationKind::worker_lost, noon + 5s));
    memory = after(std::move(memory), observed(ObservationKind::delete_finished, noon, 7s));

    EXPECT_THAT(memory.recent_losses, ElementsAre(noon, noon + 5s));
    EXPECT_THAT(memory.delete_times, ElementsAre(7s));
}

TEST(Learn, The_memory_is_bounded_whatever_is_observed) {
    auto memory = after(Memory{}, observed(ObservationKind::boot_finished, noon, 1s, "first"));
    for (int i = 0; i < 9'990; ++i) memory.boots[0].came_up.emplace_back("earlier-" + std::to_string(i));
    memory.recent_creates.assign(9'990, noon);
    for (int i = 0; i < 20; ++i) {
        auto const name = std::to_string(i);
        for (auto kind : {ObservationKind::create_sent, ObservationKind::create_refused, ObservationKind::boot_finished,
                          ObservationKind::boot_failed, ObservationKind::delete_finished, ObservationKind::worker_lost})
            memory = after(std::move(memory), observed(kind, noon, 1s, name));
    }

    EXPECT_EQ(memory.recent_creates.size(), 10'000U);
    EXPECT_EQ(memory.recent_losses.size(), 16U);
    EXPECT_EQ(memory.delete_times.size(), 16U);
    EXPECT_EQ(memory.boots[0].boot_times.size(), 16U);
    EXPECT_EQ(memory.boots[0].came_up.size(), 10'000U);
    EXPECT_EQ(memory.boots[0].came_up.back(), ServerName{"19"});
    EXPECT_EQ(memory.refusals.size(), 1U);
}

}  // namespace
}  // namespace rgrid
