"""Sessions in the memory of the process."""

import threading

import pytest

from simple_http_server import http_session_local
from simple_http_server.http_session_local import (
    LocalSessionFactory,
    LocalSessionHolder,
    shared_session_factory,
)


class Clock:
    now = 1_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("time.time", clock)
    return clock


@pytest.fixture
def holder(clock):
    return LocalSessionHolder(clock=clock)


def test_a_session_is_made_only_if_that_is_wanted():
    factory = LocalSessionFactory()
    assert factory.get_session("") is None
    assert factory.get_session("unknown") is None
    assert factory.get_session("", True).is_new


def test_the_id_that_a_client_chose_is_never_taken():
    session = LocalSessionFactory().get_session("attacker", True)
    assert session.id != "attacker"
    assert len(session.id) == 32
    int(session.id, 16)


def test_a_session_is_found_again_and_is_not_new_then():
    factory = LocalSessionFactory()
    session = factory.get_session("", True)
    value = object()
    session.set_attribute("a", value)
    again = factory.get_session(session.id)
    assert again is session
    assert (again.is_new, again.attribute_names, again.get_attribute("a") is value) == (False, ("a",), True)
    assert again.get_attribute("b") is None


def test_a_session_knows_its_times(holder, clock):
    session = holder.create()
    clock.now += 10
    assert session.is_valid
    holder.find(session.id)
    assert (session.creation_time, session.last_accessed_time) == (1_000_000.0, 1_000_010.0)


def test_a_session_ends_when_nobody_asks_for_it(holder, clock):
    session = holder.create()
    clock.now += session.max_inactive_interval - 1
    assert holder.find(session.id) is session
    clock.now += session.max_inactive_interval
    assert not session.is_valid
    assert holder.find(session.id) is None
    assert len(holder) == 0


def test_an_interval_of_its_own_counts(holder, clock):
    session = holder.create()
    session.max_inactive_interval = 5
    clock.now += 6
    assert holder.find(session.id) is None


def test_an_invalidated_session_is_gone(holder):
    session = holder.create()
    session.invalidate()
    session.invalidate()
    assert (session.is_valid, session.last_accessed_time) == (False, 0)
    assert holder.find(session.id) is None


def test_sessions_that_have_ended_are_removed_with_a_later_request(holder, clock):
    kept = holder.create()
    kept.max_inactive_interval = 100_000
    for _ in range(10):
        holder.create()
    clock.now += 10_000
    holder.find("unknown")
    assert len(holder) == 1
    assert holder.find(kept.id) is kept


def test_no_thread_is_started():
    threads = threading.active_count()
    LocalSessionFactory().get_session("", True)
    assert threading.active_count() == threads


def test_the_session_that_was_not_asked_for_the_longest_makes_room(clock):
    holder = LocalSessionHolder(maximum=2, clock=clock)
    first, second = holder.create(), holder.create()
    holder.find(first.id)
    third = holder.create()
    assert [holder.find(session.id) for session in (first, second, third)] == [first, None, third]


def test_a_session_may_get_a_new_id(holder):
    session = holder.create()
    former = session.id
    assert session.renew_id() == session.id != former
    assert holder.find(session.id) is session
    assert holder.find(former) is None


def test_a_session_that_has_ended_does_not_come_back_with_a_new_id(holder):
    session = holder.create()
    session.invalidate()
    assert holder.find(session.renew_id()) is None


def test_many_threads_make_and_end_sessions():
    holder = LocalSessionHolder(maximum=50)
    failures = []

    def work():
        try:
            for _ in range(300):
                session = holder.create()
                holder.find(session.id)
                session.renew_id()
                session.invalidate()
        except Exception as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(holder) == 0


def test_all_servers_share_one_factory():
    assert shared_session_factory() is shared_session_factory()
    assert http_session_local.MAXIMUM_SESSIONS == 100_000
