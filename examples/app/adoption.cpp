#include "app/adoption.hpp"

#include <algorithm>
#include <map>
#include <rgrid/policy/trust.hpp>
#include <set>

namespace rgrid::app {

namespace {

/// "1 server", "3 servers".
std::string count_text(std::int64_t count, std::string const& what) {
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string count_text(std::size_t count, std::string const& what) {
    return count_text(static_cast<std::int64_t>(count), what);
}

/// The first few, in brackets, and how many more.
template <class Item, class Text>
std::string some_text(std::vector<Item> const& items, Text const& text) {
    constexpr std::size_t shown = 8;
    std::string list;
    for (std::size_t i = 0; i < std::min(items.size(), shown); ++i) list += (i == 0 ? "" : ", ") + text(items[i]);
    if (items.size() > shown) list += " and " + std::to_string(items.size() - shown) + " more";
    return " (" + list + ")";
}

std::string names_text(std::vector<ServerName> const& names) {
    return some_text(names, [](ServerName const& name) { return name.value; });
}

std::string jobs_text(std::vector<JobId> const& jobs) {
    return some_text(jobs, [](JobId job) { return std::to_string(job.value); });
}

/// A server that was made before servers were labelled, or by hand, is taken for the fleet's own, as the daemon does.
bool belongs_to(Server const& server, StoreId const& store) {
    return !is_foreign(server, store);
}

std::string stores_text(std::set<StoreId> const& stores) {
    std::string text;
    for (auto const& store : stores) text += (text.empty() ? "" : ", ") + store.value;
    return text.empty() ? "no server of the fleet carries the identity of a store" : "its servers carry: " + text;
}

void sort_servers(AdoptionScene const& scene, AdoptionPlan& plan) {
    std::set<ServerName> intended;
    std::set<ServerName> listed;
    std::map<StoreId, ForeignServers> others;
    for (auto const& intent : scene.record.intents) intended.insert(intent.server);
    for (auto const& server : scene.servers) {
        listed.insert(server.name);
        if (auto const number = number_of(server.name, server.pool, scene.fleet))
            plan.next_number = std::max(plan.next_number, *number + 1);
        if (belongs_to(server, plan.adopt_as)) {
            (intended.contains(server.name) ? plan.known : plan.unknown).push_back(server.name);
            plan.latest = std::max(plan.latest, server.generation);
            continue;
        }
        auto& other = others[server.store];
        other.store = server.store;
        other.generation = std::max(other.generation, server.generation);
        other.servers.push_back(server.name);
    }
    for (auto const& name : intended)
        if (!listed.contains(name)) plan.missing.push_back(name);
    for (auto& [store, servers] : others) plan.others.push_back(std::move(servers));
    for (auto* names : {&plan.known, &plan.unknown}) std::ranges::sort(*names);
}

}  // namespace

Result<AdoptionPlan> plan_adoption(AdoptionScene const& scene, std::optional<StoreId> const& adopt_as) {
    AdoptionPlan plan;
    plan.fleet = scene.fleet;
    plan.store = scene.record.store;
    plan.generation = scene.record.generation;
    plan.frozen = scene.record.frozen;
    plan.adopt_as = adopt_as.value_or(plan.store);
    std::set<StoreId> stores;
    for (auto const& server : scene.servers)
        if (!server.store.empty()) stores.insert(server.store);
    if (plan.adopt_as != plan.store && !stores.contains(plan.adopt_as))
        return fail(Errc::rejected, "no server of fleet " + scene.fleet.value + " was made from store '" +
                                        plan.adopt_as.value + "', so there is nothing to take over; this store is " +
                                        plan.store.value + ", and " + stores_text(stores));
    plan.latest = std::max(plan.generation, scene.proofs.generation);
    plan.next_number = scene.record.next_number;
    sort_servers(scene, plan);
    plan.waiting = scene.jobs.queued + scene.jobs.scheduled;
    plan.running = scene.jobs.running;
    if (plan.adopt_as == plan.store) {
        for (auto const& completion : scene.proofs.proven) plan.proven.push_back(completion.job);
        plan.unproven = scene.proofs.unproven;
    }
    plan.last_job = std::max(scene.proofs.last_job, JobId{scene.jobs.accepted});
    return plan;
}

Adoption to_adoption(AdoptionPlan const& plan, Proofs const& proofs) {
    Adoption adoption{plan.adopt_as, plan.latest, plan.next_number, plan.last_job, {}};
    if (plan.adopt_as == plan.store) adoption.proven = proofs.proven;
    return adoption;
}

std::vector<std::string> found_text(AdoptionPlan const& plan) {
    std::vector<std::string> lines;
    lines.push_back("Store " + plan.store.value + " of fleet " + plan.fleet.value + ", generation " +
                    std::to_string(plan.generation.value));
    lines.push_back(plan.frozen.empty() ? "It does not stand still." : "It stands still: " + plan.frozen);
    auto const add = [&](std::vector<ServerName> const& names, std::string const& what) {
        if (!names.empty()) lines.push_back(count_text(names.size(), "server") + " " + what + names_text(names));
    };
    add(plan.known, "that it knows");
    add(plan.unknown, "that it does not know");
    add(plan.missing, "that it knows but that the provider does not list");
    for (auto const& other : plan.others)
        lines.push_back(count_text(other.servers.size(), "server") + " of store " + other.store.value +
                        ", generation " + std::to_string(other.generation.value) + names_text(other.servers));
    if (plan.known.empty() && plan.unknown.empty() && plan.others.empty())
        lines.push_back("The provider lists no server.");
    lines.push_back(count_text(plan.waiting, "job") + " waiting, " + std::to_string(plan.running) + " running");
    if (!plan.proven.empty())
        lines.push_back(count_text(plan.proven.size(), "job") + " of these " +
                        (plan.proven.size() == 1 ? "has" : "have") + " succeeded, as the outputs prove" +
                        jobs_text(plan.proven));
    for (auto const& receipt : plan.unproven) lines.push_back("No proof is " + receipt);
    if (plan.last_job.value > 0)
        lines.push_back("The greatest job number seen is " + std::to_string(plan.last_job.value) + ".");
    return lines;
}

std::vector<std::string> consequences_text(AdoptionPlan const& plan) {
    std::vector<std::string> lines;
    if (plan.adopt_as != plan.store)
        lines.push_back("The store goes on as " + plan.adopt_as.value +
                        ": if the store of that identity still lives, it "
                        "must never be used again.");
    lines.push_back("Generation " + std::to_string(plan.latest.value + 1) +
                    " begins: no result, claim or decision of an earlier one is accepted from then on.");
    if (!plan.proven.empty())
        lines.push_back(count_text(plan.proven.size(), "job") + " " + (plan.proven.size() == 1 ? "ends" : "end") +
                        " as succeeded and will not run again.");
    if (plan.running > 0)
        lines.push_back(
            std::string{plan.proven.empty() ? "All running jobs" : "All other running jobs"} +
            " go back to the queue, charged with nothing; their workers end them at their next heartbeat.");
    if (!plan.unknown.empty())
        lines.push_back("The " + std::string{plan.unknown.size() == 1 ? "server" : "servers"} +
                        " that the store does not know: one whose worker's session the store knows stays; any other "
                        "worker is refused at its next heartbeat and ends, and the daemon deletes its server after "
                        "orphan_grace.");
    if (!plan.missing.empty()) lines.push_back("What the provider does not list is settled as gone by the daemon.");
    for (auto const& other : plan.others)
        lines.push_back("The servers of store " + other.store.value +
                        " stay untouched, and the daemon does nothing at all as long as there are any; 'rgrid store "
                        "adopt --store " +
                        other.store.value + "' takes them over instead.");
    lines.push_back("The next server gets a number from " + std::to_string(plan.next_number) +
                    " on, the next job one "
                    "from " +
                    std::to_string(plan.last_job.value + 1) + " on.");
    return lines;
}

}  // namespace rgrid::app
