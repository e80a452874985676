#include <cstdio>
#include <rgrid/base/paid_period.hpp>
#include <rgrid/model/snapshot.hpp>
#include <rgrid/ports/cloud_provider.hpp>
#include <rgrid/ports/job_queue.hpp>

int main() {
    using namespace rgrid;
    auto const left = left_in_paid_period(55min, 1h);
    std::printf("a server of 55 minutes has %s left of its paid hour\n", to_text(left).c_str());
    return left == 5min ? 0 : 1;
}
