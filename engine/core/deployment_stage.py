"""Deployment stage: takes a BLUE_GREEN, LINEAR or CANARY deployment from stage to stage (spec §9.6).

Old tasks (blue) stay beside the new ones (green) until these have all traffic and have baked. A stage
waits for its hooks; one that fails sends the service back to blue. Weights are recorded: where a load
balancer is attached it follows them.
"""

from functools import reduce

from quarterdeck.engine.core.deployment_configuration import bounds
from quarterdeck.engine.core.deployment_strategy import steps
from quarterdeck.engine.core.lifecycle_hook import MINUTE_SECONDS, PENDING, awaited_until, begin, expire
from quarterdeck.engine.core.rollback import fail
from quarterdeck.engine.core.service_health import FAILED, examine, trials
from quarterdeck.engine.core.service_step import Next, Site, both, scale_in, start, stop
from quarterdeck.engine.core.zone_balance import goes_on
from quarterdeck.events.service import (
    DeploymentFailed,
    DeploymentStageEntered,
    DeploymentTrafficShifted,
    ServiceDeploymentBlocked,
)
from quarterdeck.projections.live.deployment import ALL_TRAFFIC, blue
from quarterdeck.projections.live.states import ClusterState, HookState, TaskState

STAGES = (
    *("RECONCILE_SERVICE", "PRE_SCALE_UP", "SCALE_UP", "POST_SCALE_UP", "TEST_TRAFFIC_SHIFT"),
    *("POST_TEST_TRAFFIC_SHIFT", "PRE_PRODUCTION_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT"),
    *("POST_PRODUCTION_TRAFFIC_SHIFT", "BAKE_TIME", "CLEAN_UP"),
)
STAGE_SECONDS_MAX = 24 * 3600.0
NAME = "ECS deployment lifecycle hook"


def is_between_stages(site: Site) -> bool:
    """Tell whether old and new tasks are to run side by side; CLEAN_UP is done as in a rolling deployment."""
    return blue(site.service) is not None


def advance(site: Site) -> Next:
    """Keep the tasks a stage has, and enter the next once hooks and work of this one are done."""
    green = site.deployment
    if site.service.rebalancing:
        goes_on(site, 0, busy=True)
    if not green.stage:
        _enter(site, STAGES[0] if len(site.service.deployments) > 2 else STAGES[1])
    if _fails(site):
        return Next(again=True)
    kept = _keep_all(site)
    until = awaited_until(green)
    waits = _work(site) if until is None else Next(at=until)
    if waits is not None:
        return both(kept, waits)
    _enter(site, STAGES[STAGES.index(green.stage) + 1])
    return Next(again=True)


def _enter(site: Site, stage: str) -> None:
    turn, cluster, service, green = site
    turn.emit(DeploymentStageEntered(cluster=cluster.name, service=service.name, deployment=green.id, stage=stage))
    begin(turn, cluster, service, green.id, stage)


def is_shifting_back(site: Site) -> bool:
    """Tell whether a rollback waits for its hooks: until traffic is back, what had it must stay."""
    back = site.deployment
    return bool(back.rolls_back) and not back.failure and awaited_until(back) is not None


def shift_back(site: Site) -> Next:
    """Keep what is gone back to at the desired count, and stop nothing of what was given up, until its hooks end.

    However they end: there is nowhere else to go back to.
    """
    expire(site.turn, site.cluster, site.service, site.deployment)
    until = awaited_until(site.deployment)
    if until is None:
        return Next(again=True)
    return both(both(_heal(site), _keep(site)), Next(at=until))


def _fails(site: Site) -> bool:
    """End hooks whose time is over; give the deployment up if one failed, or the stage takes too long."""
    turn, cluster, service, green = site
    hooks = expire(turn, cluster, service, green)
    failed = next((each for each in hooks if _failed(each)), None)
    waits = any(each.status in PENDING for each in hooks)
    if failed is not None:
        why = f"{NAME}: {failed.target or failed.target_type} {failed.status} in stage {failed.stage}."
    elif not waits and turn.now - green.stage_at >= STAGE_SECONDS_MAX + _bake_seconds(site):
        why = f"ECS deployment: the stage {green.stage} took more than {STAGE_SECONDS_MAX / 3600:g} hours."
    else:
        return False
    failure = DeploymentFailed(
        cluster=cluster.name, service=service.name, deployment=green.id, cause="HOOK", reason=why
    )
    fail(turn, failure, back=why.partition(":")[0])
    return True


def _failed(hook: HookState) -> bool:
    return hook.status == "FAILED" or (hook.status == "TIMED_OUT" and hook.timeout_action == "ROLLBACK")


