"""Waiting for messages in the asynchronous process: held reads and server-sent events.

Nothing is gathered for anybody: who waits is told that there is something, and what is sent is
read when it is sent. A slow client costs no memory, and a hint that was lost costs some seconds.
"""
