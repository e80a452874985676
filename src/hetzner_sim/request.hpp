#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hetzner_sim/errors.hpp"
#include "hetzner_sim/labels.hpp"

namespace rgrid::hetzner_sim {

/// Something named by its number or by its name, as clients do it: 42, "42" and "cx23".
struct Reference {
    std::optional<std::int64_t> id;
    std::string name;  ///< What was given, as text, whatever it is.

    static Reference of(std::string_view text);

    /// Whether something of that number and name is meant. A name wins over a number written as text.
    [[nodiscard]] bool means(std::int64_t other_id, std::string_view other_name) const {
        return name == other_name || id == other_id;
    }
};

/// The members of a JSON object that a client sent. Members of the wrong type are refused with 422 and their name;
/// `null` is as good as absent; members that nobody asks for are passed over.
class Members {
public:
    /// `path` is what the object is called in refusals, such as "public_net"; empty for the whole body.
    explicit Members(json::object const& object, std::string path = {}) : object_(&object), path_(std::move(path)) {}

    [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
    /// Whether the member is there at all, if only as null.
    [[nodiscard]] bool mentions(std::string_view name) const { return object_->contains(name); }

    [[nodiscard]] std::optional<std::string> text(std::string_view name) const;
    [[nodiscard]] std::optional<bool> flag(std::string_view name) const;
    [[nodiscard]] std::optional<std::int64_t> number(std::string_view name) const;
    [[nodiscard]] std::optional<Reference> reference(std::string_view name) const;
    [[nodiscard]] std::vector<std::int64_t> numbers(std::string_view name) const;
    [[nodiscard]] std::vector<std::string> texts(std::string_view name) const;
    [[nodiscard]] std::vector<Reference> references(std::string_view name) const;
    [[nodiscard]] std::vector<Members> objects(std::string_view name) const;
    [[nodiscard]] std::optional<Members> object(std::string_view name) const;
    /// With labels that cannot be any refused.
    [[nodiscard]] std::optional<Labels> labels(std::string_view name = "labels") const;

    [[nodiscard]] std::string needed_text(std::string_view name) const;  ///< Not empty.
    [[nodiscard]] Reference needed_reference(std::string_view name) const;
    [[nodiscard]] std::int64_t needed_number(std::string_view name) const;

    [[noreturn]] void refuse(std::string_view name, std::string_view message) const;

private:
    [[nodiscard]] json::value const* find(std::string_view name) const;
    [[nodiscard]] json::array const* array(std::string_view name) const;
    [[nodiscard]] std::string path_of(std::string_view name) const;

    json::object const* object_;
    std::string path_;
};

/// A call of the API in its parts, decoded.
struct ApiRequest {
    std::string method;
    std::vector<std::string> path;                           ///< "/v1/servers/42" is {"v1", "servers", "42"}.
    std::vector<std::pair<std::string, std::string>> query;  ///< In their order; names may repeat.
    json::object body;                                       ///< Empty without one.
    std::vector<std::string> parts;                          ///< Of the path, what the route's {..} stand for.

    [[nodiscard]] std::optional<std::string> first(std::string_view name) const;
    [[nodiscard]] std::vector<std::string> all(std::string_view name) const;  ///< Of a name that repeats.
    [[nodiscard]] Members members() const { return Members{body}; }
    /// The number in the path. One that is none means nothing that exists: refused with 404.
    [[nodiscard]] std::int64_t id(std::string_view what, std::size_t part = 0) const;
};

/// Method, path and query; nothing if it is no target of a request.
[[nodiscard]] std::optional<ApiRequest> parse_request(std::string_view method, std::string_view target);

/// Reads the body. Refused with 400 `json_error` if it is no JSON, 422 if it is something else than an object.
[[nodiscard]] json::object parse_body(std::string_view text);

[[nodiscard]] std::optional<std::int64_t> parse_number(std::string_view text);
/// Of a query: everything but letters, digits and "-._~" as "%..".
[[nodiscard]] std::string percent_encoded(std::string_view text);

}  // namespace rgrid::hetzner_sim
