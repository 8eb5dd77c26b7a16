"""Task set step: brings each task set of a service one pass closer to its share (spec §9.8)."""

from functools import reduce

from quarterdeck.engine.core.service_health import FAILED, examine, heal
from quarterdeck.engine.core.service_step import Next, Site, both, scale_in, start, stop
from quarterdeck.engine.core.turn import Turn
from quarterdeck.events.task_set import TaskSetDrained, TaskSetSteadyStateReached
from quarterdeck.projections.live.states import ClusterState, ServiceState, TaskSetState, TaskState


def work_sets(turn: Turn, cluster: ClusterState, service: ServiceState) -> Next:
    """Make one pass over all task sets, those on their way out first."""
    sets = sorted(service.task_sets, key=lambda each: each.status == "ACTIVE")
    return reduce(both, [_work(Site(turn, cluster, service, each), each) for each in sets], Next())


def _work(site: Site, held: TaskSetState) -> Next:
    turn, cluster, service, _ = site
    if held.status != "ACTIVE" and not held.tasks:
        turn.emit(TaskSetDrained(cluster=cluster.name, service=service.name, task_set=held.id))
        return Next()
    tasks = [cluster.tasks[name] for name in held.tasks]
    wanted = [each for each in tasks if each.desired_status == "RUNNING"]
    if held.status != "ACTIVE":
        return stop(site, wanted, len(wanted))
    fresh = [each for each in wanted if not _is_to_move(cluster, each)]
    desired = held.computed(service.desired_count)
    missing = desired - len(fresh)
    unwell = examine(site)
    leaving = [each for each in unwell.tasks if _is_to_move(cluster, each)]
    if leaving:
        return stop(site, leaving, len(leaving), FAILED)
    if unwell.tasks or unwell.stopping:
        return heal(site, fresh, unwell, desired)
    if missing > 0:
        return start(site, missing, [])
    moved = [each for each in wanted if _is_to_move(cluster, each)]
    step = scale_in(site, fresh, -missing) if missing < 0 else None
    if moved and all(each.healthy for each in fresh):
        step = stop(site, moved, len(moved))
    if step is None and missing == 0:
        _tell_steady(site, held, tasks)
    return both(step or Next(), Next(at=unwell.at))


def _is_to_move(cluster: ClusterState, task: TaskState) -> bool:
    instance = cluster.instances[task.instance]
    return instance.lost or instance.status == "DRAINING"


def _tell_steady(site: Site, held: TaskSetState, tasks: list[TaskState]) -> None:
    running = all(each.healthy and each.desired_status == "RUNNING" for each in tasks)
    if running and not held.steady:
        site.turn.emit(
            TaskSetSteadyStateReached(cluster=site.cluster.name, service=site.service.name, task_set=held.id)
        )
