#pragma once

#include <functional>
#include <rgrid/control/executor.hpp>
#include <utility>
#include <vector>

namespace rgrid {

/// Runs posted work when told to, so that a test decides when a step happens.
class ManualExecutor final : public Executor {
public:
    void post(std::function<void()> work) override { work_.push_back(std::move(work)); }
    void run_all() {
        while (!work_.empty())
            for (auto& work : std::exchange(work_, {})) work();
    }
    void drop_all() { work_.clear(); }

private:
    std::vector<std::function<void()>> work_;
};

}  // namespace rgrid
