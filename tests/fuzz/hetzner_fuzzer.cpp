// What the Hetzner API, or whatever stands in front of it, answers: the first line names the kind, the rest is the text.

#include <rgrid/base/text.hpp>
#include <rgrid/config/json.hpp>

#include "adapters/hetzner/api_text.hpp"
#include "adapters/hetzner/errors.hpp"
#include "adapters/hetzner/labels.hpp"
#include "adapters/hetzner/reading.hpp"
#include "adapters/hetzner/redaction.hpp"
#include "adapters/hetzner/ssh_key.hpp"
#include "expect.hpp"
#include "json_mutator.hpp"

using namespace rgrid;
using namespace rgrid::hetzner;

namespace {

void read_object(boost::json::value const& json) {
    if (auto const server = read_server(json)) {
        expect(server->id > 0 && !server->name.empty(), "a server has a number and a name");
        expect(to_server(*server, server->created + 1s).age == 1s, "an age is the difference of two times");
    }
    if (auto const action = read_action(json)) expect(action->id > 0, "an action has a number");
    static_cast<void>(read_image(json));
    static_cast<void>(read_ssh_key(json));
    static_cast<void>(read_network(json));
    static_cast<void>(read_firewall(json));
    static_cast<void>(read_placement_group(json));
    static_cast<void>(read_belonging(json));
    static_cast<void>(read_location(json));
    static_cast<void>(read_pricing(json));
    static_cast<void>(read_server_type_in_euro(json));
    static_cast<void>(actions_in(json));
    for (auto const& sample : samples_in(json, "cpu")) expect(sample.time >= 0, "a sample has a time");
}

void read_error(std::string const& text) {
    for (int const status : {301, 403, 409, 412, 422, 429, 500, 503}) {
        auto const error = read_api_error({status, {}, text, {}});
        for (auto const effect : {Effect::none, Effect::erases, Effect::changes, Effect::creates}) {
            auto const refusal = refusal_of(error, effect, "POST /servers", "cx23 in nbg1");
            expect(!refusal.error.message.empty() && is_utf8(refusal.error.message), "a refusal can be read");
            expect(refusal.certain || refusal.error.code == Errc::in_doubt, "a doubt is told as one");
            expect(status < 500 || effect != Effect::creates || !refusal.certain, "a create that ended in 5xx is in doubt");
        }
    }
}

void read_times(std::string_view text) {
    if (auto const time = parse_api_time(text))
        expect(parse_api_time(to_api_time(*time)) == std::chrono::floor<std::chrono::seconds>(*time),
               "a time is written so that it can be read");
    static_cast<void>(parse_http_date(text));
    if (auto const price = parse_price(text, Currency::EUR)) expect(price->nanos >= 0, "a price is not negative");
}

void redact(std::string_view text) {
    Secret const token{std::string{take_line(text)}};
    if (token.empty() || token.reveal().find('*') != std::string::npos) return;
    auto const shown = redacted(text, token);
    expect(shown.find(token.reveal().substr(0, 16)) == std::string::npos, "the beginning of a token is never shown");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    auto text = as_text(data, size);
    auto const kind = take_line(text);
    if (kind == "error") read_error(std::string{text});
    if (kind == "time") read_times(text);
    if (kind == "token") redact(text);
    if (kind == "key") static_cast<void>(read_public_key(text, "key"));
    if (kind == "object")
        if (auto const json = config::parse_json(text)) read_object(*json);
    return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
    auto text = as_text(data, size);
    take_line(text);
    return mutate_json(data, size, max_size, seed, size - text.size());
}
