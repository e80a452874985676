// A trace: any text, compressed or not, is read or refused with a sentence, the same one whichever way it is read, and
// what is read can be replayed.

#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include <rgrid/base/text.hpp>
#include <rgrid/sim/replay.hpp>
#include <rgrid/sim/trace.hpp>

#include "expect.hpp"

namespace {

using namespace rgrid;

/// A file that only this process sees.
class MemoryFile {
public:
    MemoryFile() : file_(::memfd_create("trace", MFD_CLOEXEC)) {}
    ~MemoryFile() { ::close(file_); }
    MemoryFile(MemoryFile const&) = delete;
    MemoryFile& operator=(MemoryFile const&) = delete;

    [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(file_); }

    void write(std::string_view text) const {
        expect(::write(file_, text.data(), text.size()) == static_cast<ssize_t>(text.size()), "memory can be written");
    }

    void compress(std::string_view text) const {
        auto* const file = gzopen(path().c_str(), "wb1");
        expect(file != nullptr, "memory can be opened");
        if (!text.empty()) gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
        expect(gzclose(file) == Z_OK, "memory can be written");
    }

private:
    int file_;
};

void check(Result<std::vector<sim::Arrival>> const& read) {
    if (!read) {
        expect(!read.error().message.empty() && is_utf8(read.error().message), "a refusal says why, as text");
        return;
    }
    expect(!read->empty(), "a trace has jobs");
    for (auto const& job : *read) {
        expect(job.at >= Duration{0} && job.runs >= Duration{0} && job.slots >= 1, "a job makes sense");
        expect(is_utf8(job.job_class), "a class is text");
    }
}

void expect_same(Result<std::vector<sim::Arrival>> const& a, Result<std::vector<sim::Arrival>> const& b) {
    expect(a.has_value() == b.has_value(), "what is accepted one way is accepted the other way");
    if (a) expect(*a == *b, "a trace is the same whichever way it is read");
    else expect(a.error().message == b.error().message, "a refusal is the same whichever way the trace is read");
}

/// Only a few jobs of a few days: a trace of years takes longer than a fuzzer has.
void replay(std::vector<sim::Arrival> const& jobs) {
    if (jobs.size() > 20 || jobs.back().at > 24h || jobs.front().runs > 24h) return;
    PlannerParams params;
    auto& pool = params.pools[PoolName{"default"}];
    pool.scaling.min_queued = 1;
    for (auto const& job : jobs)
        if (job.runs > 24h) return;
    auto const report = sim::replay(params, {{{"small", "here"}, Money{1}, 1h, {}}}, jobs);
    expect(report.has_value(), "what can be read can be replayed");
    expect(report->jobs + report->not_run == static_cast<std::int64_t>(jobs.size()), "every job is accounted for");
    expect(report->used_share >= 0 && report->used_share <= 1, "no more is used than was paid");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    auto const text = as_text(data, size);
    MemoryFile const plain;
    plain.write(text);
    auto const read = sim::read_trace(plain.path());
    check(read);

    auto const parsed = sim::parse_trace(text, plain.path());
    check(parsed);
    if (!text.starts_with("\x1f\x8b") && text != "\x1f") expect_same(read, parsed);

    MemoryFile const compressed;
    compressed.compress(text);
    expect_same(sim::read_trace(compressed.path()), sim::parse_trace(text, compressed.path()));
    if (parsed) replay(*parsed);
    return 0;
}
