// A configuration file: any text gives settings that can be used or problems that can be read, in TOML and in JSON.

#include <rgrid/config/json.hpp>
#include <rgrid/config/toml.hpp>

#include "app/settings.hpp"
#include "expect.hpp"

namespace {

using namespace rgrid;

config::Environment const no_environment = [](std::string const&) -> std::optional<std::string> {
    return std::nullopt;
};

/// @return Whether the document is a configuration without a mistake.
bool read_settings(boost::json::value const& document, app::Settings& settings) {
    config::Problems problems;
    bool const good =
        config::read(document, settings, problems, {}, {.environment = &no_environment, .folder = "/nowhere"});
    expect(good == problems.empty(), "settings are refused exactly if there is a problem");
    expect(good == config::to_text(problems).empty(), "every refusal says why");
    return good;
}

void from_toml(std::string_view text) {
    config::Problems mistakes;
    auto const document = config::read_toml(text, "rgrid.toml", mistakes);
    expect(document.is_object(), "a TOML document is a table");
    expect(mistakes.empty() || document.get_object().empty(), "a document with a mistake is not half read");
    app::Settings settings, again;
    if (!mistakes.empty() || !read_settings(document, settings)) return;

    auto const written = config::to_toml(settings);
    auto const reread = config::read_toml(written, "rgrid.toml", mistakes);
    expect(mistakes.empty() && read_settings(reread, again), "settings are written so that they can be read");
    expect(again == settings, "settings are written without a loss");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    auto const text = as_text(data, size);
    from_toml(text);
    app::Settings settings;
    if (auto const json = config::parse_json(text)) read_settings(*json, settings);
    return 0;
}
