#include "app/submission.hpp"

#include <glob.h>

#include <filesystem>
#include <rgrid/model/job_rules.hpp>
#include <system_error>

namespace rgrid::app {
namespace fs = std::filesystem;

std::string staged_path(std::string const& path) {
    auto const relative = fs::path{path}.lexically_normal().generic_string();
    return is_inner_path(relative) ? relative : fs::path{relative}.filename().string();
}

Result<std::vector<std::string>> script_command(ScriptTraits const& script, std::string const& runtime) {
    using Command = std::vector<std::string>;
    auto const ending = fs::path{script.staged}.extension().string();
    if (runtime.starts_with("python")) return Command{"python3", script.staged};
    if (runtime.starts_with("node")) return Command{"node", script.staged};
    if (ending == ".py") return Command{"python3", script.staged};
    if (ending == ".js" || ending == ".mjs") return Command{"node", script.staged};
    if (ending == ".sh") return Command{script.first_line.ends_with("bash") ? "bash" : "sh", script.staged};
    if (ending == ".bash") return Command{"bash", script.staged};
    if (script.executable || script.first_line.starts_with("#!")) return Command{"./" + script.staged};
    return fail(Errc::rejected, "cannot tell how to run '" + script.staged +
                                    "': expected a name that ends in .py, .js, .sh or .bash, an executable file, or a "
                                    "first line that begins with #!");
}

BatchFile batch_file(std::string const& path) {
    fs::path const name = fs::path{path}.filename();
    return {staged_path(path), name.string(), name.stem().string()};
}

std::string fill_in(std::string const& text, BatchFile const& file) {
    std::string result;
    for (std::size_t i = 0; i < text.size();) {
        auto const rest = std::string_view{text}.substr(i);
        auto const replace = [&](std::string_view sign, std::string const& with) {
            if (!rest.starts_with(sign)) return false;
            result += with;
            i += sign.size();
            return true;
        };
        if (replace("{}", file.staged) || replace("{name}", file.name) || replace("{stem}", file.stem)) continue;
        result += text[i++];
    }
    return result;
}

Result<std::pair<std::string, std::string>> parse_env(std::string const& text) {
    auto const sign = text.find('=');
    if (sign == std::string::npos || sign == 0)
        return fail(Errc::rejected, "environment variable '" + text + "' has no name and value; expected NAME=VALUE");
    return std::pair{text.substr(0, sign), text.substr(sign + 1)};
}

Result<std::vector<std::string>> glob_files(std::string const& pattern) {
    glob_t found{};
    int const problem = ::glob(pattern.c_str(), GLOB_BRACE | GLOB_TILDE, nullptr, &found);
    std::vector<std::string> files;
    for (std::size_t i = 0; problem == 0 && i < found.gl_pathc; ++i) {
        std::error_code ignored;
        if (fs::is_regular_file(found.gl_pathv[i], ignored)) files.emplace_back(found.gl_pathv[i]);
    }
    ::globfree(&found);
    if (files.empty())
        return fail(Errc::rejected,
                    "no file matches '" + pattern +
                        "'; expected at least one (quote the pattern so that the shell leaves it alone)");
    return files;
}

}  // namespace rgrid::app
