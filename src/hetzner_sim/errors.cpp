#include "hetzner_sim/errors.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace rgrid::hetzner_sim {

namespace {

json::object field_details(std::string_view field, std::string_view message) {
    json::array fields;
    fields.push_back(json::object{{"name", field}, {"messages", json::array{json::value(message)}}});
    json::object details;
    details["fields"] = std::move(fields);
    return details;
}

}  // namespace

json::object error_body(std::string_view code, std::string_view message, json::value details) {
    json::object error{{"code", code}, {"message", message}};
    error["details"] = std::move(details);
    json::object body;
    body["error"] = std::move(error);
    return body;
}

void refuse_field(std::string_view field, std::string_view message) {
    throw Refusal{422, "invalid_input", "invalid input in field '" + std::string{field} + "'",
                  field_details(field, message)};
}

void refuse_input(std::string_view message) {
    throw Refusal{422, "invalid_input", std::string{message}, json::object{}};
}

void refuse_missing(std::string_view what, std::string_view id) {
    throw Refusal{404, "not_found", std::string{what} + " with ID '" + std::string{id} + "' not found"};
}

void refuse_taken(std::string_view message) {
    throw Refusal{409, "uniqueness_error", std::string{message}, json::object{}};
}

void refuse_limit(std::string_view message, std::string_view limit) {
    json::value details = nullptr;
    if (!limit.empty()) {
        json::array limits;
        limits.push_back(json::object{{"name", limit}});
        details = json::object{{"limits", std::move(limits)}};
    }
    throw Refusal{403, "resource_limit_exceeded", std::string{message}, std::move(details)};
}

void refuse_unavailable(std::string_view message) {
    throw Refusal{412, "resource_unavailable", std::string{message}, json::object{}};
}

void refuse_locked() {
    throw Refusal{423, "locked", "cannot perform operation because resource is locked"};
}

}  // namespace rgrid::hetzner_sim
