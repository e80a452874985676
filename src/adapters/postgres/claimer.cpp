#include "adapters/postgres/claimer.hpp"

#include <algorithm>
#include <condition_variable>
#include <optional>

#include "adapters/postgres/complete.hpp"

namespace rgrid::postgres {

namespace {

constexpr int most_under_way = 2;   // One is chosen and written while the other is being made durable.
constexpr int most_together = 100;  // Jobs of one statement.
constexpr int few = 10;             // Jobs of one claim. Who claims more gains nothing by company.
constexpr auto look_interval = std::chrono::milliseconds{50};

}  // namespace

/// One call.
struct Claimer::Wish {
    Claim claim;
    bool begun = false;
    bool left = false;  ///< Its caller waits no longer.
    std::optional<Result<Claimed>> answer;
    std::condition_variable changed;  ///< Of its own: of many who wait only those are woken who can go on.

    void tell(Result<Claimed> what) {
        answer = std::move(what);
        changed.notify_one();
    }
    void fail(Error const& error) { tell(error); }
};

Result<Claimed> Claimer::claim(Call const& call, Claim const& claim) {
    // Neither may what one of them says be the others' failure.
    if (claim.slots > few || kept_text(claim.worker.value) != claim.worker.value) return alone(call, claim);
    auto const wish = std::make_shared<Wish>();
    wish->claim = claim;
    auto const is_over = [&] { return call.stop.stop_requested() || clock_.steady_now() >= call.deadline; };
    std::unique_lock lock{mutex_};
    waiting_.push_back(wish);
    while (!wish->answer) {
        if (is_over()) {
            if (wish->begun) {
                wish->left = true;
                return fail(Errc::in_doubt, client_.place() + ": the commit had not ended when the call was over");
            }
            std::erase(waiting_, wish);
            wish->fail(fail(Errc::retry_later, client_.place() + ": the call was over before anything was claimed"));
            wake_next();
            break;
        }
        if (wish->begun || under_way_ == most_under_way) {
            // The deadline is the caller's clock's and may not be real time, so it is looked at again and again.
            wish->changed.wait_for(lock, look_interval);
            continue;
        }
        ++under_way_;
        auto const batch = take();
        lock.unlock();
        auto claimed = carry(call, batch);
        lock.lock();
        --under_way_;
        if (claimed || !is_over()) answer(batch, claimed);
        else give_back(batch, wish, claimed.error());
        wake_next();
    }
    return *std::move(wish->answer);
}

void Claimer::answer(Batch const& batch, Result<std::vector<Claimed>>& claimed) {
    for (std::size_t i = 0; i < batch.size(); ++i) {
        if (claimed) batch[i]->tell(std::move((*claimed)[i]));
        else batch[i]->fail(claimed.error());
    }
}

/// One of those that wait goes with what waits by now.
void Claimer::wake_next() {
    if (under_way_ < most_under_way && !waiting_.empty()) waiting_.front()->changed.notify_one();
}

/// The call that carried the others was over, which is nothing to them: they claim again. If it is in doubt what they
/// got, all are told so: their workers ask with a beat at once.
void Claimer::give_back(Batch const& batch, std::shared_ptr<Wish> const& carrier, Error const& error) {
    for (auto each = batch.rbegin(); each != batch.rend(); ++each) {
        if (*each == carrier || error.code == Errc::in_doubt) {
            (*each)->fail(error);
            continue;
        }
        if ((*each)->left) continue;
        (*each)->begun = false;
        waiting_.push_front(*each);
    }
}

/// The first that waits, and others as long as they are few jobs together.
Claimer::Batch Claimer::take() {
    Batch batch;
    int slots = 0;
    while (!waiting_.empty() && (batch.empty() || slots + waiting_.front()->claim.slots <= most_together)) {
        slots += waiting_.front()->claim.slots;
        waiting_.front()->begun = true;
        batch.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
    }
    return batch;
}

Result<std::vector<Claimed>> Claimer::carry(Call const& call, Batch const& batch) {
    if (batch.size() == 1) {
        auto claimed = alone(call, batch.front()->claim);
        if (!claimed) return claimed.error();
        return std::vector{*std::move(claimed)};
    }
    std::vector<Claim> claims;
    for (auto const& wish : batch) claims.push_back(wish->claim);
    auto const marks = low_water_.marks();
    auto all = claim_together(client_, call, claims, marks, low_water_);
    if (all)
        for (auto& claimed : *all) claimed.all_seen = marks.kinds.empty();
    return all;
}

Result<Claimed> Claimer::alone(Call const& call, Claim const& claim) {
    auto const marks = low_water_.marks();
    auto claimed = claim_singles(client_, call, claim, marks, low_water_);
    if (claimed) claimed->all_seen = marks.kinds.empty();
    return claimed;
}

}  // namespace rgrid::postgres
