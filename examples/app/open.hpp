#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <rgrid/base/result.hpp>
#include <rgrid/ports/clock.hpp>
#include <rgrid/ports/cloud_provider.hpp>
#include <rgrid/ports/file_store.hpp>
#include <rgrid/ports/fleet_store.hpp>
#include <rgrid/ports/job_executor.hpp>
#include <rgrid/ports/job_queue.hpp>
#include <rgrid/ports/job_store.hpp>
#include <rgrid/ports/wake.hpp>
#include <rgrid/ports/work_source.hpp>

#include "app/settings.hpp"
#include "app/store_guard.hpp"

namespace rgrid::app {

/// Who opens the ports: nobody opens more than they need.
enum class Role {
    client,      ///< Submits and looks: store and files.
    agent,       ///< Runs jobs: store, files, executor and wake.
    controller,  ///< Decides: store, cloud and wake; what a gateway needs, if there is to be one.
    gateway,     ///< Lets agents on other machines work: store, files and the gateway's wake.
};

/// The adapters that the configuration names, opened. This is the only place of the programs where concrete adapters
/// are chosen; everything else sees ports. The clock given to open_ports() must outlive it.
struct Ports {
    std::shared_ptr<void> store;  ///< Owns the object behind the next four, which are always there.
    /// What became of it under this program, looked at now; absent if it is no file, which could be replaced.
    std::function<std::optional<LostStore>()> lost_store;
    JobQueue* queue = nullptr;
    FleetStore* fleet = nullptr;
    WorkSource* work = nullptr;
    JobStore* jobs = nullptr;
    std::unique_ptr<FileStore> files;       ///< Client, agent and gateway.
    std::unique_ptr<JobExecutor> executor;  ///< Agent.
    std::unique_ptr<CloudProvider> cloud;   ///< Controller.
    std::unique_ptr<Wake> wake;             ///< Agent and controller.
    std::unique_ptr<Wake> gateway_wake;     ///< Gateway.
};

/// Opens what `role` needs. Errors name the path or address that cannot be opened and say why: `rejected` for a
/// configuration that cannot work, everything else as the adapter that failed says it.
[[nodiscard]] Result<Ports> open_ports(LoadedSettings const& loaded, Clock& clock, Role role);

/// Makes a folder and those above it if it is not there. A new folder is for its owner only: job files and logs may
/// hold anything.
[[nodiscard]] Result<> make_private_folder(std::string const& path);

}  // namespace rgrid::app
