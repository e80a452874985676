#include "adapters/postgres/bulk_submit.hpp"

#include <map>
#include <rgrid/config/brief_text.hpp>
#include <string>
#include <string_view>
#include <tuple>

#include "adapters/postgres/copy_text.hpp"

namespace rgrid::postgres {

namespace {

enum class End {
    accepted,
    kind_is_missing,
    key_is_known,
};

struct KindOfJobs {
    int id = 0;
    std::int64_t jobs = 0;
};

class Bulk {
public:
    explicit Bulk(std::vector<JobSpec const*> const& jobs) : jobs_(jobs) {
        for (auto const* job : jobs) {
            bool const waits = job->delay > Duration{0};
            scheduled_ += waits ? 1 : 0;
            kind_of_.push_back(waits ? nullptr : &kinds_[{job->pool.value, job->priority, job->slots}]);
            if (!waits) ++kind_of_.back()->jobs;
        }
    }

    End submit(Transaction& transaction) {
        // What an adoption and those who forget kinds wait for, before numbers are taken and kinds are looked up.
        transaction.script("LOCK TABLE rgrid.job, rgrid.ready IN ROW EXCLUSIVE MODE");
        if (!find_kinds(transaction)) return End::kind_is_missing;
        if (!put_in_order(transaction)) return End::key_is_known;
        take_numbers(transaction);
        write_jobs(transaction);
        write_places(transaction);
        count(transaction);
        return End::accepted;
    }

    /// Apart from the jobs: whoever else needs a new kind would wait for their transaction.
    Result<> make_kinds(Client& client, Call const& call) const {
        static constexpr Statement make{
            "make_kinds",
            "SELECT rgrid.kind_of(i.pool, -i.priority::bigint, i.slots) FROM (SELECT * FROM "
            "unnest($1::text[], $2::int[], $3::int[]) AS i(pool, priority, slots) ORDER BY pool, priority, slots OFFSET 0) i"};
        auto const columns = kind_columns();
        // It can be done twice, so a lost answer leaves no doubt.
        auto const made = client.run(call, Effect::reads, make, columns.pools, columns.priorities, columns.slots);
        if (!made) return made.error();
        return {};
    }

    [[nodiscard]] std::vector<JobId> numbers() && { return std::move(numbers_); }

private:
    struct KindColumns {
        std::vector<std::string> pools;
        std::vector<int> priorities, slots;
    };

    [[nodiscard]] KindColumns kind_columns() const {
        KindColumns columns;
        for (auto const& [key, kind] : kinds_) {
            columns.pools.emplace_back(std::get<0>(key));
            columns.priorities.push_back(std::get<1>(key));
            columns.slots.push_back(std::get<2>(key));
        }
        return columns;
    }

    bool find_kinds(Transaction& transaction) {
        static constexpr Statement find{
            "find_kinds",
            "SELECT k.id FROM unnest($1::text[], $2::int[], $3::int[]) WITH ORDINALITY AS i(pool, priority, slots, place) "
            "CROSS JOIN LATERAL (SELECT k.id FROM rgrid.kind k WHERE k.pool = i.pool AND k.rank = -i.priority::bigint "
            "AND k.slots = i.slots OFFSET 0) k ORDER BY i.place"};
        if (kinds_.empty()) return true;
        auto const columns = kind_columns();
        auto const found = transaction.run(find, columns.pools, columns.priorities, columns.slots);
        if (found.size() != kinds_.size()) return false;
        auto kind = kinds_.begin();
        for (auto const& row : found) (kind++)->second.id = row.small(0);
        return true;
    }

    /// As the server orders keys, so that two calls with the same ones wait for each other and never in a circle; those
    /// without one come last. Returns whether all keys are new.
    bool put_in_order(Transaction& transaction) {
        static constexpr Statement look{
            "order_keys",
            "SELECT i.place - 1, (SELECT true FROM rgrid.job j WHERE j.submit_key = i.key) "
            "FROM unnest($1::text[]) WITH ORDINALITY AS i(key, place) ORDER BY i.key"};
        std::vector<std::size_t> keyed, keyless;
        std::vector<std::string> keys;
        for (std::size_t i = 0; i < jobs_.size(); ++i) {
            bool const has_key = !jobs_[i]->submit_key.empty();
            (has_key ? keyed : keyless).push_back(i);
            if (has_key) keys.push_back(jobs_[i]->submit_key);
        }
        order_.clear();
        if (!keys.empty()) {
            for (auto const& row : transaction.run(look, keys)) {
                auto const place = keyed[static_cast<std::size_t>(row.integer(0))];
                bool const is_twice = !order_.empty() && jobs_[order_.back()]->submit_key == jobs_[place]->submit_key;
                if (is_twice || !row.null(1)) return false;
                order_.push_back(place);
            }
        }
        order_.insert(order_.end(), keyless.begin(), keyless.end());
        return true;
    }

