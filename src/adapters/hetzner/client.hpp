#pragma once

#include <boost/system/result.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <rgrid/adapters/hetzner/settings.hpp>
#include <rgrid/adapters/http/client.hpp>
#include <string>

#include "adapters/hetzner/errors.hpp"
#include "adapters/hetzner/governor.hpp"

namespace rgrid::hetzner {

template <class T>
using Outcome = boost::system::result<T, Refusal>;

/// One call of the API.
struct Question {
    std::string method = "GET";
    std::string path;  ///< After the version, with the query.
    std::string body;
    Effect effect = Effect::none;
    Urgency urgency = Urgency::listing;
    std::string subject;        ///< What is to be had; for messages.
    Duration patience = 15s;    ///< For one attempt.
    bool only_once = false;     ///< Whoever asks comes again anyway.
};

struct Answer {
    std::string body;
    Instant date;  ///< By the API's clock.
    std::string correlation;
};

/// Asks the API, within the budget of the project, and repeats what may be repeated. Thread safety: all methods from any
/// thread.
class Client {
public:
    static Result<std::unique_ptr<Client>> open(ProviderSettings const& settings, Clock& clock);

    Outcome<Answer> ask(Call const& call, Question const& question);

    /// Whether such a token can be sent. Errors: `rejected`.
    static Result<> check(Secret const& token);

    Result<> use_token(Secret token);

    [[nodiscard]] bool uses(Secret const& token) const;

    /// The text without the token.
    [[nodiscard]] std::string told(std::string_view text) const;

    /// The API's calendar, as its last answer showed it.
    [[nodiscard]] Instant now() const;

    /// Sleeps for at least one second and less than two; whether the call still has time afterwards.
    bool pause(Call const& call, int repeat);

    [[nodiscard]] std::string const& host() const { return host_; }

private:
    Client(std::unique_ptr<http::Client> http, std::string host, std::string prefix, Secret token, Clock& clock);

    Result<> wait_for_turn(Call const& call, Urgency urgency);
    Outcome<Answer> ask_once(Call const& call, Question const& question);
    Answer take(http::Response response);
    void learn(http::Response const& response);
    double chance();
    [[nodiscard]] Secret token() const;

    std::unique_ptr<http::Client> const http_;
    std::string const host_;
    std::string const prefix_;
    Clock& clock_;
    mutable std::mutex mutex_;
    Secret token_;
    Secret last_token_;  ///< Answers to it may still come.
    Governor governor_;
    std::minstd_rand random_;
    Duration ahead_{0};  ///< How much the API's calendar is ahead of ours.
};

}  // namespace rgrid::hetzner
