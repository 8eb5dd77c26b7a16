"""Failures: what is in the groups of errors that asyncio's task groups make."""


def leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    """List the errors of a group and of the groups in it."""
    found: list[BaseException] = []
    for error in group.exceptions:
        found += leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


def sole(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Take the one error out of a group, or give the group back when there are several."""
    found = leaves(group)
    return found[0] if len(found) == 1 else group
