// Makes of the agent's program one that says it speaks the next protocol: linked with --wrap for open_ports().

#include <memory>
#include <utility>

#include "app/open.hpp"

namespace rgrid::app {

namespace {

/// The source as it is, for a worker that says it speaks the next protocol.
class NextProtocol final : public WorkSource {
public:
    explicit NextProtocol(Ports ports) : ports_(std::move(ports)) {}

    Result<Registered> register_worker(Call const& call, Registration const& registration) override {
        auto said = registration;
        said.protocol = agent_protocol + 1;
        return ports_.work->register_worker(call, said);
    }
    Result<BeatReply> beat(Call const& call, WorkerId const& worker, Incarnation incarnation, BeatCount acknowledged,
                           bool leaving) override {
        return ports_.work->beat(call, worker, incarnation, acknowledged, leaving);
    }
    Result<std::vector<Lease>> claim(Call const& call, WorkerId const& worker, Incarnation incarnation,
                                     BeatCount acknowledged, int slots) override {
        return ports_.work->claim(call, worker, incarnation, acknowledged, slots);
    }
    Result<std::vector<Verdict>> complete(Call const& call, WorkerId const& worker, Incarnation incarnation,
                                          std::vector<Completion> const& completions) override {
        return ports_.work->complete(call, worker, incarnation, completions);
    }
    Result<> append_log(Call const& call, WorkerId const& worker, Incarnation incarnation,
                        LogChunk const& chunk) override {
        return ports_.work->append_log(call, worker, incarnation, chunk);
    }

private:
    Ports ports_;
};

}  // namespace

#define RGRID_OPEN_PORTS "_ZN5rgrid3app10open_portsERKNS0_14LoadedSettingsERNS_5ClockENS0_4RoleE"
Result<Ports> really_open(LoadedSettings const& loaded, Clock& clock, Role role) asm("__real_" RGRID_OPEN_PORTS);
Result<Ports> open_as_another(LoadedSettings const& loaded, Clock& clock, Role role) asm("__wrap_" RGRID_OPEN_PORTS);

Result<Ports> open_as_another(LoadedSettings const& loaded, Clock& clock, Role role) {
    auto ports = really_open(loaded, clock, role);
    if (!ports) return ports;
    auto opened = std::move(*ports);
    Ports inner;
    inner.store = opened.store;
    inner.work = opened.work;
    auto const stranger = std::make_shared<NextProtocol>(std::move(inner));
    opened.work = stranger.get();
    opened.store = stranger;
    return opened;
}

}  // namespace rgrid::app
