// Globs of output files, two lines: glob and path. The matcher agrees with the definition, spelled out without care for
// speed, and what it calls inner stays inside.

#include <map>
#include <rgrid/model/job_rules.hpp>
#include <rgrid/worker/glob.hpp>
#include <string>
#include <vector>

#include "expect.hpp"

namespace {

using Parts = std::vector<std::string_view>;

Parts parts_of(std::string_view path) {
    Parts parts;
    for (std::size_t begin = 0; begin <= path.size();) {
        auto const end = std::min(path.find('/', begin), path.size());
        auto const part = path.substr(begin, end - begin);
        if (!part.empty() && part != ".") parts.push_back(part);
        begin = end + 1;
    }
    return parts;
}

bool part_matches(std::string_view glob, std::string_view name) {
    std::vector<std::vector<bool>> table(glob.size() + 1, std::vector<bool>(name.size() + 1));
    for (std::size_t g = glob.size() + 1; g-- > 0;)
        for (std::size_t n = name.size() + 1; n-- > 0;) {
            bool const more = n < name.size();
            if (g == glob.size()) table[g][n] = !more;
            else if (glob[g] == '*') table[g][n] = table[g + 1][n] || (more && table[g][n + 1]);
            else table[g][n] = more && (glob[g] == '?' || glob[g] == name[n]) && table[g + 1][n + 1];
        }
    return table[0][0];
}

bool matches(Parts const& glob, Parts const& path) {
    std::vector<std::vector<bool>> table(glob.size() + 1, std::vector<bool>(path.size() + 1));
    for (std::size_t g = glob.size() + 1; g-- > 0;)
        for (std::size_t p = path.size() + 1; p-- > 0;) {
            bool const more = p < path.size();
            if (g == glob.size()) table[g][p] = !more;
            else if (glob[g] == "**") table[g][p] = table[g + 1][p] || (more && table[g][p + 1]);
            else table[g][p] = more && part_matches(glob[g], path[p]) && table[g + 1][p + 1];
        }
    return table[0][0];
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    auto path = as_text(data, size);
    auto const glob = take_line(path);
    expect(rgrid::glob_matches(glob, path) == matches(parts_of(glob), parts_of(path)),
           "a glob matches what it is defined to match");
    if (rgrid::is_inner_path(path)) {
        expect(rgrid::stays_below(path), "an inner path stays below its folder");
        expect(rgrid::glob_matches("**", path), "two stars match every inner path");
    }
    return 0;
}
