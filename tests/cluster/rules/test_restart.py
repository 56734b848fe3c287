"""What new nodes know of old ones that had no time to say goodbye, all at once."""

from tests.durability.test_restart import *  # noqa: F403

del test_message_ids_go_on_where_they_were_whatever_the_clock_says  # noqa: F821  writes into the SQLite file
del test_messages_are_deleted_when_they_are_too_old  # noqa: F821  the same
