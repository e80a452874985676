#pragma once

#include <gmock/gmock.h>

#include <boost/json.hpp>
#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/hetzner_sim/simulator.hpp>
#include <string>

#include "schema.hpp"

namespace rgrid::hetzner_sim {

namespace json = boost::json;

/// A simulated cloud with one token, that is asked without a wire. Each answer has to be as the schema says.
class ApiTest : public testing::Test {
protected:
    static Settings usual_settings() {
        Settings settings;
        settings.access = {{std::string(64, 't')}};
        return settings;
    }

    explicit ApiTest(Settings const& settings = usual_settings()) : cloud(settings, clock) {}

    /// The status of a call's answer; its body is `body` then.
    int call(std::string method, std::string target, std::string content = {}) {
        http::Request request;
        request.method = std::move(method);
        request.target = "/v1" + std::move(target);
        request.headers = {{"Authorization", "Bearer " + std::string(64, 't')}};
        request.body = std::move(content);
        auto const response = cloud.answer(request);
        record_answer(request, response);
        EXPECT_THAT(schema_problems(request, response), testing::IsEmpty());
        body = response.body.empty() ? json::value{} : json::parse(response.body);
        return response.status;
    }

    /// The number of what a POST makes.
    std::int64_t make(std::string const& kind, std::string content) {
        EXPECT_EQ(call("POST", "/" + kind + "s", std::move(content)), 201) << body;
        auto const* made = body.is_object() ? body.as_object().if_contains(kind) : nullptr;
        return made ? made->at("id").as_int64() : 0;
    }

    std::int64_t make_server(std::string const& name, std::string const& more = {}) {
        return make("server", R"({"name": ")" + name + R"(", "server_type": "cx23", "image": "ubuntu-24.04",
                                 "location": "fsn1")" +
                                  more + "}");
    }

    /// What a call was refused with: "422 invalid_input"; "" if it was not.
    std::string refusal(std::string method, std::string target, std::string content = {}) {
        auto const status = call(std::move(method), std::move(target), std::move(content));
        return status < 400 ? "" : std::to_string(status) + " " + text("/error/code");
    }

    std::string text(std::string const& pointer) const { return std::string{body.at_pointer(pointer).as_string()}; }

    static std::string path(std::string const& kind, std::int64_t id, std::string const& rest = {}) {
        return "/" + kind + "/" + std::to_string(id) + rest;
    }

    memory::ManualClock clock;
    Simulator cloud;
    json::value body;
};

}  // namespace rgrid::hetzner_sim
