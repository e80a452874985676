#include "hetzner_sim/actions.hpp"

#include <algorithm>

#include "hetzner_sim/paging.hpp"
#include "hetzner_sim/routes.hpp"

namespace rgrid::hetzner_sim {

namespace {

constexpr std::int64_t largest_count = 100;

std::string_view action_status(Action const& action, SteadyInstant now) {
    if (action.running(now)) return "running";
    return action.error ? "error" : "success";
}

std::int64_t progress_of(Action const& action, SteadyInstant now) {
    if (!action.running(now)) return 100;
    if (action.ends == SteadyInstant::max()) return 0;
    return std::clamp<std::int64_t>(largest_count * (now - action.started).count() /
                                        std::max<std::int64_t>(1, (action.ends - action.started).count()),
                                    0, largest_count - 1);
}

bool is_of(Action const& action, std::int64_t resource, std::string_view kind) {
    return std::ranges::any_of(action.resources, [&](auto const& one) {
        return one.first == resource && (kind.empty() || one.second == kind);
    });
}

Action const& needed_action(Context const& context, std::int64_t id) {
    auto const found = context.project.actions.find(id);
    if (found == context.project.actions.end()) refuse_missing("action", std::to_string(id));
    return found->second;
}

/// Those of a set of actions that a request asks for by `id` and `status`, as a page.
template <class Wanted>
Reply list_actions(Context const& context, Wanted const& wanted) {
    auto const page = page_of(context.request);
    auto const statuses = context.request.all("status");
    std::vector<Action const*> found;
    for (auto const& [id, action] : context.project.actions) {
        bool const right =
            statuses.empty() || std::ranges::find(statuses, action_status(action, context.now())) != statuses.end();
        if (right && wanted(action)) found.push_back(&action);
    }
    json::array items;
    for (auto i = (page.number - 1) * page.size; i < std::min<std::int64_t>(page.number * page.size, std::ssize(found));
         ++i)
        items.push_back(show_action(context.state, *found[static_cast<std::size_t>(i)]));
    return page_reply(context.request, page, "actions", std::move(items), std::ssize(found));
}

std::vector<std::int64_t> wanted_ids(Context const& context) {
    std::vector<std::int64_t> ids;
    for (auto const& text : context.request.all("id")) {
        auto const id = parse_number(text);
        if (!id) refuse_field("id", "Not a valid integer.");
        ids.push_back(*id);
    }
    return ids;
}

Reply get_actions(Context& context) {
    auto const ids = wanted_ids(context);
    if (ids.empty()) refuse_field("id", "Missing data for required field.");
    return list_actions(context, [&](Action const& action) { return std::ranges::find(ids, action.id) != ids.end(); });
}

Reply get_action(Context& context) {
    return action_reply(context, needed_action(context, context.request.id("action")), 200);
}

}  // namespace

Action& begin_action(Context& context, std::string command, ResourceRefs resources, Duration takes) {
    auto const id = context.state.next_id();
    auto& action = context.project.actions[id];
    action.id = id;
    context.project.unfinished.push_back(id);
    action.command = std::move(command);
    action.resources = std::move(resources);
    action.started = context.now();
    action.ends = takes >= SteadyInstant::max() - context.now() ? SteadyInstant::max() : context.now() + takes;
    if (context.fault == nullptr) return action;
    if (context.fault->kind == FaultKind::action_stuck) action.ends = SteadyInstant::max();
    if (context.fault->kind == FaultKind::action_error)
        action.error = {context.fault->code.empty() ? "action_failed" : context.fault->code,
                        context.fault->message.empty() ? "Action failed" : context.fault->message};
    return action;
}

Action& begin_action(Context& context, std::string command, ResourceRefs resources) {
    return begin_action(context, std::move(command), std::move(resources), context.state.settings.times.other);
}

json::object show_action(State const& state, Action const& action) {
    json::object shown;
    shown["id"] = action.id;
    shown["command"] = action.command;
    shown["status"] = action_status(action, state.now);
    shown["progress"] = progress_of(action, state.now);
    shown["started"] = time_text(state, action.started);
    shown["finished"] = action.running(state.now) ? json::value(nullptr) : json::value(time_text(state, action.ends));
    json::array resources;
    for (auto const& [id, kind] : action.resources) resources.push_back(json::object{{"id", id}, {"type", kind}});
    shown["resources"] = std::move(resources);
    shown["error"] = nullptr;
    if (action.error && !action.running(state.now))
        shown["error"] = json::object{{"code", action.error->first}, {"message", action.error->second}};
    return shown;
}

Reply action_reply(Context const& context, Action const& action, int status) {
    json::object body;
    body["action"] = show_action(context.state, action);
    return {status, std::move(body), {}};
}

std::vector<Action const*> running_actions(Project const& project, std::int64_t resource, SteadyInstant now) {
    std::vector<Action const*> found;
    for (auto const id : project.unfinished) {
        auto const& action = project.actions.at(id);
        if (action.running(now) && is_of(action, resource, {})) found.push_back(&action);
    }
    return found;
}

bool is_locked(Context const& context, std::int64_t resource) {
    return !running_actions(context.project, resource, context.now()).empty();
}

Reply list_actions_of(Context const& context, std::int64_t resource, std::string const& kind) {
    auto const ids = wanted_ids(context);
    return list_actions(context, [&](Action const& action) {
        return is_of(action, resource, kind) && (ids.empty() || std::ranges::find(ids, action.id) != ids.end());
    });
}

Reply list_actions_of_kind(Context const& context, std::string const& kind) {
    auto const ids = wanted_ids(context);
    return list_actions(context, [&](Action const& action) {
        return std::ranges::any_of(action.resources, [&](auto const& one) { return one.second == kind; }) &&
               (ids.empty() || std::ranges::find(ids, action.id) != ids.end());
    });
}

Reply get_action_of(Context const& context, std::int64_t resource, std::string const& kind) {
    auto const& action = needed_action(context, context.request.id("action", context.request.parts.size() - 1));
    if (!is_of(action, resource, kind)) refuse_missing("action", std::to_string(action.id));
    return action_reply(context, action, 200);
}

void add_action_routes(Routes& routes) {
    routes.add("GET", "/actions", get_actions);
    routes.add("GET", "/actions/{id}", get_action);
}

}  // namespace rgrid::hetzner_sim
