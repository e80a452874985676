#pragma once

namespace rgrid::postgres {

/// The step of the schema with what programs of users call in their own transactions: rgrid.submit(),
/// rgrid.submit_many(), rgrid.notify() and rgrid.grant_service(). A spec is read by the rules of rgrid::spec_problem()
/// and stored as C++ would have written it.
[[nodiscard]] char const* function_step();

}  // namespace rgrid::postgres
