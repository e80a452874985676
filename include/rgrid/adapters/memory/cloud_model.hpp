#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <rgrid/base/time.hpp>
#include <rgrid/model/offer.hpp>
#include <string>

namespace rgrid::memory {

/// Where a machine stands in its life.
enum class Phase {
    initializing,  ///< Being made.
    off,           ///< Made, and not (yet) switched on. Billed like any other.
    starting,
    running,
    stopping,
    deleting,  ///< Still billed, and its name is still taken.
    gone,
};

/// What becomes of the order of a machine once it has been taken.
enum class Making {
    succeeds,
    fails,  ///< It is there, off for ever and billed, as after a creation that ended in an error.
    stuck,  ///< It is never made.
};

/// What a machine is to be.
struct MachineOrder {
    std::string name;
    OfferKey offer;
    std::string owner;  ///< Whatever the caller knows it by.
    Making making = Making::succeeds;
    bool start = true;     ///< Switched on as soon as it is made.
    Duration creation{0};  ///< How long it takes to be made.
    Duration rest{0};      ///< How long it is off before it is switched on.
    Duration booting{0};   ///< How long it is `starting`.
};

/// A machine of the cloud: what was ordered, and when what happens to it. It exists from `created` until before `gone`,
/// and that is what it is billed for.
struct Machine {
    std::int64_t number = 0;  ///< Never used again.
    MachineOrder order;
    SteadyInstant created;
    SteadyInstant made;                             ///< Nothing is switched before.
    bool on = false;                                ///< What it was switched to last, ...
    SteadyInstant switched = SteadyInstant::max();  ///< ... when, ...
    SteadyInstant settled = SteadyInstant::max();   ///< ... and when that is reached.
    SteadyInstant deleting = SteadyInstant::max();
    SteadyInstant gone = SteadyInstant::max();

    [[nodiscard]] bool exists_at(SteadyInstant time) const { return created <= time && time < gone; }

    /// Only what has last been decided about it is known: not for a time before that.
    [[nodiscard]] Phase phase(SteadyInstant now) const;
};

/// Why a machine cannot be had.
enum class Obstacle {
    unknown_offer,
    name_taken,  ///< Until the machine of that name is gone.
    quota,       ///< As many machines as there may be.
    stock,       ///< As many of this offer as there are.
};

struct MachineRefusal {
    Obstacle obstacle = Obstacle::unknown_offer;
    int taken = 0;  ///< Of quota or stock.
    int bound = 0;
};

/// How a cloud behaves: machines that come and go, the names they take, and what there is of each offer. The one model
/// behind every cloud that is only simulated.
///
/// A value without clock or chance: whoever uses it says what time it is, which never runs backwards, and how long
/// things take. Thread safety: none.
class CloudModel {
public:
    /// An offer, and how many of it there are at a time; nothing: no bound.
    void set_stock(OfferKey const& offer, std::optional<int> stock) { stock_[offer] = stock; }
    [[nodiscard]] std::map<OfferKey, std::optional<int>> const& stock() const { return stock_; }

    /// At most so many machines of all offers; nothing: no bound. Those that stand stay.
    void set_quota(std::optional<int> quota) { quota_ = quota; }
    [[nodiscard]] std::optional<int> quota() const { return quota_; }

    /// Why this order would not be taken; nothing if it would.
    [[nodiscard]] std::optional<MachineRefusal> refusal(MachineOrder const& order, SteadyInstant now) const;

    /// Makes a machine. Only for an order that has no refusal.
    Machine const& create(MachineOrder order, SteadyInstant now);

    /// Ends a machine, which is gone after `takes`, or when an earlier delete had it gone. One that never was is passed
    /// over.
    void destroy(std::int64_t number, Duration takes, SteadyInstant now);

    /// Takes a machine away at once, as a cloud does that has lost it. Returns whether it was there.
    bool vanish(std::int64_t number, SteadyInstant now);

    /// Switches a machine on or off; it takes so long until it is. One that was never made stays as it is.
    void switch_power(std::int64_t number, bool on, Duration takes, SteadyInstant now);

    /// It is called so from now on, and takes that name.
    void rename(std::int64_t number, std::string name);

    /// Null if there is none, or none any more.
    [[nodiscard]] Machine const* find(std::int64_t number) const;
    [[nodiscard]] Machine const* find(std::string const& name, SteadyInstant now) const;

    /// In the order in which they were made, with those that are gone and not forgotten.
    [[nodiscard]] std::map<std::int64_t, Machine> const& machines() const { return machines_; }

    [[nodiscard]] int standing(SteadyInstant now) const;                 ///< How many exist.
    [[nodiscard]] std::int64_t created() const { return last_number_; }  ///< How many were ever made.

    /// Machines that were gone by then need not be kept.
    void forget(SteadyInstant gone_by);

private:
    std::map<OfferKey, std::optional<int>> stock_;
    std::optional<int> quota_;
    std::map<std::int64_t, Machine> machines_;
    std::int64_t last_number_ = 0;
};

}  // namespace rgrid::memory
