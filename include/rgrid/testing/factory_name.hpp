#pragma once

#include <gtest/gtest.h>
#include <string>

namespace rgrid::testing {

/// The name generator for INSTANTIATE_TEST_SUITE_P of any conformance suite: the factory's own name.
struct FactoryName {
    template <class Factory>
    std::string operator()(::testing::TestParamInfo<Factory> const& info) const {
        return info.param.name;
    }
};

}  // namespace rgrid::testing
