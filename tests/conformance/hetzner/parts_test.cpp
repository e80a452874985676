#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <rgrid/model/server_cost.hpp>
#include <rgrid/testing/temp_folder.hpp>

#include "adapters/hetzner/action_poller.hpp"
#include "adapters/hetzner/api_text.hpp"
#include "adapters/hetzner/catalogue.hpp"
#include "adapters/hetzner/errors.hpp"
#include "adapters/hetzner/governor.hpp"
#include "adapters/hetzner/labels.hpp"
#include "adapters/hetzner/redaction.hpp"
#include "adapters/hetzner/retry.hpp"
#include "adapters/hetzner/ssh_key.hpp"

namespace rgrid::hetzner {
namespace {

SteadyInstant at(Duration since_start) { return SteadyInstant{1h} + since_start; }

// Texts

TEST(HetznerText, times_are_read_in_all_forms_that_occur) {
    auto const expected = parse_instant("2026-01-30T23:55:00Z").value();
    for (auto const* const text : {"2026-01-30T23:55:00Z", "2026-01-30T23:55:00+00:00", "2026-01-31T00:55:00+01:00",
                                   "2026-01-30T21:55:00-02:00", "2026-01-30T23:55:00.000000Z"})
        EXPECT_EQ(parse_api_time(text), expected) << text;
    EXPECT_EQ(parse_api_time("2026-01-30T23:55:00.123456+00:00"), expected + 123ms);
    EXPECT_EQ(parse_api_time("2026-01-30T23:55:00.5Z"), expected + 500ms);
    for (auto const* const text : {"", "2026-01-30", "2026-13-30T23:55:00Z", "2026-01-30T23:55:00", "2026-01-30T23:55:00.Z",
                                   "2026-01-30T25:55:00Z", "2026-01-30T23:55:00Zx", "2026-02-30T00:00:00Z"})
        EXPECT_EQ(parse_api_time(text), std::nullopt) << text;
    EXPECT_EQ(to_api_time(expected + 123ms), "2026-01-30T23:55:00Z");
}

TEST(HetznerText, the_date_of_an_answer_is_read) {
    EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), parse_instant("1994-11-06T08:49:37Z").value());
    for (auto const* const text : {"", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Foo 1994 08:49:37 GMT", "06 Nov 1994",
                                   "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT"})
        EXPECT_EQ(parse_http_date(text), std::nullopt) << text;
}

