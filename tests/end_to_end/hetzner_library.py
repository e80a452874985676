"""What hcloud-python does with a simulated Hetzner Cloud, be it Debian's or the newest: run by hetzner_clients_test.py
with the interpreter that has the one or the other."""

import datetime
import inspect
import json
import os
import unittest
import urllib.request

from hcloud import APIException, Client
from hcloud.actions.domain import ActionFailedException, ActionTimeoutException
from hcloud.firewalls.domain import FirewallResource, FirewallResourceLabelSelector, FirewallRule
from hcloud.images.domain import Image
from hcloud.locations.domain import Location
from hcloud.networks.domain import NetworkRoute, NetworkSubnet
from hcloud.server_types.domain import ServerType
from hcloud.servers.domain import ServerCreatePublicNetwork

URL, TOKEN, ERRORS = os.environ["HCLOUD_ENDPOINT"], os.environ["HCLOUD_TOKEN"], json.loads(os.environ["RGRID_ERRORS"])
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFDGfNriyfDh5oRK56eBXQ4WT+ToaAGip+dNYp+ibg31 someone"
FINGERPRINT = "ec:8c:73:47:e3:c3:ec:15:1b:8d:9e:69:66:52:e7:f4"
HOUR = datetime.timedelta(hours=1)


def connect(token=TOKEN, url=URL):
    client = Client(token=token, api_endpoint=url, poll_interval=0.05)
    # It waits for seconds before it tries again.
    if is_new(client):
        client._client._retry_interval_func = lambda retries: 0.01
    else:
        client._retry_wait_time = 0.01
    return client


def is_new(client):
    return hasattr(client, "_client")


def owner(method, path, body=None, url=URL):
    request = urllib.request.Request(url.removesuffix("v1") + "_sim/" + path, method=method,
                                     data=None if body is None else json.dumps(body).encode())
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def wait_for(*actions):
    for action in actions:
        action.wait_until_finished()


class LibraryCase(unittest.TestCase):
    url = URL

    def setUp(self):
        self.client = connect(url=self.url)

    def tearDown(self):
        owner("DELETE", "faults", url=self.url)
        for server in self.client.servers.get_all():
            wait_for(server.delete())
        self.assertEqual(self.client.servers.get_all(), [])

    def create(self, name, wait=True, **more):
        order = {"server_type": ServerType(name="cx23"), "image": Image(name="ubuntu-24.04"),
                 "location": Location(name="fsn1")}
        made = self.client.servers.create(name=name, **(order | more))
        if wait:
            wait_for(made.action, *made.next_actions)
        return made

    def assert_refused(self, code, call):
        with self.assertRaises(APIException) as refusal:
            call()
        self.assertEqual(refusal.exception.code, code)
        return refusal.exception


