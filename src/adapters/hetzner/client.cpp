#include "adapters/hetzner/client.hpp"

#include <algorithm>
#include <charconv>
#include <rgrid/base/text.hpp>
#include <utility>

#include "adapters/hetzner/api_text.hpp"
#include "adapters/hetzner/redaction.hpp"
#include "adapters/hetzner/retry.hpp"

namespace rgrid::hetzner {

namespace {

struct Place {
    std::string origin;
    std::string host;
    std::string prefix;
};

Place place_of(std::string const& url) {
    Place place;
    auto const scheme = url.find("://");
    auto const begin = scheme == std::string::npos ? 0 : scheme + 3;
    auto const slash = std::min(url.find('/', begin), url.size());
    place.origin = url.substr(0, slash);
    place.host = url.substr(begin, slash - begin);
    place.prefix = url.substr(slash);
    while (place.prefix.ends_with('/')) place.prefix.pop_back();
    return place;
}

std::optional<std::int64_t> number_header(http::Response const& response, std::string_view name) {
    auto const* const value = http::find_header(response.headers, name);
    if (value == nullptr) return std::nullopt;
    std::int64_t number = 0;
    auto const [end, problem] = std::from_chars(value->data(), value->data() + value->size(), number);
    if (problem != std::errc{} || end != value->data() + value->size()) return std::nullopt;
    return number;
}

/// What is sent there could be read on the way to anywhere else.
bool is_loopback(std::string const& host) {
    auto const name = host.starts_with('[') ? host.substr(0, host.find(']') + 1) : host.substr(0, host.find(':'));
    return name == "localhost" || name == "[::1]" || name.starts_with("127.");
}

}  // namespace

Result<> Client::check(Secret const& token) {
    if (token.empty())
        return fail(Errc::rejected,
                    "there is no Hetzner API token; expected one in HETZNER_API_TOKEN or HCLOUD_TOKEN, made in the project "
                    "under Security -> API Tokens with the right to read and write");
    auto const& text = token.reveal();
    if (text.find(' ') != std::string::npos || !http::is_sendable({"Authorization", text}))
        return fail(Errc::rejected, "the Hetzner API token holds spaces or control characters; expected one word");
    return {};
}

Client::Client(std::unique_ptr<http::Client> http, std::string host, std::string prefix, Secret token, Clock& clock)
    : http_(std::move(http)),
      host_(std::move(host)),
      prefix_(std::move(prefix)),
      clock_(clock),
      token_(std::move(token)),
      random_(std::random_device{}()) {}

Result<std::unique_ptr<Client>> Client::open(ProviderSettings const& settings, Clock& clock) {
    if (auto const checked = check(settings.token); !checked) return checked.error();
    auto const place = place_of(settings.url);
    if (place.prefix.find_first_of("?#") != std::string::npos)
        return fail(Errc::rejected, "the URL of the Hetzner API holds \"?\" or \"#\"; expected one such as "
                                    "https://api.hetzner.cloud/v1");
    if (place.origin.starts_with("http://") && !is_loopback(place.host))
        return fail(Errc::rejected, "the URL of the Hetzner API begins with http://, and " + printable(place.host) +
                                        " is not this machine; expected https://");
    http::ClientSettings http;
    http.url = place.origin;
    http.ca_file = settings.ca;
    http.max_kept = 8;
    http.max_response = Bytes{8 * 1024 * 1024};
    auto made = http::Client::make(http, clock);
    if (!made) {
        auto error = made.error();
        error.message = "the Hetzner API cannot be used: " + error.message;
        return error;
    }
    return std::unique_ptr<Client>{new Client{std::move(*made), place.host, place.prefix, settings.token, clock}};
}

Outcome<Answer> Client::ask(Call const& call, Question const& question) {
    for (int repeat = 1;; ++repeat) {
        auto answer = ask_once(call, question);
        if (answer) return answer;
        auto refusal = answer.error();
        refusal.error.message = told(refusal.error.message);
        bool const may_repeat = refusal.again && !question.only_once && question.effect != Effect::creates;
        if (!may_repeat || repeat > max_repeats || !pause(call, repeat)) return refusal;
    }
}

Outcome<Answer> Client::ask_once(Call const& call, Question const& question) {
    auto const subject = question.method + " " + question.path.substr(0, question.path.find('?'));
    if (auto const turn = wait_for_turn(call, question.urgency); !turn) return Refusal{turn.error(), {}, true, false};
    http::Request request;
    request.method = question.method;
    request.target = prefix_ + question.path;
    request.headers = {{"Authorization", "Bearer " + token().reveal()},
                       {"Accept", "application/json"},
                       {"User-Agent", "rgrid/0.1"}};
    if (!question.body.empty()) request.headers.push_back({"Content-Type", "application/json"});
    request.body = question.body;
    request.repeatable = question.effect == Effect::none || question.effect == Effect::erases;
    auto const limit = std::min(call.deadline, clock_.steady_now() + question.patience);
    auto response = http_->send({limit, call.stop}, request);
    {
        std::scoped_lock const lock{mutex_};
        governor_.done();
    }
    if (!response) return refusal_of(response.error(), question.effect, host_);
    learn(*response);
    if (response->status / 100 == 2) return take(std::move(*response));
    return refusal_of(read_api_error(*response), question.effect, subject, question.subject);
}

Result<> Client::wait_for_turn(Call const& call, Urgency urgency) {
    for (;;) {
        Duration wait{0};
        {
            std::scoped_lock const lock{mutex_};
            wait = governor_.ask(clock_.steady_now(), urgency);
        }
        if (wait <= Duration{0}) return {};
        auto const until = clock_.steady_now() + wait;
        if (until >= call.deadline || !clock_.sleep_until(until, call.stop))
            return fail(Errc::retry_later,
                        "API budget used up (requests per hour and project, shared with other tools); slowing down", wait);
    }
}

void Client::learn(http::Response const& response) {
    auto const limit = number_header(response, "RateLimit-Limit");
    auto const remaining = number_header(response, "RateLimit-Remaining");
    auto const* const date = http::find_header(response.headers, "Date");
    auto const there = date == nullptr ? std::nullopt : parse_http_date(*date);
    auto const pause = Duration{1000} + Duration{static_cast<std::int64_t>(9000 * chance())};
    std::scoped_lock const lock{mutex_};
    auto const now = clock_.steady_now();
    if (limit && remaining) governor_.heard(now, *limit, *remaining);
    if (response.status == 429) governor_.refused(now, pause);
    if (there) ahead_ = *there - clock_.now();
}

Answer Client::take(http::Response response) {
    Answer answer{std::move(response.body), now(), {}};
    if (auto const* const date = http::find_header(response.headers, "Date"); date != nullptr)
        answer.date = parse_http_date(*date).value_or(answer.date);
    if (auto const* const id = http::find_header(response.headers, "X-Correlation-Id"); id != nullptr)
        answer.correlation = *id;
    return answer;
}

Result<> Client::use_token(Secret token) {
    if (auto const checked = check(token); !checked) return checked.error();
    std::scoped_lock const lock{mutex_};
    if (token != token_) last_token_ = std::exchange(token_, std::move(token));
    return {};
}

bool Client::uses(Secret const& token) const {
    std::scoped_lock const lock{mutex_};
    return token == token_;
}

std::string Client::told(std::string_view text) const {
    std::scoped_lock const lock{mutex_};
    return redacted(redacted(text, token_), last_token_);
}

Instant Client::now() const {
    std::scoped_lock const lock{mutex_};
    return clock_.now() + ahead_;
}

bool Client::pause(Call const& call, int repeat) {
    auto const until = clock_.steady_now() + backoff(repeat, chance());
    return until < call.deadline && clock_.sleep_until(until, call.stop);
}

double Client::chance() {
    std::scoped_lock const lock{mutex_};
    return std::uniform_real_distribution<double>{0, 1}(random_);
}

Secret Client::token() const {
    std::scoped_lock const lock{mutex_};
    return token_;
}

}  // namespace rgrid::hetzner
