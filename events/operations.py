"""Operations: the requests and responses of every operation there is: ECS's, from its model, and our own."""

from quarterdeck.events import own, shapes

OWN: dict[str, tuple[type[shapes.Shape], type[shapes.Shape]]] = {
    "ExplainPlacement": (own.ExplainPlacementRequest, own.ExplainPlacementResponse),
    "PutAlarmState": (own.PutAlarmStateRequest, own.PutAlarmStateResponse),
}
"""What ECS does not have; asked for as its own are, with the same prefix in X-Amz-Target."""

ALL = {**shapes.OPERATIONS, **OWN}