class ServerTest(LibraryCase):
    def test_a_server_from_its_creation_to_its_end(self):
        key = self.client.ssh_keys.create(name="key", public_key=PUBLIC_KEY, labels={"of": "test"})
        self.assertEqual(key.fingerprint, FINGERPRINT)
        self.assertEqual(self.client.ssh_keys.get_by_fingerprint(FINGERPRINT).id, key.id)
        self.assert_refused("uniqueness_error",
                            lambda: self.client.ssh_keys.create(name="other", public_key=PUBLIC_KEY))

        made = self.create("w1", ssh_keys=[key], labels={"pool": "a"}, user_data="#cloud-config\n")
        self.assertEqual((made.root_password, made.action.command, [one.command for one in made.next_actions]),
                         (None, "create_server", ["start_server"]))
        server = self.client.servers.get_by_name("w1")
        self.assertEqual((server.id, server.status, server.labels, server.server_type.name, server.image.name),
                         (made.server.id, "running", {"pool": "a"}, "cx23", "ubuntu-24.04"))
        self.assertRegex(server.public_net.ipv4.ip, r"^198\.1[89]\.")
        self.assertRegex(server.public_net.ipv6.ip, "^2001:db8:.*::/64$")
        known, = owner("GET", "servers")["servers"]
        self.assertEqual((known["name"], known["user_data"], known["offer"]),
                         ("w1", "#cloud-config\n", {"type": "cx23", "location": "fsn1"}))

        server = server.update(name="w2", labels={"pool": "b", "more": ""})
        self.assertEqual((server.name, server.labels), ("w2", {"pool": "b", "more": ""}))
        for call, status in ((server.power_off, "off"), (server.power_on, "running"), (server.reboot, "running"),
                             (server.reset, "running"), (server.shutdown, "off")):
            wait_for(call())
            self.assertEqual(self.client.servers.get_by_id(server.id).status, status)
        self.assertEqual([one.status for one in server.get_actions()], ["success"] * 7)
        wait_for(server.change_protection(delete=True, rebuild=True))
        self.assert_refused("protected", server.delete)
        wait_for(server.change_protection(delete=False, rebuild=False))
        self.measure(server)

        gone = server.delete()
        self.assertEqual(gone.command, "delete_server")
        wait_for(gone)
        self.assert_refused("not_found", lambda: self.client.servers.get_by_id(server.id))
        self.assertTrue(key.delete())

    def measure(self, server):
        if not hasattr(server, "get_metrics"):  # Debian's has none.
            return
        now = datetime.datetime.now(datetime.timezone.utc)
        metrics = server.get_metrics(type=["cpu", "disk", "network"], start=now - HOUR, end=now, step=60).metrics
        self.assertEqual(metrics.step, 60)
        self.assertEqual(len(metrics.time_series), 9)
        self.assertIn("cpu", metrics.time_series)

    def test_sixty_servers_are_listed_on_pages_and_by_selectors(self):
        for number in range(60):
            labels = {"number": str(number), "half": "ab"[number % 2]} | ({"tenth": ""} if number % 10 == 0 else {})
            self.create(f"w{number}", wait=False, labels=labels)
        everything = self.client.servers.get_all()
        self.assertEqual([server.name for server in everything], [f"w{number}" for number in range(60)])
        for selector, count in (("half=a", 30), ("half==a", 30), ("half!=a", 30), ("tenth", 6), ("!tenth", 54),
                                ("number in (1, 2,77)", 2), ("number notin (1,2)", 58), ("half=a,tenth,number!=0", 5),
                                ("nothing!=x", 60), ("tenth=", 6), ("half=c", 0)):
            found = self.client.servers.get_all(label_selector=selector)
            self.assertEqual(len({server.id for server in found}), count, selector)
        for selector in ("a=b=c", "=a", "a in b", "a,", "a in (", "ä"):
            self.assert_refused("invalid_input", lambda: self.client.servers.get_all(label_selector=selector))
        page = self.client.servers.get_list(page=3, per_page=25)
        self.assertEqual((len(page.servers), page.meta.pagination.total_entries, page.meta.pagination.next_page),
                         (10, 60, None))
        self.assertEqual(len(self.client.servers.get_list(page=1, per_page=500).servers), 50)
        self.assertEqual([server.name for server in self.client.servers.get_all(name="w7")], ["w7"])
        wait_for(*[server.delete() for server in everything])

    def test_a_create_that_cannot_be(self):
        self.create("w1", wait=False)
        self.assert_refused("uniqueness_error", lambda: self.create("w1"))
        refusal = self.assert_refused("invalid_input", lambda: self.create("w_2"))
        self.assertEqual(refusal.details["fields"][0]["name"], "name")
        self.assert_refused("invalid_input", lambda: self.create("w2", user_data="x" * 32769))
        self.assert_refused("invalid_input", lambda: self.create("w2", location=Location(name="ash")))
        owner("POST", "limits", {"servers": 1})
        refusal = self.assert_refused("resource_limit_exceeded", lambda: self.create("w2"))
        self.assertEqual(refusal.details, {"limits": [{"name": "server_limit"}]})
        owner("POST", "limits", {})
        owner("POST", "stock", {"type": "cx23", "location": "fsn1", "stock": 0})
        self.assert_refused("resource_unavailable", lambda: self.create("w2"))
        owner("POST", "stock", {"type": "cx23", "location": "fsn1"})
        self.assertEqual(len(self.client.servers.get_all()), 1)
        # While an action is under way.
        owner("POST", "times", {"create": "1h"})
        made = self.create("w2", wait=False)
        owner("POST", "times", json.loads(os.environ["RGRID_TIMES"]))
        self.assert_refused("locked", made.server.power_off)


