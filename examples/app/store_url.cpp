#include "app/store_url.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

namespace rgrid::app {

namespace {

std::string_view const schemes[] = {"postgresql://", "postgres://"};

std::string_view scheme_of(std::string_view url) {
    for (auto const scheme : schemes)
        if (url.starts_with(scheme)) return scheme;
    return {};
}

/// Text in which "%40" stands for "@"; nothing if a '%' stands for no character.
std::optional<std::string> decoded(std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            plain += text[i];
            continue;
        }
        unsigned code = 0;
        auto const digits = text.substr(i + 1, 2);
        auto const read = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
        if (digits.size() < 2 || read.ptr != digits.data() + 2 || code == 0) return std::nullopt;
        plain += static_cast<char>(code);
        i += 2;
    }
    return plain;
}

PostgresUrl refuse(std::string expected) { return {{}, {}, std::move(expected)}; }

/// The options after the '?' without passwords; an empty `expected` if all is well.
std::string take_options(std::string_view options, PostgresUrl& into) {
    char before = '?';
    while (!options.empty()) {
        auto const option = options.substr(0, options.find('&'));
        options.remove_prefix(std::min(options.size(), option.size() + 1));
        auto const name = decoded(option.substr(0, option.find('=')));
        if (name == "sslpassword") return "no sslpassword, which would be shown: a key of TLS without one";
        if (name != "password") {
            into.url += before + std::string{option};
            before = '&';
            continue;
        }
        auto const equals = option.find('=');
        auto password = decoded(equals == std::string_view::npos ? std::string_view{} : option.substr(equals + 1));
        if (!password) return "a password in which '%' is written as %25";
        into.password = Secret{std::move(*password)};
    }
    return {};
}

}  // namespace

bool is_postgres(std::string_view url) { return !scheme_of(url).empty(); }

PostgresUrl without_password(std::string_view url) {
    auto const scheme = scheme_of(url);
    auto rest = url.substr(scheme.size());
    auto const at = rest.find('@');
    // Whatever comes before an '@' may be a password, also where the rules of an address say otherwise.
    if (std::ranges::count(rest, '@') > 1 || (at != std::string_view::npos && rest.find_first_of("/?") < at))
        return refuse("\"postgresql://USER@HOST/DATABASE\"; in a password '@', '/' and '?' are written as %40, %2F and "
                      "%3F");
    PostgresUrl shown{std::string{scheme}, {}, {}};
    if (at != std::string_view::npos) {
        auto const user = rest.substr(0, at);
        rest.remove_prefix(at + 1);
        auto const colon = user.find(':');
        auto password = decoded(colon == std::string_view::npos ? std::string_view{} : user.substr(colon + 1));
        if (!password) return refuse("a password in which '%' is written as %25");
        shown.password = Secret{std::move(*password)};
        shown.url += std::string{user.substr(0, colon)} + "@";
    }
    auto const question = rest.find('?');
    shown.url += rest.substr(0, question);
    if (question == std::string_view::npos) return shown;
    if (auto expected = take_options(rest.substr(question + 1), shown); !expected.empty()) return refuse(expected);
    return shown;
}

}  // namespace rgrid::app
