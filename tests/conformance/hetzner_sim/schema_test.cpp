#include "schema.hpp"

#include <gmock/gmock.h>

namespace rgrid::hetzner_sim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> problems_of(std::string method, std::string target, int status, std::string body) {
    http::Request request;
    request.method = std::move(method);
    request.target = std::move(target);
    return schema_problems(request, {status, {}, std::move(body), {}});
}

std::string key_with(std::string const& created) {
    return R"({"ssh_key": {"id": 7, "name": "k", "fingerprint": "00:11", "public_key": "ssh-rsa AAAA",
               "labels": {"a": "b"}, "created": )" +
           created + "}}";
}

TEST(Schema, TakesAnAnswerThatIsRight) {
    EXPECT_THAT(problems_of("GET", "/v1/ssh_keys/7", 200, key_with(R"("2026-01-01T00:00:00Z")")), IsEmpty());
    EXPECT_THAT(problems_of("DELETE", "/v1/ssh_keys/7", 204, ""), IsEmpty());
    EXPECT_THAT(problems_of("GET", "/v1/x", 404, R"({"error": {"code": "a", "message": "b", "details": null}})"),
                IsEmpty());
}

TEST(Schema, TellsWhatIsWrong) {
    EXPECT_THAT(problems_of("GET", "/v1/ssh_keys/7", 200, key_with(R"("today")")),
                ElementsAre(HasSubstr(".created is")));
    EXPECT_THAT(problems_of("GET", "/v1/ssh_keys/7", 200, R"({"ssh_key": 7})"),
                ElementsAre(HasSubstr("not an object")));
    EXPECT_THAT(problems_of("GET", "/v1/ssh_keys/7", 200, key_with(R"("2026-01-01T00:00:00Z", "more": 1)")),
                ElementsAre(HasSubstr(".more is not known")));
    EXPECT_THAT(problems_of("GET", "/v1/x", 404, R"({"error": {"code": "a", "message": "b"}})"),
                ElementsAre(HasSubstr(".details is not there")));
    EXPECT_THAT(problems_of("DELETE", "/v1/ssh_keys/7", 204, "{}"), ElementsAre(HasSubstr("has a body")));
    EXPECT_THAT(problems_of("GET", "/v1/pricing", 200, "<html>"), ElementsAre(HasSubstr("is no JSON")));
    EXPECT_THAT(problems_of("GET", "/v1/unknown", 200, "{}"), ElementsAre(HasSubstr("not in the schema")));
    EXPECT_THAT(problems_of("GET", "/v1/actions/1", 200,
                            R"({"action": {"id": 1, "command": "c", "status": "done", "progress": 1.5, "started":
                            "2026-01-01T00:00:00Z", "finished": null, "resources": [{"id": 0, "type": "server"}],
                            "error": null}})"),
                ElementsAre(HasSubstr(".status is"), HasSubstr(".progress is"), HasSubstr("resources[0].id is")));
}

}  // namespace
}  // namespace rgrid::hetzner_sim
