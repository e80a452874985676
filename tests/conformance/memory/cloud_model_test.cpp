#include <gmock/gmock.h>

#include <rgrid/adapters/memory/cloud_model.hpp>

namespace rgrid::memory {
namespace {

OfferKey const small{"small", "here"};
constexpr SteadyInstant start{1h};

MachineOrder order(std::string name) {
    MachineOrder order{std::move(name), small, "me"};
    order.creation = 10s;
    order.rest = 2s;
    order.booting = 3s;
    return order;
}

class CloudModelOf : public ::testing::Test {
protected:
    CloudModelOf() { model.set_stock(small, std::nullopt); }

    std::int64_t make(MachineOrder const& wanted, SteadyInstant when = start) {
        return model.create(wanted, when).number;
    }
    Phase phase(std::int64_t number, Duration after) { return model.find(number)->phase(start + after); }
    std::optional<Obstacle> obstacle(MachineOrder const& wanted, SteadyInstant when = start) {
        auto const refusal = model.refusal(wanted, when);
        return refusal ? std::optional{refusal->obstacle} : std::nullopt;
    }

    CloudModel model;
};

TEST_F(CloudModelOf, a_machine_is_made_then_off_then_starts_and_runs) {
    auto const number = make(order("a"));

    EXPECT_EQ(phase(number, 0s), Phase::initializing);
    EXPECT_EQ(phase(number, 9'999ms), Phase::initializing);
    EXPECT_EQ(phase(number, 10s), Phase::off);
    EXPECT_EQ(phase(number, 12s), Phase::starting);
    EXPECT_EQ(phase(number, 15s), Phase::running);
}

TEST_F(CloudModelOf, a_machine_that_is_not_to_start_stays_off_until_it_is_switched_on) {
    auto wanted = order("a");
    wanted.start = false;
    auto const number = make(wanted);
    EXPECT_EQ(phase(number, 1h), Phase::off);

    model.switch_power(number, true, 3s, start + 1h);
    EXPECT_EQ(phase(number, 1h), Phase::starting);
    EXPECT_EQ(phase(number, 1h + 3s), Phase::running);
}

TEST_F(CloudModelOf, a_machine_that_is_switched_off_stops_and_still_exists) {
    auto const number = make(order("a"));

    model.switch_power(number, false, 2s, start + 20s);

    EXPECT_EQ(phase(number, 20s), Phase::stopping);
    EXPECT_EQ(phase(number, 22s), Phase::off);
    EXPECT_EQ(model.standing(start + 1h), 1);
}

TEST_F(CloudModelOf, what_is_being_made_cannot_be_switched) {
    auto const number = make(order("a"));

    model.switch_power(number, false, 0s, start + 5s);

    EXPECT_EQ(phase(number, 20s), Phase::running);
}

TEST_F(CloudModelOf, a_making_that_fails_leaves_a_machine_that_never_runs) {
    auto wanted = order("a");
    wanted.making = Making::fails;
    auto const number = make(wanted);
    model.switch_power(number, true, 0s, start + 20s);

    EXPECT_EQ(phase(number, 9s), Phase::initializing);
    EXPECT_EQ(phase(number, 1h), Phase::off);
    EXPECT_EQ(model.standing(start + 1h), 1) << "it is billed until somebody deletes it";
}

TEST_F(CloudModelOf, a_stuck_machine_is_never_made_and_can_be_deleted) {
    auto wanted = order("a");
    wanted.making = Making::stuck;
    auto const number = make(wanted);
    EXPECT_EQ(phase(number, 1000h), Phase::initializing);

    model.destroy(number, 1s, start + 1000h);
    EXPECT_EQ(phase(number, 1000h), Phase::deleting);
    EXPECT_EQ(phase(number, 1000h + 1s), Phase::gone);
}

TEST_F(CloudModelOf, a_name_is_taken_until_its_machine_is_gone) {
    auto const number = make(order("a"));
    EXPECT_EQ(obstacle(order("a")), Obstacle::name_taken);

    model.destroy(number, 5s, start + 1s);
    EXPECT_EQ(obstacle(order("a"), start + 5s), Obstacle::name_taken);
    EXPECT_EQ(obstacle(order("a"), start + 6s), std::nullopt);
}

TEST_F(CloudModelOf, a_machine_takes_its_new_name_and_frees_the_old_one) {
    auto const number = make(order("a"));

    model.rename(number, "b");

    EXPECT_EQ(obstacle(order("a")), std::nullopt);
    EXPECT_EQ(obstacle(order("b")), Obstacle::name_taken);
    EXPECT_EQ(model.find("b", start)->number, number);
}

TEST_F(CloudModelOf, a_second_delete_is_no_later) {
    auto const number = make(order("a"));
    model.destroy(number, 5s, start);

    model.destroy(number, 5s, start + 4s);

    EXPECT_EQ(phase(number, 5s), Phase::gone);
}

TEST_F(CloudModelOf, stock_is_what_exists_of_an_offer_at_a_time) {
    model.set_stock(small, 1);
    auto const number = make(order("a"));
    auto const refusal = model.refusal(order("b"), start);

    ASSERT_TRUE(refusal);
    EXPECT_EQ(refusal->obstacle, Obstacle::stock);
    EXPECT_EQ(refusal->taken, 1);
    EXPECT_EQ(refusal->bound, 1);
    model.destroy(number, 5s, start);
    EXPECT_EQ(obstacle(order("b"), start + 4s), Obstacle::stock) << "what is being deleted is still there";
    EXPECT_EQ(obstacle(order("b"), start + 5s), std::nullopt);
}

TEST_F(CloudModelOf, a_quota_counts_all_offers) {
    OfferKey const large{"large", "here"};
    model.set_stock(large, std::nullopt);
    model.set_quota(1);
    make(order("a"));
    auto wanted = order("b");
    wanted.offer = large;

    EXPECT_EQ(obstacle(wanted), Obstacle::quota);
    model.set_quota(std::nullopt);
    EXPECT_EQ(obstacle(wanted), std::nullopt);
}

TEST_F(CloudModelOf, an_offer_that_it_does_not_have_is_told_apart) {
    auto wanted = order("a");
    wanted.offer.location = "elsewhere";

    EXPECT_EQ(obstacle(wanted), Obstacle::unknown_offer);
}

TEST_F(CloudModelOf, a_lost_machine_is_gone_at_once) {
    auto const number = make(order("a"));

    EXPECT_TRUE(model.vanish(number, start + 1s));
    EXPECT_FALSE(model.vanish(number, start + 2s));
    EXPECT_EQ(phase(number, 1s), Phase::gone);
    EXPECT_EQ(model.find(number)->gone, start + 1s);
}

TEST_F(CloudModelOf, what_was_gone_by_then_is_forgotten_and_its_number_never_used_again) {
    auto const first = make(order("a"));
    model.vanish(first, start + 1s);

    model.forget(start);
    EXPECT_NE(model.find(first), nullptr);
    model.forget(start + 1s);
    EXPECT_EQ(model.find(first), nullptr);
    EXPECT_NE(make(order("a"), start + 2s), first);
    EXPECT_EQ(model.created(), 2);
}

}  // namespace
}  // namespace rgrid::memory
