"""Whatever happens, in whatever order: what must hold of decisions and of the live view."""

from __future__ import annotations

from random import Random  # noqa: TID251 - the type only: hypothesis hands out the chance, and prints its seed

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.core.chaos import ACTS, CONSTRAINED, PLACING, Chaos, ask_everything

steps = st.lists(
    st.tuples(st.integers(0, len(ACTS) - 1), st.integers(0, 11), st.integers(0, 11)), min_size=1, max_size=60
)
thorough = settings(max_examples=150)


@given(steps)
@thorough
def test_after_every_step_all_counts_are_what_the_tasks_say_and_no_status_goes_back(
    told: list[tuple[int, int, int]],
) -> None:
    story = Chaos()
    for step in told:
        story.act(*step)
        story.checked()


@given(st.randoms(use_true_random=True))
@settings(max_examples=40)
def test_no_task_is_placed_where_its_constraints_do_not_let_it_be(chance: Random) -> None:
    """Each placement is looked at before it is made (`StrictTurn`), apart from what placement itself looks at."""
    story = Chaos()
    for _ in range(100):
        story.act(ACTS.index(chance.choice(CONSTRAINED)), chance.randrange(12), chance.randrange(12))
    story.rest()
    assert story.placements > 0


@given(steps)
@thorough
def test_the_log_of_any_story_folds_to_the_state_that_wrote_it(told: list[tuple[int, int, int]]) -> None:
    story = Chaos()
    for step in told:
        story.act(*step)
    retold = story.retold()
    assert retold.fingerprint() == story.view.fingerprint()


@given(steps)
@thorough
def test_left_alone_every_service_comes_to_rest_and_then_nothing_is_decided_any_more(
    told: list[tuple[int, int, int]],
) -> None:
    story = Chaos()
    for step in told:
        story.act(*step)
    story.rest()
    story.checked()
    for name in story.cluster().services:
        assert story.reconcile(name) == []
        assert not story.answer.again


@given(st.randoms(use_true_random=True))
@settings(max_examples=40)
def test_all_of_this_holds_through_long_stories(chance: Random) -> None:
    """Short stories shrink well, but some things need a history: instances gone, queues begun long ago."""
    story = Chaos()
    for _ in range(150):
        story.act(chance.randrange(len(ACTS)), chance.randrange(12), chance.randrange(12))
        story.checked()
    assert story.retold().fingerprint() == story.view.fingerprint()
    story.rest()
    story.checked()


@given(st.randoms(use_true_random=True))
@settings(max_examples=40)
def test_placing_chooses_exactly_what_looking_at_every_instance_would(chance: Random) -> None:
    """Asked now and then, so that what an index learns of is old and new."""
    story = Chaos()
    for step in range(120):
        if chance.randrange(4) == 0:
            ask_everything(story)
        if step % 20 == 0:
            story.join(chance.randrange(12), chance.randrange(12))
        story.act(ACTS.index(chance.choice(PLACING)), chance.randrange(12), chance.randrange(12))
    ask_everything(story)
