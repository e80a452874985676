#include <gtest/gtest.h>

#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/sim/cloud.hpp>
#include <rgrid/testing/printers.hpp>

namespace rgrid::sim {
namespace {

using testing::error_of;
using testing::message_of;

class CloudModelTest : public ::testing::Test, protected Witness {
protected:
    static ServerRequest request(std::string const& name, std::string const& fleet = "f") {
        return {ServerName{name},     FleetId{fleet}, PoolName{"default"}, {"local", "here"},
                StoreId{"store"}, Generation{1},  1};
    }
    Server make(std::string const& name) { return cloud_.create({}, request(name)).value(); }
    std::size_t listed() { return cloud_.list({}).value().size(); }
    void on_create(Server const& server) override { made_.push_back(server.name.value); }
    void on_destroy(Server const& server) override { ended_.push_back(server.name.value); }

    static CloudModel model() {
        CloudModel model;
        model.fastest_delete = model.slowest_delete = 5s;
        model.listing_lag = 3s;
        return model;
    }

    memory::ManualClock clock_;
    Cloud cloud_{clock_, FleetId{"f"}, model(), 1, this};
    std::vector<std::string> made_;
    std::vector<std::string> ended_;
};

using Names = std::vector<std::string>;

TEST_F(CloudModelTest, a_witness_sees_each_server_made_and_ended_once) {
    auto const server = make("a");
    make("a");
    cloud_.destroy({}, server.id).value();
    clock_.advance(10s);
    cloud_.destroy({}, server.id).value();

    EXPECT_EQ(made_, Names{"a"});
    EXPECT_EQ(ended_, Names{"a"});
}

TEST_F(CloudModelTest, a_quota_refuses_what_would_exceed_it_and_repeats_what_stands) {
    cloud_.set_quota(2);
    auto const first = make("a");
    make("b");

    auto const refused = cloud_.create({}, request("c"));

    EXPECT_EQ(error_of(refused), Errc::quota);
    EXPECT_EQ(message_of(refused), "the project may have 2 servers and has 2");
    EXPECT_EQ(make("a").id, first.id) << "it is there";
    cloud_.destroy({}, first.id).value();
    EXPECT_EQ(error_of(cloud_.create({}, request("c"))), Errc::quota) << "what is being deleted counts";
    clock_.advance(5s);
    EXPECT_TRUE(cloud_.create({}, request("c")));
}

TEST_F(CloudModelTest, the_next_servers_that_are_made_cannot_be_finished) {
    cloud_.set_quota(1);
    cloud_.leave_unfinished(1);
    auto const first = make("a");
    make("a");
    EXPECT_EQ(error_of(cloud_.create({}, request("b"))), Errc::quota);
    cloud_.set_quota({});
    make("b");
    auto const status = [&](char const* name) { return cloud_.find({}, ServerName{name}).value()->status; };

    EXPECT_EQ(status("a"), ServerStatus::starting);
    clock_.advance(20s);
    EXPECT_EQ(status("a"), ServerStatus::failed);
    EXPECT_EQ(status("b"), ServerStatus::running);
    EXPECT_TRUE(cloud_.is_unfinished(ServerName{"a"}));
    EXPECT_FALSE(cloud_.is_unfinished(ServerName{"b"}));
    EXPECT_FALSE(cloud_.is_unfinished(ServerName{"c"}));
    cloud_.destroy({}, first.id).value();
    clock_.advance(5s);
    auto const& life = cloud_.lives().at(first.name);
    EXPECT_EQ(life.gone, life.created + 25s) << "billed like any other";
}

TEST_F(CloudModelTest, only_a_listing_that_is_late_lags_behind) {
    clock_.advance(10s);
    make("a");
    cloud_.list_late();
    EXPECT_EQ(listed(), 0u);
    EXPECT_EQ(listed(), 1u) << "the next one is not";
}

TEST_F(CloudModelTest, a_delete_takes_its_time_and_is_billed_until_it_is_done) {
    auto const start = clock_.steady_now();
    auto const server = make("a");
    clock_.advance(1min);
    cloud_.destroy({}, server.id).value();

    clock_.advance(4s);
    EXPECT_TRUE(cloud_.stands(server.name));
    EXPECT_EQ(listed(), 1u);
    clock_.advance(1s);
    EXPECT_FALSE(cloud_.stands(server.name));
    EXPECT_EQ(listed(), 0u);
    auto const& life = cloud_.lives().at(server.name);
    EXPECT_EQ(life.created, start);
    EXPECT_EQ(life.gone, start + 65s);
}

TEST_F(CloudModelTest, a_delete_that_is_repeated_ends_no_later) {
    auto const server = make("a");
    cloud_.destroy({}, server.id).value();
    cloud_.set_delete_time(1h, 1h);
    static_cast<void>(cloud_.destroy({}, server.id));
    clock_.advance(5s);
    EXPECT_FALSE(cloud_.stands(server.name));
}

TEST_F(CloudModelTest, a_server_can_vanish) {
    auto const server = make("a");
    EXPECT_TRUE(cloud_.vanish(server.name));
    EXPECT_FALSE(cloud_.vanish(server.name));
    EXPECT_FALSE(cloud_.vanish(ServerName{"never-was"}));
    EXPECT_FALSE(cloud_.stands(server.name));
    EXPECT_EQ(listed(), 0u);
    EXPECT_EQ(cloud_.lives().at(server.name).gone, clock_.steady_now());
    EXPECT_EQ(ended_, Names{}) << "nobody told it to";
}

TEST_F(CloudModelTest, a_create_can_fail_after_it_has_made_its_server) {
    cloud_.fail_after_create();
    auto const failed = cloud_.create({}, request("a"));
    EXPECT_EQ(error_of(failed), Errc::in_doubt);
    EXPECT_EQ(message_of(failed), "server \"a\" was made and its action failed");
    EXPECT_TRUE(cloud_.stands(ServerName{"a"}));
    EXPECT_TRUE(cloud_.create({}, request("b"))) << "only that one";
}

TEST_F(CloudModelTest, foreign_servers_are_not_ours_until_they_carry_our_label) {
    cloud_.make_foreign(request("theirs", "other"));
    EXPECT_EQ(listed(), 0u);
    EXPECT_EQ(made_, Names{}) << "it is nobody's deed";

    auto another = request("from-another-store");
    another.store = StoreId{"another"};
    cloud_.make_foreign(another);
    EXPECT_EQ(listed(), 1u) << "our fleet, another store";
    EXPECT_EQ(cloud_.truth().size(), 2u);

    auto const theirs = cloud_.truth().back();
    static_cast<void>(cloud_.destroy({}, theirs.id));
    EXPECT_EQ(ended_, Names{theirs.name.value}) << "whoever tells it to go is seen";
    cloud_.remove_foreign();
    clock_.advance(10s);
    EXPECT_EQ(cloud_.truth().size(), 0u);
}

TEST_F(CloudModelTest, another_projects_access_lists_nothing_and_orders_nothing) {
    make("a");
    cloud_.show_other_project(true);
    EXPECT_EQ(listed(), 0u);
    auto const denied = cloud_.create({}, request("b"));
    EXPECT_EQ(error_of(denied), Errc::denied);
    EXPECT_EQ(message_of(denied), "this access may not order servers");

    cloud_.show_other_project(false);
    EXPECT_EQ(listed(), 1u);
}

}  // namespace
}  // namespace rgrid::sim
