"""Run a workload's setup once for each version and series of bursts, and its teardown at the end of the run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kindgate.errors import KindgateError
from kindgate.load.plan import BurstPlan, Route
from kindgate.load.template import Value
from kindgate.model import ClusterAddress
from kindgate.redaction.known_values import KnownValue
from kindgate.redaction.redactor import Redactor
from kindgate.workload.burst_plan import Endpoint, LoadedWorkload, setup_routes
from kindgate.workload.setup_requests import first_values, send_in_order

FILE = ".setup.json"
"""The values of a series, in its folder; not one of its bursts."""

Arms = Mapping[str, Mapping[str, str]]
"""For each arm, the host that its requests go to by the host in the workload."""


SetupValues = Mapping[str, Mapping[str, Value]]
"""What the setup extracted, by arm and name."""


@dataclass(frozen=True)
class WorkloadSetup:
    """The setup of one series of bursts, for every arm; `timeout` in seconds for requests without their own."""

    loaded: LoadedWorkload
    endpoints: tuple[Endpoint, ...]
    address: ClusterAddress
    arms: Arms
    salt: str
    timeout: float

    def values(self, folder: Path) -> SetupValues:
        """What the setup extracted for each arm; it runs only if no process has stored that in `folder`, under the load lock.

        Raises `LoadError` for a request that fails.
        """
        file = folder / FILE
        if file.exists():
            stored: dict[str, dict[str, Value]] = json.loads(file.read_text(encoding="utf-8"))
            return stored
        routes = setup_routes(self.loaded, "setup", self.endpoints)
        given = first_values(self.loaded.data.variables, self.salt)
        values = {arm: self._sent(routes, hosts, given, f"setup ({arm})" if arm else "setup") for arm, hosts in self.arms.items()}
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f"{FILE}.part"
        unfinished.touch(mode=0o600)
        unfinished.write_text(json.dumps(values), encoding="utf-8")
        unfinished.rename(file)
        return values

    def tear_down(self, measurements: Path) -> tuple[str, ...]:
        """Send the teardown for each setup whose values are under `measurements`; return a line for each that fails."""
        routes = setup_routes(self.loaded, "teardown", self.endpoints)
        lines = []
        for file in sorted(measurements.rglob(FILE)) if routes else ():
            given = first_values(self.loaded.data.variables, self.salt)
            for arm, values in json.loads(file.read_text(encoding="utf-8")).items():
                try:
                    self._sent(routes, self.arms.get(arm, {}), {**given, **values}, "teardown")
                except KindgateError as error:
                    lines.append(f"the workload's teardown failed{f' for {arm}' if arm else ''}: {error.message}")
        return tuple(lines)

    def _sent(self, routes: Sequence[Route], hosts: Mapping[str, str], given: Mapping[str, Value], section: str) -> dict[str, Value]:
        own = [replace(route, host=hosts.get(route.host, route.host)) for route in routes]
        known = tuple(KnownValue(secret, "the workload") for secret in self.loaded.data.secrets)
        return send_in_order(own, self.address, given, timeout=self.timeout, secrets=Redactor(known), section=section)


def with_setup_values(plan: BurstPlan, values: SetupValues) -> BurstPlan:
    """The plan with what the setup extracted; a plan without a setup is unchanged."""
    if not values:
        return plan
    return replace(plan, setup_values=tuple((arm, tuple(found.items())) for arm, found in values.items() if found))
