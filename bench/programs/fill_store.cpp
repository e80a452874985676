// Makes a store with so many workers, each with its server's intent and open session: rgrid_fill_store HOME WORKERS

#include <cstdio>
#include <cstdlib>
#include <rgrid/adapters/sqlite/store.hpp>
#include <rgrid/adapters/system/clock.hpp>
#include <string>

namespace {

using namespace rgrid;

Intent intent_of(std::string const& name, LeaderEpoch epoch) {
    Intent intent;
    intent.server = ServerName{name};
    intent.pool = PoolName{"default"};
    intent.offer = {"local", "here"};
    intent.price = {6'400'000};
    intent.period = 1h;
    intent.epoch = epoch;
    intent.create = CreateState::created;
    intent.server_id = ServerId{name};
    return intent;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: rgrid_fill_store HOME WORKERS\n");
        return 2;
    }
    SystemClock clock;
    auto const store =
        sqlite::Store::open({.path = std::string{argv[1]} + "/rgrid.db"}, FleetId{"default"}, clock).value();
    auto const workers = std::atoi(argv[2]);
    auto const epoch = store->lead({}, "fill", 60s).value().epoch;
    FleetWrite write;
    write.next_number = workers + 1;
    for (int number = 1; number <= workers; ++number) {
        auto const name = "default-default-" + std::to_string(number);
        write.intents.push_back(intent_of(name, epoch));
        Registration who;
        who.worker = WorkerId{name};
        who.server = ServerName{name};
        who.pool = PoolName{"default"};
        who.slots = 2;
        store->register_worker({}, who).value();
    }
    store->write({}, epoch, write).value();
    store->resign({}, "fill").value();
    return 0;
}
