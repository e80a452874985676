#include <rgrid/adapters/memory/events.hpp>
#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/adapters/memory/store.hpp>
#include <rgrid/control/controller.hpp>
#include <rgrid/policy/explain.hpp>
#include <rgrid/policy/planner.hpp>

#include "bind_struct.hpp"
#include "cloud_provider.hpp"

namespace rgrid::python {
namespace {

/// A controller over a cloud written in Python, with store and clock in memory: for trying a provider out.
class TrialController {
public:
    TrialController(CloudProvider& cloud, PlannerParams const& params, std::string const& fleet)
        : executor_(2),
          controller_({cloud, store_, store_, clock_, events_}, Planner{params},
                      {.fleet = FleetId{fleet}, .candidate = "python"}, executor_) {}

    void submit(JobSpec const& spec) {
        auto const submitted = store_.submit({}, {spec}).value();
        static_cast<void>(submitted.front().value());
    }
    Plan run_pass() {
        auto report = controller_.pass();
        while (controller_.has_steps_under_way()) std::this_thread::yield();
        return report.plan;
    }
    void advance(Duration span) { clock_.advance(span); }
    std::vector<std::string> events() const {
        std::vector<std::string> texts;
        for (auto const& event : events_.all()) texts.push_back(event.text);
        return texts;
    }

private:
    memory::ManualClock clock_;
    memory::Store store_{clock_};
    memory::Events events_;
    ThreadExecutor executor_;
    Controller controller_;
};

void bind_values(py::module_& module) {
    bind_enum<Errc>(module, "Errc");
    bind_enum<Currency>(module, "Currency");
    bind_enum<ServerStatus>(module, "ServerStatus");
    bind_enum<Action>(module, "Action");
    bind_enum<CloseMode>(module, "CloseMode");
    bind_enum<Reason>(module, "Reason");
    bind_enum<Unit>(module, "Unit");
    bind_enum<FindingKind>(module, "FindingKind");
    py::class_<Money>(module, "Money")
        .def(py::init([](std::string const& text) {
            if (auto const money = parse_money(text)) return *money;
            throw py::value_error("\"" + text + "\" is not an amount of money such as \"0.0064 EUR\"");
        }))
        .def("__repr__", [](Money money) { return to_text(money); });
    py::class_<Bytes>(module, "Bytes").def_readwrite("count", &Bytes::count);
    bind_struct<OfferKey>(module, "OfferKey");
    bind_struct<Offer>(module, "Offer");
    bind_struct<Server>(module, "Server");
    bind_struct<ServerRequest>(module, "ServerRequest");
    bind_struct<InputFile>(module, "InputFile");
    bind_struct<JobSpec>(module, "JobSpec");
    bind_struct<BeatMark>(module, "BeatMark");
    bind_struct<Fact>(module, "Fact");
    bind_struct<Step>(module, "Step");
    bind_struct<Finding>(module, "Finding");
    bind_struct<Plan>(module, "Plan");
}

}  // namespace

PYBIND11_MODULE(_rgrid, module) {
    module.doc() = "RGrid: a fleet of short-lived cloud workers matched to a queue of jobs.";
    bind_values(module);

    module.def(
        "decide",
        [](std::string const& snapshot, std::string const& params) {
            auto const seen = config::from_json_text<Snapshot>(snapshot);
            if (!seen) throw py::value_error("snapshot: " + seen.error().message);
            auto const read = config::from_json_text<PlannerParams>(params);
            if (!read) throw py::value_error("params: " + read.error().message);
            return decide(*seen, *read);
        },
        py::arg("snapshot"), py::arg("params"), "The plan for a snapshot; both arguments are JSON.");
    module.def(
        "explain", [](Plan const& plan) { return explain(plan); }, "A plan in sentences.");

    py::class_<CloudProvider, PyCloudProvider>(
        module, "CloudProvider", "Where servers come from: define offers, list, find, create and destroy.")
        .def(py::init<>());

    py::class_<TrialController>(module, "TrialController")
        .def(py::init([](CloudProvider& cloud, std::string const& params, std::string const& fleet) {
                 auto const read = config::from_json_text<PlannerParams>(params);
                 if (!read) throw py::value_error("params: " + read.error().message);
                 return std::make_unique<TrialController>(cloud, *read, fleet);
             }),
             py::arg("cloud"), py::arg("params"), py::arg("fleet") = "trial", py::keep_alive<1, 2>())
        .def("submit", &TrialController::submit)
        .def("run_pass", &TrialController::run_pass, py::call_guard<py::gil_scoped_release>())
        .def("advance", &TrialController::advance)
        .def("events", &TrialController::events);
}

}  // namespace rgrid::python
