#pragma once

#include <map>
#include <rgrid/sim/scene.hpp>
#include <rgrid/sim/witness.hpp>
#include <set>
#include <string>
#include <vector>

namespace rgrid::sim {

/// Holds a world to what RGrid promises (docs/reliability.md names the invariants), with books of its own: it trusts
/// neither the store nor what a controller says.
class Referee final : public Witness {
public:
    explicit Referee(Scene& scene) : scene_(scene) {}

    [[nodiscard]] std::vector<std::string> const& violations() const { return violations_; }
    void violate(std::string const& text);

    void on_create(Server const& server) override;
    void on_destroy(Server const& server) override;
    void on_lead(std::string const& candidate, Leadership const& leadership) override;
    void on_write(LeaderEpoch epoch, FleetWrite const& write) override;
    void on_close(WorkerId const& worker, CloseMode mode, CloseReport const& report) override;
    void on_tend(TendReport const& report) override;
    void on_register(Registration const& registration, Incarnation incarnation) override;
    void on_beat(WorkerId const& worker, BeatReply const& reply) override;
    void on_claim(WorkerId const& worker, std::vector<Lease> const& leases, int slots) override;
    void on_complete(WorkerId const& worker, std::vector<Completion> const& completions,
                     std::vector<Verdict> const& verdicts) override;
    void on_submit(std::vector<JobSpec> const& specs, std::vector<Result<Submitted>> const& results) override;
    void on_retry(JobId job) override;

    /// The store went back in time, or goes on in a new generation: what was known of jobs and sessions is void.
    void begin_anew();

    /// Limits changed: standing servers may exceed them, and steps under way do not know them yet.
    void allow(PlannerParams const& params);

    /// After each thing that happened.
    void check();

    /// After each pass of a controller.
    void check_pass(std::string const& controller, PassReport const& report);

    /// An agent starts an attempt while `others` run the same job and could know better.
    void check_start(std::string const& worker, JobId job, std::vector<std::string> const& others);

    /// Who was the last to look at it: the plan with its reasons, for a person.
    [[nodiscard]] std::string const& last_plan() const { return last_plan_; }

    /// The bill in the store against what really stood.
    void check_bill();

    [[nodiscard]] std::int64_t most_servers() const { return most_servers_; }
    [[nodiscard]] std::int64_t losses() const { return losses_; }
    [[nodiscard]] std::int64_t passes() const { return passes_; }

private:
    struct JobBook {
        LeaseEpoch epoch;
        WorkerId worker;      // Holds the lease; empty if nobody does.
        bool succeeded = false;
        bool ended_by_report = false;  // The current epoch has had its effective completion.
        Outcome outcome = Outcome::failed;
    };

    void check_caps(Server const& made);
    void check_unknown(PassReport const& report);
    void check_orphans(Snapshot const& seen);
    void check_hopeless(PassReport const& report);
    void note_phases(std::string const& controller, Snapshot const& seen);
    void check_given_up(WorkerId const& worker, CloseReport const& report);
    Scene& scene_;
    std::vector<std::string> violations_;
    std::map<JobId, JobBook> jobs_;
    std::set<WorkerId> closed_;
    std::map<WorkerId, PoolName> pools_;        // From its last registration.
    std::map<WorkerId, SteadyInstant> heard_;   // The last effective sign of life.
    std::map<WorkerId, Reason> reasons_;        // Why a plan wanted it closed.
    std::map<ServerName, int> unknown_passes_;  // Passes that saw a server that no intent stands for.
    std::map<ServerName, SteadyInstant> hopeless_;  // Since when it is seen that no worker comes up there.
    /// As each controller saw them last, and in which leadership.
    std::map<std::string, std::pair<LeaderEpoch, std::map<ServerName, Phase>>> phases_;
    std::set<std::pair<Generation, ServerName>> names_;
    LeaderEpoch epoch_;
    std::string leader_;
    SteadyInstant led_since_;
    std::int64_t accepted_ = 0;
    SteadyInstant anew_;  // When the store last went back in time or was adopted.
    std::map<PoolName, std::vector<std::pair<SteadyInstant, int>>> maxima_;  // From when on, in order.
    std::int64_t most_servers_ = 0;
    std::int64_t losses_ = 0;
    std::int64_t passes_ = 0;
    std::string last_plan_;
    Plan last_;
};

}  // namespace rgrid::sim
