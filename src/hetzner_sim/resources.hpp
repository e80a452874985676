#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "hetzner_sim/context.hpp"

namespace rgrid::hetzner_sim {

/// The record whose number is the first open part of the path. Refused with 404 if there is none.
template <class Record>
[[nodiscard]] Record& needed_record(Context& context, std::map<std::int64_t, Record>& records, std::string_view what) {
    auto const found = records.find(context.request.id(what));
    if (found == records.end()) refuse_missing(what, context.request.parts.at(0));
    return found->second;
}

/// Refuses a name that another record than `own` has.
template <class Record>
void need_free_name(std::map<std::int64_t, Record> const& records, std::string const& name, std::string_view what,
                    std::int64_t own = 0) {
    for (auto const& [id, record] : records)
        if (id != own && record.name == name) refuse_taken(std::string{what} + " name is already used");
}

/// The name and labels of a record to be made, from the request. Refused if the name is absent or taken.
template <class Record>
[[nodiscard]] Record new_record(Context& context, std::map<std::int64_t, Record> const& records,
                                std::string_view what) {
    auto const members = context.request.members();
    Record record;
    record.name = members.needed_text("name");
    record.labels = members.labels().value_or(Labels{});
    record.created = context.now();
    need_free_name(records, record.name, what);
    return record;
}

/// Gives the record its number and keeps it.
template <class Record>
Record& keep_record(Context& context, std::map<std::int64_t, Record>& records, Record record) {
    record.id = context.state.next_id();
    return records.emplace(record.id, std::move(record)).first->second;
}

/// Carries out what a PUT asks for of `name` and `labels`.
template <class Record>
void rename_and_label(Context& context, std::map<std::int64_t, Record> const& records, Record& record,
                      std::string_view what) {
    auto const members = context.request.members();
    auto name = members.text("name");
    auto labels = members.labels();
    if (name && name->empty()) members.refuse("name", "Shorter than minimum length 1.");
    if (name) need_free_name(records, *name, what, record.id);
    if (name) record.name = std::move(*name);
    if (labels) record.labels = std::move(*labels);
}

/// Refused with 423 if the record is protected from being deleted.
template <class Record>
void need_unprotected(Record const& record, std::string_view what) {
    if (record.protected_from_delete)
        throw Refusal{423, "protected", std::string{what} + " deletion is protected", json::object{}};
}

/// An answer with one record under its kind.
[[nodiscard]] inline Reply record_reply(std::string_view kind, json::object record, int status = 200) {
    json::object body;
    body[kind] = std::move(record);
    return {status, std::move(body), {}};
}

/// The answer to a delete: no body.
[[nodiscard]] inline Reply empty_reply() {
    return {204, nullptr, {}};
}

[[nodiscard]] inline json::object show_labels(Labels const& labels) {
    json::object shown;
    for (auto const& [key, value] : labels) shown[key] = value;
    return shown;
}

[[nodiscard]] inline json::object show_protection(bool from_delete) {
    json::object shown;
    shown["delete"] = from_delete;
    return shown;
}

/// What all kinds show of a record: `id`, `name`, `labels` and `created`.
[[nodiscard]] inline json::object show_resource(State const& state, Resource const& resource) {
    json::object shown;
    shown["id"] = resource.id;
    shown["name"] = resource.name;
    shown["labels"] = show_labels(resource.labels);
    shown["created"] = time_text(state, resource.created);
    return shown;
}

}  // namespace rgrid::hetzner_sim
