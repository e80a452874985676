#include "adapters/hetzner/json.hpp"

#include <cmath>
#include <limits>

namespace rgrid::hetzner {

namespace json = boost::json;

json::value const* member(json::value const& from, std::string_view name) {
    auto const* const object = from.if_object();
    if (object == nullptr) return nullptr;
    auto const* const found = object->if_contains(name);
    return found == nullptr || found->is_null() ? nullptr : found;
}

json::value const* member(json::value const& from, std::string_view name, std::string_view inner) {
    auto const* const outer = member(from, name);
    return outer == nullptr ? nullptr : member(*outer, inner);
}

std::string text_in(json::value const& from, std::string_view name) {
    auto const* const found = member(from, name);
    if (found == nullptr || !found->is_string()) return {};
    return std::string{std::string_view{found->get_string()}};
}

std::int64_t number_in(json::value const& from, std::string_view name) {
    auto const* const found = member(from, name);
    if (found == nullptr) return 0;
    if (found->is_int64()) return found->get_int64();
    if (found->is_uint64()) {
        auto const number = found->get_uint64();
        return number > std::numeric_limits<std::int64_t>::max() ? 0 : static_cast<std::int64_t>(number);
    }
    if (found->is_double() && std::abs(found->get_double()) < 9e15 && std::floor(found->get_double()) == found->get_double())
        return static_cast<std::int64_t>(found->get_double());
    return 0;
}

std::optional<bool> flag_in(json::value const& from, std::string_view name) {
    auto const* const found = member(from, name);
    if (found == nullptr || !found->is_bool()) return std::nullopt;
    return found->get_bool();
}

json::array const& list_in(json::value const& from, std::string_view name) {
    static json::array const none;
    auto const* const found = member(from, name);
    return found != nullptr && found->is_array() ? found->get_array() : none;
}

std::map<std::string, std::string> texts_in(json::value const& from, std::string_view name) {
    std::map<std::string, std::string> texts;
    auto const* const found = member(from, name);
    if (found == nullptr || !found->is_object()) return texts;
    for (auto const& entry : found->get_object())
        if (entry.value().is_string())
            texts[std::string{std::string_view{entry.key()}}] = std::string_view{entry.value().get_string()};
    return texts;
}

}  // namespace rgrid::hetzner
