#include "hetzner_sim/paging.hpp"

#include <utility>

namespace rgrid::hetzner_sim {

namespace {

constexpr std::int64_t largest_page = 50;

std::int64_t count_of(ApiRequest const& request, std::string_view name, std::int64_t otherwise) {
    auto const text = request.first(name);
    if (!text) return otherwise;
    auto const number = parse_number(*text);
    if (!number || *number < 1 || *number > 1'000'000'000) refuse_field(name, "Not a valid page.");
    return *number;
}

/// The same request for another page, for the header Link.
std::string link_to(ApiRequest const& request, std::int64_t page, std::int64_t size, char const* relation) {
    std::string link = "<https://api.hetzner.cloud";
    for (auto const& part : request.path) (link += '/') += percent_encoded(part);
    link += "?page=" + std::to_string(page) + "&per_page=" + std::to_string(size);
    for (auto const& [name, value] : request.query)
        if (name != "page" && name != "per_page") link += "&" + percent_encoded(name) + "=" + percent_encoded(value);
    return link + ">; rel=" + relation;
}

json::value number_or_null(std::int64_t number, bool there) {
    return there ? json::value(number) : json::value(nullptr);
}

}  // namespace

Page page_of(ApiRequest const& request) {
    return {count_of(request, "page", 1), std::min(count_of(request, "per_page", 25), largest_page)};
}

Reply page_reply(ApiRequest const& request, Page const& page, std::string_view plural, json::array items,
                 std::int64_t total) {
    auto const last = std::max<std::int64_t>(1, (total + page.size - 1) / page.size);
    json::object pagination;
    pagination["page"] = page.number;
    pagination["per_page"] = page.size;
    pagination["previous_page"] = number_or_null(page.number - 1, page.number > 1);
    pagination["next_page"] = number_or_null(page.number + 1, page.number < last);
    pagination["last_page"] = last;
    pagination["total_entries"] = total;
    json::object body;
    body[plural] = std::move(items);
    json::object meta;
    meta["pagination"] = std::move(pagination);
    body["meta"] = std::move(meta);
    auto links = link_to(request, last, page.size, "last");
    if (page.number > 1) links += ", " + link_to(request, page.number - 1, page.size, "prev");
    if (page.number < last) links += ", " + link_to(request, page.number + 1, page.size, "next");
    return {200, std::move(body), {{"Link", std::move(links)}}};
}

Filter Filter::of(ApiRequest const& request) {
    auto labels = Selector::parse(request.first("label_selector").value_or(""));
    if (!labels) refuse_field("label_selector", "Not a valid label selector.");
    return {request.first("name"), std::move(*labels)};
}

void sort_as_asked(ApiRequest const& request, std::vector<Resource const*>& resources) {
    auto const orders = request.all("sort");
    for (auto order = orders.rbegin(); order != orders.rend(); ++order) {
        auto const key = order->substr(0, order->find(':'));
        auto const less = [&key](Resource const* a, Resource const* b) {
            if (key == "name") return a->name < b->name;
            if (key == "created") return a->created < b->created;
            return key == "id" && a->id < b->id;
        };
        if (order->ends_with(":desc"))
            std::ranges::stable_sort(resources, [&](auto const* a, auto const* b) { return less(b, a); });
        else
            std::ranges::stable_sort(resources, less);
    }
}

}  // namespace rgrid::hetzner_sim
