"""What a turn asks of the store, and what is to be heard of what became of it. Pure."""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from chatd.delivery import Attach, Delivery, Item, Mark
from chatd.errors import ErrorCode
from chatd.model import Error, Event, History, Message
from chatd.room import Connection
from chatd.turn import ContainerState, Kept, Page, PageFound, Report, Turn


class Recall(msgspec.Struct, frozen=True):
    """Messages of the store for some connections, as of this point on the road.

    ``asker`` is the user who is answered with one history (R1); without one, each message is told (D4).
    One that ``may_wait`` is answered in a later turn if its connection has asked for much. ``told`` is called
    with what was found, before it is told; with None if it cannot be read, and then nobody is told anything.
    """

    connections: tuple[Connection, ...]
    page: Page
    asker: str | None = None
    client_message_id: str | None = None
    may_wait: bool = False
    told: Callable[[PageFound | None], None] | None = None


class Keep(msgspec.Struct, frozen=True):
    """A container to keep, or to forget if there is no state."""

    room: str
    id: str
    state: ContainerState | None


Collected = Item | Recall | Keep | Report
_PROBE = ContainerState(room="", id="", since="", members=())


def turn(
    items: Sequence[Collected],
    undone: list[tuple[str, str, str, str]],
    undone_reports: list[str],
    report_of: Callable[[Message], Report | None] | None,
) -> Turn | None:
    """What a turn asks of the store; None if it asks nothing."""
    messages: list[Message] = []
    reports: list[Report] = []
    pages: list[Page] = []
    containers: dict[tuple[str, str], ContainerState | None] = {}
    for item in items:
        if type(item) is Delivery:
            event = item.event
            if type(event) is Message and item.audience is not None:
                messages.append(event)
                if report_of is not None and (report := report_of(event)) is not None:
                    reports.append(report)
        elif type(item) is Recall:
            pages.append(item.page)
        elif type(item) is Keep:
            containers[item.room, item.id] = item.state
        elif type(item) is Report:
            reports.append(item)
    if not (messages or pages or containers or reports or undone_reports):
        return None
    return Turn(
        messages=messages,
        pages=pages,
        saved=[state for state in containers.values() if state is not None],
        gone=[key for key, state in containers.items() if state is None],
        undone=undone,
        reports=reports,
        unreported=undone_reports,
    )


def with_fences(turn: Turn, fence_of: Callable[[str], int]) -> Turn:
    """The turn, with the epochs of its rooms; see :attr:`chatd.turn.Turn.fences`."""
    rooms = {message.room for message in turn.messages}
    rooms |= {state.room for state in turn.saved} | {room for room, _ in turn.gone}
    rooms |= {room for room, *_ in turn.undone}
    return msgspec.structs.replace(turn, fences=[(room, fence_of(room)) for room in rooms])


def with_probe(turn: Turn) -> Turn:
    """The turn, which also writes and forgets a container, of a room that nobody can be in: so only a store
    that takes something new keeps it. To read would not tell: that can be done on a full disk."""
    return msgspec.structs.replace(turn, saved=[*turn.saved, _PROBE], gone=[*turn.gone, ("", "")])


def as_kept(items: Iterable[Collected], kept: Kept) -> Iterable[Item]:
    """What is to be heard of a turn that was kept: of a repeat, by its sender alone, the first one (M6)."""
    at, pages = 0, iter(kept.pages)
    for item in items:
        if type(item) is Delivery:
            if type(item.event) is Message and item.audience is not None:
                first = kept.repeats.get(at)
                at += 1
                if first is not None:
                    if item.origin is not None:
                        yield Delivery(None, first, item.origin)
                    continue
            yield item
        elif type(item) is Recall:
            yield from _recalled(item, next(pages))
        elif type(item) is Attach or type(item) is Mark:
            yield item


def _recalled(recall: Recall, found: PageFound | None) -> Iterable[Item]:
    page = recall.page
    events: Sequence[Event]
    if recall.told is not None:
        recall.told(found)
    if found is None:
        events = [_unavailable("history", recall.client_message_id, "Nothing is stored here.")]
    elif recall.asker is None:
        events = found.messages
    else:
        events = [
            History(
                room=page.room,
                container_id=page.container_id,
                user_id=recall.asker,
                messages=found.messages,
                more=found.more,
            )
        ]
    for connection in recall.connections:
        for event in events:
            yield Delivery(None, event, connection)


def as_failed(items: Iterable[Collected]) -> Iterable[Item]:
    """What is to be heard of a turn that was not kept: an error in place of each message, by its sender."""
    sentence = "It could not be stored. Send it again later."
    for item in items:
        if type(item) is Delivery:
            event = item.event
            if type(event) is Message and item.audience is not None:
                if item.origin is not None:
                    error = _unavailable(event.event, event.client_message_id, sentence)
                    yield Delivery(None, error, item.origin)
            elif not (type(event) is Error and event.code is ErrorCode.AGENT_OFFLINE):
                yield item  # of agent_offline the request is refused itself
        elif type(item) is Recall and item.told is not None:
            item.told(None)
        elif type(item) is Recall:
            event_asked = "addContainer" if item.asker is None else "history"
            error = _unavailable(event_asked, item.client_message_id, "What was said cannot be read now.")
            for connection in item.connections:
                yield Delivery(None, error, connection)
        elif type(item) is Attach or type(item) is Mark:
            yield item


def _unavailable(event: str, client_message_id: str | None, sentence: str) -> Error:
    return Error(
        code=ErrorCode.STORAGE_UNAVAILABLE,
        sentence=sentence,
        event=event,
        client_message_id=client_message_id,
    )
