"""The admin API's table: every method and path, with what it takes and answers."""

from collections.abc import Callable

from chatd.admin import openapi, shapes
from chatd.admin.acts import Acts
from chatd.admin.answers import Answer, Error
from chatd.admin.reads import Reads
from chatd.admin.routes import Call, Route, Routes


def routes(
    reads: Reads, acts: Acts, metrics: Callable[[Call], Answer], message_size: Callable[[], int]
) -> Routes:
    """All there is.

    :param metrics: answers with the metrics.
    :param message_size: tells that of the largest message that may be said, in bytes.
    """

    def description(call: Call) -> Answer:
        return described

    table = Routes(
        [
            *_server(reads, metrics, description),
            *_rooms(reads, acts, message_size),
            *_containers(reads, acts, message_size),
            *_users(reads, acts),
            *_replies(reads, acts),
            Route(
                method="POST",
                path="/v1/reload",
                summary="Read the configuration again, as SIGHUP does",
                act=acts.reload,
                answers={204: None, 409: Error},
            ),
        ]
    )
    described = Answer(body=openapi.describe(table))
    return table


def _server(
    reads: Reads, metrics: Callable[[Call], Answer], description: Callable[[Call], Answer]
) -> list[Route]:
    return [
        Route(
            method="GET",
            path="/healthz",
            summary="Whether the process is alive",
            act=reads.health,
            answers={200: shapes.Alive},
            needs_token=False,
        ),
        Route(
            method="GET",
            path="/readyz",
            summary="Whether new clients are welcome",
            act=reads.ready,
            answers={200: shapes.Ready, 503: shapes.Ready},
        ),
        Route(
            method="GET",
            path="/metrics",
            summary="Metrics in Prometheus's text format",
            act=metrics,
            answers={200: bytes},
        ),
        Route(
            method="GET",
            path="/openapi.json",
            summary="This description",
            act=description,
            answers={200: dict},
        ),
    ]


def _rooms(reads: Reads, acts: Acts, message_size: Callable[[], int]) -> list[Route]:
    return [
        Route(
            method="GET",
            path="/v1/rooms",
            summary="Rooms, by name",
            act=reads.rooms,
            query=shapes.Paging,
            answers={200: shapes.Rooms},
        ),
        Route(
            method="GET",
            path="/v1/rooms/{room}",
            summary="One room, and a page of its members",
            act=reads.room,
            query=shapes.Paging,
            answers={200: shapes.RoomView},
            misses=True,
        ),
        Route(
            method="POST",
            path="/v1/rooms/{room}/messages",
            summary="Say something in a room",
            act=acts.say_in_room,
            body=shapes.AnyMessage,
            answers={201: shapes.Said},
            changes=True,
            body_limit=message_size,
        ),
        Route(
            method="POST",
            path="/v1/online",
            summary="Online counts of many rooms at once",
            act=reads.online,
            body=shapes.RoomNames,
            answers={200: shapes.Online},
        ),
    ]


def _containers(reads: Reads, acts: Acts, message_size: Callable[[], int]) -> list[Route]:
    return [
        Route(
            method="GET",
            path="/v1/containers",
            summary="All containers, by room and id",
            act=reads.containers,
            query=shapes.Paging,
            answers={200: shapes.Containers},
        ),
        Route(
            method="GET",
            path="/v1/rooms/{room}/containers",
            summary="A room's containers, by id",
            act=reads.containers_of_room,
            query=shapes.Paging,
            answers={200: shapes.Containers},
            misses=True,
        ),
        Route(
            method="GET",
            path="/v1/rooms/{room}/containers/{container}",
            summary="One container",
            act=reads.container,
            answers={200: shapes.ContainerView},
            misses=True,
        ),
        Route(
            method="DELETE",
            path="/v1/rooms/{room}/containers/{container}",
            summary="Close a container; its members hear outAll",
            act=acts.close_container,
            query=shapes.By,
            answers={204: None},
            misses=True,
            changes=True,
        ),
        Route(
            method="POST",
            path="/v1/rooms/{room}/containers/{container}/messages",
            summary="Say something in a container",
            act=acts.say_in_container,
            body=shapes.AnyMessage,
            answers={201: shapes.Said},
            misses=True,
            changes=True,
            body_limit=message_size,
        ),
    ]


def _users(reads: Reads, acts: Acts) -> list[Route]:
    return [
        Route(
            method="GET",
            path="/v1/users/{user}/connections",
            summary="A user's connections",
            act=reads.connections,
            answers={200: shapes.Connections},
            misses=True,
        ),
        Route(
            method="POST",
            path="/v1/users/{user}/kick",
            summary="Close a user's connections (1008)",
            act=acts.kick,
            body=shapes.Kick,
            answers={200: shapes.Kicked},
            misses=True,
        ),
    ]


def _replies(reads: Reads, acts: Acts) -> list[Route]:
    return [
        Route(
            method="GET",
            path="/v1/autoreplies",
            summary="Automatic replies",
            act=reads.replies,
            answers={200: shapes.RepliesView},
        ),
        Route(
            method="PUT",
            path="/v1/autoreplies/{code}",
            summary="Set an automatic reply, until the next reload or start",
            act=acts.set_reply,
            body=shapes.NewReply,
            answers={200: shapes.Reply, 409: Error},
        ),
        Route(
            method="DELETE",
            path="/v1/autoreplies/{code}",
            summary="Delete an automatic reply, until the next reload or start",
            act=acts.delete_reply,
            answers={204: None},
            misses=True,
        ),
    ]
