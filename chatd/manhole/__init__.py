"""The manhole: a Python prompt in the running server, by SSH, for who looks into it while it lives."""
