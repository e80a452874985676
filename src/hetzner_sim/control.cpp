#include "hetzner_sim/control.hpp"

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <rgrid/config/json.hpp>
#include <utility>

#include "hetzner_sim/request.hpp"

namespace rgrid::hetzner_sim {

namespace {

constexpr std::string_view control_path = "/_sim/";

struct Advance {
    Duration span{0};
};
BOOST_DESCRIBE_STRUCT(Advance, (), (span))

struct Stock {
    std::string type;
    std::string location;
    std::optional<int> stock;
};
BOOST_DESCRIBE_STRUCT(Stock, (), (type, location, stock))

struct Limits {
    std::optional<int> servers;
    std::optional<int> primary_ips;
    std::optional<int> cores;
};
BOOST_DESCRIBE_STRUCT(Limits, (), (servers, primary_ips, cores))

struct Named {
    std::string name;
    std::string project = "default";
};
BOOST_DESCRIBE_STRUCT(Named, (), (name, project))

http::Response json_response(int status, json::value const& body) {
    return {status, {{"Content-Type", "application/json"}}, config::to_json_text(body) + "\n", {}};
}

http::Response done() {
    return json_response(200, json::object{});
}

/// What the request's body says, over what a T is otherwise.
template <class T>
T read_body(http::Request const& request, T into = {}) {
    auto const body = parse_body(request.body);
    config::Problems problems;
    config::read(json::value(body), into, problems);
    if (!problems.empty()) throw Refusal{422, "invalid_input", config::to_text(problems, "; ")};
    return into;
}

http::Response get_ledger(Simulator& simulator, http::Request const&) {
    return json_response(200, config::to_json(simulator.ledger()));
}

http::Response get_servers(Simulator& simulator, http::Request const&) {
    json::object body;
    body["servers"] = config::to_json(simulator.servers());
    body["created"] = simulator.servers_created();
    return json_response(200, body);
}

http::Response get_calls(Simulator& simulator, http::Request const&) {
    return json_response(200, config::to_json(simulator.calls()));
}

http::Response get_time(Simulator& simulator, http::Request const&) {
    json::object body;
    body["now"] = rgrid::to_text(simulator.now());
    return json_response(200, body);
}

http::Response advance(Simulator& simulator, http::Request const& request) {
    simulator.advance(read_body<Advance>(request).span);
    return get_time(simulator, request);
}

http::Response get_faults(Simulator& simulator, http::Request const&) {
    json::object body;
    body["faults"] = config::to_json(simulator.faults());
    return json_response(200, body);
}

http::Response add_fault(Simulator& simulator, http::Request const& request) {
    simulator.inject(read_body<Fault>(request));
    return get_faults(simulator, request);
}

http::Response clear_faults(Simulator& simulator, http::Request const& request) {
    simulator.clear_faults();
    return get_faults(simulator, request);
}

http::Response set_stock(Simulator& simulator, http::Request const& request) {
    auto const stock = read_body<Stock>(request);
    simulator.set_stock({stock.type, stock.location}, stock.stock);
    return done();
}

http::Response set_limits(Simulator& simulator, http::Request const& request) {
    auto const limits = read_body<Limits>(request);
    simulator.set_server_limit(limits.servers);
    simulator.set_primary_ip_limit(limits.primary_ips);
    simulator.set_core_limit(limits.cores);
    return done();
}

http::Response set_times(Simulator& simulator, http::Request const& request) {
    simulator.set_times(read_body(request, Times{}));
    return done();
}

http::Response admit(Simulator& simulator, http::Request const& request) {
    simulator.admit(read_body<Access>(request));
    return done();
}

http::Response revoke(Simulator& simulator, http::Request const& request) {
    simulator.revoke(read_body<Access>(request).token);
    return done();
}

http::Response vanish(Simulator& simulator, http::Request const& request) {
    auto const named = read_body<Named>(request);
    if (!simulator.vanish(named.name, named.project)) refuse_missing("server", named.name);
    return done();
}

struct Control {
    std::string_view method;
    std::string_view name;
    http::Response (*answer)(Simulator&, http::Request const&);
};

constexpr std::array controls{
    Control{"GET", "ledger", get_ledger}, Control{"GET", "servers", get_servers},
    Control{"GET", "calls", get_calls},   Control{"GET", "time", get_time},
    Control{"POST", "advance", advance},  Control{"GET", "faults", get_faults},
    Control{"POST", "faults", add_fault}, Control{"DELETE", "faults", clear_faults},
    Control{"POST", "stock", set_stock},  Control{"POST", "limits", set_limits},
    Control{"POST", "times", set_times},  Control{"POST", "tokens", admit},
    Control{"DELETE", "tokens", revoke},  Control{"POST", "vanish", vanish},
};

}  // namespace

bool is_control(std::string_view target) {
    return target.starts_with(control_path);
}

http::Response control(Simulator& simulator, http::Request const& request) {
    auto const target = std::string_view{request.target};
    auto const name = target.substr(control_path.size(), target.find('?') - control_path.size());
    try {
        for (auto const& each : controls)
            if (each.method == request.method && each.name == name) return each.answer(simulator, request);
        throw Refusal{404, "not_found", "there is no such request of the simulator's owner"};
    } catch (Refusal const& refusal) {
        return json_response(refusal.status(), error_body(refusal.code(), refusal.message(), refusal.details()));
    }
}

}  // namespace rgrid::hetzner_sim