class ResourceTest(LibraryCase):
    def test_the_catalogue(self):
        types = {one.name: one for one in self.client.server_types.get_all()}
        self.assertEqual((types["cx23"].cores, types["cx23"].memory, types["cax11"].cores), (2, 4, 2))
        price, = [price for price in types["cx23"].prices if price["location"] == "fsn1"]
        self.assertGreater(float(price["price_hourly"]["net"]), 0)
        if is_new(self.client):
            at = types["cx23"].locations[0]
            self.assertEqual((types["cax11"].architecture, at.location.name, at.available), ("arm", "fsn1", True))
            self.assertEqual(self.client.images.get_by_name_and_architecture("ubuntu-24.04", "arm").architecture, "arm")
            everything = self.client.images.get_all(include_deprecated=True)
            self.assertGreater(len(everything), len(self.client.images.get_all()))
        self.assertEqual({one.name for one in self.client.locations.get_all()},
                         {"fsn1", "nbg1", "hel1", "ash", "hil", "sin"})
        self.assertEqual(self.client.locations.get_by_name("fsn1").network_zone, "eu-central")
        self.assertEqual(self.client.server_types.get_by_name("cx23").id, types["cx23"].id)
        self.assertEqual(self.client.server_types.get_by_id(types["cx23"].id).name, "cx23")
        self.assertIn("ubuntu-24.04", {one.name for one in self.client.images.get_all(type="system")})

    def test_networks_with_a_server(self):
        network = self.client.networks.create(
            name="net", ip_range="10.0.0.0/16", labels={"of": "test"},
            subnets=[NetworkSubnet(ip_range="10.0.1.0/24", type="cloud", network_zone="eu-central")],
            routes=[NetworkRoute(destination="10.9.0.0/16", gateway="10.0.1.9")])
        server = self.create("w1", networks=[network]).server
        self.assertEqual(self.client.servers.get_by_id(server.id).private_net[0].ip, "10.0.1.1")
        wait_for(server.detach_from_network(network))
        wait_for(server.attach_to_network(network, ip="10.0.1.7", alias_ips=["10.0.1.8"]))
        self.assert_refused("server_already_attached", lambda: server.attach_to_network(network))
        attached = self.client.servers.get_by_id(server.id).private_net[0]
        self.assertEqual((attached.ip, attached.alias_ips, attached.network.id), ("10.0.1.7", ["10.0.1.8"], network.id))
        listed, = self.client.networks.get_all(label_selector="of=test")
        self.assertEqual([one.id for one in listed.servers], [server.id])
        self.assertEqual((listed.subnets[0].ip_range, listed.routes[0].gateway), ("10.0.1.0/24", "10.0.1.9"))
        self.assertEqual(network.update(name="other").name, "other")
        self.assertTrue(network.delete())

    def test_firewalls_and_placement_groups(self):
        group = self.client.placement_groups.create(name="group", type="spread").placement_group
        made = self.client.firewalls.create(
            name="wall",
            rules=[FirewallRule(direction="in", protocol="tcp", port="22", source_ips=["0.0.0.0/0", "::/0"])],
            resources=[FirewallResource(type="label_selector", label_selector=FirewallResourceLabelSelector("pool=a"))])
        wait_for(*made.actions)
        server = self.create("w1", labels={"pool": "a"}, placement_group=group).server
        server = self.client.servers.get_by_id(server.id)
        self.assertEqual([one.firewall.id for one in server.public_net.firewalls], [made.firewall.id])
        self.assertEqual(server.placement_group.id, group.id)
        self.assertEqual([one.servers for one in self.client.placement_groups.get_all()], [[server.id]])
        wall, = self.client.firewalls.get_all(name="wall")
        self.assertEqual((wall.rules[0].port, wall.applied_to[0].label_selector.selector), ("22", "pool=a"))
        self.assert_refused("resource_in_use", wall.delete)
        wait_for(*wall.set_rules([]))
        wait_for(*wall.remove_from_resources(wall.applied_to))
        self.assertTrue(wall.delete())
        self.assert_refused("resource_in_use", group.delete)
        wait_for(server.delete())
        self.assertTrue(group.delete())

    def test_primary_ips(self):
        create = self.client.primary_ips.create
        place = {"location": Location(name="fsn1")} if "location" in inspect.signature(create).parameters else {
            "datacenter": self.client.datacenters.get_by_name("fsn1-dc14")}
        more = {} if is_new(self.client) else {"assignee_id": None, "assignee_type": "server"}
        address = create(type="ipv4", name="own", auto_delete=False, **place, **more).primary_ip
        server = self.create("w1", public_net=ServerCreatePublicNetwork(ipv4=address, enable_ipv6=False)).server
        self.assertEqual(self.client.servers.get_by_id(server.id).public_net.ipv4.ip, address.ip)
        found = self.client.primary_ips.get_by_name("own")
        self.assertEqual((found.assignee_id, found.assignee_type, found.auto_delete), (server.id, "server", False))
        self.assert_refused("must_be_unassigned", found.delete)
        self.assert_refused("server_not_stopped", found.unassign)
        wait_for(server.power_off())
        wait_for(found.unassign())
        wait_for(found.assign(server.id, "server"))
        wait_for(found.unassign())
        self.assertTrue(found.delete())

    def test_volumes(self):
        server = self.create("w1").server
        made = self.client.volumes.create(size=10, name="disk", server=server, format="ext4")
        wait_for(made.action, *made.next_actions)
        volume = self.client.volumes.get_by_name("disk")
        self.assertEqual((volume.size, volume.server.id, volume.location.name), (10, server.id, "fsn1"))
        self.assertEqual([one.id for one in self.client.servers.get_by_id(server.id).volumes], [volume.id])
        wait_for(volume.detach())
        wait_for(volume.resize(20))
        wait_for(volume.attach(server))
        wait_for(volume.detach())
        self.assertTrue(volume.delete())
        self.assertEqual(self.client.volumes.get_all(), [])


