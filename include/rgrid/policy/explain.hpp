#pragma once

#include <boost/describe/enum_to_string.hpp>
#include <rgrid/model/plan.hpp>
#include <rgrid/model/snapshot.hpp>
#include <rgrid/policy/policy.hpp>
#include <rgrid/policy/refusal_text.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace rgrid {

namespace detail {

inline std::int64_t fact(std::vector<Fact> const& facts, char const* name) {
    for (auto const& fact : facts)
        if (fact.name == name) return fact.value;
    return 0;
}

inline std::string span_of(std::vector<Fact> const& facts, char const* name) {
    return to_rough_text(Duration{fact(facts, name)});
}

inline std::string text_of(Fact const& fact) {
    switch (fact.unit) {
        case Unit::count:
            return std::to_string(fact.value);
        case Unit::milliseconds:
            return to_rough_text(Duration{fact.value});
        case Unit::nanos_EUR:
            return to_price_text({fact.value, Currency::EUR});
        case Unit::nanos_USD:
            return to_price_text({fact.value, Currency::USD});
        case Unit::utc_milliseconds:
            return to_text(std::chrono::floor<std::chrono::seconds>(Instant{Duration{fact.value}})).substr(11, 8) + "Z";
    }
    return {};
}

inline std::string text_of(std::vector<Fact> const& facts, char const* name) {
    for (auto const& fact : facts)
        if (fact.name == name) return text_of(fact);
    return {};
}

inline std::string price_of(std::vector<Fact> const& facts, char const* name) {
    auto text = text_of(facts, name);
    return text.empty() ? "€0.00" : text;
}

inline std::string counted(std::int64_t count, char const* noun) {
    return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

inline std::string in_pool(PoolName const& pool) {
    return pool.empty() ? "" : "pool " + pool.value + ": ";
}

/// The numbers that made workers wanted.
inline std::string why_wanted(Step const& step) {
    auto const& facts = step.facts;
    std::ostringstream text;
    if (step.reason == Reason::minimum_workers) {
        text << "it keeps at least " << counted(fact(facts, "minimum"), "worker") << " and has "
             << fact(facts, "workers");
        return text.str();
    }
    text << fact(facts, "queued") << " queued, " << counted(fact(facts, "free_slots"), "free slot") << ", "
         << counted(fact(facts, "slots"), "slot") << " a worker: " << counted(fact(facts, "needed"), "worker");
    if (step.reason == Reason::waited_too_long) text << " (the oldest has waited " << span_of(facts, "oldest") << ")";
    if (step.reason == Reason::replacement) text << " in place of those that drain for their age";
    return text.str();
}

/// "; it is 54m 57s old and paid for another 5m 03s; deleting it now saves €0.0088, the price of
/// its next 1h"; empty if nobody knows.
inline std::string what_a_delete_saves(std::vector<Fact> const& facts) {
    auto const saves = text_of(facts, "saves");
    if (saves.empty()) return "";
    return "; it is " + span_of(facts, "age") + " old and paid for another " + span_of(facts, "left") +
           "; deleting it now saves " + saves + ", the price of its next " +
           to_text(Duration{fact(facts, "period")});
}

inline std::string why_ended(Step const& step) {
    auto const& facts = step.facts;
    switch (step.reason) {
        case Reason::paid_period_ends:
            return "idle for " + span_of(facts, "idle") + " and not needed; it is " + span_of(facts, "age") +
                   " old, paid for another " + span_of(facts, "left") + "; letting it go now saves " +
                   price_of(facts, "saves");
        case Reason::silent:
            return "silent for " + span_of(facts, "silence") + ", the limit is " + span_of(facts, "limit") +
                   "; its jobs go back to the queue";
        case Reason::server_vanished:
            return "the provider no longer lists its server; its jobs go back to the queue";
        case Reason::never_came_up:
            return "its worker has not registered after " + span_of(facts, "age") + ", the limit is " +
                   span_of(facts, "limit");
        case Reason::boot_failed:
            return "its boot failed " + span_of(facts, "age") + " after it was ordered" +
                   (step.detail.empty() ? "" : " at " + step.detail);
        case Reason::provider_failed:
            return "the provider could not finish its server, which is " + span_of(facts, "age") +
                   " old and never runs";
        case Reason::too_old:
            return "it is " + span_of(facts, "age") + " old, the limit is " + span_of(facts, "limit") +
                   "; its jobs finish first";
        case Reason::drain_overdue:
            return "still busy after draining for " + span_of(facts, "drained") + ", the limit is " +
                   span_of(facts, "limit") + "; its jobs go back to the queue";
        case Reason::pool_removed:
            return "its pool is no longer configured";
        case Reason::above_maximum:
            return "the pool has " + counted(fact(facts, "workers"), "worker") + " and may have " +
                   std::to_string(fact(facts, "maximum"));
        case Reason::operator_request:
            return "an operator asked for it";
        default:
            return boost::describe::enum_to_string(step.reason, "?");
    }
}

}  // namespace detail

/// One step as a sentence.
[[nodiscard]] inline std::string explain(Step const& step) {
    auto const& name = step.server.value;
    switch (step.action) {
        case Action::create_server:
            return "create " + name + " (" + to_text(step.offer) + "): " + detail::why_wanted(step);
        case Action::find_server:
            return "look " + name + " up: its create was asked for and nobody knows whether it exists";
        case Action::adopt_server:
            return "adopt " + name + ": it carries our label, but nothing is known of its order";
        case Action::close_worker: {
            auto const* verb = step.mode == CloseMode::if_idle ? "release "
                               : step.mode == CloseMode::drain ? "drain "
                                                               : "give up ";
            return verb + name + ": " + detail::why_ended(step);
        }
        case Action::delete_server:
            return "delete " + name +
                   (step.reason == Reason::delete_again
                        ? ": the provider still lists it " + detail::span_of(step.facts, "age") + " after its delete"
                        : std::string{": its worker's session is closed"} + detail::what_a_delete_saves(step.facts));
        case Action::settle_intent:
            return "settle " + name +
                   (step.reason == Reason::create_refused ? ": the provider refused it"
                                                          : ": the provider no longer lists it");
    }
    return name;
}

/// One finding as a sentence.
[[nodiscard]] inline std::string explain(Finding const& finding) {
    auto const& facts = finding.facts;
    auto const count = [&](char const* name) { return std::to_string(detail::fact(facts, name)); };
    auto const counted = [&](char const* name, char const* noun) {
        return detail::counted(detail::fact(facts, name), noun);
    };
    auto const one = [&](char const* name) { return detail::fact(facts, name) == 1; };
    auto const span = [&](char const* name) { return detail::span_of(facts, name); };
    auto const words = finding.detail.empty() ? std::string{} : " (" + finding.detail + ")";
    auto const pool = detail::in_pool(finding.pool);
    auto const& subject = finding.subject;
    switch (finding.kind) {
        case FindingKind::source_unknown:
            // What was read and is not believed comes with the numbers that speak against it.
            if (!facts.empty())
                return "the " + subject + " is not believed, and nothing is ordered, given up or deleted until it is: " +
                       finding.detail;
            return "the " + subject + " could not be read" + words + ": nothing that depends on them is decided";
        case FindingKind::not_watching_long:
            return pool + subject + " looks silent for " + span("silence") + ", but we have watched for only " +
                   span("watched");
        case FindingKind::mass_loss:
            return count("silent") + " of " + count("workers") +
                   " workers look lost at once: we are probably the blind ones, so only one an interval is given up; "
                   "`rgrid resume` says that the losses are real";
        case FindingKind::held:
            return pool + "on hold by an operator; " + counted("steps", "step") + (one("steps") ? " waits" : " wait") +
                   " for `rgrid resume`";
        case FindingKind::at_maximum:
            return pool + "more workers are wanted than the maximum of " + count("maximum") + " allows; " +
                   count("workers") + (one("workers") ? " is" : " are") + " there so far";
        case FindingKind::at_spend_cap:
            return pool + "one more server could cost " + detail::price_of(facts, "an_hour") + " an hour and " +
                   detail::price_of(facts, "this_month") + " this month, more than the spend cap";
        case FindingKind::create_rate:
            return pool + counted("creates", "server") + (one("creates") ? " was" : " were") +
                   " ordered in the last minute and the most is " + count("limit");
        case FindingKind::boot_failures:
            return pool + counted("failures", "server") +
                   " in a row never came up: only single probes are created, the next in " + span("next_probe");
        case FindingKind::no_offer:
            return pool + counted("wanted", "worker") + (one("wanted") ? " is" : " are") + " wanted, but none of its " +
                   counted("offers", "offer") + " can be had now" + words;
        case FindingKind::creates_paused:
            return pool + counted("wanted", "worker") + (one("wanted") ? " is" : " are") + " wanted; " +
                   tell_operator({finding.code.value_or(Errc::rejected), finding.detail,
                                  static_cast<int>(detail::fact(facts, "try")),
                                  static_cast<int>(detail::fact(facts, "tries")),
                                  Duration{detail::fact(facts, "left")}, detail::fact(facts, "workers")});
        case FindingKind::job_too_big:
            return pool + counted("queued", "queued job") + (one("queued") ? " needs " : " need ") +
                   counted("job_slots", "slot") + ", but a worker has " + count("slots");
        case FindingKind::unknown_pool:
            return subject.empty() ? "pool " + finding.pool.value + " is not configured, but " +
                                         counted("queued", "job") + (one("queued") ? " is" : " are") + " queued for it"
                                   : "pool " + finding.pool.value + " is not configured: " + subject + " goes";
        case FindingKind::duplicate:
            return subject + " is listed twice; the second entry is left alone";
        case FindingKind::foreign_store:
            return "nothing is touched and nobody leads from here: " + finding.detail;
        case FindingKind::store_frozen:
            return "the store went back in time" + words +
                   ": nothing is ordered, ended or handed out; 'rgrid store adopt' shows what there is and lets it "
                   "go on";
        case FindingKind::odd_age:
            return subject + " has an impossible age of " + (facts.empty() ? "?" : detail::text_of(facts.front())) +
                   "; taken as zero";
        case FindingKind::unknown_worker:
            return subject + " works for us, but we did not order its server; it is not let go";
        case FindingKind::drain_staggered:
            return pool + subject + " is " + span("age") + " old and waits for its turn to drain";
    }
    return subject;
}

/// A whole plan in sentences, one a line. Creates that have the same reason are one sentence.
[[nodiscard]] inline std::vector<std::string> explain(Plan const& plan) {
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
        auto const& step = plan.steps[i];
        auto last = i;
        auto const joins = [&](Step const& next) {
            return next.action == Action::create_server && next.pool == step.pool && next.facts == step.facts &&
                   next.offer == step.offer;
        };
        while (step.action == Action::create_server && last + 1 < plan.steps.size() && joins(plan.steps[last + 1]))
            ++last;
        if (last == i) {
            lines.push_back(explain(step));
            continue;
        }
        lines.push_back("create " + step.server.value + " to " + plan.steps[last].server.value + " (" +
                        to_text(step.offer) + "): " + detail::why_wanted(step));
        i = last;
    }
    for (auto const& finding : plan.findings) lines.push_back(explain(finding));
    return lines;
}

}  // namespace rgrid
