#pragma once

#include <boost/describe/class.hpp>
#include <optional>
#include <rgrid/base/result.hpp>
#include <rgrid/model/job.hpp>
#include <rgrid/model/worker.hpp>
#include <string>
#include <vector>

/// What gateway and agent say to each other, as JSON.
///
/// A `proof` is what the gateway signed when it told something; it comes back with what an agent claims to remember.
namespace rgrid::gateway::wire {

struct Problem {
    Errc code = Errc::bug;
    std::string message;
    Duration retry_after{0};
};
BOOST_DESCRIBE_STRUCT(Problem, (), (code, message, retry_after))

struct Nothing {};
BOOST_DESCRIBE_STRUCT(Nothing, (), ())

struct Register {
    ServerName server;
    PoolName pool;
    int slots = 0;
    std::string version;
    int protocol = 0;
};
BOOST_DESCRIBE_STRUCT(Register, (), (server, pool, slots, version, protocol))

struct Registered {
    Incarnation incarnation;
    std::string proof;
};
BOOST_DESCRIBE_STRUCT(Registered, (), (incarnation, proof))

/// A run of an agent and what it remembers of it.
struct Run {
    Incarnation incarnation;
    std::string proof;
};
BOOST_DESCRIBE_STRUCT(Run, (), (incarnation, proof))

struct Beats {
    BeatCount count;
    std::string proof;
};
BOOST_DESCRIBE_STRUCT(Beats, (), (count, proof))

struct Beat {
    Run run;
    Beats acknowledged;
    bool leaving = false;
};
BOOST_DESCRIBE_STRUCT(Beat, (), (run, acknowledged, leaving))

struct HeldLease {
    JobId job;
    LeaseEpoch epoch;
    std::string proof;
};
BOOST_DESCRIBE_STRUCT(HeldLease, (), (job, epoch, proof))

struct BeatReply {
    SessionState state = SessionState::open;
    Beats beats;
    std::vector<HeldLease> held;
    std::vector<JobId> cancel;
    bool frozen = false;
};
BOOST_DESCRIBE_STRUCT(BeatReply, (), (state, beats, held, cancel, frozen))

struct Claim {
    Run run;
    Beats acknowledged;
    int slots = 0;
    Duration wait{0};
};
BOOST_DESCRIBE_STRUCT(Claim, (), (run, acknowledged, slots, wait))

struct Claimed {
    Lease lease;
    std::string proof;
};
BOOST_DESCRIBE_STRUCT(Claimed, (), (lease, proof))

struct ClaimReply {
    std::vector<Claimed> leases;
};
BOOST_DESCRIBE_STRUCT(ClaimReply, (), (leases))

struct Ended {
    Completion completion;
    std::string proof;
};
BOOST_DESCRIBE_STRUCT(Ended, (), (completion, proof))

struct Complete {
    Run run;
    std::vector<Ended> ended;
};
BOOST_DESCRIBE_STRUCT(Complete, (), (run, ended))

struct CompleteReply {
    std::vector<Verdict> verdicts;
};
BOOST_DESCRIBE_STRUCT(CompleteReply, (), (verdicts))

struct Log {
    Run run;
    HeldLease lease;
    std::int64_t number = 0;
    std::string base64;  ///< The bytes as the job wrote them.
};
BOOST_DESCRIBE_STRUCT(Log, (), (run, lease, number, base64))

struct File {
    std::string key;
    JobId job;
    LeaseEpoch epoch;
};
BOOST_DESCRIBE_STRUCT(File, (), (key, job, epoch))

/// A target that can be asked for without a token, until it expires.
struct Link {
    std::string target;
};
BOOST_DESCRIBE_STRUCT(Link, (), (target))

struct Stored {
    std::string key;
    std::int64_t size = 0;
    std::string sha256;
};
BOOST_DESCRIBE_STRUCT(Stored, (), (key, size, sha256))

struct Found {
    std::optional<Stored> file;
};
BOOST_DESCRIBE_STRUCT(Found, (), (file))

struct Keys {
    std::vector<std::string> keys;
};
BOOST_DESCRIBE_STRUCT(Keys, (), (keys))

struct Health {
    std::string status;
    int oldest_agent_protocol = 0;
    int agent_protocol = 0;
};
BOOST_DESCRIBE_STRUCT(Health, (), (status, oldest_agent_protocol, agent_protocol))

inline constexpr char const* bearer = "Bearer ";
inline constexpr char const* call_time = "Rgrid-Call-Time";  ///< Header: milliseconds that the caller will wait.
inline constexpr char const* file_size = "Rgrid-Size";
inline constexpr char const* file_sha256 = "Rgrid-Sha256";

}  // namespace rgrid::gateway::wire
