#include "hetzner_sim/damage.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

#include "hetzner_sim/faults.hpp"

namespace rgrid::hetzner_sim {

namespace {

constexpr int bad_gateway = 502;
constexpr int unavailable = 503;

http::Response page(int status) {
    return {status,
            {{"Content-Type", "text/html"}},
            "<html>\r\n<head><title>" + std::to_string(status) + "</title></head>\r\n<body>\r\n<center><h1>" +
                std::to_string(status) + "</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n",
            {}};
}

/// Gives each `status` that is text a value that nobody knows.
void forget_words(json::value& value) {
    if (value.is_array())
        for (auto& item : value.get_array()) forget_words(item);
    if (!value.is_object()) return;
    for (auto& [name, member] : value.get_object())
        if (name == "status" && member.is_string())
            member = "entangled";
        else
            forget_words(member);
}

void change_words(std::string& body) {
    boost::system::error_code error;
    auto value = json::parse(body, error);
    if (error) return;
    forget_words(value);
    body = json::serialize(value);
}

/// The first name again, with null.
void repeat_name(std::string& body) {
    auto const begin = body.find('"');
    auto const end = begin == body.npos ? begin : body.find('"', begin + 1);
    if (end == body.npos || body.back() != '}') return;
    body.insert(body.size() - 1, "," + body.substr(begin, end + 1 - begin) + ":null");
}

}  // namespace

Answer to_answer(Reply const& reply) {
    Answer answer;
    answer.response.status = reply.status;
    answer.response.headers = reply.headers;
    if (reply.body.is_null()) return answer;
    answer.response.headers.push_back({"Content-Type", "application/json"});
    answer.response.body = json::serialize(reply.body);
    return answer;
}

Answer damaged(Fault const& fault, Answer answer, std::string_view token, int requests_an_hour) {
    answer.delivery.delay = fault.delay;
    answer.delivery.pace = fault.pace;
    answer.delivery.size = fault.size;
    switch (fault.kind) {
        case FaultKind::error: {
            auto const refusal = refusal_of(fault, token, requests_an_hour);
            answer.response =
                to_answer({refusal.status(), error_body(refusal.code(), refusal.message(), refusal.details()), {}})
                    .response;
            break;
        }
        case FaultKind::html:
            answer.response = page(fault.status != 0 ? fault.status : bad_gateway);
            break;
        case FaultKind::empty:
            answer.response = {fault.status != 0 ? fault.status : unavailable, {}, {}, {}};
            break;
        case FaultKind::duplicate_keys:
            repeat_name(answer.response.body);
            break;
        case FaultKind::unknown_enum:
            change_words(answer.response.body);
            break;
        case FaultKind::reset:
        case FaultKind::reset_mid_body:
        case FaultKind::truncated:
        case FaultKind::slow_drip:
        case FaultKind::huge_body:
            answer.delivery.fault = fault.kind;
            break;
        case FaultKind::slow:
        case FaultKind::action_error:
        case FaultKind::action_stuck:
        case FaultKind::server_stuck:
        case FaultKind::never_boots:
            break;
    }
    return answer;
}

}  // namespace rgrid::hetzner_sim
