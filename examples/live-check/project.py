"""A look at a Hetzner Cloud project that shares nothing with RGrid's own client: what is there, and a last resort to
delete a server."""

import dataclasses
import decimal
import email.utils
import http.client
import json
import math
import time
import urllib.error
import urllib.parse
import urllib.request

COLLECTIONS = {"servers": "server", "primary_ips": "primary IP", "volumes": "volume", "networks": "network",
               "firewalls": "firewall", "ssh_keys": "SSH key"}


class ApiFailure(Exception):
    """The API refused, or did not answer."""


@dataclasses.dataclass(frozen=True)
class Price:
    """Of one started hour, the public IPv4 address included."""

    net: decimal.Decimal
    gross: decimal.Decimal


class Project:
    def __init__(self, url, token):
        self.url = url.rstrip("/")
        self.token = token
        # By how many seconds the API's calendar is before ours: between these. Its `Date` has whole seconds, and each
        # answer narrows it.
        self.ahead = [-math.inf, math.inf]

    def call(self, method, path):
        """The answer, or None for 404."""
        request = urllib.request.Request(self.url + path, method=method, headers={
            "Authorization": f"Bearer {self.token}", "Accept": "application/json", "User-Agent": "rgrid-live-check"})
        asked = time.time()
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                body, date = answer.read(), answer.headers.get("Date")
        except urllib.error.HTTPError as refusal:
            if refusal.code == 404:
                return None
            raise ApiFailure(f"{method} {path}: HTTP {refusal.code}: {self.told(refusal)}") from None
        except (OSError, http.client.HTTPException) as problem:
            raise ApiFailure(f"{method} {path}: {getattr(problem, 'reason', problem)}") from None
        if date:
            at = email.utils.parsedate_to_datetime(date).timestamp()
            self.ahead = [max(self.ahead[0], at - time.time()), min(self.ahead[1], at + 1 - asked)]
        try:
            return json.loads(body) if body else {}
        except ValueError:
            raise ApiFailure(f"{method} {path}: the answer is no JSON") from None

    def told(self, refusal):
        """Code and message; the API may quote half of the token."""
        try:
            error = json.loads(refusal.read())["error"]
            text = f"{error['code']}: {error['message']}"
        except (ValueError, KeyError, TypeError, OSError):
            return refusal.reason
        for size in range(len(self.token), min(15, len(self.token) - 1), -1):
            text = text.replace(self.token[:size], "***")
        return text

    def need(self, path):
        answer = self.call("GET", path)
        if answer is None:
            raise ApiFailure(f"GET {path}: HTTP 404")
        return answer

    def all_of(self, collection, query=""):
        found, page = [], 1
        while page:
            answer = self.need(f"/{collection}?{query}&page={page}&per_page=50".replace("?&", "?"))
            found += answer[collection]
            page = ((answer.get("meta") or {}).get("pagination") or {}).get("next_page")
        return found

    def of_fleet(self, collection, fleet):
        """Those with the fleet's label, which is looked at again: what is to be deleted depends on it."""
        query = "label_selector=" + urllib.parse.quote(f"rgrid/fleet={fleet}", safe="")
        return [each for each in self.all_of(collection, query) if each.get("labels", {}).get("rgrid/fleet") == fleet]

    def prices(self, type_name, locations):
        """The currency and the price at each location that has the type; at all that have it if none are named."""
        pricing = self.need("/pricing")["pricing"]
        types = self.all_of("server_types", "name=" + urllib.parse.quote(type_name))
        if not types:
            raise ApiFailure(f"there is no server type {type_name}")
        address = {price["location"]: price["price_hourly"] for each in pricing["primary_ips"] if each["type"] == "ipv4"
                   for price in each["prices"]}
        prices = {}
        for price in types[0]["prices"]:
            hourly, ip = price["price_hourly"], address.get(price["location"], {"net": "0", "gross": "0"})
            if not locations or price["location"] in locations:
                prices[price["location"]] = Price(*(decimal.Decimal(hourly[kind]) + decimal.Decimal(ip[kind])
                                                    for kind in ("net", "gross")))
        return pricing["currency"], prices

    def left_of(self, fleet, addresses):
        """What is there of the fleet, each as (kind, id, name); `addresses` are those that its servers have had."""
        left = [(collection, each["id"], each.get("name") or "") for collection in COLLECTIONS
                for each in self.of_fleet(collection, fleet)]
        for address in sorted(addresses - {number for collection, number, _ in left if collection == "primary_ips"}):
            if answer := self.call("GET", f"/primary_ips/{address}"):
                left.append(("primary_ips", address, answer["primary_ip"].get("name") or ""))
        return left
