#pragma once

#include <optional>
#include <rgrid/config/json.hpp>
#include <rgrid/config/json_text.hpp>
#include <string>
#include <string_view>

#include "expect.hpp"

/// Reads a document of a program. What is accepted is written and read again without a difference, and judged alike
/// when it is read by way of JSON values.
template <class T>
std::optional<T> read_document(std::string_view text) {
    using namespace rgrid;
    auto read = config::from_json_text<T>(text, true);

    config::Problems problems;
    T by_values;
    auto const json = config::parse_json(text);
    bool const accepted = json && config::read(*json, by_values, problems, {}, {.ignore_unknown = true});
    if (!read) {
        expect(!accepted, "what is refused as text is refused as a JSON value");
        expect(!read.error().message.empty(), "a refusal says why");
        return std::nullopt;
    }
    expect(accepted, "what is accepted as text is accepted as a JSON value");

    auto const written = config::to_json_text(*read);
    expect(config::to_json_text(by_values) == written, "text and JSON value are read as the same");
    auto const again = config::from_json_text<T>(written);
    expect(again.has_value(), "what was written can be read");
    expect(config::to_json_text(*again) == written, "what was written is read without a loss");
    return std::move(*read);
}
