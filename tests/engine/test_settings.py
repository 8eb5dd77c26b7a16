"""Settings come from defaults, a file, the environment and options, in this order, and mistakes are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from quarterdeck.engine.settings import Settings, SettingsError, pairs, read


@pytest.fixture
def nobody(tmp_path: Path) -> dict[str, str]:
    """The environment of a user who has set nothing."""
    return {"XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_STATE_HOME": str(tmp_path / "state")}


def configuration(environment: dict[str, str], text: str) -> Path:
    path = Path(environment["XDG_CONFIG_HOME"]) / "quarterdeck" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def test_without_anything_set_the_defaults_hold(nobody: dict[str, str]) -> None:
    assert read(nobody, {}) == Settings(data=Path(nobody["XDG_STATE_HOME"]) / "quarterdeck")


def test_options_win_over_the_environment_and_that_over_the_file(nobody: dict[str, str]) -> None:
    configuration(nobody, 'nats_port = 1\ninstances = 1\nzones = 1\nattributes = {rack = "1"}')
    environment = {**nobody, "QUARTERDECK_INSTANCES": "2", "QUARTERDECK_ZONES": "2"}
    found = read(environment, {"zones": 3, "listen": None})
    assert (found.nats_port, found.instances, found.zones, found.attributes) == (1, 2, 3, {"rack": "1"})


def test_a_file_named_is_read_instead_of_the_usual_one(nobody: dict[str, str], tmp_path: Path) -> None:
    configuration(nobody, "zones = 1")
    named = tmp_path / "mine.toml"
    named.write_text("instances = 7")
    assert read(nobody, {}, named) == read({**nobody, "QUARTERDECK_CONFIG": str(named)}, {})
    assert read(nobody, {}, named).instances == 7
    assert read(nobody, {}, named).zones == 2


def test_the_region_is_aws_s_unless_it_is_set(nobody: dict[str, str]) -> None:
    environment = {**nobody, "AWS_REGION": "eu-west-1"}
    assert read(environment, {}).region == "eu-west-1"
    assert read(environment, {"region": "us-west-2"}).region == "us-west-2"


def test_docker_is_where_its_own_tools_look_for_it(nobody: dict[str, str]) -> None:
    assert read({**nobody, "DOCKER_HOST": "unix:///run/mine.sock"}, {}).docker_socket == "/run/mine.sock"
    assert read({**nobody, "DOCKER_HOST": "tcp://10.0.0.1:2375"}, {}).docker_socket == "/var/run/docker.sock"


def test_lists_and_pairs_stand_in_the_environment_with_commas(nobody: dict[str, str]) -> None:
    environment = {**nobody, "QUARTERDECK_MONITORS": "http://a,http://b", "QUARTERDECK_ATTRIBUTES": "rack=1,gpu="}
    found = read({**environment, "QUARTERDECK_HOOK_HOSTS": "a:1,*.b"}, {})
    assert found.hook_hosts == ("a:1", "*.b")
    assert (found.monitors, found.attributes) == (("http://a", "http://b"), {"rack": "1", "gpu": ""})


@pytest.mark.parametrize(
    ("environment", "options", "says"),
    [
        ({"QUARTERDECK_NATS_PRT": "1"}, {}, "unknown field `nats_prt`. Known are data, listen"),
        ({"QUARTERDECK_ZONES": "two"}, {}, r"the environment.*\$.zones"),
        ({"QUARTERDECK_RUNTIME": "podman"}, {}, "Invalid enum value 'podman'"),
        ({"QUARTERDECK_CONFIG": "/nonexistent/config.toml"}, {}, "can't be read: No such file"),
        ({}, {"zones": 0}, "zones must be from 1 to 26"),
        ({}, {"instances": 1000}, "instances must be from 1 to 200"),
        ({}, {"listen": "4280"}, "listen must be host:port"),
        ({}, {"listen": "127.0.0.1:http"}, "listen must be host:port"),
        ({}, {"nats_port": 65536}, "nats_port must be from 0 to 65535"),
        ({}, {"account": "12"}, "account must be 12 digits"),
        ({}, {"region": "here"}, "region must be spelled as AWS"),
        ({}, {"lost_after": -1.0}, "lost_after must not be negative"),
        ({}, {"hook_hosts": ["https://a"]}, "hook_hosts must be host or host:port"),
        ({}, {"healthy_after": -1.0}, "healthy_after must not be negative"),
        ({}, {"quota_services": 0}, "quota_services must be more than 0"),
        ({}, {"heartbeat_timeout": 0.0}, "heartbeat_timeout must be more than 0"),
        ({}, {"memory": 0}, "memory must be more than 0"),
    ],
)
def test_mistakes_are_refused(
    nobody: dict[str, str], environment: dict[str, str], options: dict[str, object], says: str
) -> None:
    with pytest.raises(SettingsError, match=says):
        read({**nobody, **environment}, options)


@pytest.mark.parametrize(
    ("text", "says"),
    [("zones = 3\nports = 2", "config.toml: Object contains unknown field `ports`"), ("zones =", "is not TOML")],
)
def test_mistakes_in_the_file_name_the_file(nobody: dict[str, str], text: str, says: str) -> None:
    configuration(nobody, text)
    with pytest.raises(SettingsError, match=says):
        read(nobody, {})


@pytest.mark.parametrize("text", ["rack", "=1", ""])
def test_a_pair_has_a_name_and_a_value(text: str) -> None:
    with pytest.raises(SettingsError, match="is not name=value"):
        pairs([text])
