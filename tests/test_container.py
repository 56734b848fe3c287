"""One conversation (K1 to K3, M3)."""

import pytest

from chatd.container import Container
from chatd.model import Message
from chatd.turn import ContainerState


def message(id: str, accept_id: str | None = None) -> Message:
    """Something that Carl says."""
    return Message(
        id=id,
        created=0,
        room="agnes",
        user_id="carl",
        name="Carl",
        icon="",
        event="ordinary",
        accept_id=accept_id,
    )


@pytest.fixture
def container() -> Container:
    """Carl's, in which nobody else is."""
    return Container("carl", since="1")


def test_a_new_one_has_its_customer_alone(container):
    """(K1)"""
    assert container.members == ("carl",)
    assert container.agents == ()
    assert not container.is_open


def test_it_is_open_when_an_agent_is_in_it(container):
    """(K1)"""
    assert container.join("agnes")
    assert container.is_open
    assert container.agents == ("agnes",)
    assert container.members == ("carl", "agnes")


def test_who_is_in_it_does_not_join_again(container):
    container.join("agnes")
    assert not container.join("agnes")
    assert not container.join("carl")
    assert container.members == ("carl", "agnes")


def test_nobody_may_join_before_somebody_is_asked(container):
    """(M3)"""
    assert not container.may_join("agnes")


def test_who_is_asked_may_join_and_nobody_else(container):
    """(M3)"""
    container.ask(message("1", accept_id="agnes"))
    assert container.may_join("agnes")
    assert not container.may_join("eve")


def test_its_customer_is_no_agent_of_it(container):
    """(M3)"""
    container.ask(message("1", accept_id="agnes"))
    assert not container.may_join("carl")


def test_asking_another_withdraws_what_was_offered(container):
    """(D3)"""
    container.ask(message("1", accept_id="agnes"))
    container.ask(message("2", accept_id="bert"))
    assert container.may_join("bert")
    assert not container.may_join("agnes")


def test_an_agent_in_it_may_join_again_though_another_was_asked_since(container):
    """(M3)"""
    container.ask(message("1", accept_id="agnes"))
    container.join("agnes")
    container.ask(message("2", accept_id="bert"))
    assert container.may_join("agnes")
    assert container.may_join("bert")


def test_it_comes_back_as_it_was_kept(container):
    """(K2)"""
    container.ask(message("1", accept_id="agnes"))
    container.join("agnes")
    container.ask(message("2", accept_id="bert"))
    state = container.state("lobby")
    again = Container.restored(state)
    assert again.state("lobby") == state
    assert (again.id, again.since, again.members) == ("carl", "1", ("carl", "agnes"))
    assert (again.accept_id, again.request, again.is_waiting) == ("bert", message("2", "bert"), True)


def test_what_is_kept_of_a_new_one_is_its_customer_and_its_first_message(container):
    """(K1)"""
    assert container.state("lobby") == ContainerState(room="lobby", id="carl", since="1", members=("carl",))


def test_it_waits_from_when_somebody_is_asked_until_they_join(container):
    """(D3)"""
    assert not container.is_waiting
    container.ask(message("1", accept_id="agnes"))
    assert container.is_waiting
    container.join("agnes")
    assert not container.is_waiting


def test_it_waits_on_though_another_joins_than_was_asked(container):
    """(D3)"""
    container.ask(message("1", accept_id="agnes"))
    container.join("agnes")
    container.ask(message("2", accept_id="bert"))
    container.join("agnes")
    assert container.is_waiting


def test_a_request_that_is_withdrawn_was_never_made(container):
    """(D3)"""
    first, second = message("1", accept_id="agnes"), message("2", accept_id="bert")
    container.ask(first)
    container.undecided.keep(first)
    container.ask(second)
    assert container.withdraw(second)
    assert (container.request, container.accept_id, container.is_waiting) == (first, "agnes", True)
    assert not container.withdraw(first)  # it is kept


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_requests_that_are_all_withdrawn_none_was_made(container, order):
    """(D3)"""
    requests = [message("1", accept_id="agnes"), message("2", accept_id="bert")]
    for request in requests:
        container.ask(request)
    for at in order:
        container.withdraw(requests[at])
    assert (container.request, container.accept_id, container.is_waiting) == (None, None, False)


def test_a_request_that_follows_one_that_is_withdrawn_stands(container):
    """(D3)"""
    first, second = message("1", accept_id="agnes"), message("2", accept_id="bert")
    container.ask(first)
    container.ask(second)
    assert not container.withdraw(first)
    container.undecided.keep(second)
    assert (container.request, container.accept_id, container.is_waiting) == (second, "bert", True)
    assert len(container.undecided) == 0


def test_who_has_answered_is_not_waited_for_again_when_a_later_request_is_withdrawn(container):
    """(D3)"""
    first, second = message("1", accept_id="agnes"), message("2", accept_id="agnes")
    container.ask(first)
    container.ask(second)
    container.join("agnes")
    container.withdraw(second)
    assert (container.request, container.is_waiting) == (first, False)


def test_its_repr_tells_its_state(container):
    assert repr(container) == "<Container 'carl' asked members=('carl',)>"
    container.join("agnes")
    assert repr(container) == "<Container 'carl' open members=('carl', 'agnes')>"
