#include "schema.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>
#include <fstream>
#include <rgrid/base/money.hpp>
#include <sstream>
#include <string_view>

#include "hetzner_sim/api_time.hpp"

namespace rgrid::hetzner_sim {

namespace {

namespace json = boost::json;

json::object const& schema() {
    static json::object const read = [] {
        std::ifstream file{RGRID_SOURCE_DIR "/tests/conformance/hetzner_sim/schema.json"};
        std::stringstream text;
        text << file.rdbuf();
        return json::parse(text.str()).as_object();
    }();
    return read;
}

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    for (std::size_t begin = 0; begin <= text.size();) {
        auto const end = std::min(text.find(separator, begin), text.size());
        if (end > begin) parts.emplace_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return parts;
}

bool is_decimal(std::string_view text) {
    auto const dot = text.find('.');
    auto is_number = [](std::string_view part) {
        return !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
    };
    return is_number(text.substr(0, dot)) && (dot == std::string_view::npos || is_number(text.substr(dot + 1)));
}

class Checker {
public:
    std::vector<std::string> problems;

    void check(json::value const& type, json::value const& value, std::string const& path) {
        if (auto const* name = type.if_string()) return check_word({name->data(), name->size()}, value, path);
        if (auto const* list = type.if_array()) return check_list(list->front(), value, path);
        if (type.as_object().contains("*")) return check_map(type.at("*"), value, path);
        check_object(type.as_object(), value, path);
    }

private:
    void check_word(std::string_view type, json::value const& value, std::string const& path) {
        if (type.ends_with('?')) {
            if (value.is_null()) return;
            type.remove_suffix(1);
        }
        if (auto const* object = schema().at("objects").as_object().if_contains(type))
            return check(*object, value, path);
        if (!is_of(type, value)) add(path, value, type);
    }

    static bool is_of(std::string_view type, json::value const& value) {
        if (type == "any") return true;
        if (type == "null") return value.is_null();
        if (type == "bool") return value.is_bool();
        if (type == "number") return value.is_number();
        if (type == "int") return value.is_int64() || value.is_uint64();
        if (type == "id") return value.is_int64() && value.as_int64() > 0 && value.as_int64() < (std::int64_t{1} << 53);
        auto const* string = value.if_string();
        if (!string) return false;
        std::string_view const text{string->data(), string->size()};
        if (type == "text") return true;
        if (type == "time") return parse_api_time(text).has_value();
        if (type == "decimal") return is_decimal(text);
        auto const words = split(type.substr(1), '|');
        return type.starts_with('=') && std::find(words.begin(), words.end(), text) != words.end();
    }

    void check_list(json::value const& type, json::value const& value, std::string const& path) {
        if (!value.is_array()) return add(path, value, "an array");
        for (std::size_t i = 0; i < value.as_array().size(); ++i)
            check(type, value.as_array()[i], path + "[" + std::to_string(i) + "]");
    }

    void check_map(json::value const& type, json::value const& value, std::string const& path) {
        if (!value.is_object()) return add(path, value, "an object");
        for (auto const& [key, member] : value.as_object()) check(type, member, path + "." + std::string{key});
    }

    void check_object(json::object const& type, json::value const& value, std::string const& path) {
        if (!value.is_object()) return add(path, value, "an object");
        auto const& object = value.as_object();
        std::size_t known = 0;
        for (auto const& [key, member_type] : type) {
            std::string name{key};
            bool const optional = name.ends_with('?');
            if (optional) name.pop_back();
            auto const* member = object.if_contains(name);
            if (member) ++known, check(member_type, *member, path + "." + name);
            if (!member && !optional) problems.push_back(path + "." + name + " is not there");
        }
        if (known == object.size()) return;
        for (auto const& [key, member] : object)
            if (!type.contains(key) && !type.contains(std::string{key} + "?"))
                problems.push_back(path + "." + std::string{key} + " is not known");
    }

    void add(std::string const& path, json::value const& value, std::string_view wanted) {
        problems.push_back(path + " is " + json::serialize(value).substr(0, 100) + ", not " + std::string{wanted});
    }
};

bool is_of_pattern(std::vector<std::string> const& path, std::vector<std::string> const& pattern) {
    if (path.size() != pattern.size()) return false;
    for (std::size_t i = 0; i < path.size(); ++i) {
        bool const is_number = path[i].find_first_not_of("0123456789") == std::string::npos;
        if (pattern[i] == "{id}" ? !is_number : pattern[i][0] == '{' ? is_number : path[i] != pattern[i]) return false;
    }
    return true;
}

json::value const* answer_type(std::string_view method, std::string_view target, int status) {
    auto path = split(target.substr(0, target.find('?')), '/');
    if (!path.empty()) path.erase(path.begin());  // The version.
    for (auto const& [key, type] : schema().at("answers").as_object()) {
        auto const words = split({key.data(), key.size()}, ' ');
        if (words[0] == method && words[2] == std::to_string(status) && is_of_pattern(path, split(words[1], '/')))
            return &type;
    }
    return nullptr;
}

}  // namespace

std::vector<std::string> schema_problems(http::Request const& request, http::Response const& response) {
    auto const subject = request.method + " " + request.target + " " + std::to_string(response.status);
    static json::value const error_type = "error";
    auto const* type =
        response.status >= 400 ? &error_type : answer_type(request.method, request.target, response.status);
    if (!type) return {subject + " is not in the schema"};
    if (type->is_null()) {
        if (response.body.empty()) return {};
        return {subject + " has a body"};
    }
    json::error_code error;
    auto const body = json::parse(response.body, error);
    if (error) return {subject + " is no JSON: " + response.body.substr(0, 100)};
    Checker checker;
    checker.check(*type, body, subject + ": ");
    return checker.problems;
}

void record_answer(http::Request const& request, http::Response const& response) {
    auto const* path = std::getenv("RGRID_RECORD_ANSWERS");
    if (!path) return;
    json::object const line{
        {"method", request.method}, {"target", request.target}, {"status", response.status}, {"body", response.body}};
    std::ofstream{path, std::ios::app} << json::serialize(line) << '\n';
}

}  // namespace rgrid::hetzner_sim
