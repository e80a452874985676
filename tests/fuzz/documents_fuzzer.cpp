// What the programs tell each other and keep in stores, as JSON: the first line names the kind.

#include <rgrid/model/intent.hpp>
#include <rgrid/model/memory.hpp>
#include <rgrid/model/plan.hpp>
#include <rgrid/model/snapshot.hpp>
#include <rgrid/worker/receipt.hpp>

#include "adapters/process/attempt.hpp"
#include "adapters/process/server_folder.hpp"
#include "json_mutator.hpp"
#include "round_trip.hpp"

using namespace rgrid;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    auto text = as_text(data, size);
    auto const kind = take_line(text);
    if (kind == "order") read_document<process::AttemptOrder>(text);
    if (kind == "end") read_document<process::AttemptEnd>(text);
    if (kind == "server") read_document<process::ServerRecord>(text);
    if (kind == "receipt") read_document<Receipt>(text);
    if (kind == "memory") read_document<Memory>(text);
    if (kind == "intent") read_document<Intent>(text);
    if (kind == "plan") read_document<Plan>(text);
    if (kind == "snapshot") read_document<Snapshot>(text);
    return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
    auto text = as_text(data, size);
    take_line(text);
    return mutate_json(data, size, max_size, seed, size - text.size());
}
