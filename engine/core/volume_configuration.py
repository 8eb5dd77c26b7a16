"""Volume configuration: volumes that whoever runs a task configures; no kind of them is carried out yet (spec §5.5)."""

from collections.abc import Sequence

from quarterdeck.engine.core.errors import InvalidParameterException, UnsupportedFeatureException
from quarterdeck.engine.core.volume import at_launch
from quarterdeck.events import shapes

Configurations = Sequence[shapes.TaskVolumeConfiguration] | Sequence[shapes.ServiceVolumeConfiguration]


def check(definition: shapes.TaskDefinition, given: Configurations | None) -> None:
    """Refuse what does not match the definition, and, as long as nothing attaches volumes, what does."""
    asked = at_launch(definition)
    for each in given or ():
        if each.name not in asked:
            raise InvalidParameterException(
                f"The volume name '{each.name}' in your request does not have a matching volume in your Task Definition"
            )
    missing = [name for name in asked if name not in {each.name for each in given or ()}]
    if missing:
        raise InvalidParameterException(
            f"The volume '{missing[0]}' of the task definition is configured at launch: volumeConfigurations must "
            "have a configuration for it."
        )
    if asked:
        raise UnsupportedFeatureException("Volumes configured at launch are not supported by this version.")
