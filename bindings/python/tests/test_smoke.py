"""The interfaces from Python: one decision, and one port written in Python."""

import datetime
import json
import unittest

import rgrid

PARAMS = json.dumps({"pools": {"default": {"slots": 2}}})


def snapshot(queued):
    return json.dumps({
        "now": "2026-03-10T12:00:00.000Z",
        "fleet": "demo",
        "servers": {"value": []},
        "sessions": {"value": []},
        "demand": {"value": {"groups": [{"pool": "default", "jobs": queued, "oldest": "5s"}]}},
        "offers": {"value": [{"key": {"type": "cx23", "location": "fsn1"}, "price": "0.0064 EUR", "period": "1h"}]},
    })


class Boats(rgrid.CloudProvider):
    def __init__(self, left=10):
        super().__init__()
        self.left = left
        self.servers = {}

    def offers(self):
        key = rgrid.OfferKey(type="dinghy", location="harbour")
        return [rgrid.Offer(key=key, price=rgrid.Money("4.50 EUR"), period=datetime.timedelta(hours=1))]

    def list(self):
        return list(self.servers.values())

    def find(self, name):
        return self.servers.get(name)

    def create(self, request):
        if len(self.servers) >= self.left:
            raise rgrid.Failure(rgrid.Errc.capacity, "no dinghy is left")
        server = rgrid.Server(id="boat-" + request.name, name=request.name, pool=request.pool, offer=request.offer,
                              store=request.store, status=rgrid.ServerStatus.running)
        return self.servers.setdefault(request.name, server)

    def destroy(self, server_id):
        self.servers = {name: boat for name, boat in self.servers.items() if boat.id != server_id}


class Broken(Boats):
    def create(self, request):
        raise ZeroDivisionError("not a Failure")


class DecideTest(unittest.TestCase):
    def test_the_plan_and_its_reasons(self):
        plan = rgrid.decide(snapshot(8), PARAMS)
        self.assertEqual([step.action for step in plan.steps], [rgrid.Action.create_server] * 4)
        self.assertEqual(rgrid.explain(plan), ["create demo-default-1 to demo-default-4 (cx23@fsn1): "
                                               "8 queued, 0 free slots, 2 slots a worker: 4 workers"])
        self.assertEqual(rgrid.Plan.from_json(plan.to_json()), plan)

    def test_a_wrong_snapshot_is_named(self):
        with self.assertRaisesRegex(ValueError, "snapshot: .*now"):
            rgrid.decide('{"now": 12}', PARAMS)


class CloudProviderTest(unittest.TestCase):
    def controller(self, cloud, jobs=8):
        controller = rgrid.TrialController(cloud, PARAMS)
        for _ in range(jobs):
            controller.submit(rgrid.JobSpec(command=["true"]))
        return controller

    def test_the_controller_rents_from_it(self):
        boats = Boats()
        controller = self.controller(boats)
        controller.run_pass()
        self.assertEqual(sorted(boats.servers), ["trial-default-%d" % i for i in range(1, 5)])
        self.assertEqual(controller.run_pass().steps, [])

    def test_a_failure_keeps_its_meaning(self):
        controller = self.controller(Boats(left=1))
        controller.run_pass()
        self.assertTrue(any("was refused: no dinghy is left" in text for text in controller.events()))

    def test_any_other_exception_leaves_the_create_in_doubt(self):
        controller = self.controller(Broken())
        controller.run_pass()
        self.assertTrue(any("may or may not exist" in text and "ZeroDivisionError" in text for text in controller.events()))


if __name__ == "__main__":
    unittest.main()