class ErrorTest(LibraryCase):
    """Each goes wrong once; what the library tries again goes well then. Afterwards everything is as before."""

    def tried_again(self):
        again = {"rate_limit_exceeded"}
        return again | {"conflict", "bad_gateway", "timeout"} if is_new(self.client) else again

    def test_each_error_is_told_with_its_code(self):
        for code, status in ERRORS.items():
            with self.subTest(code=code):
                fault = {"method": "GET", "path": "/servers", "code": code, "status": status}
                owner("POST", "faults", fault | {"times": 0})
                refusal = self.assert_refused(code, self.client.servers.get_all)
                self.assertNotEqual(refusal.message, "")
                owner("DELETE", "faults")
                if code in self.tried_again():
                    owner("POST", "faults", fault)
                self.assertEqual(self.client.servers.get_all(), [])
                self.assertEqual(owner("GET", "faults")["faults"], [])

    def test_an_action_that_fails_or_never_ends(self):
        owner("POST", "faults", {"kind": "action_error", "method": "POST", "path": "/servers", "code": "server_error"})
        with self.assertRaises(ActionFailedException) as failure:
            self.create("w1")
        self.assertEqual(failure.exception.action.error["code"], "server_error")
        owner("POST", "faults", {"kind": "server_stuck", "method": "POST", "path": "/servers"})
        made = self.create("w2", wait=False)
        with self.assertRaises(ActionTimeoutException):
            made.action.wait_until_finished(max_retries=2)
        self.assertEqual(self.client.servers.get_by_name("w2").status, "initializing")

    def test_other_tokens(self):
        reader = connect(os.environ["RGRID_READ_ONLY_TOKEN"])
        self.create("w1")
        server, = reader.servers.get_all()
        self.assert_refused("forbidden", server.delete)
        self.assert_refused("unauthorized", connect("x" * 64).servers.get_all)
        self.assertEqual(len(self.client.servers.get_all()), 1)

    def test_the_budget_of_requests(self):
        client = connect(url=os.environ["RGRID_TIGHT_ENDPOINT"])
        for _ in range(3):
            client.locations.get_all()
        refusal = self.assert_refused("rate_limit_exceeded", client.locations.get_all)
        self.assertIn("Limit of '3' requests per hour", refusal.message)


class WireTest(LibraryCase):
    url = os.environ["RGRID_BROKEN_ENDPOINT"]

    def inject(self, **fault):
        owner("POST", "faults", {"method": "GET", "path": "/servers"} | fault, self.url)

    def test_no_answer_is_an_error(self):
        for fault in ({"kind": "html"}, {"kind": "empty"}, {"kind": "empty", "status": 504}, {"kind": "reset"},
                      {"kind": "reset_mid_body"}, {"kind": "truncated"}):
            with self.subTest(**fault):
                self.inject(times=0, **fault)
                with self.assertRaises(Exception) as failure:
                    self.client.servers.get_all()
                told = isinstance(failure.exception, APIException) or "requests" in repr(type(failure.exception))
                self.assertTrue(told, repr(failure.exception))
                owner("DELETE", "faults", url=self.url)
                self.assertEqual(self.client.servers.get_all(), [])

    def test_an_odd_answer_may_be_one(self):
        for fault in ({"kind": "unknown_enum"}, {"kind": "slow_drip", "pace": "1ms"},
                      {"kind": "slow", "delay": "50ms"}):
            with self.subTest(**fault):
                self.inject(**fault | {"path": "/actions*"})
                self.create("w-" + fault["kind"].replace("_", "-"))
        # Of two members of one name it takes the second one, which is null.
        self.inject(kind="duplicate_keys")
        self.assertRaises(TypeError, self.client.servers.get_all)
        self.assertEqual(len(self.client.servers.get_all()), 3)


if __name__ == "__main__":
    unittest.main()
