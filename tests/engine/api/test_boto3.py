"""boto3, unmodified, against a running server."""

from __future__ import annotations

import gzip
import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from quarterdeck.engine.api.keys import LOOK_SECONDS, Keys
from quarterdeck.events import shapes
from tests.engine.api.served import ACCOUNT, TARGET, Served, post, served
from tests.engine.model import example

CONTAINER = {"name": "app", "image": "app", "memory": 64}


@pytest.fixture(scope="module")
def ecs(signing: Served) -> Iterator[Any]:
    client = signing.client()
    yield client
    client.close()


def refused(call: Any, **arguments: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    uuid.UUID(response["ResponseMetadata"]["RequestId"])
    return response["Error"]["Code"], response["Error"]["Message"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_a_cluster_is_created_listed_described_and_deleted(ecs: Any) -> None:
    arn = f"arn:aws:ecs:us-east-1:{ACCOUNT}:cluster/web"
    assert ecs.create_cluster(clusterName="web")["cluster"]["clusterArn"] == arn
    assert arn in ecs.list_clusters()["clusterArns"]
    (described,) = ecs.describe_clusters(clusters=["web"])["clusters"]
    assert described["status"] == "ACTIVE"
    assert ecs.delete_cluster(cluster="web")["cluster"]["status"] == "INACTIVE"


def test_lists_are_paginated_as_botocore_does(ecs: Any) -> None:
    for number in range(7):
        ecs.register_task_definition(family=f"job-{number}", containerDefinitions=[CONTAINER])
    pages = list(ecs.get_paginator("list_task_definitions").paginate(PaginationConfig={"PageSize": 3}))
    assert [len(page["taskDefinitionArns"]) for page in pages] == [3, 3, 1]


def furnish_lists(ecs: Any) -> None:
    """Make three of everything that botocore has a paginator for."""
    for number in range(3):
        ecs.create_cluster(clusterName=f"pages-{number}")
        ecs.register_task_definition(family=f"pages-{number}", containerDefinitions=[CONTAINER])
        registered = ecs.register_container_instance(
            cluster="pages-0", totalResources=[{"name": n, "integerValue": 999} for n in ("CPU", "MEMORY")]
        )
        arn = registered["containerInstance"]["containerInstanceArn"]
        ecs.put_attributes(cluster="pages-0", attributes=[{"name": "rack", "value": str(number), "targetId": arn}])
        ecs.create_service(cluster="pages-0", serviceName=f"pages-{number}", taskDefinition="pages-0", desiredCount=0)
        tagged = [{"key": "quarterdeck:queueTimeoutSeconds", "value": "600"}]
        ecs.run_task(cluster="pages-0", taskDefinition="pages-0", tags=tagged)


PAGINATED: dict[str, dict[str, Any]] = {
    "list_clusters": {},
    "list_container_instances": {"cluster": "pages-0"},
    "list_task_definitions": {"familyPrefix": "pages-0"},
    "list_task_definition_families": {"familyPrefix": "pages-"},
    "list_tasks": {"cluster": "pages-0"},
    "list_services": {"cluster": "pages-0"},
    "list_account_settings": {"effectiveSettings": True},
    "list_attributes": {"cluster": "pages-0", "targetType": "container-instance", "attributeName": "rack"},
}
ABSENT = ("list_gateways", "list_gateway_routes", "list_gateway_cluster_associations")
"""What there is none of: one empty page."""


def test_every_paginator_of_botocore_finds_everything_once(signing: Served, ecs: Any) -> None:
    furnish_lists(ecs)
    ecs.register_task_definition(family="pages-0", containerDefinitions=[CONTAINER])
    there = {name for name in dir(ecs) if name.startswith("list_") and ecs.can_paginate(name)}
    assert there == {*PAGINATED, *ABSENT, "list_services_by_namespace"}
    for name, arguments in PAGINATED.items():
        paginator = ecs.get_paginator(name)
        member = paginator.result_keys[0].parsed["value"]
        whole = [each for page in paginator.paginate(**arguments) for each in page[member]]
        pages = [page[member] for page in paginator.paginate(**arguments, PaginationConfig={"PageSize": 2})]
        assert [each for page in pages for each in page] == whole, name
        assert len({str(each) for each in whole}) == len(whole) >= 2, name
        assert {len(page) for page in pages[:-1]} <= {2}, name
        assert len(whole) < 3 or len(pages) > 1, name
    for name in ABSENT:
        required = example("".join(each.title() for each in name.split("_")))
        (only,) = ecs.get_paginator(name).paginate(**required)
        assert [value for member, value in only.items() if member != "ResponseMetadata"] == [[]], name


def test_a_family_says_who_registered_it(ecs: Any) -> None:
    made = ecs.register_task_definition(family="mine", containerDefinitions=[CONTAINER])["taskDefinition"]
    assert made["registeredBy"] == f"arn:aws:iam::{ACCOUNT}:user/tester"
    assert made["registeredAt"].tzinfo is not None


@pytest.mark.parametrize("operation", sorted(shapes.OPERATIONS))
def test_every_operation_is_known(signing: Served, ecs: Any, operation: str) -> None:
    """What does not behave yet says so, after its request was read; it is never a success that did nothing."""
    from quarterdeck.engine.doors.door import OPERATIONS

    before = signing.position
    call = getattr(ecs, xform_name(operation))
    arguments = example(operation)
    if operation not in OPERATIONS:
        code, message, status = refused(call, **arguments)
        assert (code, status) == ("UnsupportedFeatureException", 400)
        assert operation in message
        assert signing.position == before
        return
    try:
        assert call(**arguments)["ResponseMetadata"]["HTTPStatusCode"] == 200
    except ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400  # noqa: PT017 - either is an answer


def test_errors_have_ecs_codes_and_texts(ecs: Any) -> None:
    assert refused(ecs.describe_services, cluster="nowhere", services=["a"]) == (
        "ClusterNotFoundException",
        "Cluster not found.",
        400,
    )
    assert refused(ecs.register_task_definition, family="a", containerDefinitions=[]) == (
        "ClientException",
        "Container list cannot be empty.",
        400,
    )


def test_a_key_nobody_made_is_refused(signing: Served) -> None:
    client = signing.client("AKIAQAAAAAAANOPTZKWC", "x" * 40)
    assert refused(client.list_clusters) == (
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
        400,
    )
    client.close()


def test_a_wrong_secret_is_refused(signing: Served) -> None:
    client = signing.client(secret="x" * 40)
    code, message, status = refused(client.list_clusters)
    assert (code, status) == ("InvalidSignatureException", 400)
    assert message.startswith("The request signature we calculated does not match")
    client.close()


def test_no_signature_is_refused(signing: Served) -> None:
    assert signing.post("ListClusters", b"{}") == (
        400,
        {"__type": "MissingAuthenticationTokenException", "message": "Missing Authentication Token"},
    )


def test_a_key_made_while_the_server_runs_is_good_and_deleted_it_is_soon_bad(tmp_path: Path) -> None:
    with served(tmp_path, throttle=False) as server:
        key = Keys(tmp_path).create("999999999999", 1.0)
        client = server.client(key.id, key.secret, region="eu-west-1")
        cluster = client.create_cluster()["cluster"]
        assert cluster["clusterArn"] == "arn:aws:ecs:eu-west-1:999999999999:cluster/default"
        Keys(tmp_path).delete(key.id)
        assert refused(lambda: until_refused(client))[0] == "UnrecognizedClientException"
        client.close()


def until_refused(client: Any) -> None:
    """Call until it raises; the server may know a deleted key for LOOK_SECONDS yet."""
    until = time.monotonic() + 20 * LOOK_SECONDS
    while time.monotonic() < until:
        client.list_clusters()


def test_accounts_and_regions_do_not_see_one_another(open_server: Served) -> None:
    seen = {}
    for account, region in (
        ("111111111111", "us-east-1"),
        ("222222222222", "us-east-1"),
        ("111111111111", "eu-west-1"),
    ):
        client = open_server.client(account, "whatever", region=region)
        client.create_cluster(clusterName="shared-name")
        seen[account, region] = client.list_clusters()["clusterArns"]
        client.close()
    assert seen == {
        (account, region): [f"arn:aws:ecs:{region}:{account}:cluster/shared-name"] for account, region in seen
    }


def test_an_open_server_takes_the_account_out_of_any_key(open_server: Served) -> None:
    for name, account in (("ASIAQNZGKIQY56JQ7WML", "029608264753"), ("anything", "000000000000")):
        client = open_server.client(name, "whatever")
        assert f":{account}:" in client.create_cluster(clusterName="open")["cluster"]["clusterArn"]
        client.close()


def test_calls_are_counted_as_ecs_does(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        client = server.client()
        codes = []
        for _ in range(12):
            try:
                client.list_services_by_namespace(namespace="a")
            except ClientError as error:
                codes.append((error.response["Error"]["Code"], error.response["Error"]["Message"]))
        assert codes[-1] == ("ThrottlingException", "Rate exceeded")
        assert all(code == "NamespaceNotFoundException" for code, _ in codes[:10])
        client.close()


def test_gzipped_requests_are_read(open_server: Served) -> None:
    body = gzip.compress(b'{"clusterName": "packed"}')
    status, answer = open_server.post("CreateCluster", body, Content_Encoding="gzip")
    assert (status, answer["cluster"]["clusterName"]) == (200, "packed")


def test_botocore_signs_what_it_has_compressed(signing: Served) -> None:
    """Request compression happens before signing, so the signature is over the packed bytes."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    assert signing.key is not None
    body = gzip.compress(b"{}")
    request = AWSRequest("POST", signing.url + "/", data=body)
    request.headers["X-Amz-Target"] = f"{TARGET}.ListClusters"
    request.headers["Content-Encoding"] = "gzip"
    SigV4Auth(Credentials(signing.key.id, signing.key.secret), "ecs", "us-east-1").add_auth(request)
    connection = signing.connect()
    connection.request("POST", "/", body, dict(request.headers.items()))
    response = connection.getresponse()
    assert (response.status, "clusterArns" in json.loads(response.read())) == (200, True)
    connection.close()


def test_a_connection_carries_many_requests(open_server: Served) -> None:
    connection = open_server.connect()
    for number in range(50):
        status, _ = post(connection, "ListClusters" if number % 2 else "Nonsense", b"{}")
        assert status == (200 if number % 2 else 400)
        socket = connection.sock
    assert connection.sock is socket is not None
    connection.close()
