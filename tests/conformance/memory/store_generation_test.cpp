#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/adapters/memory/store.hpp>
#include <rgrid/testing/store_generation_conformance.hpp>

namespace rgrid::testing {
namespace {

class MemoryStoreHarness final : public StoreHarness {
public:
    StorePorts ports() override { return {*store_, *store_, *store_, *store_}; }
    StorePorts second() override { return ports(); }
    void keep() override { backup_ = store_->copy(); }
    void rewind() override { store_ = backup_->copy(); }
    void advance(Duration span) override { clock_.advance(span); }

private:
    memory::ManualClock clock_;
    std::unique_ptr<memory::Store> store_ =
        std::make_unique<memory::Store>(clock_, memory::StoreSettings{.keep_finished = keep_finished});
    std::unique_ptr<memory::Store> backup_;
};

INSTANTIATE_TEST_SUITE_P(Memory, StoreGenerationConformance,
                         ::testing::Values(StoreFactory{"store",
                                                        [] { return std::make_unique<MemoryStoreHarness>(); }}),
                         FactoryName{});

}  // namespace
}  // namespace rgrid::testing
