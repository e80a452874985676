#include <gtest/gtest.h>

#include <map>
#include <random>
#include <rgrid/base/paid_period.hpp>
#include <set>
#include <utility>

#include "../hetzner/support.hpp"

namespace rgrid::hetzner {
namespace {

/// What a controller does with a provider: it keeps the names that it has asked for until it knows what became of them.
class FaultyRun {
public:
    FaultyRun(TestCloud& cloud, Provider& provider, unsigned seed)
        : cloud_(cloud), provider_(provider), random_(seed) {
        for (auto const& offer : provider_.offers(no_limit).value())
            if (offer.key == TestCloud::request("x").offer) offer_ = offer;
    }

    void run(int creates) {
        while (number_ < creates) {
            if (standing_.size() < 15) create();
            look_for_doubtful();
            if (chance(0.5)) destroy_one();
            if (chance(0.3)) list();
            cloud_.clock.leap(Duration{static_cast<std::int64_t>(20'000 * draw())});
        }
    }

    void end() {
        for (int rounds = 0; rounds < 1000 && !(standing_.empty() && doubtful_.empty()); ++rounds) {
            look_for_doubtful();
            destroy_one();
            list();
            cloud_.clock.leap(5s);
        }
    }

    [[nodiscard]] std::size_t left() const { return standing_.size() + doubtful_.size(); }
    [[nodiscard]] Money bill() const { return bill_; }
    [[nodiscard]] int made() const { return made_; }

private:
    double draw() { return std::uniform_real_distribution<double>{0, 1}(random_); }
    bool chance(double part) { return draw() < part; }

    void create() {
        auto const name = "ours-pool-" + std::to_string(++number_);
        auto const made = provider_.create(no_limit, TestCloud::request(name));
        if (made) stands(name, made->age);
        else if (made.error().code == Errc::in_doubt) doubtful_.insert(name);
        else refused_.insert(name);
    }

    void stands(std::string const& name, Duration age) {
        ++made_;
        standing_[name] = age;
        doubtful_.erase(name);
    }

    void look_for_doubtful() {
        for (auto const& name : std::set<std::string>{doubtful_}) {
            auto const found = provider_.find(no_limit, ServerName{name});
            if (!found) continue;
            if (*found) stands(name, (*found)->age);
            else doubtful_.erase(name), refused_.insert(name);
        }
    }

    void destroy_one() {
        if (standing_.empty()) return;
        auto const which = std::next(standing_.begin(), static_cast<std::ptrdiff_t>(draw() * static_cast<double>(standing_.size())));
        auto const found = provider_.find(no_limit, ServerName{which->first});
        if (!found || !*found) return;
        // A bill cannot be told to the minute, so nothing is deleted near the end of its hour.
        if (auto const left = left_in_paid_period((*found)->age, offer_.period); left < 10min) cloud_.clock.leap(left + 1min);
        auto const anew = provider_.find(no_limit, ServerName{which->first});
        if (!anew || !*anew) return;
        which->second = (*anew)->age;
        static_cast<void>(provider_.destroy(no_limit, (*anew)->id));
    }

    void list() {
        auto const servers = provider_.list(no_limit);
        if (!servers) return;
        std::set<std::string> names;
        for (auto const& server : *servers) {
            EXPECT_TRUE(names.insert(server.name.value).second) << server.name.value << " is there twice";
            EXPECT_FALSE(refused_.contains(server.name.value)) << server.name.value << " was refused and exists";
        }
        std::erase_if(standing_, [&](auto const& each) {
            if (names.contains(each.first)) return false;
            bill_ += offer_.price * paid_periods(each.second, offer_.period);
            return true;
        });
    }

    TestCloud& cloud_;
    Provider& provider_;
    std::minstd_rand random_;
    Offer offer_;
    int number_ = 0;
    int made_ = 0;
    std::map<std::string, Duration> standing_;
    std::set<std::string> doubtful_;
    std::set<std::string> refused_;
    Money bill_;
};

void inject_random_faults(hetzner_sim::Simulator& simulator) {
    auto const any = [](FaultKind kind, bool after, std::string code = {}) {
        Fault fault;
        fault.kind = kind;
        fault.after = after;
        fault.code = std::move(code);
        fault.times = 0;
        fault.chance = 0.02;
        return fault;
    };
    for (bool const after : {false, true}) {
        simulator.inject(any(FaultKind::html, after));
        simulator.inject(any(FaultKind::reset, after));
        simulator.inject(any(FaultKind::error, after, "timeout"));
        simulator.inject(any(FaultKind::error, after, "server_error"));
    }
    for (auto const kind : {FaultKind::reset_mid_body, FaultKind::truncated, FaultKind::duplicate_keys, FaultKind::unknown_enum})
        simulator.inject(any(kind, true));
    for (auto const* const code : {"rate_limit_exceeded", "conflict", "locked", "unavailable"})
        simulator.inject(any(FaultKind::error, false, code));
    for (auto const* const code : {"resource_unavailable", "resource_limit_exceeded"}) {
        auto refused = refusal_with(code);
        refused.times = 0;
        refused.chance = 0.1;
        simulator.inject(refused);
    }
    auto failing = on_create(FaultKind::action_error);
    failing.times = 0;
    failing.chance = 0.05;
    simulator.inject(failing);
}

constexpr int creates_of_a_run = 2000;

TEST(HetznerFaults, two_thousand_creates_and_deletes_leave_no_server_and_a_bill_that_agrees) {
    TestCloud cloud;
    auto theirs_settings = cloud.provider_settings;
    theirs_settings.ipv4 = false;
    auto const theirs = Provider::open(theirs_settings, FleetId{"theirs"}, cloud.boot, cloud.clock).value();
    theirs->create(no_limit, TestCloud::request("theirs-pool-1", "theirs")).value();
    auto const provider = cloud.provider();
    FaultyRun run{cloud, *provider, 7};
    inject_random_faults(cloud.simulator);

    run.run(creates_of_a_run);
    cloud.simulator.clear_faults();
    run.end();

    EXPECT_EQ(run.left(), 0u);
    ASSERT_EQ(cloud.simulator.servers().size(), 1u) << "that of the stranger";
    std::set<std::string> names;
    Money cost;
    for (auto const& item : cloud.simulator.ledger().items) {
        if (item.name == "theirs-pool-1") continue;
        cost += item.cost;
        if (item.kind != hetzner_sim::BillKind::server) continue;
        EXPECT_TRUE(names.insert(item.name).second) << item.name << " was made twice";
    }
    EXPECT_EQ(static_cast<int>(names.size()), run.made());
    EXPECT_GT(run.made(), creates_of_a_run / 2);
    EXPECT_EQ(to_text(cost), to_text(run.bill()));
}

}  // namespace
}  // namespace rgrid::hetzner
