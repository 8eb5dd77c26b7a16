"""Log store over NATS: a bucket of JetStream's object store, made when it is first needed."""

from quarterdeck.agents.storer import StoreUnavailable
from quarterdeck.events.log.api import RefusedError
from quarterdeck.events.log.connect import Link
from quarterdeck.events.log.errors import LogUnavailable
from quarterdeck.events.log.objects import Bucket, Objects
from quarterdeck.events.names import Namespace
from quarterdeck.events.stored_log import BUCKET, stored_name


class NatsLogStore:
    """The bucket of all agents; how big it is says the one that makes it."""

    def __init__(self, link: Link, namespace: Namespace, bucket: Bucket) -> None:
        self._objects = Objects(link, BUCKET)
        self._namespace = namespace
        self._bucket = bucket
        self._made = False

    async def put(self, task: str, container: str, content: bytes) -> None:
        """Put it into the bucket."""
        try:
            if not self._made:
                await self._objects.ensure(self._bucket)
                self._made = True
            await self._objects.put(stored_name(self._namespace, task, container), content)
        except (LogUnavailable, RefusedError) as error:
            self._made = False
            raise StoreUnavailable(str(error)) from error
