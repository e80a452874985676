#include <cstdio>
#include <rgrid/base/paid_period.hpp>
#include <rgrid/model/snapshot.hpp>

int main() { std::printf("%s\n", rgrid::to_text(rgrid::Duration{1000}).c_str()); }
