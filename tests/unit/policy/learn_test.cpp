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
