#pragma once

#include <algorithm>
#include <boost/json/array.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hetzner_sim/context.hpp"

namespace rgrid::hetzner_sim {

struct Page {
    std::int64_t number = 1;
    std::int64_t size = 25;
};

/// Which page is asked for. More than 50 on a page are 50; what is no page is refused with 422.
[[nodiscard]] Page page_of(ApiRequest const& request);

/// An answer with one page: the items under `plural`, `meta` and the header Link.
[[nodiscard]] Reply page_reply(ApiRequest const& request, Page const& page, std::string_view plural, json::array items,
                               std::int64_t total);

/// What a listing of resources can be asked to show: `name` and `label_selector`.
struct Filter {
    std::optional<std::string> name;
    Selector labels;

    /// Refused with 422 if the selector is none.
    static Filter of(ApiRequest const& request);
    [[nodiscard]] bool shows(Resource const& resource) const {
        return (!name || resource.name == *name) && labels.matches(resource.labels);
    }
};

/// Orders by the `sort` of a request as far as it names id, name or created; anything else is passed over.
void sort_as_asked(ApiRequest const& request, std::vector<Resource const*>& resources);

/// Answers with a page of what is in a map by number. `show` makes JSON of one; `also` says whether one is shown that
/// passes name and selector.
template <class Record, class Show, class Also>
[[nodiscard]] Reply list_reply(ApiRequest const& request, std::string_view plural,
                               std::map<std::int64_t, Record> const& records, Show const& show, Also const& also) {
    auto const page = page_of(request);
    auto const filter = Filter::of(request);
    std::vector<Resource const*> found;
    for (auto const& [id, record] : records)
        if (filter.shows(record) && also(record)) found.push_back(&record);
    sort_as_asked(request, found);
    json::array items;
    for (auto i = (page.number - 1) * page.size; i < std::min<std::int64_t>(page.number * page.size, std::ssize(found));
         ++i)
        items.push_back(show(static_cast<Record const&>(*found[static_cast<std::size_t>(i)])));
    return page_reply(request, page, plural, std::move(items), std::ssize(found));
}

template <class Record, class Show>
[[nodiscard]] Reply list_reply(ApiRequest const& request, std::string_view plural,
                               std::map<std::int64_t, Record> const& records, Show const& show) {
    return list_reply(request, plural, records, show, [](Record const&) { return true; });
}

}  // namespace rgrid::hetzner_sim
