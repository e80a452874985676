#include "adapters/sqlite/mark.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <tuple>

namespace rgrid::sqlite {

namespace {

constexpr char const* mark_format = "rgrid-store-mark-1";

std::string mark_path(std::string const& store_path) { return store_path + "-mark"; }

}  // namespace

Mark current_mark(Connection& connection) {
    auto row = connection.ask("SELECT id, generation, change FROM store, pulse");
    if (!row.step()) throw SqliteFailure{SQLITE_CORRUPT, "the table store is empty"};
    return {StoreId{row.text(0)}, Generation{row.integer(1)}, row.integer(2)};
}

std::optional<Mark> read_mark(std::string const& store_path) {
    std::ifstream file{mark_path(store_path)};
    std::string format, end;
    Mark mark;
    // The last word tells a whole mark from one that was cut.
    if (!(file >> format >> mark.store.value >> mark.generation.value >> mark.change >> end)) return std::nullopt;
    if (format != mark_format || end != "end") return std::nullopt;
    return mark;
}

void write_mark(std::string const& store_path, Mark const& mark) {
    auto const path = mark_path(store_path);
    // Named as all drafts of a store are: what a crash leaves is found by who looks for them.
    auto made = store_path + ".new-mark-XXXXXX";
    int const descriptor = ::mkostemp(made.data(), O_CLOEXEC);
    if (descriptor < 0) return;
    auto const text = std::string{mark_format} + " " + mark.store.value + " " + std::to_string(mark.generation.value) +
                      " " + std::to_string(mark.change) + " end\n";
    bool const whole = ::write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    ::close(descriptor);
    if (!whole || ::rename(made.c_str(), path.c_str()) != 0) ::unlink(made.c_str());
}

std::optional<std::string> find_older(std::string const& store_path, Mark const& now) {
    auto const mark = read_mark(store_path);
    if (!mark || mark->store != now.store) return std::nullopt;
    if (std::tie(mark->generation, mark->change) <= std::tie(now.generation, now.change)) return std::nullopt;
    return "the store had come to generation " + std::to_string(mark->generation.value) + ", change " +
           std::to_string(mark->change) + ", and is now at generation " + std::to_string(now.generation.value) +
           ", change " + std::to_string(now.change) + ": an older copy was put in its place";
}

}  // namespace rgrid::sqlite
