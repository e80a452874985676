// A decision log: any file can be read or is refused with a sentence, and every snapshot that can be read gives a plan,
// the same one each time, with an explanation.

#include <sys/mman.h>
#include <unistd.h>

#include <rgrid/control/decision_log.hpp>
#include <rgrid/policy/explain.hpp>
#include <rgrid/policy/planner.hpp>

#include "json_mutator.hpp"
#include "round_trip.hpp"

namespace {

using namespace rgrid;

/// The text as a file that only this process sees.
class MemoryFile {
public:
    explicit MemoryFile(std::string_view text) : file_(::memfd_create("decisions", MFD_CLOEXEC)) {
        expect(::write(file_, text.data(), text.size()) == static_cast<ssize_t>(text.size()), "memory can be written");
    }
    ~MemoryFile() { ::close(file_); }
    MemoryFile(MemoryFile const&) = delete;
    MemoryFile& operator=(MemoryFile const&) = delete;

    [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(file_); }

private:
    int file_;
};

void replay(DecisionRecord const& record) {
    if (!record.params || !record.snapshot) return;
    Planner const planner{*record.params};
    auto const plan = planner.decide(*record.snapshot);
    for (auto const& line : explain(plan)) expect(!line.empty(), "an explanation says something");
    auto const text = config::to_json_text(plan);

    auto const snapshot = config::from_json_text<Snapshot>(config::to_json_text(*record.snapshot));
    expect(snapshot.has_value(), "a snapshot is written so that it can be read");
    expect(config::to_json_text(planner.decide(*snapshot)) == text, "the same snapshot gives the same plan");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    auto const text = as_text(data, size);
    MemoryFile const file{text};
    auto const records = read_decisions(file.path());
    if (!records) {
        expect(!records.error().message.empty(), "a refusal says why");
        return 0;
    }
    for (auto const& record : *records) {
        replay(record);
        if (record.plan)
            for (auto const& line : explain(*record.plan)) expect(!line.empty(), "an explanation says something");
    }
    return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
    return mutate_json(data, size, max_size, seed);
}
