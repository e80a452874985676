#pragma once

#include <rgrid/ports/cloud_provider.hpp>
#include <rgrid/ports/fleet_store.hpp>
#include <rgrid/ports/job_queue.hpp>
#include <rgrid/ports/job_store.hpp>
#include <rgrid/ports/work_source.hpp>
#include <vector>

namespace rgrid::sim {

/// Sees what really happens in the models of store and cloud, at the moment it does, whatever callers are told.
class Witness {
public:
    virtual ~Witness() = default;

    virtual void on_create(Server const&) {}           ///< A server was made.
    virtual void on_destroy(Server const&) {}          ///< A standing server is told to go.
    virtual void on_lead(std::string const&, Leadership const&) {}
    virtual void on_write(LeaderEpoch, FleetWrite const&) {}  ///< It was accepted.
    virtual void on_close(WorkerId const&, CloseMode, CloseReport const&) {}
    virtual void on_tend(TendReport const&) {}
    virtual void on_register(Registration const&, Incarnation) {}
    virtual void on_beat(WorkerId const&, BeatReply const&) {}
    virtual void on_claim(WorkerId const&, std::vector<Lease> const&, int) {}
    virtual void on_complete(WorkerId const&, std::vector<Completion> const&, std::vector<Verdict> const&) {}
    virtual void on_submit(std::vector<JobSpec> const&, std::vector<Result<Submitted>> const&) {}
    virtual void on_retry(JobId) {}
};

}  // namespace rgrid::sim
