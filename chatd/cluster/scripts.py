"""What is done in Redis, each as one atomic script, and the names of keys and channels there.

``PREFIX:nodes`` is a sorted set: nodes by the time, in milliseconds, at which their lease ends. For each room
that somebody owns there is a hash, ``PREFIX:{ROOM}:owner``, of ``node``, ``epoch``, and the ``seq`` of the
last publication; if the room has edges there is another, ``PREFIX:{ROOM}:roster``, of who is online:
NODE:NUMBER to an Identity. The braces keep them on one server of a Redis Cluster. Where a user may have so
many connections only, a hash ``PREFIX:user:USER`` has how many there are on each node.
"""

from chatd.bus.redis import Script

DONE, AGAIN, FENCED, LOST = b"done", b"again", b"fenced", b"lost"

RENEW = Script(
    """
-- Renew a node's lease. KEYS: nodes. ARGV: node, milliseconds.
-- Returns whether it had one (1) or not (0), then the nodes that have one.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local till = redis.call('ZSCORE', KEYS[1], ARGV[1])
local had = till and tonumber(till) >= now
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - 100 * ARGV[2])
local alive = redis.call('ZRANGEBYSCORE', KEYS[1], now, '+inf')
table.insert(alive, 1, had and 1 or 0)
return alive
"""
)

CLAIM = Script(
    """
-- Become the owner of a room that has none. KEYS: owner, roster. ARGV: node, and a node that is no more.
-- Returns the owner, and if that is the node itself the roster.
local node = redis.call('HGET', KEYS[1], 'node')
if node and node ~= '' and node ~= ARGV[1] and node ~= ARGV[2] then
  return {node}
end
redis.call('HSET', KEYS[1], 'node', ARGV[1])
local found = redis.call('HGETALL', KEYS[2])
table.insert(found, 1, ARGV[1])
return found
"""
)

OWN = Script(
    """
-- Begin an epoch, or go on with one that Redis has forgotten. KEYS: owner, roster.
-- ARGV: node, epoch, seq, whether to write the roster anew, then its fields and values.
-- Returns 1, or 0 if another node is the owner by now.
local node = redis.call('HGET', KEYS[1], 'node')
if node and node ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[1], 'node', ARGV[1], 'epoch', ARGV[2], 'seq', ARGV[3])
if ARGV[4] == '1' then
  redis.call('DEL', KEYS[2])
end
for i = 5, #ARGV, 2 do
  redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
end
return 1
"""
)

PUBLISH = Script(
    """
-- Publish a turn of a room, once, by its owner alone. KEYS: owner, roster.
-- ARGV: node, epoch, seq, channel, publication, then fields and values of the roster; an empty value is none.
local own = redis.call('HMGET', KEYS[1], 'node', 'epoch', 'seq')
if not own[1] or not own[3] then
  return 'lost'
end
if own[1] ~= ARGV[1] or own[2] ~= ARGV[2] then
  return 'fenced'
end
if tonumber(own[3]) >= tonumber(ARGV[3]) then
  return 'again'
end
redis.call('HSET', KEYS[1], 'seq', ARGV[3])
for i = 6, #ARGV, 2 do
  if ARGV[i + 1] == '' then
    redis.call('HDEL', KEYS[2], ARGV[i])
  else
    redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
  end
end
redis.call('PUBLISH', ARGV[4], ARGV[5])
return 'done'
"""
)

RELEASE = Script(
    """
-- Forget a room. KEYS: owner, roster. ARGV: node.
if redis.call('HGET', KEYS[1], 'node') ~= ARGV[1] then
  return 0
end
redis.call('DEL', KEYS[1], KEYS[2])
return 1
"""
)

FAREWELL = Script(
    """
-- Give a lease up. KEYS: nodes. ARGV: node, channel.
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('PUBLISH', ARGV[2], ARGV[1])
return 1
"""
)

COUNT = Script(
    """
-- Tell how many connections a user has on a node, unless those on all are too many then. KEYS: user.
-- ARGV: node, connections there, how many there may be on all nodes (0: any number), seconds for which this
-- is to be known, whether it is sure which nodes are alive, then these.
-- Returns whether it was told (1) or not (0); -1 if there is another node of which it must be sure first.
local alive = {}
for i = 6, #ARGV do
  alive[ARGV[i]] = true
end
if ARGV[3] ~= '0' then
  local sum = tonumber(ARGV[2])
  local all = redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    if all[i] ~= ARGV[1] then
      if alive[all[i]] then
        sum = sum + tonumber(all[i + 1])
      elseif ARGV[5] == '0' then
        return -1
      else
        redis.call('HDEL', KEYS[1], all[i])
      end
    end
  end
  if sum > tonumber(ARGV[3]) then
    return 0
  end
end
if ARGV[2] == '0' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  redis.call('EXPIRE', KEYS[1], ARGV[4])
end
return 1
"""
)


class Names:
    """Keys and channels.

    :param prefix: of all of them.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.nodes = f"{prefix}:nodes".encode()
        self.farewells = f"{prefix}:farewells".encode()
        """The channel on which nodes say that they go."""

    def keys(self, room: str) -> tuple[bytes, bytes]:
        """A room's owner and roster."""
        tag = f"{self._prefix}:{{{_escaped(room)}}}:"
        return f"{tag}owner".encode(), f"{tag}roster".encode()

    def user(self, user_id: str) -> bytes:
        """How many connections a user has on each node."""
        return f"{self._prefix}:user:{user_id}".encode()

    def node(self, node: str) -> bytes:
        """The channel of a node."""
        return f"{self._prefix}:node:{node}".encode()

    def room(self, room: str) -> bytes:
        """The channel of a room."""
        return f"{self._prefix}:room:{room}".encode()

    def room_of(self, channel: bytes) -> str | None:
        """The room whose channel it is, if it is one's."""
        kind = f"{self._prefix}:room:".encode()
        return channel.removeprefix(kind).decode() if channel.startswith(kind) else None


def _escaped(room: str) -> str:
    return room.replace("%", "%25").replace("{", "%7B").replace("}", "%7D")
