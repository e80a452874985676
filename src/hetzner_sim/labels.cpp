#include "hetzner_sim/labels.hpp"

#include <algorithm>

namespace rgrid::hetzner_sim {

namespace {

constexpr std::string_view letters_and_digits = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
constexpr std::string_view label_characters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

bool is_alphanumeric(char c) {
    return letters_and_digits.find(c) != std::string_view::npos;
}

bool is_word(std::string_view text, std::size_t longest) {
    return !text.empty() && text.size() <= longest && is_alphanumeric(text.front()) && is_alphanumeric(text.back()) &&
           text.find_first_not_of(label_characters) == std::string_view::npos;
}

bool is_subdomain(std::string_view text) {
    if (text.size() > 253) return false;
    for (std::size_t begin = 0; begin <= text.size();) {
        auto const part = text.substr(begin, text.find('.', begin) - begin);
        if (!is_word(part, 63) || part.find('_') != std::string_view::npos) return false;
        begin += part.size() + 1;
    }
    return true;
}

bool is_key(std::string_view text) {
    auto const slash = text.find('/');
    if (slash == std::string_view::npos) return is_word(text, 63);
    return is_subdomain(text.substr(0, slash)) && is_word(text.substr(slash + 1), 63);
}

bool is_value(std::string_view text) {
    return text.empty() || is_word(text, 63);
}

}  // namespace

std::string label_problem(std::string_view key, std::string_view value) {
    if (!is_key(key)) return "label key '" + std::string{key} + "' is not correctly formatted";
    if (key.starts_with("hetzner.cloud/")) return "label key '" + std::string{key} + "' has a reserved prefix";
    if (!is_value(value)) return "label value '" + std::string{value} + "' is not correctly formatted";
    return {};
}

class Selector::Parser {
public:
    explicit Parser(std::string_view text) : rest_(text) {}

    std::optional<std::vector<Term>> terms() {
        std::vector<Term> terms;
        skip_spaces();
        if (rest_.empty()) return terms;
        do {
            auto one = term();
            if (!one) return std::nullopt;
            terms.push_back(*std::move(one));
        } while (take(","));
        if (!rest_.empty()) return std::nullopt;
        return terms;
    }

private:
    std::optional<Term> term() {
        bool const refused = take("!");
        Term term{word(), std::nullopt, !refused};
        if (!is_key(term.key)) return std::nullopt;
        if (refused) return term;
        if (take("!=")) return with_value(std::move(term), false);
        if (take("==") || take("=")) return with_value(std::move(term), true);
        if (take_word("notin")) return with_set(std::move(term), false);
        if (take_word("in")) return with_set(std::move(term), true);
        return term;
    }

    std::optional<Term> with_value(Term term, bool wanted) {
        auto value = word();
        if (!is_value(value)) return std::nullopt;
        term.values = std::set{std::move(value)};
        term.wanted = wanted;
        return term;
    }

    std::optional<Term> with_set(Term term, bool wanted) {
        if (!take("(")) return std::nullopt;
        term.values.emplace();
        term.wanted = wanted;
        do {
            auto value = word();
            if (!is_value(value)) return std::nullopt;
            term.values->insert(std::move(value));
        } while (take(","));
        if (!take(")")) return std::nullopt;
        return term;
    }

    std::string word() {
        skip_spaces();
        auto const end = std::min(rest_.find_first_of(",=!() "), rest_.size());
        std::string found{rest_.substr(0, end)};
        rest_.remove_prefix(end);
        skip_spaces();
        return found;
    }

    bool take(std::string_view sign) {
        if (!rest_.starts_with(sign)) return false;
        rest_.remove_prefix(sign.size());
        skip_spaces();
        return true;
    }

    bool take_word(std::string_view name) {
        auto const before = rest_;
        if (word() == name) return true;
        rest_ = before;
        return false;
    }

    void skip_spaces() { rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size())); }

    std::string_view rest_;
};

std::optional<Selector> Selector::parse(std::string_view text) {
    auto terms = Parser{text}.terms();
    if (!terms) return std::nullopt;
    Selector selector;
    selector.terms_ = *std::move(terms);
    return selector;
}

bool Selector::matches(Labels const& labels) const {
    return std::all_of(terms_.begin(), terms_.end(), [&](Term const& term) {
        auto const found = labels.find(term.key);
        bool const holds = found != labels.end() && (!term.values || term.values->contains(found->second));
        return holds == term.wanted;
    });
}

}  // namespace rgrid::hetzner_sim
