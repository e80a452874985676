#include <gtest/gtest.h>

#include <rgrid/policy/refusal_text.hpp>

namespace rgrid {
namespace {

PausedCreates paused(Errc code, std::string message, int attempt = 1, Duration left = 10s, std::int64_t workers = 0) {
    return {code, std::move(message), attempt, 3, left, workers};
}

TEST(RefusalText, An_operator_is_told_the_providers_words_what_goes_on_and_what_is_tried_when) {
    EXPECT_EQ(tell_operator(paused(Errc::retry_later, "Hetzner answered unavailable: try again.", 1)),
              "Hetzner answered unavailable: try again; no worker runs; try 2 of 3 in 10s");
    EXPECT_EQ(tell_operator(paused(Errc::retry_later, "Cannot reach the API (no route)", 2, 20s, 4)),
              "Cannot reach the API (no route); 4 workers run on; try 3 of 3 in 20s");
    EXPECT_EQ(tell_operator(paused(Errc::retry_later, "Cannot reach the API (no route)", 3, 5min, 4)),
              "Cannot reach the API (no route); 4 workers run on; next try in 5m 00s");
    EXPECT_EQ(tell_operator(paused(Errc::quota, "Project limit reached (servers)", 1, 10min, 1)),
              "Project limit reached (servers); 1 worker runs on; next try in 10m 00s");
    EXPECT_EQ(tell_operator(paused(Errc::rejected, "The name is taken", 1, 0s)),
              "The name is taken; no worker runs; next try now");
}

TEST(RefusalText, A_provider_without_words_is_spoken_for) {
    EXPECT_EQ(tell_operator(paused(Errc::quota, "")),
              "the provider's limit is reached: raise it, or lower max_workers; no worker runs; next try in 10s");
    EXPECT_EQ(tell_operator(paused(Errc::denied, "")),
              "the provider has refused the access: nothing can be ordered until it is renewed; no worker runs; next try "
              "in 10s");
    EXPECT_EQ(tell_operator(paused(Errc::rejected, "")), "the provider has refused the order; no worker runs; next try in 10s");
}

TEST(RefusalText, A_jobs_owner_is_told_what_it_means_for_the_job_and_nothing_of_the_account) {
    std::string const secret = "token 4711 of project blue";
    for (auto const code : {Errc::quota, Errc::denied, Errc::rejected, Errc::retry_later})
        EXPECT_EQ(tell_owner(paused(code, secret)).find("4711"), std::string::npos);

    EXPECT_EQ(tell_owner(paused(Errc::denied, secret)),
              "no worker can be ordered until an operator has renewed the access to the cloud; next try in 10s");
    EXPECT_EQ(tell_owner(paused(Errc::retry_later, secret, 1, 10s, 2)),
              "the cloud provider does not take orders at the moment; it starts on one of the 2 workers as soon as a slot "
              "is free; try 2 of 3 in 10s");
    EXPECT_EQ(tell_owner(paused(Errc::rejected, secret)),
              "the cloud provider refuses to make a worker, and an operator has to look at it; next try in 10s");
}

TEST(RefusalText, An_offer_that_is_sold_out_is_told_with_the_next_one_or_the_next_try) {
    Instant const now = *parse_instant("2026-03-01T12:00:00Z");
    PlacementParams placement;
    Memory memory;
    EXPECT_EQ(sold_out(memory, placement, now), std::nullopt);
    memory.refusals = {{{"cx23", "fsn1"}, now + 90s, 1, "Hetzner answered resource_unavailable"}};

    placement.offers = {"cx23@fsn1", "cx33@nbg1"};
    EXPECT_EQ(tell_owner(*sold_out(memory, placement, now)), "cx23 is sold out in fsn1; trying cx33 in nbg1 next");
    EXPECT_EQ(tell_operator(*sold_out(memory, placement, now)),
              "Hetzner answered resource_unavailable (cx23@fsn1); trying cx33 in nbg1 next");
    placement.offers = {"cx23@fsn1"};
    EXPECT_EQ(tell_owner(*sold_out(memory, placement, now)), "cx23 is sold out in fsn1; next try in 90s");
    placement.offers = {};
    EXPECT_EQ(tell_owner(*sold_out(memory, placement, now)),
              "cx23 is sold out in fsn1; any other that there is is taken; it is tried again in 90s");
    placement.offers = {"cx33@nbg1", "cx23@fsn1"};
    EXPECT_EQ(sold_out(memory, placement, now), std::nullopt) << "another one is preferred and can be had";
    placement.offers = {"cx33@nbg1"};
    EXPECT_EQ(sold_out(memory, placement, now), std::nullopt) << "another pool's";
    placement.offers = {};
    EXPECT_EQ(sold_out(memory, placement, now + 90s), std::nullopt);
}

TEST(RefusalText, An_offer_whose_server_was_never_finished_is_not_called_sold_out) {
    Instant const now = *parse_instant("2026-03-01T12:00:00Z");
    PlacementParams placement;
    placement.offers = {"cx23@fsn1", "cx33@nbg1"};
    Memory memory;
    memory.refusals = {{{"cx23", "fsn1"}, now + 90s, 1, "the provider could not finish w1", true}};

    EXPECT_EQ(tell_owner(*sold_out(memory, placement, now)),
              "the cloud provider could not finish a worker on cx23 in fsn1; trying cx33 in nbg1 next");
    EXPECT_EQ(tell_operator(*sold_out(memory, placement, now)),
              "the provider could not finish w1 (cx23@fsn1); trying cx33 in nbg1 next");
    memory.refusals[0].message.clear();
    EXPECT_EQ(tell_operator(*sold_out(memory, placement, now)),
              "a server of it was never finished (cx23@fsn1); trying cx33 in nbg1 next");
}

TEST(RefusalText, A_pause_that_is_over_is_not_told_any_more) {
    Instant const now = *parse_instant("2026-03-01T12:00:00Z");
    PoolName const pool{"default"};
    Memory memory;
    memory.pauses = {{pool, Errc::quota, now + 1s, 2, "no more"}};

    ASSERT_TRUE(paused_creates(memory, pool, {}, now, 3));
    EXPECT_EQ(paused_creates(memory, pool, {}, now, 3)->left, 1s);
    EXPECT_FALSE(paused_creates(memory, pool, {}, now + 1s, 3));
}

}  // namespace
}  // namespace rgrid
