#include <algorithm>
#include <rgrid/hetzner_sim/catalogue.hpp>

namespace rgrid::hetzner_sim {

namespace {

template <class T>
bool is_meant(T const& one, std::string_view reference) {
    return one.name == reference || std::to_string(one.id) == reference;
}

template <class T>
T const* find_in(std::vector<T> const& all, std::string_view reference) {
    auto const found = std::find_if(all.begin(), all.end(), [&](T const& one) { return is_meant(one, reference); });
    return found == all.end() ? nullptr : &*found;
}

}  // namespace

TypeAtLocation const* ServerType::at(std::string_view location) const {
    auto const found =
        std::find_if(locations.begin(), locations.end(), [&](auto const& one) { return one.location == location; });
    return found == locations.end() ? nullptr : &*found;
}

Location const* Catalogue::location(std::string_view reference) const {
    return find_in(locations, reference);
}

ServerType const* Catalogue::type(std::string_view reference) const {
    return find_in(types, reference);
}

Image const* Catalogue::image(std::string_view reference, std::string_view architecture) const {
    for (auto const& image : images)
        if (std::to_string(image.id) == reference || (image.name == reference && image.architecture == architecture))
            return &image;
    return nullptr;
}

}  // namespace rgrid::hetzner_sim
