// Places from the environment, one line each: the store, the files and DATABASE_URL. Whatever they hold, the programs
// get absolute places or a problem that can be read.

#include <map>

#include "app/settings.hpp"
#include "app/store_url.hpp"
#include "expect.hpp"

namespace {

using namespace rgrid;

void is_absolute(std::string const& url) {
    expect(app::place_path(url).starts_with('/'), "a place that is accepted is absolute");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    auto text = as_text(data, size);
    std::map<std::string, std::string> variables;
    for (char const* name : {"RGRID_STORE_URL", "RGRID_FILES_URL", "DATABASE_URL"})
        if (auto const line = take_line(text); !line.empty()) variables[name] = line;

    app::SettingsSource const source{.config = std::nullopt, .home = "/nowhere/home"};
    auto const loaded = app::load_settings(source, [&](std::string const& name) -> std::optional<std::string> {
        auto const found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional{found->second};
    });
    expect(loaded.problems.empty() == config::to_text(loaded.problems).empty(), "every refusal says why");
    if (!loaded.problems.empty()) return 0;
    auto const& store = loaded.settings.store.url;
    if (!app::is_postgres(store))
        is_absolute(store);
    else
        expect(app::without_password(store).url == store, "an address that is shown holds no password");
    is_absolute(loaded.settings.files.url);
    return 0;
}
