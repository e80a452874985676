#include <array>
#include <boost/describe/members.hpp>
#include <boost/mp11/algorithm.hpp>
#include <boost/uuid/name_generator_sha1.hpp>
#include <boost/uuid/uuid_io.hpp>
#include <charconv>
#include <concepts>
#include <cstdio>
#include <rgrid/worker/receipt.hpp>
#include <string_view>

namespace rgrid {

namespace {

/// A value as text with its length in front, so that two different values are never the same text.
void write(std::string& into, std::string_view text) {
    into += std::to_string(text.size()) + ":";
    into += text;
}

void write(std::string& into, std::integral auto number) {
    write(into, std::string_view{std::to_string(number)});
}

void write(std::string& into, double number) {
    std::array<char, 32> digits{};
    auto const end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    write(into, std::string_view{digits.data(), static_cast<std::size_t>(end - digits.data())});
}

void write(std::string& into, Duration span) {
    write(into, span.count());
}
void write(std::string& into, Bytes bytes) {
    write(into, bytes.count);
}
void write(std::string& into, PoolName const& pool) {
    write(into, pool.value);
}

void write(std::string& into, InputFile const& input) {
    write(into, input.path);
    write(into, input.sha256);
    write(into, input.size);
    write(into, input.executable);
}

template <class Value>
void write(std::string& into, std::vector<Value> const& list) {
    write(into, list.size());
    for (auto const& item : list) write(into, item);
}

void write(std::string& into, std::map<std::string, std::string> const& map) {
    write(into, map.size());
    for (auto const& [name, value] : map) {
        write(into, name);
        write(into, value);
    }
}

template <class Value>
void write(std::string& into, std::optional<Value> const& value) {
    if (value) write(into, *value);
}

std::string in_json(std::string_view text) {
    std::string quoted = "\"";
    for (char const c : text) {
        auto const byte = static_cast<unsigned char>(c);
        std::array<char, 8> escaped{};
        if (byte < 0x20) {
            std::snprintf(escaped.data(), escaped.size(), "\\u%04x", static_cast<unsigned>(byte));
            quoted += escaped.data();
            continue;
        }
        if (c == '"' || c == '\\') quoted += '\\';
        quoted += c;
    }
    return quoted + "\"";
}

}  // namespace

std::string receipt_key(LeaseKey const& lease) {
    return "outputs/" + std::to_string(lease.first.value) + "/" + std::to_string(lease.second.value) + ".json";
}

std::string spec_digest(JobSpec const& spec) {
    // Not to be changed: it makes these names different from all other name-based UUIDs.
    constexpr boost::uuids::uuid name_space{
        {0x5c, 0x1f, 0x3e, 0x0a, 0x71, 0x8d, 0x4b, 0x36, 0x9a, 0x42, 0xd4, 0x0e, 0x6b, 0x27, 0xc9, 0x58}};
    JobSpec const defaults;
    std::string text;
    boost::mp11::mp_for_each<boost::describe::describe_members<JobSpec, boost::describe::mod_any_access>>(
        [&](auto member) {
            auto const& value = spec.*member.pointer;
            if (value == defaults.*member.pointer) return;
            write(text, std::string_view{member.name});
            write(text, value);
        });
    return boost::uuids::to_string(boost::uuids::name_generator_sha1{name_space}(text));
}

std::string to_json_text(Receipt const& receipt) {
    auto text = "{\"job\":" + std::to_string(receipt.job.value) + ",\"epoch\":" + std::to_string(receipt.epoch.value) +
                ",\"began\":" + in_json(to_text(receipt.began)) + ",\"spec\":" + in_json(receipt.spec) +
                ",\"outputs\":[";
    for (auto const& output : receipt.outputs) {
        if (&output != &receipt.outputs.front()) text += ',';
        text += "{\"path\":" + in_json(output.path) + ",\"sha256\":" + in_json(output.sha256) +
                ",\"size\":" + std::to_string(output.size) + "}";
    }
    return text + "]}";
}

}  // namespace rgrid
