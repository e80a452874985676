#include <sys/random.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <rgrid/adapters/gateway/identities.hpp>
#include <rgrid/base/assert.hpp>
#include <rgrid/model/server_name.hpp>
#include <rgrid/ports/store_rules.hpp>
#include <string_view>
#include <utility>

#include "adapters/gateway/codes.hpp"

namespace rgrid::gateway {

namespace {

/// What one look at the fleet showed.
struct Fleet {
    std::map<std::string, Identity, std::less<>> workers;
    std::string frozen;
    std::int64_t next_number = 0;
    SteadyInstant asked;  ///< Nothing that was written later need be in it.
};

}  // namespace

class FleetIdentities::Impl {
public:
    Impl(FleetStore& fleet, FleetId name, Clock& clock, Times const& times, std::stop_token stop)
        : fleet_(fleet), name_(std::move(name)), clock_(clock), times_(times), stop_(std::move(stop)) {}

    Result<std::optional<Identity>> find(WorkerId const& worker) {
        auto const now = clock_.steady_now();
        auto seen = last_seen();
        auto const known = known_in(seen, worker);
        if (known && !is_due(seen)) return known;
        // One look for all. Who is known waits for none: it is due before what is known is too old.
        std::unique_lock lock{looking_, std::defer_lock};
        if (!known) lock.lock();
        else if (!lock.try_lock()) return known;
        seen = last_seen();
        if (seen && seen->asked >= now) return answer(*seen, worker);
        if (auto const told = known_in(seen, worker); told && !is_due(seen)) return told;
        auto const read = look(worker);
        if (!read && known) return known;
        if (!read) return read.error();
        return answer(*last_seen(), worker);
    }

private:
    std::shared_ptr<Fleet const> last_seen() const {
        std::scoped_lock const lock{mutex_};
        return seen_;
    }

    bool is_due(std::shared_ptr<Fleet const> const& seen) const {
        return clock_.steady_now() - seen->asked > times_.keep * 3 / 4;
    }

    /// What `seen` says of a worker, unless that is too old.
    std::optional<Identity> known_in(std::shared_ptr<Fleet const> const& seen, WorkerId const& worker) const {
        if (!seen || clock_.steady_now() - seen->asked > times_.keep) return std::nullopt;
        auto const found = seen->workers.find(worker.value);
        return found == seen->workers.end() ? std::nullopt : std::optional{found->second};
    }

    Result<std::optional<Identity>> answer(Fleet const& fleet, WorkerId const& worker) const {
        if (auto const found = fleet.workers.find(worker.value); found != fleet.workers.end()) return std::optional{found->second};
        if (!fleet.frozen.empty()) return stands_still(fleet.frozen);
        if (number_of(ServerName{worker.value}, name_) >= std::max<std::int64_t>(fleet.next_number, 1))
            return fail(Errc::retry_later, "worker \"" + worker.value + "\" has a number that the store has not given yet; "
                                           "the next one is " + std::to_string(fleet.next_number));
        return std::optional<Identity>{};
    }

    /// @param worker  Who is looked for.
    Result<> look(WorkerId const& worker) {
        if (last_try_ && clock_.steady_now() - *last_try_ < times_.retry) {
            auto const wait = times_.retry - (clock_.steady_now() - *last_try_);
            if (last_error_) return fail(Errc::retry_later, last_error_->message, std::max(wait, last_error_->retry_after));
            return fail(Errc::retry_later,
                        "worker \"" + worker.value + "\" is not known yet, and who may work was read just now", wait);
        }
        auto fleet = std::make_shared<Fleet>();
        fleet->asked = clock_.steady_now();
        last_try_ = fleet->asked;
        auto record = fleet_.load(call_within(clock_, times_.limit, stop_));
        if (!record) {
            last_error_ = record.error();
            return record.error();
        }
        last_error_.reset();
        fleet->frozen = record->frozen;
        fleet->next_number = record->next_number;
        for (auto& intent : record->intents)
            fleet->workers[intent.server.value] = {intent.server, intent.pool, intent.token_hash};
        std::scoped_lock const lock{mutex_};
        seen_ = std::move(fleet);
        return {};
    }

    FleetStore& fleet_;
    FleetId const name_;
    Clock& clock_;
    Times const times_;
    std::stop_token const stop_;
    mutable std::mutex mutex_;
    std::shared_ptr<Fleet const> seen_;
    std::mutex looking_;
    std::optional<SteadyInstant> last_try_;
    std::optional<Error> last_error_;
};

FleetIdentities::FleetIdentities(FleetStore& fleet, FleetId name, Clock& clock, Times const& times, std::stop_token stop)
    : impl_(std::make_unique<Impl>(fleet, std::move(name), clock, times, std::move(stop))) {}

FleetIdentities::~FleetIdentities() = default;

Result<std::optional<Identity>> FleetIdentities::find(Call const&, WorkerId const& worker) {
    return impl_->find(worker);
}

Secret make_token() {
    std::string bytes(32, '\0');
    RGRID_ASSERT(::getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
    auto text = to_base64(bytes);
    std::ranges::replace(text, '+', '-');
    std::ranges::replace(text, '/', '_');
    text.erase(text.find_last_not_of('=') + 1);
    return Secret{std::move(text)};
}

std::string hash_of(Secret const& token) {
    Digest digest;
    digest.add(token.reveal());
    return digest.finish();
}

}  // namespace rgrid::gateway
