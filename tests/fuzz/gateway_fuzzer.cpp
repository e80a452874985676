// What a gateway takes from whoever connects: the first line names the kind, the rest is a target, base64 or a body.

#include <rgrid/adapters/http/message.hpp>

#include "adapters/gateway/answers.hpp"
#include "adapters/gateway/codes.hpp"
#include "adapters/gateway/routes.hpp"
#include "expect.hpp"
#include "json_mutator.hpp"
#include "round_trip.hpp"

using namespace rgrid;
using namespace rgrid::gateway;

namespace {

void read_target(std::string const& text) {
    static_cast<void>(route_of({.method = "POST", .target = text}));
    auto const target = parse_target(text);
    if (!target) return;
    std::string again;
    for (auto const& part : target->path) again += "/" + percent_encoded(part);
    expect(parse_target(again)->path == target->path, "a path that was written is read as it was");
}

void read_base64(std::string const& text) {
    auto const bytes = from_base64(text);
    if (bytes) expect(from_base64(to_base64(*bytes)) == bytes, "bytes that were written are read as they were");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    auto text = as_text(data, size);
    auto const kind = take_line(text);
    std::string const rest{text};
    if (kind == "target") read_target(rest);
    if (kind == "base64") read_base64(rest);
    if (kind == "answer") static_cast<void>(error_in({503, {{"Rgrid-Error", "1"}}, rest, {}}, "POST /v1/x", true));
    if (kind == "register") read_document<wire::Register>(text);
    if (kind == "beat") read_document<wire::Beat>(text);
    if (kind == "claim") read_document<wire::Claim>(text);
    if (kind == "complete") read_document<wire::Complete>(text);
    if (kind == "log") read_document<wire::Log>(text);
    if (kind == "file") read_document<wire::File>(text);
    return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
    auto text = as_text(data, size);
    take_line(text);
    return mutate_json(data, size, max_size, seed, size - text.size());
}
