#pragma once

#include <array>
#include <boost/describe/enum.hpp>
#include <rgrid/model/intent.hpp>
#include <rgrid/model/server.hpp>
#include <rgrid/model/worker.hpp>
#include <string_view>

namespace rgrid {

/// Where a worker is in its life. Derived from intent, server and session at every look; never stored.
enum class Phase {
    requested,  ///< An intent stands; whether the server exists is not known yet.
    booting,    ///< The server is there; its worker has not registered.
    ready,      ///< The worker's session is open.
    draining,   ///< The worker finishes what it holds.
    closed,     ///< The session has ended; the server can be deleted.
    deleting,   ///< The delete has been asked for; the server is still listed, or may be.
    gone,       ///< Nothing is left but the intent.
    orphan,     ///< A server of ours that no intent stands for.
};
BOOST_DESCRIBE_ENUM(Phase, requested, booting, ready, draining, closed, deleting, gone, orphan)

/// How far a new worker is, as people are told. Derived from what the store keeps.
enum class BootStage {
    asked_for,   ///< The provider has not confirmed it.
    created,     ///< The server exists and does not run yet.
    booting,     ///< The server runs.
    installing,  ///< Its boot script installs what its worker needs.
    ready,       ///< Its worker has registered.
};
BOOST_DESCRIBE_ENUM(BootStage, asked_for, created, booting, installing, ready)

[[nodiscard]] inline std::string_view to_text(BootStage stage) {
    constexpr std::array<std::string_view, 5> texts{"asked for", "created", "booting", "installing", "ready"};
    return texts.at(static_cast<std::size_t>(stage));
}

/// One legal way from phase to phase, by what causes it.
struct Transition {
    Phase from;
    Phase to;
};

/// All legal transitions. The phase is derived from the world, and the world may pass several between two looks, but
/// never runs backwards.
inline constexpr std::array transitions{
    Transition{Phase::requested, Phase::booting}, Transition{Phase::requested, Phase::ready},
    Transition{Phase::requested, Phase::gone},    Transition{Phase::booting, Phase::ready},
    Transition{Phase::booting, Phase::closed},    Transition{Phase::booting, Phase::gone},
    Transition{Phase::ready, Phase::draining},    Transition{Phase::ready, Phase::closed},
    Transition{Phase::ready, Phase::gone},        Transition{Phase::draining, Phase::closed},
    Transition{Phase::draining, Phase::gone},     Transition{Phase::closed, Phase::deleting},
    Transition{Phase::closed, Phase::gone},       Transition{Phase::deleting, Phase::gone},
    Transition{Phase::orphan, Phase::booting},    Transition{Phase::orphan, Phase::ready},
    Transition{Phase::orphan, Phase::closed},     Transition{Phase::orphan, Phase::gone},
};

/// Which limit ends a phase, and what is done when it does.
struct PhaseRule {
    Phase phase;
    char const* limit;     ///< The setting that bounds it; empty: bounded by other means.
    char const* fallback;  ///< What happens at the limit.
};

inline constexpr std::array phase_rules{
    PhaseRule{Phase::requested, "create_settle", "look it up by name; settle the intent if it does not exist"},
    PhaseRule{Phase::booting, "boot_timeout", "close its session for good, then delete the server"},
    PhaseRule{Phase::ready, "lost_after", "declare it lost: close the session, requeue its jobs, delete the server"},
    PhaseRule{Phase::draining, "drain_limit", "close the session and requeue what it still holds"},
    PhaseRule{Phase::closed, "", "delete the server at once"},
    PhaseRule{Phase::deleting, "delete_timeout", "ask for the delete again"},
    PhaseRule{Phase::gone, "", "settle the intent at once"},
    PhaseRule{Phase::orphan, "orphan_grace", "adopt it if its worker lives, otherwise close and delete it"},
};

/// Whether a boot script is past the beginning. What it calls ready is a machine whose worker has yet to register.
[[nodiscard]] inline bool is_installing(BootReport const& report) {
    return report.stage == "installing" || report.stage == "starting" || report.stage == "ready";
}

/// How far the worker of an intent is; `session` is its worker's, or null.
[[nodiscard]] inline BootStage derive_stage(Intent const& intent, Session const* session) {
    if (session != nullptr) return BootStage::ready;
    if (intent.boot) return is_installing(*intent.boot) ? BootStage::installing : BootStage::booting;
    if (intent.running_from) return BootStage::booting;
    return intent.create == CreateState::created ? BootStage::created : BootStage::asked_for;
}

/// The phase of what one server name stands for. Any of the three may be absent. `listed` says whether the servers
/// are known at all: with an unknown listing a missing server means nothing.
[[nodiscard]] constexpr Phase derive_phase(Intent const* intent, Server const* server, Session const* session,
                                           bool listed) {
    if (intent == nullptr && server != nullptr) return Phase::orphan;
    if (intent != nullptr) {
        // A listed server exists, whatever its create call said.
        if (intent->create == CreateState::refused && server == nullptr) return Phase::gone;
        bool const absent = server == nullptr && listed;
        if (intent->remove) return absent ? Phase::gone : Phase::deleting;
        bool const confirmed = intent->create == CreateState::created;
        if (session != nullptr && session->state == SessionState::closed)
            return absent && confirmed ? Phase::gone : Phase::closed;
        if (session == nullptr) return server != nullptr || confirmed ? Phase::booting : Phase::requested;
    }
    if (session == nullptr) return Phase::gone;
    if (session->state == SessionState::closed) return Phase::closed;
    return session->state == SessionState::draining ? Phase::draining : Phase::ready;
}

}  // namespace rgrid
