"""Error codes and close codes, each defined once (C2, E1).

Two exceptions carry them: a :exc:`RequestError` becomes an error frame and the connection
lives on; a :exc:`CloseConnection` becomes an error frame and a close.
"""

from enum import IntEnum, StrEnum


class ErrorCode(StrEnum):
    """What the ``code`` of an error frame may be (E1)."""

    BAD_JSON = "bad_json"
    BAD_MESSAGE = "bad_message"
    UNKNOWN_EVENT = "unknown_event"
    MISSING_PARAMETER = "missing_parameter"
    BAD_PARAMETER = "bad_parameter"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    NOT_MEMBER = "not_member"
    AGENT_OFFLINE = "agent_offline"
    UNKNOWN_REPLY = "unknown_reply"
    TOO_LARGE = "too_large"
    RATE_LIMITED = "rate_limited"
    STORAGE_UNAVAILABLE = "storage_unavailable"
    UNSUPPORTED = "unsupported"


class CloseCode(IntEnum):
    """Why the server closes a connection (C2; the codes below 4000 are RFC 6455 section 7.4.1's)."""

    GOING_AWAY = 1001
    BINARY = 1003
    INVALID_UTF8 = 1007
    ABUSIVE = 1008
    TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    OVERLOADED = 1013
    BAD_PARAMETER = 4400
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403
    HEARTBEAT_MISSED = 4408
    DISPLACED = 4409
    TOO_FAST = 4429


class StartError(Exception):
    """Start-up cannot go on; the text is the one line to print."""


class RequestError(Exception):
    """A client's request that is refused: it changes nothing and earns one error frame (E1, E2).

    :param code: which of E1's codes.
    :param sentence: for the developer of the client, in English.
    """

    def __init__(self, code: ErrorCode, sentence: str) -> None:
        super().__init__(code, sentence)
        self.code = code
        self.sentence = sentence


class CloseConnection(Exception):
    """A connection that may not go on: it gets one error frame and is closed (C2).

    :param close_code: the WebSocket close code.
    :param code: the code of the error frame before it.
    :param sentence: for the developer of the client; also the close frame's reason.
    """

    def __init__(self, close_code: CloseCode, code: ErrorCode, sentence: str) -> None:
        super().__init__(close_code, code, sentence)
        self.close_code = close_code
        self.code = code
        self.sentence = sentence
