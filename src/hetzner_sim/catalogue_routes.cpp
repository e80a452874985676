#include <algorithm>

#include "hetzner_sim/catalogue_json.hpp"
#include "hetzner_sim/paging.hpp"
#include "hetzner_sim/pricing.hpp"
#include "hetzner_sim/resources.hpp"
#include "hetzner_sim/routes.hpp"

namespace rgrid::hetzner_sim {

namespace {

/// Orders by the `sort` of a request as far as it names id or name.
template <class T>
void sort_catalogue(ApiRequest const& request, std::vector<T const*>& all) {
    auto const orders = request.all("sort");
    for (auto order = orders.rbegin(); order != orders.rend(); ++order) {
        bool const by_id = order->starts_with("id"), down = order->ends_with(":desc");
        if (!by_id && !order->starts_with("name")) continue;
        std::stable_sort(all.begin(), all.end(), [&](T const* a, T const* b) {
            if (down) std::swap(a, b);
            return by_id ? a->id < b->id : a->name < b->name;
        });
    }
}

template <class T, class Show, class Shown>
Reply list_catalogue(Context const& context, std::string_view plural, std::vector<T> const& all, Show const& show,
                     Shown const& is_shown) {
    auto const name = context.request.first("name");
    std::vector<T const*> found;
    for (auto const& one : all)
        if ((!name || one.name == *name) && is_shown(one)) found.push_back(&one);
    sort_catalogue(context.request, found);
    auto const page = page_of(context.request);
    json::array items;
    for (auto i = (page.number - 1) * page.size; i < std::min<std::int64_t>(page.number * page.size, std::ssize(found));
         ++i)
        items.push_back(show(*found[static_cast<std::size_t>(i)]));
    return page_reply(context.request, page, plural, std::move(items), std::ssize(found));
}

/// The one whose id is in the path.
template <class T>
T const& needed_in_catalogue(Context const& context, std::vector<T> const& all, std::string_view what) {
    auto const id = context.request.id(what);
    auto const found = std::find_if(all.begin(), all.end(), [&](T const& one) { return one.id == id; });
    if (found == all.end()) refuse_missing(what, context.request.parts.at(0));
    return *found;
}

constexpr auto shows_all = [](auto const&) { return true; };

Catalogue const& catalogue_of(Context const& context) {
    return context.state.settings.catalogue;
}

Reply list_server_types(Context& context) {
    return list_catalogue(
        context, "server_types", catalogue_of(context).types,
        [&](ServerType const& type) { return show_server_type(context.state, type); }, shows_all);
}

Reply get_server_type(Context& context) {
    auto const& type = needed_in_catalogue(context, catalogue_of(context).types, "server_type");
    return record_reply("server_type", show_server_type(context.state, type));
}

Reply list_locations(Context& context) {
    return list_catalogue(context, "locations", catalogue_of(context).locations, show_location, shows_all);
}

Reply get_location(Context& context) {
    return record_reply("location",
                        show_location(needed_in_catalogue(context, catalogue_of(context).locations, "location")));
}

/// Whether a value is among those that the query asks for, or it asks for none.
bool is_asked_for(ApiRequest const& request, std::string_view name, std::string_view value) {
    auto const values = request.all(name);
    return values.empty() || std::find(values.begin(), values.end(), value) != values.end();
}

Reply list_images(Context& context) {
    auto const& request = context.request;
    auto const wanted = request.first("include_deprecated").value_or("false");
    bool const with_deprecated = wanted == "true" || wanted == "True" || wanted == "1";
    auto const labels = Filter::of(request).labels;
    bool const bound = request.first("bound_to").has_value();
    return list_catalogue(context, "images", catalogue_of(context).images, show_image, [&](Image const& image) {
        return !bound && (with_deprecated || !image.deprecation) && labels.matches({}) &&
               is_asked_for(request, "type", image.type) && is_asked_for(request, "status", "available") &&
               is_asked_for(request, "architecture", image.architecture);
    });
}

Reply get_image(Context& context) {
    return record_reply("image", show_image(needed_in_catalogue(context, catalogue_of(context).images, "image")));
}

void need_datacenters(Context const& context) {
    if (context.state.settings.legacy_datacenter) return;
    json::object details;
    details["announcement"] = "https://docs.hetzner.cloud/changelog#2026-06-02-datacenters-deprecated";
    throw Refusal{410, "deprecated_api_endpoint", "this API endpoint is deprecated and was removed",
                  std::move(details)};
}

Reply list_datacenters(Context& context) {
    need_datacenters(context);
    auto const& locations = catalogue_of(context).locations;
    auto const name = context.request.first("name");
    std::vector<Location const*> found;
    for (auto const& location : locations)
        if (!name || location.datacenter == *name) found.push_back(&location);
    json::array items;
    for (auto const* location : found) items.push_back(show_datacenter(context.state, *location));
    auto reply = page_reply(context.request, {1, 50}, "datacenters", std::move(items), std::ssize(found));
    reply.body.as_object()["recommendation"] = locations.front().datacenter_id;
    return reply;
}

Reply get_datacenter(Context& context) {
    need_datacenters(context);
    auto const id = context.request.id("datacenter");
    for (auto const& location : catalogue_of(context).locations)
        if (location.datacenter_id == id) return record_reply("datacenter", show_datacenter(context.state, location));
    refuse_missing("datacenter", context.request.parts.at(0));
}

void add_location_routes(Routes& routes) {
    routes.add("GET", "/locations", list_locations);
    routes.add("GET", "/locations/{id}", get_location);
    routes.add("GET", "/datacenters", list_datacenters);
    routes.add("GET", "/datacenters/{id}", get_datacenter);
}

}  // namespace

void add_catalogue_routes(Routes& routes) {
    routes.add("GET", "/server_types", list_server_types);
    routes.add("GET", "/server_types/{id}", get_server_type);
    routes.add("GET", "/images", list_images);
    routes.add("GET", "/images/{id}", get_image);
    add_location_routes(routes);
    add_pricing_routes(routes);
}

}  // namespace rgrid::hetzner_sim
