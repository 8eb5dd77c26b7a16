"""The feed of changes: hints that do not pile up."""

from __future__ import annotations

from contextlib import aclosing

from quarterdeck.agents.runtimes.changes import ChangeFeed
from quarterdeck.agents.runtimes.port import Changed, Resync


async def test_many_changes_of_one_container_are_one_hint() -> None:
    feed = ChangeFeed()
    async with aclosing(feed.follow({})) as changes:
        assert await anext(changes) == Resync()
        for container_id in ("a", "b", "a", "a"):
            feed.publish(container_id, {})
        assert [await anext(changes), await anext(changes)] == [Changed("a", {}), Changed("b", {})]
        feed.publish("c", {})
        assert await anext(changes) == Changed("c", {})


async def test_a_resync_stands_for_the_changes_before_it() -> None:
    feed = ChangeFeed()
    async with aclosing(feed.follow({})) as changes:
        assert await anext(changes) == Resync()
        feed.publish("before", {})
        feed.pause()
        feed.publish("meanwhile", {})
        feed.resume()
        feed.publish("after", {})
        assert [await anext(changes), await anext(changes)] == [Resync(), Changed("after", {})]


async def test_closing_ends_followers_and_later_ones_too() -> None:
    feed = ChangeFeed()
    async with aclosing(feed.follow({})) as changes:
        assert await anext(changes) == Resync()
        feed.close()
        assert [item async for item in changes] == []
    assert [item async for item in feed.follow({})] == []
