#pragma once

/// Everything that a program needs to decide about a fleet or to drive one: values, policies, ports and the control
/// loop. Not the agent (rgrid/worker), not the adapters (rgrid/adapters), not the settings' reader (rgrid/config) and
/// not the test suites (rgrid/testing): each is included by who chooses it.
///
/// A program that only decides may include rgrid/policy/planner.hpp alone, and links nothing.

#include <rgrid/base/assert.hpp>
#include <rgrid/base/bytes.hpp>
#include <rgrid/base/call.hpp>
#include <rgrid/base/field.hpp>
#include <rgrid/base/id.hpp>
#include <rgrid/base/money.hpp>
#include <rgrid/base/paid_period.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/base/secret.hpp>
#include <rgrid/base/text.hpp>
#include <rgrid/base/time.hpp>
#include <rgrid/control/actuator.hpp>
#include <rgrid/control/controller.hpp>
#include <rgrid/control/decision_log.hpp>
#include <rgrid/control/executor.hpp>
#include <rgrid/control/observer.hpp>
#include <rgrid/control/ports.hpp>
#include <rgrid/control/reconcile.hpp>
#include <rgrid/control/runner.hpp>
#include <rgrid/control/step_machine.hpp>
#include <rgrid/model/cost.hpp>
#include <rgrid/model/boot_report.hpp>
#include <rgrid/model/demand.hpp>
#include <rgrid/model/event.hpp>
#include <rgrid/model/generation.hpp>
#include <rgrid/model/intent.hpp>
#include <rgrid/model/job.hpp>
#include <rgrid/model/job_rules.hpp>
#include <rgrid/model/lifecycle.hpp>
#include <rgrid/model/memory.hpp>
#include <rgrid/model/offer.hpp>
#include <rgrid/model/plan.hpp>
#include <rgrid/model/reason.hpp>
#include <rgrid/model/server.hpp>
#include <rgrid/model/server_cost.hpp>
#include <rgrid/model/server_name.hpp>
#include <rgrid/model/snapshot.hpp>
#include <rgrid/model/worker.hpp>
#include <rgrid/policy/billing_hour_policy.hpp>
#include <rgrid/policy/explain.hpp>
#include <rgrid/policy/health_policy.hpp>
#include <rgrid/policy/learn.hpp>
#include <rgrid/policy/limits.hpp>
#include <rgrid/policy/packing.hpp>
#include <rgrid/policy/params.hpp>
#include <rgrid/policy/placement_policy.hpp>
#include <rgrid/policy/planner.hpp>
#include <rgrid/policy/policy.hpp>
#include <rgrid/policy/refusal_text.hpp>
#include <rgrid/policy/roster.hpp>
#include <rgrid/policy/scaling_policy.hpp>
#include <rgrid/policy/trust.hpp>
#include <rgrid/policy/waiting.hpp>
#include <rgrid/policy/wanted_images.hpp>
#include <rgrid/ports/clock.hpp>
#include <rgrid/ports/cloud_provider.hpp>
#include <rgrid/ports/event_sink.hpp>
#include <rgrid/ports/file_store.hpp>
#include <rgrid/ports/fleet_store.hpp>
#include <rgrid/ports/job_executor.hpp>
#include <rgrid/ports/job_queue.hpp>
#include <rgrid/ports/job_store.hpp>
#include <rgrid/ports/store_rules.hpp>
#include <rgrid/ports/wake.hpp>
#include <rgrid/ports/work_source.hpp>
