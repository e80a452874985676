#include "adapters/sqlite/logs.hpp"

#include <algorithm>
#include <rgrid/ports/store_rules.hpp>

#include "adapters/sqlite/moves.hpp"

namespace rgrid::sqlite {

namespace {

constexpr std::size_t page_limit = 1024 * 1024;

/// Where a job stands as far as its log is concerned.
struct Standing {
    LeaseEpoch epoch;
    bool running = false;
    bool final = false;
    WorkerId worker;  ///< While it runs.
};

std::optional<Standing> find_standing(Connection& db, JobId job) {
    auto row = db.ask(
        "SELECT coalesce(l.epoch, r.epoch, s.epoch, f.epoch), l.job IS NOT NULL, f.job IS NOT NULL, l.worker "
        "FROM job j "
        "LEFT JOIN lease l ON l.job = j.id "
        "LEFT JOIN ready r ON r.pool = j.pool AND r.rank = -j.priority AND r.slots = j.slots AND r.job = j.id "
        "LEFT JOIN scheduled s ON s.job = j.id LEFT JOIN result f ON f.job = j.id WHERE j.id = ?",
        job);
    if (!row.step()) return std::nullopt;
    return Standing{LeaseEpoch{row.integer(0)}, row.integer(1) != 0, row.integer(2) != 0, WorkerId{row.text(3)}};
}

}  // namespace

Result<> append_chunk(Transaction& transaction, WorkerId const& worker, LogChunk const& chunk, Bytes limit,
                      Generation generation) {
    auto& db = transaction.db;
    auto const standing = find_standing(db, chunk.job);
    transaction.evidence = standing ? evidence_of_attempt(worker, chunk.job, chunk.epoch, standing->epoch,
                                                          standing->worker, generation)
                                    : evidence_of_job(worker, chunk.job, chunk.epoch, last_job(db), generation);
    if (transaction.evidence) return stands_still(*transaction.evidence);
    if (auto const checked = check_chunk(chunk, standing ? std::optional{standing->epoch} : std::nullopt); !checked)
        return checked;
    if (db.number("SELECT 1 FROM log_cut WHERE job = ? AND epoch = ?", chunk.job, chunk.epoch)) return {};
    if (db.number("SELECT 1 FROM log WHERE job = ? AND epoch = ? AND number = ?", chunk.job, chunk.epoch, chunk.number))
        return {};

    auto const kept = db.number("SELECT bytes FROM log_size WHERE job = ?", chunk.job).value_or(0);
    auto const room = static_cast<std::size_t>(std::max<std::int64_t>(0, limit.count - kept));
    auto text = chunk.text.substr(0, room);
    db.run("INSERT INTO log_size(job, bytes) VALUES(?, ?) ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes",
           chunk.job, static_cast<std::int64_t>(text.size()));
    if (text.size() < chunk.text.size()) {
        db.run("INSERT INTO log_cut(job, epoch) VALUES(?, ?)", chunk.job, chunk.epoch);
        text += cut_marker(limit);
    }
    db.run("INSERT INTO log(job, epoch, number, text) VALUES(?, ?, ?, ?)", chunk.job, chunk.epoch, chunk.number,
           Blob{text});
    return {};
}

Result<LogPage> read_chunks(Connection& db, JobId job, LeaseEpoch epoch, std::int64_t from) {
    auto const standing = find_standing(db, job);
    if (!standing)
        return no_such_job(job);
    LogPage page;
    page.epoch = epoch == LeaseEpoch{} ? standing->epoch : epoch;
    page.next = from;
    auto const never_ran = page.epoch == LeaseEpoch{};
    page.complete = never_ran ? standing->final : page.epoch != standing->epoch || !standing->running;
    auto row = db.ask("SELECT number, text FROM log WHERE job = ? AND epoch = ? AND number >= ? ORDER BY number", job,
                      page.epoch, from);
    while (row.step()) {
        auto const text = row.text(1);
        if (!page.text.empty() && page.text.size() + text.size() > page_limit) {
            page.complete = false;
            break;
        }
        page.text += text;
        page.next = row.integer(0) + 1;
    }
    return page;
}

}  // namespace rgrid::sqlite
