#include <rgrid/model/server_name.hpp>

#include <gtest/gtest.h>

namespace rgrid {
namespace {

FleetId const fleet{"f"};
PoolName const pool{"a-pool"};

TEST(ServerNames, hold_the_number_that_was_given) {
    auto const name = server_name(fleet, pool, 57);

    EXPECT_EQ(name, ServerName{"f-a-pool-57"});
    EXPECT_EQ(number_of(name, pool, fleet), 57);
    EXPECT_EQ(number_of(name, fleet), 57);
}

TEST(ServerNames, have_no_number_if_they_were_not_given_so) {
    for (auto const* name : {"f-a-pool-", "f-a-pool-x", "f-a-pool-5x", "f-a-pool-0", "g-a-pool-5", "5",
                             "f-a-pool-99999999999999999999", "f-5", ""}) {
        EXPECT_EQ(number_of(ServerName{name}, pool, fleet), std::nullopt) << name;
        EXPECT_EQ(number_of(ServerName{name}, fleet), std::nullopt) << name;
    }
    for (auto const* name : {"f-other-5", "f-a-pool--5"})
        EXPECT_EQ(number_of(ServerName{name}, pool, fleet), std::nullopt) << name;
}

}  // namespace
}  // namespace rgrid
