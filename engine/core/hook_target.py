"""Hook target: what a lifecycle hook asks, and which web addresses an engine may ask at all.

Whoever may create services gives the address, and the engine asks it from where it stands: an operator says which
hosts these may be.
"""

import re

from quarterdeck.engine.core.errors import InvalidParameterException, UnsupportedFeatureException
from quarterdeck.events import shapes

NATS = "nats:"
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_WEB = re.compile(
    r"https?://([^\s/?#@\\]*@)?(?P<host>[\w.-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>\d{1,5}))?([/?#]\S*)?", re.ASCII
)
_PORTS = {"http": "80", "https": "443"}


def check(target: str) -> None:
    """Refuse what is neither a web address nor a NATS subject."""
    if not target:
        raise InvalidParameterException("hookTargetArn can not be blank.")
    subject = target.removeprefix(NATS)
    is_subject = target.startswith(NATS) and subject and not any(each in " *>\t\r\n" for each in subject)
    if not is_subject and not _WEB.fullmatch(target):
        raise UnsupportedFeatureException(
            f"A hook is a web address (https://…) or a NATS subject (nats:…) here; {target} is neither."
        )


def check_hosts(configuration: shapes.DeploymentConfiguration, hosts: tuple[str, ...]) -> None:
    """Refuse hooks whose web address is at a host that the operator does not let be asked."""
    for hook in configuration.lifecycle_hooks or []:
        refused = refused_host(hook.hook_target_arn or "", hosts)
        if refused and hook.target_type != "PAUSE":
            raise InvalidParameterException(
                f"The host {refused} of the lifecycle hook {hook.hook_target_arn} is not one of the setting "
                f"hook_hosts of the engine ({', '.join(hosts) or 'none'}), which an operator may extend."
            )


def refused_host(target: str, hosts: tuple[str, ...]) -> str:
    """Name what a target has as host:port if it is a web address that no pattern admits; "" otherwise.

    A pattern is ``host`` or ``host:port``; ``*`` stands for anything. Names are compared, nothing is resolved.
    """
    if not target or target.startswith(NATS):
        return ""
    web = _WEB.fullmatch(target)
    if web is None:
        return target
    host = web["host"].lower()
    whole = f"{host}:{web['port'] or _PORTS[target.partition(':')[0]]}"
    return "" if any(_admits(each.lower(), host, whole) for each in hosts) else whole


def _admits(pattern: str, host: str, whole: str) -> bool:
    parts = ".*".join(re.escape(each) for each in pattern.split("*"))
    return any(re.fullmatch(parts, each) for each in (host, whole))
