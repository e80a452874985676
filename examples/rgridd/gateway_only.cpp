#include "gateway_only.hpp"

#include "app/exit_codes.hpp"
#include "app/reload.hpp"

namespace rgridd {

using namespace rgrid;

namespace {

void read_again(app::LoadedSettings const& started, Options const& options, app::GatewayRole& gateway, app::Log& log) {
    auto const wanted = app::load_settings(options.source, app::process_environment());
    if (!app::can_replace(started, wanted, log)) return;
    gateway.tell(wanted.settings);
    log.set_level(wanted.settings.log.level);
    log.say(Severity::info, "the configuration was read again (" + wanted.file.value_or("no file; built-in defaults") +
                                "): agents that start from now on go by it");
    for (auto const& sentence : app::waits_for_restart(started.settings, wanted.settings))
        log.say(Severity::warning, sentence);
}

void wait_for_something(Clock& clock, ReloadRequest& reload, std::stop_token const& stop) {
    std::stop_source wake;
    std::stop_callback const on_stop{stop, [&] { wake.request_stop(); }};
    reload.on_request([&] { wake.request_stop(); });
    if (!reload.is_asked()) clock.sleep_until(SteadyInstant::max(), wake.get_token());
    reload.on_request({});
}

}  // namespace

int serve_agents(app::LoadedSettings const& started, Options const& options, app::GatewayRole& gateway, Clock& clock,
                 app::Log& log, ReloadRequest& reload, app::StoreGuard const& guard) {
    while (!guard.token().stop_requested()) {
        wait_for_something(clock, reload, guard.token());
        if (reload.take()) read_again(started, options, gateway, log);
    }
    auto const replaced = guard.replaced();
    log.say(replaced ? Severity::error : Severity::info, replaced.value_or("ended"));
    return replaced ? app::exit_not_reachable : app::exit_done;
}

}  // namespace rgridd
