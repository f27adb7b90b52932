"""Something in a pod takes the CPU time or the memory that the pod needs, for some seconds.

Processes of the node join the control groups of one of the pod's containers, so its limits apply to both together, as if the
application itself had begun to do more. Only on clusters that kindgate created.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Final, Literal

from kindgate.errors import ScenarioError
from kindgate.host.container_engine import Engine
from kindgate.model import ClusterAddress, Manifest, ObjectRef
from kindgate.scenarios.node_fault import FAULT_SECONDS
from kindgate.scenarios.pod_fault import PodFault, PodScripts, TargetPod

PressureName = Literal["cpu-pressure", "memory-pressure"]

LOOPS: Final = 2
"""Busy loops of CPU pressure: together with the application they exhaust a limit of up to two CPUs."""

MEMORY_PERCENT: Final = 80
"""Share of the container's memory limit that is in use under memory pressure, unless a test says otherwise."""


class Pressure(PodFault):
    """Keep CPUs busy in one ready pod of each workload, or fill its memory to `percent` of its limit, for `seconds`."""

    def __init__(
        self,
        address: ClusterAddress,
        workloads: Sequence[ObjectRef],
        engine: Engine | None,
        name: PressureName,
        *,
        percent: int = MEMORY_PERCENT,
        all_pods: bool = False,
        seconds: float = FAULT_SECONDS,
    ) -> None:
        super().__init__(address, workloads, engine, all_pods=all_pods, seconds=seconds)
        if not 0 < percent < 100:
            raise ScenarioError(f"memory cannot be filled to {percent} %", next_step="use 1 to 99: at the limit, a process is killed")
        self.name = name
        self._percent = percent

    def check(self, pod: Manifest) -> None:
        """Raise `ScenarioError` for memory without a limit, of which no share can be filled."""
        limits = (pod["spec"]["containers"][0].get("resources") or {}).get("limits") or {}
        if self.name == "memory-pressure" and "memory" not in limits:
            raise ScenarioError(f"{ObjectRef.of(pod)} has no memory limit", next_step="set one, or limit the scenario to other workloads")

    def scripts(self, pod: TargetPod, expires: float) -> PodScripts:
        """The processes, and their end."""
        is_cpu = self.name == "cpu-pressure"
        return PodScripts(
            begin=begin_script(pod.container, self.episode, expires, 0 if is_cpu else self._percent),
            end=end_script(self.episode),
            left=left_script(self.episode),
            effect="has busy neighbors" if is_cpu else f"has its memory filled to {self._percent} %",
        )


def begin_script(container: str, episode: str, seconds: float, memory_percent: int = 0) -> str:
    """Start processes in the control group of a running container, for at most `seconds`: busy loops, or one that fills memory.

    Pure. The script fails if the node lacks a program, the container does not run, or its memory is in use already.
    """
    controller = "memory" if memory_percent else "cpu"
    return "\n".join(
        [
            "set -e",
            "for program in ctr awk timeout setsid pkill head tail; do",
            '  command -v "$program" >/dev/null || { echo "the node has no $program" >&2; exit 1; }',
            "done",
            f'process=$(ctr --namespace k8s.io tasks list | awk \'$1 == "{container}" && $3 == "RUNNING" {{print $2}}\')',
            f'[ -n "$process" ] || {{ echo "container {container} does not run" >&2; exit 1; }}',
            # a line of version 1 is NUMBER:CONTROLLERS:PATH, the one of version 2 is 0::PATH
            f"lines='$2 ~ /(^|,){controller}(,|$)/ {{print $2 $3; found = 1}}'",
            """unified='$1 == 0 && $2 == "" {unified = $3} END {if (!found) print unified}'""",
            'group=/sys/fs/cgroup/$(awk -F: "$lines $unified" "/proc/$process/cgroup")',
            '[ -w "$group/cgroup.procs" ] || { echo "no control group $group" >&2; exit 1; }',
            *(_fill(episode, seconds, memory_percent) if memory_percent else [_start(episode, seconds, "while :; do :; done")] * LOOPS),
        ]
    )


def end_script(episode: str) -> str:
    """End the processes; succeeds if there are none."""
    session = 'pkill -KILL --session "$(ps -o sid= -p "$process" | tr -d " ")" 2>/dev/null'
    return f"for process in $(pgrep -f {_pattern(episode)}); do {session}; done\ntrue"


def left_script(episode: str) -> str:
    """Print a line if processes are left."""
    return f"pgrep -f {_pattern(episode)} >/dev/null && echo 'processes that take CPU time or memory'\ntrue"


def _fill(episode: str, seconds: float, percent: int) -> list[str]:
    return [
        'limit=$(cat "$group/memory.max" 2>/dev/null || cat "$group/memory.limit_in_bytes")',
        'used=$(cat "$group/memory.current" 2>/dev/null || cat "$group/memory.usage_in_bytes")',
        f'free=$(awk "BEGIN {{printf \\"%d\\", $limit * {percent} / 100 - $used}}")',
        f'[ "$free" -gt 0 ] || {{ echo "more than {percent} % of the memory is in use" >&2; exit 1; }}',
        # without a line break, tail keeps all of its input
        _start(episode, seconds, "{ head -c $2 /dev/zero; sleep $3; } | tail >/dev/null", f'"$free" {seconds:.0f}'),
    ]


def _start(episode: str, seconds: float, body: str, arguments: str = "") -> str:
    """Start a process that joins the group and does `body`; it and its children carry the episode's name in their arguments."""
    script = shlex.quote(f'echo $$ >"$1/cgroup.procs"; : kindgate_{episode}; {body}')
    command = f'setsid timeout --signal=KILL {seconds:.0f} sh -c {script} kindgate_{episode} "$group" {arguments}'
    return f"{command.rstrip()} </dev/null >/dev/null 2>&1 &"


def _pattern(episode: str) -> str:
    """A pattern that matches the processes, but not the shell that looks for them."""
    return f"'[k]indgate_{episode}'"
