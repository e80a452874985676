#include "hetzner_sim/request.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <charconv>
#include <rgrid/base/text.hpp>

namespace rgrid::hetzner_sim {

namespace {

/// The text up to `end`, which is taken off with it.
std::string_view take_up_to(char end, std::string_view& text) {
    auto const at = text.find(end);
    auto const part = text.substr(0, at);
    text.remove_prefix(at == text.npos ? text.size() : at + 1);
    return part;
}

/// Forms write a blank as "+".
std::optional<std::string> query_decoded(std::string_view text) {
    std::string plain{text};
    std::ranges::replace(plain, '+', ' ');
    return percent_decoded(plain);
}

std::optional<std::int64_t> whole(json::value const& value) {
    if (auto const* const number = value.if_int64()) return *number;
    if (auto const* const real = value.if_double(); real != nullptr && *real >= -9e15 && *real <= 9e15)
        if (auto const number = static_cast<std::int64_t>(*real); static_cast<double>(number) == *real) return number;
    return std::nullopt;
}

std::optional<Reference> reference_of(json::value const& value) {
    if (auto const number = whole(value)) return Reference{number, std::to_string(*number)};
    if (value.is_string()) return Reference::of(value.get_string());
    return std::nullopt;
}

}  // namespace

std::optional<std::int64_t> parse_number(std::string_view text) {
    std::int64_t number = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::string percent_encoded(std::string_view text) {
    constexpr auto digits = "0123456789ABCDEF";
    std::string encoded;
    for (char const c : text) {
        auto const byte = static_cast<unsigned char>(c);
        bool const plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                           c == '.' || c == '_' || c == '~';
        if (plain)
            encoded += c;
        else
            ((encoded += '%') += digits[byte >> 4]) += digits[byte & 15];
    }
    return encoded;
}

Reference Reference::of(std::string_view text) {
    return {parse_number(text), std::string{text}};
}

json::value const* Members::find(std::string_view name) const {
    auto const* const value = object_->if_contains(name);
    return value == nullptr || value->is_null() ? nullptr : value;
}

std::string Members::path_of(std::string_view name) const {
    return path_.empty() ? std::string{name} : path_ + "." + std::string{name};
}

void Members::refuse(std::string_view name, std::string_view message) const {
    refuse_field(path_of(name), message);
}

std::optional<std::string> Members::text(std::string_view name) const {
    auto const* const value = find(name);
    if (value == nullptr) return std::nullopt;
    if (!value->is_string()) refuse(name, "Not a valid string.");
    return std::string{value->get_string()};
}

std::optional<bool> Members::flag(std::string_view name) const {
    auto const* const value = find(name);
    if (value == nullptr) return std::nullopt;
    if (!value->is_bool()) refuse(name, "Not a valid boolean.");
    return value->get_bool();
}

std::optional<std::int64_t> Members::number(std::string_view name) const {
    auto const* const value = find(name);
    if (value == nullptr) return std::nullopt;
    auto const number = whole(*value);
    if (!number) refuse(name, "Not a valid integer.");
    return number;
}

std::optional<Reference> Members::reference(std::string_view name) const {
    auto const* const value = find(name);
    if (value == nullptr) return std::nullopt;
    auto reference = reference_of(*value);
    if (!reference) refuse(name, "Not a valid ID or name.");
    return reference;
}

json::array const* Members::array(std::string_view name) const {
    auto const* const value = find(name);
    if (value == nullptr) return nullptr;
    if (!value->is_array()) refuse(name, "Not a valid list.");
    return &value->get_array();
}

std::vector<std::int64_t> Members::numbers(std::string_view name) const {
    std::vector<std::int64_t> found;
    if (auto const* const values = array(name))
        for (auto const& value : *values) {
            auto const number = whole(value);
            if (!number) refuse(name, "Not a valid integer.");
            found.push_back(*number);
        }
    return found;
}

std::vector<std::string> Members::texts(std::string_view name) const {
    std::vector<std::string> found;
    if (auto const* const values = array(name))
        for (auto const& value : *values) {
            if (!value.is_string()) refuse(name, "Not a valid string.");
            found.emplace_back(value.get_string());
        }
    return found;
}

std::vector<Reference> Members::references(std::string_view name) const {
    std::vector<Reference> found;
    if (auto const* const values = array(name))
        for (auto const& value : *values) {
            auto reference = reference_of(value);
            if (!reference) refuse(name, "Not a valid ID or name.");
            found.push_back(std::move(*reference));
        }
    return found;
}

std::vector<Members> Members::objects(std::string_view name) const {
    std::vector<Members> found;
    if (auto const* const values = array(name))
        for (auto const& value : *values) {
            if (!value.is_object()) refuse(name, "Not a valid object.");
            found.emplace_back(value.get_object(), path_of(name));
        }
    return found;
}

std::optional<Members> Members::object(std::string_view name) const {
    auto const* const value = find(name);
    if (value == nullptr) return std::nullopt;
    if (!value->is_object()) refuse(name, "Not a valid object.");
    return Members{value->get_object(), path_of(name)};
}

std::optional<Labels> Members::labels(std::string_view name) const {
    auto const* const value = find(name);
    if (value == nullptr) return std::nullopt;
    if (!value->is_object()) refuse(name, "Not a valid map.");
    Labels labels;
    for (auto const& [key, text] : value->get_object()) {
        if (!text.is_string()) refuse(name, "Not a valid string.");
        std::string_view const content{text.get_string()};
        if (auto const problem = label_problem(key, content); !problem.empty()) refuse(name, problem);
        labels[std::string{key}] = std::string{content};
    }
    return labels;
}

std::string Members::needed_text(std::string_view name) const {
    auto found = text(name);
    if (!found || found->empty()) refuse(name, "Missing data for required field.");
    return std::move(*found);
}

Reference Members::needed_reference(std::string_view name) const {
    auto found = reference(name);
    if (!found || found->name.empty()) refuse(name, "Missing data for required field.");
    return std::move(*found);
}

std::int64_t Members::needed_number(std::string_view name) const {
    auto const found = number(name);
    if (!found) refuse(name, "Missing data for required field.");
    return *found;
}

std::optional<std::string> ApiRequest::first(std::string_view name) const {
    for (auto const& [key, value] : query)
        if (key == name) return value;
    return std::nullopt;
}

std::vector<std::string> ApiRequest::all(std::string_view name) const {
    std::vector<std::string> values;
    for (auto const& [key, value] : query)
        if (key == name) values.push_back(value);
    return values;
}

std::int64_t ApiRequest::id(std::string_view what, std::size_t part) const {
    auto const number = parse_number(parts.at(part));
    if (!number) refuse_missing(what, parts.at(part));
    return *number;
}

std::optional<ApiRequest> parse_request(std::string_view method, std::string_view target) {
    if (!target.starts_with('/')) return std::nullopt;
    auto query = target.substr(1);
    auto path = take_up_to('?', query);
    ApiRequest request;
    request.method = method;
    while (!path.empty()) {
        auto part = percent_decoded(take_up_to('/', path));
        if (!part) return std::nullopt;
        request.path.push_back(std::move(*part));
    }
    while (!query.empty()) {
        auto value = take_up_to('&', query);
        auto name = query_decoded(take_up_to('=', value));
        auto plain = query_decoded(value);
        if (!name || !plain) return std::nullopt;
        request.query.emplace_back(std::move(*name), std::move(*plain));
    }
    return request;
}

json::object parse_body(std::string_view text) {
    if (std::ranges::all_of(text, [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; })) return {};
    boost::system::error_code error;
    auto body = json::parse(text, error);
    if (error) throw Refusal{400, "json_error", "unable to parse JSON: " + error.message()};
    if (!body.is_object()) refuse_input("the request's body is not an object");
    return std::move(body.get_object());
}

}  // namespace rgrid::hetzner_sim
