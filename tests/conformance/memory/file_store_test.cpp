#include <rgrid/adapters/memory/files.hpp>
#include <rgrid/testing/file_store_conformance.hpp>

namespace rgrid::testing {
namespace {

INSTANTIATE_TEST_SUITE_P(Memory, FileStoreConformance,
                         ::testing::Values(FileStoreFactory{
                             "files", [](std::string const&) { return std::make_unique<memory::Files>(); }}),
                         FactoryName{});

}  // namespace
}  // namespace rgrid::testing
