"""Queue step: gives tasks that wait for room a place, or ends them when their time is over."""

from quarterdeck.engine.core.placement import Placed, place
from quarterdeck.engine.core.queued_task import shortage_named, waiting
from quarterdeck.engine.core.service_step import STEPS_PER_PASS_MAX, Next
from quarterdeck.engine.core.turn import Turn
from quarterdeck.engine.core.wish import wish
from quarterdeck.events.task import TaskPlaced, TaskStopped
from quarterdeck.projections.live.states import ClusterState


def work_queue(turn: Turn, cluster: ClusterState) -> Next:
    """Place the tasks that wait, those that came first before others; stop those whose time is over."""
    done = 0
    for name in list(cluster.queued):
        if done == STEPS_PER_PASS_MAX:
            return Next(again=True)
        requested = waiting(cluster, name)
        found = place(cluster, requested.group, *wish(turn.state, requested), name)
        if isinstance(found, Placed):
            place_ = found.instance
            turn.emit(
                TaskPlaced(
                    cluster=cluster.name,
                    task=name,
                    container_instance=place_.id,
                    zone=place_.zone,
                    explanation=found.explanation,
                )
            )
        elif cluster.queued[name].until <= turn.now:
            turn.emit(
                TaskStopped(
                    cluster=cluster.name, task=name, stop_code="TaskFailedToStart", reason=shortage_named(found)
                )
            )
        done += name not in cluster.queued
    ends = [each.until for each in cluster.queued.values()]
    return Next(at=min(ends), waits_for_room=True) if ends else Next()
