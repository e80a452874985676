#pragma once

#include <boost/describe/class.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <rgrid/adapters/http/message.hpp>
#include <rgrid/hetzner_sim/fault.hpp>
#include <rgrid/hetzner_sim/ledger.hpp>
#include <rgrid/hetzner_sim/settings.hpp>
#include <rgrid/ports/clock.hpp>
#include <string>
#include <vector>

namespace rgrid::hetzner_sim {

/// How an answer goes over the wire.
struct Delivery {
    FaultKind fault = FaultKind::slow;  ///< Of those that happen on the wire; `slow`: none but `delay`.
    Duration delay{0};
    Duration pace{0};
    Bytes size{0};
};

struct Answer {
    http::Response response;
    Delivery delivery;
};

/// A server as the cloud itself knows it.
struct ServerView {
    std::int64_t id = 0;
    std::string name;
    std::string project;
    std::string status;  ///< As in the API.
    OfferKey offer;
    std::map<std::string, std::string> labels;
    Instant created{};
    bool boots = true;
    std::string user_data;
};
BOOST_DESCRIBE_STRUCT(ServerView, (), (id, name, project, status, offer, labels, created, boots, user_data))

/// Who wants to know when a server runs and when not any more: for something that is to run on it. Called by whoever
/// calls the simulator, in the order of events and one at a time; must not call the simulator.
struct ServerWatch {
    std::function<void(ServerView const&)> on_running;
    std::function<void(std::int64_t id)> on_ended;  ///< It is off, deleting or gone.
};

/// A simulated Hetzner Cloud: answers requests of its API (below /v1), and of its owner (below /_sim, see
/// `hetzner-sim --help`), as the real one would. What goes on in it goes on by the clock, and is brought up to date by
/// each call.
///
/// Thread safety: all methods from any thread. Lifetime: `clock` outlives it.
class Simulator {
public:
    Simulator(Settings settings, Clock& clock);
    ~Simulator();
    Simulator(Simulator const&) = delete;
    Simulator& operator=(Simulator const&) = delete;

    /// Answers as if there were no wire: a fault of the wire is not to be seen in the answer.
    [[nodiscard]] http::Response answer(http::Request const& request) { return carry_out(request).response; }

    /// Carries out a request and says how the answer is to be delivered.
    [[nodiscard]] Answer carry_out(http::Request const& request);

    /// Lets what is due happen without a call; needed only for a watch.
    void settle();

    /// The cloud's calendar.
    [[nodiscard]] Instant now() const;
    /// The cloud alone is so much later from now on.
    void advance(Duration span);

    void inject(Fault fault);  ///< After those that were injected before: the first that matches happens.
    void clear_faults();
    [[nodiscard]] std::vector<Fault> faults() const;  ///< With what is left of `skip` and `times`.

    void set_stock(OfferKey const& offer, std::optional<int> stock);
    void set_server_limit(std::optional<int> limit);
    void set_primary_ip_limit(std::optional<int> limit);
    void set_core_limit(std::optional<int> limit);
    void set_rate_limited(bool limited);
    void set_times(Times const& times);

    void admit(Access access);  ///< Another token, or other rights for one that there is.
    void revoke(std::string const& token);

    /// A machine is lost, without anybody's delete. Returns whether there was one.
    bool vanish(std::string const& server, std::string const& project = "default");

    [[nodiscard]] Ledger ledger();
    [[nodiscard]] std::vector<ServerView> servers();  ///< Of all projects, by number.
    [[nodiscard]] std::int64_t servers_created() const;
    /// How often each was called: "GET /servers/{id}" and the like, and "refused" for what is no call.
    [[nodiscard]] std::map<std::string, std::int64_t> calls() const;

    void watch(ServerWatch watch);  ///< Only before the first call.

    /// Is told each call below /v1 and its answer, by whoever calls, from several threads at once. Only before the first
    /// call.
    void listen(std::function<void(http::Request const&, http::Response const&)> listener);

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace rgrid::hetzner_sim
