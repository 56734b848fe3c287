"""Tests of chatd as the process that an operator starts: a real ``twistd``, real sockets, real signals."""
