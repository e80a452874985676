#include <filesystem>
#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/testing/store_generation_conformance.hpp>
#include <rgrid/testing/temp_folder.hpp>

#include "raw.hpp"

namespace rgrid::testing {
namespace {

/// A store whose backup is a copy of its closed file.
class FileStoreHarness final : public StoreHarness {
public:
    FileStoreHarness() { open(); }

    StorePorts ports() override { return {*first_, *first_, *first_, *first_}; }
    StorePorts second() override { return {*second_, *second_, *second_, *second_}; }

    void keep() override {
        close();
        std::filesystem::copy_file(path_, backup_, std::filesystem::copy_options::overwrite_existing);
        open();
    }

    void rewind() override {
        close();
        std::filesystem::copy_file(backup_, path_, std::filesystem::copy_options::overwrite_existing);
        open();
    }

    void advance(Duration span) override { clock_.advance(span); }

private:
    void open() {
        for (auto* const store : {&first_, &second_})
            *store = sqlite::Store::open(
                         {.path = path_, .synchronous = sqlite::Synchronous::normal, .keep_finished = keep_finished},
                         FleetId{"default"}, clock_)
                         .value();
    }

    /// The last connection that closes copies the journal back into the file.
    void close() {
        first_.reset();
        second_.reset();
        sqlite::expect_sound(path_);
        EXPECT_FALSE(std::filesystem::exists(path_ + "-wal"));
    }

    TempFolder folder_;
    std::string const path_ = folder_ / "rgrid.db";
    std::string const backup_ = folder_ / "backup.db";
    memory::ManualClock clock_;
    std::unique_ptr<sqlite::Store> first_;
    std::unique_ptr<sqlite::Store> second_;
};

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreGenerationConformance,
                         ::testing::Values(StoreFactory{"store", [] { return std::make_unique<FileStoreHarness>(); }}),
                         FactoryName{});

}  // namespace
}  // namespace rgrid::testing
