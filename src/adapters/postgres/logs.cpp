#include "adapters/postgres/logs.hpp"

#include <algorithm>
#include <rgrid/ports/store_rules.hpp>

#include "adapters/postgres/impl.hpp"
#include "adapters/postgres/moves.hpp"

namespace rgrid::postgres {

namespace {

constexpr std::size_t page_limit = 1024 * 1024;

/// Where a job stands as far as its log is concerned.
struct Standing {
    LeaseEpoch epoch;
    bool running = false;
    bool final = false;
    WorkerId worker;  ///< While it runs.
};

/// The job is not swept until the transaction ends.
void keep_job(Transaction& transaction, JobId job) {
    static constexpr Statement keep{"keep_job", "SELECT 1 FROM rgrid.job WHERE id = $1 FOR KEY SHARE"};
    transaction.run(keep, job);
}

std::optional<Standing> find_standing(Transaction& transaction, JobId job) {
    static constexpr Statement read{
        "log_standing",
        "SELECT coalesce(l.epoch, r.epoch, s.epoch, f.epoch), l.job IS NOT NULL, f.job IS NOT NULL, l.worker "
        "FROM rgrid.job j LEFT JOIN rgrid.lease l ON l.job = j.id "
        "LEFT JOIN rgrid.kind k ON k.pool = j.pool AND k.rank = -j.priority::bigint AND k.slots = j.slots "
        "LEFT JOIN rgrid.ready r ON r.kind = k.id AND r.job = j.id "
        "LEFT JOIN rgrid.scheduled s ON s.job = j.id LEFT JOIN rgrid.result f ON f.job = j.id WHERE j.id = $1"};
    auto const rows = transaction.run(read, job);
    if (rows.empty()) return std::nullopt;
    auto const row = rows.front();
    return Standing{LeaseEpoch{row.integer(0)}, row.boolean(1), row.boolean(2), WorkerId{row.text(3)}};
}

/// Whether the chunk is there, or what comes after the end of what is kept.
bool is_settled(Transaction& transaction, LogChunk const& chunk) {
    static constexpr Statement read{
        "log_settled",
        "SELECT 1 FROM rgrid.log_cut WHERE job = $1 AND epoch = $2 UNION ALL "
        "SELECT 1 FROM rgrid.log WHERE job = $1 AND epoch = $2 AND number = $3"};
    return !transaction.run(read, chunk.job, chunk.epoch, chunk.number).empty();
}

/// Bytes kept of a job's log. Whoever asks is the only one who adds to it until the transaction ends.
std::int64_t lock_size(Transaction& transaction, JobId job) {
    static constexpr Statement begin{"log_begin",
                                     "INSERT INTO rgrid.log_size(job, bytes) VALUES($1, 0) ON CONFLICT DO NOTHING"};
    static constexpr Statement lock{"log_size", "SELECT bytes FROM rgrid.log_size WHERE job = $1 FOR NO KEY UPDATE"};
    auto rows = transaction.run(lock, job);
    if (rows.empty()) {
        transaction.run(begin, job);
        rows = transaction.run(lock, job);
    }
    if (rows.empty()) throw Restart{};
    return rows.front().integer(0);
}

}  // namespace

Result<> append_chunk(Transaction& transaction, WorkerId const& worker, LogChunk const& chunk, Bytes limit,
                      Generation generation) {
    static constexpr Statement add{
        "log_add",
        "WITH sized AS (UPDATE rgrid.log_size SET bytes = bytes + $5 WHERE job = $1) "
        "INSERT INTO rgrid.log(job, epoch, number, text) VALUES($1, $2, $3, $4)"};
    static constexpr Statement cut{"log_cut", "INSERT INTO rgrid.log_cut(job, epoch) VALUES($1, $2)"};
    keep_job(transaction, chunk.job);
    auto const standing = find_standing(transaction, chunk.job);
    auto const evidence =
        standing ? evidence_of_attempt(worker, chunk.job, chunk.epoch, standing->epoch, standing->worker, generation)
                 : evidence_of_job(worker, chunk.job, chunk.epoch, last_job(transaction), generation);
    if (evidence) throw WentBack{{*evidence, generation}};
    if (auto const checked = check_chunk(chunk, standing ? std::optional{standing->epoch} : std::nullopt); !checked)
        return checked;
    auto const kept = lock_size(transaction, chunk.job);
    if (is_settled(transaction, chunk)) return {};

    auto const room = static_cast<std::size_t>(std::max<std::int64_t>(0, limit.count - kept));
    auto text = chunk.text.substr(0, room);
    auto const size = static_cast<std::int64_t>(text.size());
    if (text.size() < chunk.text.size()) {
        transaction.run(cut, chunk.job, chunk.epoch);
        text += cut_marker(limit);
    }
    transaction.run(add, chunk.job, chunk.epoch, chunk.number, Blob{text}, size);
    return {};
}

Result<LogPage> read_chunks(Transaction& transaction, JobId job, LeaseEpoch epoch, std::int64_t from) {
    // One chunk more than fits, if there is one: so the page knows that it is not the last.
    static constexpr Statement read{
        "log_read",
        "SELECT number, text FROM (SELECT number, text, sum(length(text)) OVER (ORDER BY number) - length(text) AS before "
        "FROM rgrid.log WHERE job = $1 AND epoch = $2 AND number >= $3) l WHERE before <= $4 ORDER BY number"};
    auto const standing = find_standing(transaction, job);
    if (!standing)
        return no_such_job(job);
    LogPage page;
    page.epoch = epoch == LeaseEpoch{} ? standing->epoch : epoch;
    page.next = from;
    auto const never_ran = page.epoch == LeaseEpoch{};
    page.complete = never_ran ? standing->final : page.epoch != standing->epoch || !standing->running;
    for (auto const& row : transaction.run(read, job, page.epoch, from, std::int64_t{page_limit})) {
        auto const text = row.bytes(1);
        if (!page.text.empty() && page.text.size() + text.size() > page_limit) {
            page.complete = false;
            break;
        }
        page.text += text;
        page.next = row.integer(0) + 1;
    }
    return page;
}

}  // namespace rgrid::postgres
