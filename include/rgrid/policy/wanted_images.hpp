#pragma once

#include <algorithm>
#include <rgrid/model/demand.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace rgrid {

/// The container image of a job's runtime; empty if it needs none. "python:3.11" and "node:20" are the small images of
/// those names; whatever names a repository, a tag of its own or a digest is an image as it stands.
[[nodiscard]] inline std::string image_of(std::string_view runtime) {
    auto const colon = runtime.find(':');
    if (colon == std::string_view::npos) return "";
    auto const language = runtime.substr(0, colon);
    auto const version = runtime.substr(colon + 1);
    bool const short_form = (language == "python" || language == "node") && !version.empty() &&
                            version.find_first_not_of("0123456789.") == std::string_view::npos;
    return std::string{runtime} + (short_form ? "-slim" : "");
}

/// The images that a new server of a pool fetches, in this order: those of the jobs that have waited longest, then the
/// pool's own. None comes twice.
[[nodiscard]] inline std::vector<std::string> wanted_images(Demand const* demand, PoolName const& pool,
                                                            std::vector<std::string> const& own) {
    std::vector<std::string> images;
    auto const add = [&](std::string image) {
        if (!image.empty() && std::find(images.begin(), images.end(), image) == images.end())
            images.push_back(std::move(image));
    };
    if (demand != nullptr)
        for (auto const& job : demand->oldest)
            if (job.pool == pool) add(image_of(job.runtime));
    for (auto const& image : own) add(image);
    return images;
}

}  // namespace rgrid