TEST(HetznerText, prices_are_exact_to_the_billionth) {
    EXPECT_EQ(parse_price("0.0140000000", Currency::EUR), (Money{14'000'000, Currency::EUR}));
    EXPECT_EQ(parse_price("0.0166600000000000", Currency::USD), (Money{16'660'000, Currency::USD}));
    EXPECT_EQ(parse_price("0.0000000015", Currency::EUR)->nanos, 2);
    EXPECT_EQ(parse_price("0.0000000014", Currency::EUR)->nanos, 1);
    EXPECT_EQ(parse_price("5", Currency::EUR)->nanos, 5'000'000'000);
    for (auto const* const text : {"", ".5", "1.", "-1", "1e3", "1.2x", "0.0000000000x", "12345678901"})
        EXPECT_EQ(parse_price(text, Currency::EUR), std::nullopt) << text;
}

TEST(HetznerText, queries_are_encoded) { EXPECT_EQ(query_encoded("rgrid/fleet=a b~c"), "rgrid%2Ffleet%3Da%20b~c"); }

// Secrets

TEST(HetznerRedaction, neither_the_token_nor_half_of_it_is_told) {
    std::string token;
    for (int i = 0; i < 64; ++i) token += static_cast<char>('A' + i % 26);
    Secret const secret{token};
    for (std::size_t length = 16; length <= 64; ++length) {
        auto const shown = redacted("token '" + token.substr(0, length) + "...' reached, " + token.substr(0, length), secret);
        EXPECT_EQ(shown, "token '***...' reached, ***");
    }
    EXPECT_EQ(redacted("x" + token.substr(0, 15) + "x", secret), "x" + token.substr(0, 15) + "x");
    EXPECT_EQ(redacted("short: abc", Secret{"abc"}), "short: ***");
    EXPECT_EQ(redacted("nothing to hide", Secret{}), "nothing to hide");
}

// Errors

http::Response answer_of(int status, std::string body) {
    http::Response response;
    response.status = status;
    response.headers = {{"X-Correlation-Id", "c0ffee"}};
    response.body = std::move(body);
    return response;
}

std::string envelope(std::string const& code, std::string const& message, std::string const& details = "null") {
    return R"({"error":{"code":")" + code + R"(","message":")" + message + R"(","details":)" + details + "}}";
}

Refusal refusal_to(Effect effect, int status, std::string body) {
    return refusal_of(read_api_error(answer_of(status, std::move(body))), effect, "POST /servers", "cx23 in nbg1");
}

struct CreateRefusal {
    int status;
    char const* code;
    char const* message;
    Errc expected;
    bool certain;
};

TEST(HetznerErrors, only_capacity_answers_let_another_offer_be_tried) {
    for (auto const& each : std::initializer_list<CreateRefusal>{
             {412, "resource_unavailable", "error during placement", Errc::capacity, true},
             {412, "resource_unavailable", "server location disabled", Errc::capacity, true},
             {422, "placement_error", "placement failed", Errc::capacity, true},
             {422, "invalid_input", "unsupported location for server type", Errc::capacity, true},
             {422, "no_space_left_in_location", "", Errc::capacity, true},
             {403, "resource_limit_exceeded", "server limit exceeded", Errc::quota, true},
             {401, "unauthorized", "unable to authenticate", Errc::denied, true},
             {401, "token_readonly", "token is only allowed to perform GET requests", Errc::denied, true},
             {403, "forbidden", "insufficient permissions", Errc::denied, true},
             {403, "maintenance", "maintenance", Errc::retry_later, true},
             {409, "uniqueness_error", "server name is already used", Errc::rejected, true},
             {409, "conflict", "changed", Errc::retry_later, true},
             {410, "deprecated_api_endpoint", "gone", Errc::rejected, true},
             {422, "invalid_input", "invalid input in field 'name'", Errc::rejected, true},
             {422, "service_error", "error in a service", Errc::retry_later, true},
             {422, "some_new_code", "whatever", Errc::rejected, true},
             {423, "locked", "locked", Errc::retry_later, true},
             {429, "rate_limit_exceeded", "limit reached", Errc::retry_later, true},
             {500, "server_error", "oops", Errc::in_doubt, false},
             {502, "bad_gateway", "oops", Errc::in_doubt, false},
             {503, "unavailable", "oops", Errc::in_doubt, false},
             {504, "timeout", "oops", Errc::in_doubt, false},
             {500, "resource_unavailable", "whatever the code says", Errc::in_doubt, false},
             {503, "conflict", "whatever the code says", Errc::in_doubt, false}}) {
        auto const refusal = refusal_to(Effect::creates, each.status, envelope(each.code, each.message));
        EXPECT_EQ(refusal.error.code, each.expected) << each.code;
        EXPECT_EQ(refusal.certain, each.certain) << each.code;
        EXPECT_NE(refusal.error.message.find(each.code), std::string::npos) << refusal.error.message;
        EXPECT_NE(refusal.error.message.find("c0ffee"), std::string::npos) << refusal.error.message;
    }
}

TEST(HetznerErrors, answers_that_the_api_did_not_write_are_sorted_by_their_status) {
    for (auto const& body : {"", "<html>Bad gateway</html>", "{}", R"({"error":"text"})", "[1]", R"({"error":{"code":7}})",
                             R"({"error":{"code":"a","code":"b"}})"}) {
        for (int const status : {408, 500, 502, 503, 504}) {
            auto const refusal = refusal_to(Effect::creates, status, body);
            EXPECT_EQ(refusal.error.code, Errc::in_doubt) << status << body;
            EXPECT_FALSE(refusal.certain);
            EXPECT_NE(refusal.error.message.find("HTTP " + std::to_string(status)), std::string::npos);
        }
        EXPECT_EQ(refusal_to(Effect::creates, 401, body).error.code, Errc::denied);
        EXPECT_EQ(refusal_to(Effect::creates, 412, body).error.code, Errc::capacity);
        EXPECT_EQ(refusal_to(Effect::creates, 429, body).error.code, Errc::retry_later);
        EXPECT_EQ(refusal_to(Effect::creates, 400, body).error.code, Errc::rejected);
    }
}

TEST(HetznerErrors, an_operator_reads_what_to_do) {
    auto const text = [](int status, std::string body) {
        return refusal_to(Effect::creates, status, std::move(body)).error.message;
    };
    EXPECT_EQ(text(412, envelope("resource_unavailable", "error during placement")),
              "cx23 in nbg1 is sold out (Hetzner answered resource_unavailable: error during placement) (correlation c0ffee)");
    EXPECT_EQ(text(403, envelope("resource_limit_exceeded", "Primary IP limit exceeded",
                                 R"({"limits":[{"name":"primary_ip_limit"}]})")),
              "Project limit reached (primary_ip_limit): Hetzner answered resource_limit_exceeded: Primary IP limit "
              "exceeded. Raise it in Console -> Limits, or lower max_workers (correlation c0ffee)");
    EXPECT_EQ(text(422, envelope("invalid_input", "invalid input in field 'name'",
                                 R"({"fields":[{"name":"name","messages":["Name must be a valid hostname."]}]})")),
              "Hetzner refused name: Name must be a valid hostname. (invalid_input: invalid input in field 'name') "
              "(correlation c0ffee)");
    EXPECT_EQ(text(401, envelope("unauthorized", "unable to authenticate")),
              "Hetzner rejected the API token (unauthorized: unable to authenticate). Create a read/write token in the "
              "project (Security -> API Tokens) and set HETZNER_API_TOKEN (correlation c0ffee)");
    EXPECT_EQ(text(410, envelope("deprecated_api_endpoint", "gone", R"({"announcement":"https://example.org/c"})")),
              "Hetzner has no POST /servers any more (deprecated_api_endpoint: gone; see https://example.org/c) "
              "(correlation c0ffee)");
    EXPECT_EQ(text(504, "<html>"), "Hetzner API problem (HTTP 504 to POST /servers) (correlation c0ffee)");
}

TEST(HetznerErrors, reads_and_deletes_are_repeated_where_a_create_is_in_doubt) {
    for (auto const effect : {Effect::none, Effect::erases})
        for (auto const* const code : {"server_error", "bad_gateway", "timeout", "unavailable"})
            EXPECT_TRUE(refusal_to(effect, 500, envelope(code, "")).again) << code;
    EXPECT_EQ(refusal_to(Effect::none, 502, "").error.code, Errc::retry_later);
    EXPECT_FALSE(refusal_to(Effect::creates, 502, "").again);
    EXPECT_FALSE(refusal_to(Effect::changes, 502, "").again);
    EXPECT_TRUE(refusal_to(Effect::changes, 429, "").again);
    EXPECT_TRUE(refusal_to(Effect::erases, 423, envelope("locked", "")).again);
    for (auto const* const code : {"protected", "unauthorized", "invalid_input", "not_found"})
        EXPECT_FALSE(refusal_to(Effect::erases, 404, envelope(code, "")).again) << code;
}

TEST(HetznerErrors, a_breakdown_is_in_doubt_only_if_it_may_have_had_an_effect) {
    auto const never_sent = refusal_of(fail(Errc::retry_later, "connection refused"), Effect::creates, "api.example");
    EXPECT_TRUE(never_sent.certain);
    EXPECT_EQ(never_sent.error.code, Errc::retry_later);
    EXPECT_EQ(never_sent.error.message, "Cannot reach api.example (connection refused). Running workers continue");
    auto const broken = refusal_of(fail(Errc::in_doubt, "reset"), Effect::creates, "api.example");
    EXPECT_FALSE(broken.certain);
    EXPECT_FALSE(broken.again);
    EXPECT_EQ(broken.error.code, Errc::in_doubt);
    EXPECT_TRUE(refusal_of(fail(Errc::in_doubt, "reset"), Effect::erases, "api.example").again);
    EXPECT_FALSE(refusal_of(fail(Errc::in_doubt, "reset"), Effect::changes, "api.example").again);
    EXPECT_EQ(refusal_of(fail(Errc::denied, "certificate"), Effect::none, "api.example").error.code, Errc::denied);
}

// Manners

TEST(HetznerRetry, pauses_lie_between_a_second_and_a_growing_bound) {
    for (int repeat = 1; repeat <= 12; ++repeat) {
        EXPECT_EQ(backoff(repeat, 0), 1s);
        auto const most = std::min<std::int64_t>(60, std::int64_t{1} << std::min(repeat, 6));
        EXPECT_LT(backoff(repeat, 0.999999), std::chrono::seconds{most});
        EXPECT_GE(backoff(repeat, 0.999999), std::chrono::seconds{most} - 100ms);
    }
}

TEST(HetznerGovernor, a_full_bucket_lets_everybody_through_until_it_is_empty) {
    Governor governor;
    governor.heard(at(0s), 100, 100);
    int sent = 0;
    while (governor.ask(at(0s), Urgency::vital) == 0s) ++sent;
    EXPECT_EQ(sent, 100);
    EXPECT_NEAR(static_cast<double>(governor.ask(at(0s), Urgency::vital).count()), 36'000, 2);
    EXPECT_EQ(governor.ask(at(37s), Urgency::vital), 0s) << "it refills evenly over the hour";
}

TEST(HetznerGovernor, deletes_have_a_reserve_that_creates_and_listings_do_not_touch) {
    Governor governor;
    governor.heard(at(0s), 3600, 181);
    EXPECT_EQ(governor.ask(at(0s), Urgency::create), 0s);
    EXPECT_GT(governor.ask(at(0s), Urgency::create), 0s);
    int deletes = 0;
    while (governor.ask(at(0s), Urgency::vital) == 0s) ++deletes;
    EXPECT_EQ(deletes, 180);
}

TEST(HetznerGovernor, listings_slow_down_when_little_is_left_and_never_stop) {
    Governor governor;
    auto const wait_with = [&](std::int64_t remaining) {
        governor = {};
        governor.heard(at(0s), 3600, remaining);
        EXPECT_EQ(governor.ask(at(0s), Urgency::listing), 0s);
        return governor.ask(at(0s), Urgency::listing);
    };
    EXPECT_EQ(wait_with(3000), 0s);
    EXPECT_EQ(wait_with(700), 2s);
    EXPECT_EQ(wait_with(100), 10s);
    EXPECT_EQ(governor.ask(at(10s), Urgency::listing), 0s);
}

TEST(HetznerGovernor, what_others_use_is_learned_and_calls_under_way_count) {
    Governor governor;
    ASSERT_EQ(governor.ask(at(0s), Urgency::create), 0s);
    ASSERT_EQ(governor.ask(at(0s), Urgency::create), 0s);
    governor.done();
    governor.heard(at(0s), 3600, 500);
    EXPECT_EQ(governor.left(at(0s)), 499);
    governor.heard(at(0s), -1, 7);
    governor.heard(at(0s), 10, 11);
    EXPECT_EQ(governor.left(at(0s)), 499) << "what cannot be is ignored";
}

TEST(HetznerGovernor, after_a_refusal_nothing_is_sent_for_a_while) {
    Governor governor;
    governor.refused(at(0s), 7s);
    for (auto const urgency : {Urgency::listing, Urgency::create, Urgency::vital})
        EXPECT_GE(governor.ask(at(0s), urgency), 7s);
    EXPECT_EQ(governor.ask(at(7s), Urgency::vital), 0s);
}

// Names and labels

ServerRequest request() {
    return {ServerName{"ci-default-7"}, FleetId{"ci"}, PoolName{"default"}, {"cx23", "nbg1"}, StoreId{"store1"},
            Generation{2},              1};
}

TEST(HetznerLabels, a_servers_labels_say_whose_it_is) {
    auto const labels = labels_of(request()).value();
    ApiServer server;
    server.id = 42;
    server.name = "ci-default-7";
    server.labels = labels;
    server.created = parse_instant("2026-11-01T10:00:00Z").value();
    server.type = "cx23";
    server.location = "nbg1";
    server.status = "running";

    auto const shown = to_server(server, server.created + 90s);

    EXPECT_EQ(shown, (Server{ServerId{"42"}, ServerName{"ci-default-7"}, PoolName{"default"}, {"cx23", "nbg1"},
                             ServerStatus::running, 90s, StoreId{"store1"}, Generation{2}}));
    EXPECT_EQ(to_server(server, server.created - 1s).age, 0s);
    server.status = "a new status";
    EXPECT_EQ(to_server(server, server.created).status, ServerStatus::unknown);
}

TEST(HetznerLabels, only_what_was_made_for_a_request_is_adopted) {
    auto const labels = labels_of(request()).value();
    EXPECT_TRUE(is_made_for(labels, request()));
    auto changed = request();
    changed.token = Secret{"another"};
    changed.slots = 9;
    EXPECT_TRUE(is_made_for(labels, changed));
    for (auto const& change : std::initializer_list<void (*)(ServerRequest&)>{
             [](ServerRequest& r) { r.name = ServerName{"ci-default-8"}; }, [](ServerRequest& r) { r.fleet = FleetId{"cj"}; },
             [](ServerRequest& r) { r.store = StoreId{"store2"}; },
             [](ServerRequest& r) { r.generation = Generation{3}; }}) {
        auto other = request();
        change(other);
        EXPECT_FALSE(is_made_for(labels, other));
    }
    EXPECT_FALSE(is_made_for({}, request()));
    EXPECT_FALSE(is_of({{fleet_label, ""}}, FleetId{}));
}

TEST(HetznerLabels, what_no_label_can_hold_is_refused_by_name) {
    auto bad = request();
    bad.pool = PoolName{"-odd-"};
    auto const labels = labels_of(bad);
    ASSERT_FALSE(labels);
    EXPECT_EQ(labels.error().code, Errc::rejected);
    EXPECT_NE(labels.error().message.find("-odd-"), std::string::npos) << labels.error().message;
    EXPECT_TRUE(is_label_value(""));
    EXPECT_FALSE(is_label_value(std::string(64, 'a')));
}

TEST(HetznerLabels, server_names_are_hostnames) {
    for (auto const* const name : {"a", "ci-default-7", "A1.b-2"}) EXPECT_TRUE(is_hostname(name)) << name;
    for (auto const* const name : {"", "-a", "a-", "a_b", "a..b", ".a", "a.", "a.-b", "a b", "ä"})
        EXPECT_FALSE(is_hostname(name)) << name;
    EXPECT_FALSE(is_hostname(std::string(64, 'a')));
}

// What can be rented

Catalogue a_catalogue() {
    auto const price = ApiPrice{{8'800'000, Currency::EUR}, {5'490'000'000, Currency::EUR}};
    auto const gone = parse_instant("2026-01-01T00:00:00Z").value();
    Catalogue catalogue;
    catalogue.types = {{"cx22", "x86", {{"nbg1", {gone}}}, {{"nbg1", price}}},
                       {"cx23", "x86", {{"nbg1", {}}, {"fsn1", {}}}, {{"nbg1", price}, {"fsn1", price}, {"ash", price}}},
                       {"cax11", "arm", {{"nbg1", {}}}, {{"nbg1", price}}}};
    catalogue.zones = {{"nbg1", "eu-central"}, {"fsn1", "eu-central"}, {"ash", "us-east"}};
    catalogue.images = {{1, "ubuntu-24.04", "x86"}};
    catalogue.pricing.ipv4 = {{"nbg1", {{800'000, Currency::EUR}, {500'000'000, Currency::EUR}}}};
    return catalogue;
}

Instant const autumn = parse_instant("2026-11-01T00:00:00Z").value();

TEST(HetznerCatalogue, offers_have_the_prices_of_server_and_address) {
    ProviderSettings settings;
    settings.types = {"cx23"};
    settings.locations = {"fsn1", "nbg1", "hel1", "ash", "nbg1"};

    auto const offers = offers_of(a_catalogue(), settings, autumn);

    ASSERT_EQ(offers.size(), 2u) << "where it is offered, once each";
    EXPECT_EQ(offers[0].key, (OfferKey{"cx23", "fsn1"}));
    EXPECT_EQ(offers[1].key, (OfferKey{"cx23", "nbg1"}));
    EXPECT_EQ(offers[1].price.nanos, 9'600'000);
    EXPECT_EQ(offers[1].monthly_cap->nanos, 5'990'000'000);
    EXPECT_EQ(offers[1].period, 1h);
    settings.ipv4 = false;
    EXPECT_EQ(offers_of(a_catalogue(), settings, autumn)[1].price.nanos, 8'800'000);
}

// Hetzner caps server and address each, RGrid both together.
TEST(HetznerCatalogue, a_month_costs_what_hetzner_takes_but_for_an_hour_of_the_address) {
    ProviderSettings settings;
    auto const catalogue = a_catalogue();
    auto const offers = offers_of(catalogue, settings, autumn);
    auto const offer = *std::ranges::find(offers, OfferKey{"cx23", "nbg1"}, &Offer::key);
    auto const& server = catalogue.types[1].prices.at("nbg1");
    auto const& address = catalogue.pricing.ipv4.at("nbg1");
    for (int hours = 1; hours < 30 * 24; ++hours) {
        auto const apart = std::min(server.hourly * hours, server.monthly) + std::min(address.hourly * hours, address.monthly);
        auto const together = server_cost(offer, autumn, hours * 1h);
        EXPECT_GE(together.nanos, apart.nanos) << hours;
        EXPECT_LE(together.nanos - apart.nanos, address.hourly.nanos) << hours;
    }
}

TEST(HetznerCatalogue, an_old_type_names_its_successor) {
    ProviderSettings settings;
    settings.types = {"cx22"};
    EXPECT_TRUE(offers_of(a_catalogue(), settings, autumn).empty());
    EXPECT_EQ(problem_of(a_catalogue(), settings, "cx22", autumn), "the server type cx22 is no longer orderable; use cx23");
    auto without = a_catalogue();
    without.types.erase(without.types.begin());
    EXPECT_EQ(problem_of(without, settings, "cx22", autumn), "the server type cx22 is no longer orderable; use cx23");
    auto const order = order_of(a_catalogue(), settings, {"cx22", "nbg1"}, autumn);
    EXPECT_EQ(order.error().code, Errc::capacity) << "the next candidate may do";
    EXPECT_TRUE(problem_of(a_catalogue(), settings, "cx22", parse_instant("2025-12-31T00:00:00Z").value()).empty());
}

TEST(HetznerCatalogue, an_order_names_an_image_for_its_architecture) {
    ProviderSettings settings;
    auto const catalogue = a_catalogue();
    auto const order = order_of(catalogue, settings, {"cx23", "nbg1"}, autumn).value();
    EXPECT_EQ(order.image, 1);
    EXPECT_EQ(order.zone, "eu-central");
    EXPECT_EQ(order_of(catalogue, settings, {"cx23", "ash"}, autumn).error().code, Errc::capacity);
    auto const arm = order_of(catalogue, settings, {"cax11", "nbg1"}, autumn);
    EXPECT_EQ(arm.error().code, Errc::rejected);
    EXPECT_NE(arm.error().message.find("ubuntu-24.04"), std::string::npos);
    EXPECT_NE(arm.error().message.find("arm"), std::string::npos);
    settings.types = {"cax11"};
    EXPECT_TRUE(offers_of(catalogue, settings, autumn).empty());
    EXPECT_NE(problem_of(catalogue, settings, "cax11", autumn).find("no image"), std::string::npos);
    EXPECT_EQ(problem_of(catalogue, settings, "cx99", autumn),
              "there is no server type cx99; expected one of cx23, cax11");
    settings.locations = {"ash"};
    EXPECT_EQ(problem_of(catalogue, settings, "cx23", autumn),
              "the server type cx23 is offered in none of the configured locations; it is in fsn1, nbg1");
}

// Actions

ApiAction action(Id id, std::string command, std::string status, std::string problem = {}) {
    return {id, std::move(command), std::move(status), std::move(problem), {}};
}

TEST(HetznerActions, all_servers_are_asked_about_together_and_less_and_less_often) {
    ActionPoller poller;
    for (Id server = 1; server <= 30; ++server)
        poller.track(at(0s), server, {action(server * 10, "create_server", "running")});
    EXPECT_TRUE(poller.due(at(999ms)).empty());
    auto const batches = poller.due(at(1s));
    ASSERT_EQ(batches.size(), 2u);
    EXPECT_EQ(batches[0].size(), ActionPoller::batch);
    EXPECT_EQ(batches[1].size(), 5u);
    EXPECT_TRUE(poller.due(at(2999ms)).empty());
    EXPECT_FALSE(poller.due(at(3s)).empty());
    EXPECT_TRUE(poller.due(at(6999ms)).empty());
    EXPECT_FALSE(poller.due(at(7s)).empty());
    EXPECT_TRUE(poller.due(at(11'999ms)).empty());
    EXPECT_FALSE(poller.due(at(12s)).empty()) << "at least every five seconds";
}

TEST(HetznerActions, a_failed_create_is_known_and_a_failed_trifle_is_none) {
    ActionPoller poller;
    poller.track(at(0s), 1, {action(10, "create_server", "running"), action(11, "start_server", "running")});
    poller.track(at(0s), 2, {action(20, "attach_to_network", "error", "conflict: later")});
    EXPECT_TRUE(poller.is_busy(1));
    EXPECT_FALSE(poller.is_busy(2));
    EXPECT_TRUE(poller.failure_of(2).empty());

    poller.heard({10, 11}, {action(10, "create_server", "success"), action(11, "start_server", "error", "action_failed: no")});

    EXPECT_FALSE(poller.is_busy(1));
    EXPECT_EQ(poller.failure_of(1), "start_server ended in an error: action_failed: no");
    poller.forget(1);
    EXPECT_FALSE(poller.is_tracked(1));
}

TEST(HetznerActions, one_that_nobody_knows_any_more_is_not_waited_for_for_ever) {
    ActionPoller poller;
    poller.track(at(0s), 1, {action(10, "create_server", "running")});
    for (int i = 0; i < 2; ++i) poller.heard({10}, {});
    EXPECT_TRUE(poller.is_busy(1));
    poller.heard({10}, {});
    EXPECT_FALSE(poller.is_busy(1));
    EXPECT_TRUE(poller.failure_of(1).empty());
}

// Keys

constexpr auto public_line =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAII2J5lyVnCHdzFxgfJ50SqqJhxY5gk4TyTSZoKIy9Vhn";
constexpr auto public_fingerprint = "ee:fa:f6:3b:39:f7:a3:53:6a:c4:4e:58:93:1d:e2:3c";

/// The form of a private key file, with nothing secret in it: "openssh-key-v1", no cipher, one key.
constexpr auto private_text =
    "-----BEGIN OPENSSH PRIVATE KEY-----\n"
    "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n"
    "QyNTUxOQAAACCNieZclZwh3cxcYHyedEqqiYcWOYJOE8k0maCiMvVYZwAAAAA=\n"
    "-----END OPENSSH PRIVATE KEY-----\n";

TEST(HetznerSshKey, a_public_key_is_found_in_either_file) {
    for (auto const& text : {std::string{public_line}, std::string{public_line} + " me@home\n",
                             std::string{public_line} + "\r\n", std::string{private_text}}) {
        auto const key = read_public_key(text, "key");
        ASSERT_TRUE(key) << key.error().message;
        EXPECT_EQ(key->line, public_line);
        EXPECT_EQ(key->fingerprint, public_fingerprint);
    }
}

TEST(HetznerSshKey, what_is_no_key_is_refused_with_the_files_name) {
    for (auto const* const text : {"", "ssh-ed25519", "ssh-ed25519 ????", "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAII2J", "hello world",
                                   "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----"}) {
        auto const key = read_public_key(text, "/home/me/key");
        ASSERT_FALSE(key) << text;
        EXPECT_EQ(key.error().code, Errc::rejected);
        EXPECT_NE(key.error().message.find("/home/me/key"), std::string::npos);
    }
}

TEST(HetznerSshKey, beside_an_old_private_key_its_public_one_is_read) {
    testing::TempFolder const folder;
    auto const path = folder.write("id_rsa", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n");
    auto const missing = load_public_key(path);
    ASSERT_FALSE(missing);
    EXPECT_NE(missing.error().message.find(path + ".pub"), std::string::npos) << missing.error().message;
    folder.write("id_rsa.pub", public_line);
    EXPECT_EQ(load_public_key(path)->fingerprint, public_fingerprint);
}

TEST(HetznerSshKey, a_missing_file_is_named) {
    auto const key = load_public_key("/no/such/key");
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().code, Errc::rejected);
    EXPECT_NE(key.error().message.find("/no/such/key"), std::string::npos);
    EXPECT_NE(key.error().message.find("RGRID_SSH_KEY_PATH"), std::string::npos);
}

}  // namespace
}  // namespace rgrid::hetzner
