#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <rgrid/adapters/hetzner/provider.hpp>
#include <rgrid/adapters/http/server.hpp>
#include <rgrid/adapters/system/clock.hpp>
#include <rgrid/hetzner_sim/server.hpp>
#include <rgrid/hetzner_sim/simulator.hpp>
#include <string>
#include <utility>

namespace rgrid::hetzner {

/// The machine's clock, which whoever sleeps on it moves on: a pause takes no time, and everybody sees that it is over.
class HastyClock final : public Clock {
public:
    [[nodiscard]] Instant now() const override { return clock_.now() + Duration{ahead_.load()}; }
    [[nodiscard]] SteadyInstant steady_now() const override { return clock_.steady_now() + Duration{ahead_.load()}; }
    bool sleep_until(SteadyInstant until, std::stop_token stop) override {
        if (stop.stop_requested()) return false;
        leap(until - steady_now());
        return true;
    }
    void leap(Duration span) {
        if (span > Duration{0}) ahead_ += span.count();
    }

private:
    SystemClock clock_;
    std::atomic<std::int64_t> ahead_{0};
};

inline std::string const good_token = "GoodTokenOfAProjectWithSixtyFourCharacters0123456789abcdefghijkl";
inline std::string const reading_token = "ReadOnlyTokenOfAProjectWithSixtyFourCharacters0123456789abcdefgh";
inline std::string const foreign_token = "ForeignTokenOfAnotherProjectWithSixtyFourCharacters0123456789abc";

/// A simulated cloud behind real sockets, and providers for it.
class TestCloud {
public:
    explicit TestCloud(hetzner_sim::Settings settings = {}) : simulator(with_tokens(std::move(settings)), clock) {
        provider_settings.token = Secret{good_token};
        provider_settings.url = server->url();
    }

    std::unique_ptr<Provider> provider(FleetId fleet = FleetId{"ours"}) {
        return Provider::open(provider_settings, std::move(fleet), boot, clock).value();
    }

    static ServerRequest request(std::string const& name, std::string const& fleet = "ours") {
        return {ServerName{name}, FleetId{fleet}, PoolName{"pool"}, {"cx23", "nbg1"}, StoreId{"store"}, Generation{1}, 1};
    }

    /// How many servers of that name there are now.
    std::size_t count(std::string const& name) {
        std::size_t number = 0;
        for (auto const& each : simulator.servers()) number += each.name == name;
        return number;
    }

    std::int64_t calls(std::string const& which) const {
        auto const all = simulator.calls();
        auto const found = all.find(which);
        return found == all.end() ? 0 : found->second;
    }

    HastyClock clock;
    hetzner_sim::Simulator simulator;
    std::unique_ptr<hetzner_sim::Server> server = hetzner_sim::Server::start(simulator).value();
    ProviderSettings provider_settings;
    Boot boot = [](ServerRequest const&) { return Result<std::string>{"#cloud-config\n"}; };

private:
    static hetzner_sim::Settings with_tokens(hetzner_sim::Settings settings) {
        settings.access = {{good_token}, {reading_token, "default", true}, {foreign_token, "other"}};
        return settings;
    }
};

using hetzner_sim::Fault;
using hetzner_sim::FaultKind;

inline Call const no_limit{};

inline Fault on_create(FaultKind kind, bool after = false) {
    Fault fault;
    fault.kind = kind;
    fault.method = "POST";
    fault.path = "/servers";
    fault.after = after;
    return fault;
}

inline Fault refusal_with(std::string code, std::string message = {}) {
    auto fault = on_create(FaultKind::error);
    fault.code = std::move(code);
    fault.message = std::move(message);
    return fault;
}

/// Stands between a provider and the cloud; `handler` sees everything.
inline std::unique_ptr<http::Server> server_between(http::Handler handler, Clock& clock) {
    http::ServerSettings between;
    between.handlers = 1;
    http::Service service;
    service.handler = std::move(handler);
    return http::Server::start(between, std::move(service), clock).value();
}

inline std::string url_of(http::Server const& server) { return "http://127.0.0.1:" + std::to_string(server.port()) + "/v1"; }

inline http::Response ask(TestCloud& cloud, std::string const& method, std::string const& target, std::string const& body = {}) {
    http::Request request;
    request.method = method;
    request.target = "/v1/" + target;
    request.headers = {{"Authorization", "Bearer " + good_token}, {"Content-Type", "application/json"}};
    request.body = body;
    return cloud.simulator.answer(request);
}

/// A server that is not the fleet's, in the same project.
class HetznerProvider : public ::testing::Test {
protected:
    HetznerProvider() { strangers->create(no_limit, TestCloud::request("theirs-pool-1", "theirs")).value(); }

    ~HetznerProvider() override {
        EXPECT_EQ(cloud.count("theirs-pool-1"), 1u) << "nothing of others is ever touched";
        cloud.simulator.clear_faults();
        for (int looks = 0; looks < 100 && !provider->list(no_limit).value().empty(); ++looks) {
            for (auto const& server : provider->list(no_limit).value()) provider->destroy(no_limit, server.id).value();
            cloud.clock.leap(1s);
        }
        EXPECT_EQ(cloud.simulator.servers().size(), 1u) << "no server is left";
    }

    Result<Server> create(std::string const& name) { return provider->create(no_limit, TestCloud::request(name)); }

    TestCloud cloud;
    std::unique_ptr<Provider> strangers = cloud.provider(FleetId{"theirs"});
    std::unique_ptr<Provider> provider = cloud.provider();
};

}  // namespace rgrid::hetzner
