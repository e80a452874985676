#include "hetzner_sim/user_data.hpp"

#include <algorithm>

namespace rgrid::hetzner_sim {

namespace {

constexpr std::string_view path_key = "  - path: ";
constexpr std::string_view content_key = "    content: |";
constexpr std::string_view block_indent = "      ";

/// The first line, which is taken off.
std::string_view take_line(std::string_view& text) {
    auto const line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    return line;
}

std::string plain_value(std::string_view text) {
    if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::string{text};
    std::string value;
    for (std::size_t i = 1; i + 1 < text.size(); ++i) {
        if (text[i] == '\\' && i + 2 < text.size()) ++i;
        value += text[i];
    }
    return value;
}

}  // namespace

std::map<std::string, std::string> written_files(std::string_view user_data) {
    std::map<std::string, std::string> files;
    std::string path;
    bool in_block = false;
    while (!user_data.empty()) {
        auto const line = take_line(user_data);
        if (in_block && (line.empty() || line.starts_with(block_indent))) {
            (files[path] += line.substr(std::min(block_indent.size(), line.size()))) += '\n';
            continue;
        }
        in_block = line.starts_with(content_key);
        if (line.starts_with(path_key)) path = line.substr(path_key.size());
    }
    return files;
}

std::map<std::string, std::string> assignments_of(std::string_view text) {
    std::map<std::string, std::string> values;
    while (!text.empty()) {
        auto const line = take_line(text);
        auto const equals = line.find('=');
        if (equals != line.npos) values[std::string{line.substr(0, equals)}] = plain_value(line.substr(equals + 1));
    }
    return values;
}

}  // namespace rgrid::hetzner_sim
