#include "app/store_url.hpp"

#include <algorithm>
#include <optional>
#include <rgrid/base/text.hpp>
#include <utility>
#include <vector>

namespace rgrid::app {

namespace {

std::string_view const schemes[] = {"postgresql://", "postgres://"};

std::string_view scheme_of(std::string_view url) {
    for (auto const scheme : schemes)
        if (url.starts_with(scheme)) return scheme;
    return {};
}

/// The password that follows `mark` in a part of an address, empty without one; nothing if its text stands for none.
std::optional<Secret> password_after(char mark, std::string_view part) {
    auto const at = part.find(mark);
    auto plain = percent_decoded(at == std::string_view::npos ? std::string_view{} : part.substr(at + 1));
    if (!plain || plain->find('\0') != std::string::npos) return std::nullopt;
    return Secret{std::move(*plain)};
}

PostgresUrl refuse(std::string expected) { return {{}, {}, std::move(expected)}; }

/// The options after the '?' without passwords; an empty `expected` if all is well.
std::string take_options(std::string_view options, PostgresUrl& into) {
    char before = '?';
    while (!options.empty()) {
        auto const option = options.substr(0, options.find('&'));
        options.remove_prefix(std::min(options.size(), option.size() + 1));
        auto const name = percent_decoded(option.substr(0, option.find('=')));
        if (name == "sslpassword") return "no sslpassword, which would be shown: a key of TLS without one";
        if (name != "password") {
            into.url += before + std::string{option};
            before = '&';
            continue;
        }
        auto password = password_after('=', option);
        if (!password) return "a password in which '%' is written as %25";
        into.password = std::move(*password);
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
        auto password = password_after(':', user);
        if (!password) return refuse("a password in which '%' is written as %25");
        shown.password = std::move(*password);
        shown.url += std::string{user.substr(0, user.find(':'))} + "@";
    }
    auto const question = rest.find('?');
    shown.url += rest.substr(0, question);
    if (question == std::string_view::npos) return shown;
    if (auto expected = take_options(rest.substr(question + 1), shown); !expected.empty()) return refuse(expected);
    return shown;
}

}  // namespace rgrid::app