def _keep_all(site: Site) -> Next:
    """Keep blue at the desired count, and green from SCALE_UP on."""
    begun = STAGES.index(site.deployment.stage) >= STAGES.index("SCALE_UP")
    old = blue(site.service)
    sides = [*([site._replace(deployment=old)] if old is not None else []), *([site] if begun else [])]
    return reduce(both, [both(_heal(side), _keep(side)) for side in sides])


def _heal(site: Site) -> Next:
    """Stop tasks that fail their health checks; others are started for them."""
    unwell = examine(site)
    return both(stop(site, unwell.tasks, len(unwell.tasks), FAILED), Next(at=unwell.at))


def _keep(site: Site) -> Next:
    _, cluster, service, held = site
    fresh: list[TaskState] = []
    away: list[TaskState] = []
    leaving: list[TaskState] = []
    for task in (cluster.tasks[name] for name in held.tasks):
        instance = cluster.instances[task.instance]
        if task.desired_status == "RUNNING":
            (away if instance.lost else leaving if instance.status == "DRAINING" else fresh).append(task)
    missing = service.desired_count - len(fresh)
    if missing > 0:
        return start(site, missing, away)
    if missing < 0:
        return scale_in(site, fresh, -missing) or Next()
    settled = all(each.healthy for each in fresh)
    return stop(site, leaving + away, len(leaving) + len(away)) if settled else Next()


def _clear_away(site: Site) -> Next | None:
    """Stop what is neither blue nor green, but none of the healthy tasks that must remain; None once it is gone."""
    _, cluster, service, green = site
    old = blue(service)
    others = [each for each in service.deployments if each is not green and each is not old]
    tasks = [cluster.tasks[name] for each in others for name in each.tasks]
    if not tasks:
        return None
    idle = [each for each in tasks if each.desired_status == "RUNNING" and not _counts(cluster, each)]
    healthy = [each for each in tasks if _counts(cluster, each)]
    lower, upper = bounds(service.settings.deployment_configuration, service.desired_count)
    left = sum(_counts(cluster, cluster.tasks[name]) for each in service.deployments for name in each.tasks)
    if healthy and left <= lower and service.alive == service.running and not green.blocked:
        blocked = ServiceDeploymentBlocked(
            cluster=cluster.name, service=service.name, deployment=green.id, lower=lower, upper=upper
        )
        site.turn.emit(blocked)
    return both(stop(site, idle, len(idle)), stop(site, healthy, max(left - lower, 0)))


def _counts(cluster: ClusterState, task: TaskState) -> bool:
    """Tell whether a task is one of the healthy ones that must remain; those whose agent is lost are none."""
    return task.desired_status == "RUNNING" and task.healthy and not cluster.instances[task.instance].lost


def _work(site: Site) -> Next | None:
    """Do the work of a stage; None once it is done."""
    turn, _, service, green = site
    match green.stage:
        case "RECONCILE_SERVICE":
            return _clear_away(site)
        case "SCALE_UP":
            tasks = [site.cluster.tasks[name] for name in green.tasks]
            healthy = [each for each in tasks if each.desired_status == "RUNNING" and each.healthy]
            ends = trials(site, healthy)
            done = len(healthy) == service.desired_count and not ends
            return None if done else Next(at=min([*ends, green.stage_at + STAGE_SECONDS_MAX]))
        case "TEST_TRAFFIC_SHIFT":
            _shift(site, ALL_TRAFFIC, green.production)
            return None
        case "PRODUCTION_TRAFFIC_SHIFT":
            return _shift_production(site)
        case "BAKE_TIME":
            until = green.stage_at + _bake_seconds(site)
            return None if turn.now >= until else Next(at=until)
        case _:
            return None


def _shift_production(site: Site) -> Next | None:
    turn, _, service, green = site
    configuration = service.settings.deployment_configuration
    percent, minutes = steps(configuration)
    if green.production >= ALL_TRAFFIC:
        return None
    ready = green.shifted_at + minutes * MINUTE_SECONDS if green.production else turn.now
    if turn.now < ready:
        return Next(at=ready)
    whole = configuration.strategy == "CANARY" and green.production
    _shift(site, green.test, ALL_TRAFFIC if whole else min(green.production + percent, ALL_TRAFFIC))
    return Next(again=True)


def _shift(site: Site, test: float, production: float) -> None:
    turn, cluster, service, green = site
    turn.emit(
        DeploymentTrafficShifted(
            cluster=cluster.name, service=service.name, deployment=green.id, test=test, production=production
        )
    )


def _bake_seconds(site: Site) -> float:
    """How long a stage may take because it is told to wait."""
    configuration = site.service.settings.deployment_configuration
    if site.deployment.stage == "BAKE_TIME":
        return (configuration.bake_time_in_minutes or 0) * MINUTE_SECONDS
    if site.deployment.stage == "PRODUCTION_TRAFFIC_SHIFT":
        percent, minutes = steps(configuration)
        return minutes * MINUTE_SECONDS * ALL_TRAFFIC / percent
    return 0.0
