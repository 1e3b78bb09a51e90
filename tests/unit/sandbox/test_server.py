"""A server of the sandbox ends whenever it is closed, also while its loop is awake."""

from __future__ import annotations

import os

import httpx

from pressplay.sandbox.server import Server


def answer(_environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"up"]


def test_a_loop_that_a_request_woke_does_not_close_the_trigger_before_it_is_pulled(monkeypatch):
    """The worker of a request that ends wakes the loop by the same pipe that `close` writes to."""
    server = Server(answer, "awake")
    assert httpx.get(server.url).text == "up"
    trigger, thread = server._server.trigger, server._thread

    def pull():
        os.write(trigger.trigger, b"x")
        thread.join(timeout=0.5)
        os.write(trigger.trigger, b"x")

    monkeypatch.setattr(trigger, "_physical_pull", pull)
    server.close()
    assert not thread.is_alive()
