#include "adapters/postgres/failure.hpp"

#include <algorithm>
#include <cctype>

namespace rgrid::postgres {

namespace {

/// FATAL and PANIC look alike but for the digit that every state has.
bool is_state(std::string_view text) {
    auto const is_digit = [](unsigned char character) { return std::isdigit(character) != 0; };
    return text.size() == 5 && std::any_of(text.begin(), text.end(), is_digit) &&
           std::all_of(text.begin(), text.end(), [&](unsigned char character) {
               return is_digit(character) || (character >= 'A' && character <= 'Z');
           });
}

std::string_view first_line(std::string_view text) { return text.substr(0, text.find('\n')); }

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\n' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\n' || text.back() == '.')) text.remove_suffix(1);
    return text;
}

/// Complaints about data end with what was found.
std::string without_value(std::string_view state, std::string_view sentence) {
    return std::string{state.starts_with("22") ? sentence.substr(0, sentence.find(": \"")) : sentence};
}

struct Meaning {
    std::string_view state;  ///< Of five characters, or the two of a class.
    Errc code;
    char const* advice;  ///< For whoever reads the message; may be empty.
};

// The first that fits.
constexpr Meaning meanings[] = {
    {"40001", Errc::retry_later, ""},
    {"40P01", Errc::retry_later, ""},
    {"55P03", Errc::retry_later, ""},
    {"57014", Errc::retry_later, ""},
    {"25006", Errc::retry_later, "the server takes no writes now: it is a standby, or was set read-only"},
    {"53100", Errc::retry_later, "the server's disk is full"},
    {"53200", Errc::retry_later, "the server has no memory left"},
    {"53300", Errc::retry_later, "the server takes no more connections: raise its max_connections or use fewer"},
    {"53", Errc::retry_later, ""},
    {"57P01", Errc::retry_later, "the connection was ended by the server's administrator"},
    {"25P03", Errc::retry_later, "this program did nothing for too long inside a transaction"},
    {"57P03", Errc::retry_later, "the server is starting, stopping or recovering"},
    {"57P04", Errc::denied, ""},
    {"57", Errc::retry_later, ""},
    {"08", Errc::retry_later, ""},
    {"58", Errc::retry_later, "the server met an error of its machine"},
    {"28", Errc::denied, ""},
    {"3D000", Errc::denied, "expected a database that exists"},
    {"42501", Errc::denied, "expected a role that may do this"},
    {"26000", Errc::denied, "behind a transaction-mode pooler, prepared statements have to be off"},
    {"3F000", Errc::denied, "expected the schema rgrid: migrate the database as its owner"},
    {"42P01", Errc::denied, "expected the tables of this version: migrate the database as its owner"},
    {"42703", Errc::denied, "expected the tables of this version: migrate the database as its owner"},
    {"42883", Errc::denied, "expected the functions of this version: migrate the database as its owner"},
    {"22021", Errc::rejected, "expected text in UTF-8"},
    {"22P02", Errc::rejected, ""},
    {"22P05", Errc::rejected, "expected text that the database can keep"},
    {"54", Errc::rejected, ""},
};

Meaning meaning_of(std::string_view state) {
    for (auto const& meaning : meanings)
        if (state.starts_with(meaning.state)) return meaning;
    return {"", state.empty() ? Errc::retry_later : Errc::bug, ""};
}

}  // namespace

PostgresFailure read_failure(std::string_view text) {
    // The server's own words, as libpq puts them when it is to be verbose: "FATAL:  28P01: password ...".
    for (auto rest = text; !rest.empty();) {
        auto const line = first_line(rest);
        for (std::size_t colon = line.find(':'); colon != std::string_view::npos; colon = line.find(':', colon + 1)) {
            auto const after = trim(line.substr(colon + 1));
            if (after.size() > 6 && after[5] == ':' && is_state(after.substr(0, 5)))
                return {std::string{after.substr(0, 5)}, without_value(after.substr(0, 5), trim(after.substr(6)))};
        }
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    }
    return {"", std::string{trim(first_line(trim(text)))}};
}

bool is_transient(PostgresFailure const& failure) noexcept {
    // 0A000 is also what a prepared statement answers after a migration has changed its columns.
    for (auto const* state : {"40001", "40P01", "55P03", "0A000"})
        if (failure.state == state) return true;
    return false;
}

std::string describe(PostgresFailure const& failure, std::string const& place) {
    auto const meaning = meaning_of(failure.state);
    auto text = place + ": " + failure.message;
    if (!failure.state.empty()) text += " (SQLSTATE " + failure.state + ")";
    if (*meaning.advice != '\0') text += "; " + std::string{meaning.advice};
    return text;
}

Error to_error(PostgresFailure const& failure, std::string const& place) {
    return {meaning_of(failure.state).code, describe(failure, place)};
}

}  // namespace rgrid::postgres
