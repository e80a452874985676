#include <algorithm>
#include <boost/describe/class.hpp>
#include <iostream>
#include <memory>
#include <rgrid/base/paid_period.hpp>
#include <rgrid/model/server_cost.hpp>
#include <rgrid/policy/policy.hpp>

#include "bill_as_of.hpp"
#include "commands.hpp"
#include "delete_servers.hpp"
#include "output.hpp"
#include "scene.hpp"

namespace rgrid::cli {

/// One worker in `rgrid workers --json`.
struct WorkerStatus {
    WorkerId worker;
    PoolName pool;
    Phase phase = Phase::gone;
    std::string stage;  ///< Of a worker that is on its way or ready: how far it is; else empty.
    int slots = 0;
    int busy_slots = 0;
    Duration silence{0};  ///< Since its last heartbeat.
    Duration idle{0};
    std::optional<Duration> age;  ///< Since its server was ordered.
    std::string version;
};
BOOST_DESCRIBE_STRUCT(WorkerStatus, (), (worker, pool, phase, stage, slots, busy_slots, silence, idle, age, version))

/// One server in `rgrid servers --json`.
struct ServerStatusLine {
    ServerBill bill;
    Phase phase = Phase::gone;
    std::int64_t periods = 0;  ///< Paid so far.
    Money cost;
    std::optional<Duration> paid_for_another;  ///< Until the next paid period begins; none once it is deleted.
};
BOOST_DESCRIBE_STRUCT(ServerStatusLine, (), (bill, phase, periods, cost, paid_for_another))

namespace {

std::string stage_of(WorkerView const& worker) {
    if (!worker.intent || !detail::is_active(worker)) return "";
    return std::string{to_text(derive_stage(*worker.intent, worker.session ? &*worker.session : nullptr))};
}

WorkerStatus status_of(WorkerView const& worker) {
    WorkerStatus status{WorkerId{worker.name.value}, worker.pool, worker.phase};
    if (worker.intent) status.age = worker.intent->age;
    status.stage = stage_of(worker);
    if (!worker.session) return status;
    auto const& session = *worker.session;
    status.worker = session.worker;
    status.slots = session.slots;
    status.busy_slots = session.busy_slots;
    status.silence = session.silence;
    status.idle = session.idle;
    status.version = session.version;
    return status;
}

int list_workers(Context& context) {
    std::vector<WorkerStatus> workers;
    for (auto const& worker : look_at_fleet(context).roster().workers) workers.push_back(status_of(worker));
    if (context.options.json) {
        print_json(workers);
        return exit_done;
    }
    if (workers.empty()) {
        std::cout << "There are no workers.\n";
        return exit_done;
    }
    Table table{{"WORKER", "POOL", "PHASE", "BUSY", "HEARTBEAT", "IDLE", "AGE", "VERSION"}};
    for (auto const& worker : workers) {
        bool const known = worker.slots > 0;
        table.add({worker.worker.value, worker.pool.value, worker.stage.empty() ? enum_name(worker.phase) : worker.stage,
                   known ? std::to_string(worker.busy_slots) + "/" + std::to_string(worker.slots) : "",
                   known ? to_rough_text(worker.silence) + " ago" : "",
                   known && worker.busy_slots == 0 ? to_rough_text(worker.idle) : "",
                   worker.age ? to_rough_text(*worker.age) : "", tame(worker.version)});
    }
    table.print();
    return exit_done;
}

Session find_worker(Context& context, std::string const& name) {
    for (auto const& session : expect(context.ports().queue->sessions(context.call())).sessions)
        if (session.worker.value == name) return session;
    for (auto const& intent : expect(context.ports().fleet->load(context.call())).intents)
        if (intent.server.value == name) {
            Session never_registered;
            never_registered.worker = WorkerId{name};
            never_registered.server = intent.server;
            return never_registered;
        }
    quit(exit_wrong_use, "there is no worker '" + name + "'; 'rgrid workers' lists them");
}

std::string numbers(std::vector<JobId> const& jobs) {
    std::string text;
    for (auto const& job : jobs) text += (text.empty() ? "" : ", ") + std::to_string(job.value);
    return text;
}

int close_worker(Context& context, std::string const& name, CloseMode mode) {
    auto const session = find_worker(context, name);
    auto const report = expect(context.ports().queue->close(context.call(), session.worker, mode,
                                                            BeatMark{session.incarnation, session.beat}));
    // A beat may come between the look and the close; what is asked for holds all the same.
    if (report.outcome == CloseOutcome::changed) return close_worker(context, name, mode);
    if (context.options.json) {
        print_json(report);
        return exit_done;
    }
    std::cout << "Worker " << name;
    if (report.outcome == CloseOutcome::draining)
        std::cout << " takes no more jobs and is let go when it has finished its own.\n";
    else
        std::cout << " is closed; the daemon deletes its server.\n";
    if (!report.requeued.empty()) std::cout << "Queued again: job " << numbers(report.requeued) << "\n";
    if (!report.dead.empty())
        std::cout << "Given up, since too many of their workers were lost: job " << numbers(report.dead) << "\n";
    return exit_done;
}

std::vector<ServerStatusLine> servers_of(FleetScene const& scene, bool all) {
    auto const roster = scene.roster();
    std::vector<ServerStatusLine> servers;
    auto const phase_of = [&](ServerName const& name) {
        auto const found = std::find_if(roster.workers.begin(), roster.workers.end(),
                                        [&](WorkerView const& worker) { return worker.name == name; });
        return found == roster.workers.end() ? Phase::gone : found->phase;
    };
    for (auto const& written : scene.record.bills) {
        if (written.deleted && !all) continue;
        auto const bill = bill_as_of(written, scene.now);
        ServerStatusLine line{bill, bill.deleted ? Phase::gone : phase_of(bill.server),
                              paid_periods(bill.lifetime, bill.period)};
        line.cost = server_cost(bill);
        if (!bill.deleted) line.paid_for_another = left_in_paid_period(bill.lifetime, bill.period);
        servers.push_back(line);
    }
    for (auto const& intent : scene.record.intents) {
        bool const billed = std::any_of(servers.begin(), servers.end(), [&](ServerStatusLine const& line) {
            return line.bill.server == intent.server;
        });
        if (billed) continue;
        ServerBill ordered{intent.server, intent.pool, intent.offer, intent.price, intent.period};
        ordered.monthly_cap = intent.monthly_cap;
        ordered.ipv4 = intent.ipv4;
        servers.push_back(ServerStatusLine{ordered, phase_of(intent.server)});
    }
    return servers;
}

int list_servers(Context& context, bool all) {
    auto const servers = servers_of(look_at_fleet(context), all);
    if (context.options.json) {
        print_json(servers);
        return exit_done;
    }
    if (servers.empty()) {
        std::cout << (all ? "There was no server this month.\n"
                          : "There are no servers; 'rgrid servers --all' shows this month's.\n");
        return exit_done;
    }
    Table table{{"SERVER", "POOL", "OFFER", "PHASE", "AGE", "PAID PERIODS", "COST SO FAR", "NEXT PERIOD IN"}};
    for (auto const& line : servers)
        table.add({line.bill.server.value, line.bill.pool.value, to_text(line.bill.offer), enum_name(line.phase),
                   line.periods > 0 ? to_rough_text(line.bill.lifetime) : "",
                   line.periods > 0 ? std::to_string(line.periods) + " x " + to_text(line.bill.period) : "",
                   line.periods > 0 ? to_price_text(line.cost) : "",
                   line.paid_for_another ? to_rough_text(*line.paid_for_another) : ""});
    table.print();
    return exit_done;
}

}  // namespace

void add_workers(Commands const& commands) {
    auto* workers = commands.add("workers", "Lists the workers, or lets one go", list_workers);
    workers->require_subcommand(0, 1);
    struct Ending {
        char const* name;
        char const* help;
        CloseMode mode;
    };
    for (auto const& ending :
         {Ending{"drain", "Lets a worker go when it has finished its jobs", CloseMode::drain},
          Ending{"delete", "Lets a worker go at once; its jobs are queued again", CloseMode::now}}) {
        auto worker = std::make_shared<std::string>();
        auto* command = commands.add_to(
            *workers, ending.name, ending.help,
            [worker, mode = ending.mode](Context& context) { return close_worker(context, *worker, mode); });
        command->add_option("WORKER", *worker, "A worker's name")->required();
    }
    auto all = std::make_shared<bool>(false);
    auto* servers = commands.add("servers", "Lists what is being paid for",
                                 [all](Context& context) { return list_servers(context, *all); });
    servers->add_flag("--all", *all, "Also the servers of this month that are gone");
    servers->require_subcommand(0, 1);
    auto deletion = std::make_shared<DeleteServersOptions>();
    auto* command = commands.add_to(*servers, "delete",
                                    "Deletes all servers of a fleet with nothing but the provider's access: stops the "
                                    "bill also when the store is gone",
                                    [deletion](Context& context) { return delete_servers(context, *deletion); });
    command->add_option("--fleet", deletion->fleet, "Whose servers: the name in their labels")->required();
    command->add_flag("--provider-only", deletion->provider_only, "Open no store, ask no daemon");
    command->add_flag("--belongings", deletion->belongings,
                      "Also what was made for the fleet beside them: its network, firewall and SSH key");
    command->add_option("--limit", deletion->limit, "The longest that may take")->capture_default_str();
    command->add_flag("--yes", deletion->yes, "Do not ask");
}

}  // namespace rgrid::cli
