#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <rgrid/base/text.hpp>
#include <rgrid/hetzner_sim/record.hpp>
#include <system_error>

namespace rgrid::hetzner_sim {

namespace {

/// Whoever calls may send anything.
std::string as_text(std::string const& sent) {
    return is_utf8(sent) ? sent : printable(sent);
}

}  // namespace

Result<std::unique_ptr<Record>> Record::open(std::string const& path) {
    std::ofstream file{path, std::ios::app};
    if (!file) return fail(Errc::rejected, "cannot write to " + path + ": " + std::generic_category().message(errno));
    return std::unique_ptr<Record>{new Record{std::move(file)}};
}

void Record::add(http::Request const& request, http::Response const& response) {
    boost::json::object const line{{"method", request.method},
                                   {"target", as_text(request.target)},
                                   {"content", as_text(request.body)},
                                   {"status", response.status},
                                   {"body", response.body}};
    std::scoped_lock const lock{mutex_};
    file_ << boost::json::serialize(line) << std::endl;  // Whoever reads it does so while the cloud goes on.
}

}  // namespace rgrid::hetzner_sim