    void take_numbers(Transaction& transaction) {
        static constexpr Statement take{
            "take_numbers", "SELECT nextval('rgrid.job_id') FROM generate_series(1, $1::int) UNION ALL SELECT rgrid.clock()"};
        numbers_.clear();
        auto const rows = transaction.run(take, static_cast<std::int64_t>(jobs_.size()));
        for (auto const& row : rows) numbers_.push_back(JobId{row.integer(0)});
        now_ = Instant{Duration{numbers_.back().value}};
        numbers_.pop_back();
    }

    void write_jobs(Transaction& transaction) const {
        write(transaction,
              "COPY rgrid.job(id, submitted, run_at, pool, priority, slots, timeout, owner, batch, submit_key, spec) "
              "FROM STDIN",
              [&](std::string& to, std::size_t i) { write_job(to, order_[i]); });
    }

    void write_job(std::string& to, std::size_t place) const {
        auto const& job = *jobs_[place];
        auto const run_at = job.delay > Duration{0} ? std::optional{now_ + job.delay} : std::nullopt;
        auto const key = job.submit_key.empty() ? std::nullopt : std::optional<std::string_view>{job.submit_key};
        append_copied_row(to, numbers_[place], now_, run_at, job.pool, job.priority, job.slots, job.timeout, job.owner,
                          job.batch, key, config::to_brief_json_text(job));
    }

    void write_places(Transaction& transaction) const {
        if (scheduled_ < jobs_.size())
            write(transaction, "COPY rgrid.ready(kind, job, ready_at, epoch, attempts, losses, again) FROM STDIN",
                  [&](std::string& to, std::size_t i) {
                      if (kind_of_[i] != nullptr) append_copied_row(to, kind_of_[i]->id, numbers_[i], now_, 0, 0, 0, false);
                  });
        if (scheduled_ > 0)
            write(transaction, "COPY rgrid.scheduled(job, due_at, epoch, attempts, losses) FROM STDIN",
                  [&](std::string& to, std::size_t i) {
                      if (kind_of_[i] == nullptr) append_copied_row(to, numbers_[i], now_ + jobs_[i]->delay, 0, 0, 0);
                  });
    }

    /// A line for each of the jobs, or none.
    template <class Line>
    void write(Transaction& transaction, char const* copy, Line const& line) const {
        constexpr std::size_t enough = 32 * 1024;  // That the server has something to do while the next piece is made.
        std::size_t next = 0;
        transaction.load(copy, [&](std::string& piece) {
            while (next < jobs_.size() && piece.size() < enough) line(piece, next++);
            return !piece.empty();
        });
    }

    void count(Transaction& transaction) const {
        static constexpr Statement add{"count_submitted",
                                       "INSERT INTO rgrid.tally(kind, state, jobs) SELECT * FROM "
                                       "unnest($1::int[], $2::smallint[], $3::bigint[])"};
        std::vector<std::optional<int>> kinds;
        std::vector<int> states;
        std::vector<std::int64_t> jobs;
        auto const line = [&](std::optional<int> kind, JobState state, std::int64_t many) {
            kinds.push_back(kind);
            states.push_back(static_cast<int>(state));
            jobs.push_back(many);
        };
        for (auto const& [key, kind] : kinds_) line(kind.id, JobState::queued, kind.jobs);
        if (scheduled_ > 0) line(std::nullopt, JobState::scheduled, static_cast<std::int64_t>(scheduled_));
        transaction.run(add, kinds, states, jobs);
    }

    std::vector<JobSpec const*> const& jobs_;
    std::map<std::tuple<std::string_view, int, int>, KindOfJobs> kinds_;  ///< By pool, priority and slots.
    std::vector<KindOfJobs*> kind_of_;                                    ///< Of each job; null if it waits for its time.
    std::size_t scheduled_ = 0;
    std::vector<std::size_t> order_;  ///< In which they are written.
    std::vector<JobId> numbers_;
    Instant now_;
};

}  // namespace

Result<std::optional<std::vector<JobId>>> submit_in_bulk(Client& client, Call const& call,
                                                         std::vector<JobSpec const*> const& jobs) {
    using Numbers = std::optional<std::vector<JobId>>;
    Bulk bulk{jobs};
    for (int tries = 0; tries < 2; ++tries) {
        bool key_was_quicker = false;
        auto const done = client.transact<End>(call, Effect::writes, [&](Transaction& transaction) -> Result<End> {
            try {
                key_was_quicker = false;
                return bulk.submit(transaction);
            } catch (PostgresFailure const& failure) {
                key_was_quicker = failure.state == "23505";
                if (!key_was_quicker) throw;
                return fail(Errc::retry_later, "somebody else has just used a submit key");
            }
        });
        if (key_was_quicker) return Numbers{};
        if (!done) return done.error();
        if (*done == End::accepted) return Numbers{std::move(bulk).numbers()};
        if (*done == End::key_is_known) return Numbers{};
        if (auto const made = bulk.make_kinds(client, call); !made) return made.error();
    }
    return Numbers{};
}

}  // namespace rgrid::postgres
