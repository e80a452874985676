#include <iostream>
#include <rgrid/config/reference.hpp>
#include <rgrid/config/toml.hpp>

#include "commands.hpp"
#include "output.hpp"

namespace rgrid::cli {

/// One problem in `rgrid config check --json`.
struct ConfigProblem {
    std::string path;
    std::string found;
    std::string expected;
    std::string hint;
};
BOOST_DESCRIBE_STRUCT(ConfigProblem, (), (path, found, expected, hint))

namespace {

int check_config(Context& context) {
    auto const loaded = app::load_settings(context.options.source, app::process_environment());
    auto const what =
        loaded.file ? "'" + *loaded.file + "'" : std::string{"the built-in configuration (no file was found)"};
    if (context.options.json) {
        std::vector<ConfigProblem> problems;
        for (auto const& problem : loaded.problems)
            problems.push_back({problem.path, problem.found, problem.expected, problem.hint});
        print_json(problems);
    } else if (loaded.problems.empty()) {
        std::cout << "OK: " << what << "\n";
    } else {
        std::cerr << what << " cannot be used:\n  " << config::to_text(loaded.problems, "\n  ") << "\n";
    }
    return loaded.problems.empty() ? exit_done : exit_wrong_use;
}

int show_config(Context& context) {
    auto const& loaded = context.loaded();
    if (context.options.json) {
        print_json(loaded.settings);
        return exit_done;
    }
    std::cout << "# Effective settings, from " << loaded.file.value_or("the built-in defaults") << "; home folder "
              << loaded.home << "\n"
              << config::to_toml(loaded.settings) << std::flush;
    return exit_done;
}

int print_reference(Context&) {
    std::cout << config::settings_reference<app::Settings>() << std::flush;
    return exit_done;
}

}  // namespace

void add_config(Commands const& commands) {
    auto* config = commands.add("config", "Checks, shows or explains the configuration", show_config);
    config->require_subcommand(1);
    commands.add_to(*config, "check", "Checks the configuration file and names everything that is wrong", check_config);
    commands.add_to(*config, "show", "Prints every setting with its value; secrets as ***", show_config);
    commands.add_to(*config, "reference", "Prints all settings with defaults, ranges and help, as Markdown",
                    print_reference);
}

}  // namespace rgrid::cli
