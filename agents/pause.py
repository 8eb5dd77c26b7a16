"""Pause: the container that owns a task's network namespace while the task's others come and go (awsvpc). Pure."""

import msgspec

from quarterdeck.agents import labels
from quarterdeck.agents.naming import TASK_DIGITS
from quarterdeck.agents.plan import ContainerPlan, Dependency, Needs
from quarterdeck.agents.runtimes.network import PAUSE_IMAGE
from quarterdeck.agents.runtimes.options import Options
from quarterdeck.agents.runtimes.port import ContainerSpec
from quarterdeck.events import shapes

NAME = "~internal~ecs~pause"
"""As the ECS agent calls it; no container of a definition can have this name."""
STOP_SECONDS = 0.0
NETWORK_CONTROLS = "net."


def with_pause(
    containers: tuple[ContainerPlan, ...],
    task: str,
    common: dict[str, str],
    network: shapes.NetworkConfiguration | None,
) -> tuple[ContainerPlan, ...]:
    """Put the pause container first, and the others into its network; kernel parameters of the network are its own."""
    vpc = network.awsvpc_configuration if network is not None else None
    needs = Needs(subnets=tuple((vpc.subnets if vpc is not None else None) or ()) or ("default",))
    name = f"ecs-pause-{task[:TASK_DIGITS]}"
    controls = {key: value for each in containers for key, value in each.spec.options.system_controls.items()}
    spec = ContainerSpec(
        name=name,
        image=PAUSE_IMAGE,
        labels={**common, labels.CONTAINER_NAME: NAME},
        options=Options(system_controls={key: value for key, value in controls.items() if _of_network(key)}),
    )
    pause = ContainerPlan(name=NAME, spec=spec, stop_timeout_seconds=STOP_SECONDS, needs=needs, internal=True)
    return pause, *(_joining(each, name, needs) for each in containers)


def _joining(plan: ContainerPlan, pause: str, needs: Needs) -> ContainerPlan:
    controls = {key: value for key, value in plan.spec.options.system_controls.items() if not _of_network(key)}
    options = msgspec.structs.replace(plan.spec.options, system_controls=controls)
    return msgspec.structs.replace(
        plan,
        spec=msgspec.structs.replace(plan.spec, network_of=pause, hostname=None, ports=(), options=options),
        after=(Dependency(NAME, "START"), *plan.after),
        needs=msgspec.structs.replace(plan.needs, subnets=needs.subnets),
    )


def _of_network(control: str) -> bool:
    return control.startswith(NETWORK_CONTROLS)
