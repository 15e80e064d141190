"""One page over HTTP, for this machine's own browsers: it reads a run and writes nothing.

A page of somebody else that is open in the same browser gets no answer: the name that a browser says it asked (Host) must be
this machine's, so that a foreign name that leads here is refused (DNS rebinding), and what is asked must come from this page
(Origin) and be JSON, which others would have to be allowed first. No part of an address is ever a path.
"""

import base64
import hashlib
import http.server
import json
import logging
import re
import sys
from http import HTTPStatus
from importlib import resources
from typing import Any
from urllib.parse import parse_qs, urlsplit

from jaxgan.errors import UserError
from jaxgan.explorer.answers import Answers
from jaxgan.explorer.asked import MAX_PICTURE
from jaxgan.foreign import MIB, printable

ADDRESS = "127.0.0.1"
_MOST = 2 * -(-MAX_PICTURE // 3) * 4 + MIB  # bytes of a request: two pictures in base64, and what is asked of them
_SECONDS = 30.0  # that a connection may be silent
_log = logging.getLogger("jaxgan.explorer")


class Server(http.server.ThreadingHTTPServer):
    """Serves the page of a run until `shutdown`.

    Args:
        answers: The run.
        port: Where; 0 takes a free one.

    Raises:
        UserError: The port cannot be had.
    """

    daemon_threads = True

    def __init__(self, answers: Answers, port: int) -> None:
        self.answers = answers
        script = _text("page.js") + _text("panels.js")
        style = _text("page.css")
        self.page = _text("page.html").replace("/* page.css */", style).replace("/* page.js */", script).encode()
        own = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        # Nothing but this page's own script runs, whatever the names in a run may hold, and nothing is loaded from elsewhere.
        self.policy = (
            f"default-src 'none'; script-src 'sha256-{own}'; style-src 'unsafe-inline'; img-src data: 'self'; "
            "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        try:
            super().__init__((ADDRESS, port), Handler)
        except OSError as error:
            raise UserError(
                f"--port={port} cannot be had ({error.strerror}): choose another one, or 0 for any that is free"
            ) from error
        self.hosts = {f"{name}:{self.server_port}" for name in (ADDRESS, "localhost")}
        if self.server_port == 80:
            self.hosts |= {ADDRESS, "localhost"}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that does not wait for an answer, as when its page is left, is no error."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        return f"http://{ADDRESS}:{self.server_port}/"


def _text(name: str) -> str:
    return resources.files("jaxgan.explorer").joinpath(name).read_text(encoding="utf-8")


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"  # a connection serves many requests
    server_version, sys_version = "jaxgan", ""
    timeout = _SECONDS

    def do_GET(self) -> None:
        """The page, what it is told of the run, its records, and its pictures of the fixed noise."""
        if not self._from_here():
            return
        address, answers = urlsplit(self.path), self.server.answers
        if address.path == "/":
            self._send(HTTPStatus.OK, "text/html; charset=utf-8", self.server.page)
        elif address.path == "/run":
            self._answer(answers.run)
        elif address.path == "/records":
            self._answer(answers.records)
        elif address.path == "/frame":
            step = parse_qs(address.query).get("step", [""])[0]
            if re.fullmatch("[0-9]{1,18}", step):
                self._answer(lambda: answers.frame(int(step)))
            else:
                self._refuse(HTTPStatus.BAD_REQUEST, "step must be a whole number")
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "there is nothing here")

    def do_POST(self) -> None:
        """Whatever `Answers.ask` answers, under its name."""
        if not self._from_here():
            return
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch("[0-9]{1,18}", length) or "Transfer-Encoding" in self.headers:
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "say how long the request is")
        elif int(length) > _MOST:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a request has at most {_MOST // MIB} MiB")
        elif self.headers.get_content_type() != "application/json":
            self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "a request is application/json")
        else:
            body, name = self.rfile.read(int(length)), self.path.removeprefix("/")
            if name not in self.server.answers.names:
                self._refuse(HTTPStatus.NOT_FOUND, "there is nothing here")
                return
            try:
                fields = json.loads(body)
            except (ValueError, RecursionError):
                self._refuse(HTTPStatus.BAD_REQUEST, "the request is no JSON")
                return
            self._answer(lambda: self.server.answers.ask(name, fields))

    def log_message(self, format: str, *args: Any) -> None:
        """A terminal that shows every move of a slider shows nothing."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the standard library finds wrong with a request, in one line, too."""
        self._refuse(HTTPStatus(code), message or HTTPStatus(code).phrase)

    def _from_here(self) -> bool:
        hosts, origin = self.server.hosts, self.headers.get("Origin")
        if self.headers.get("Host", "") not in hosts or (
            origin is not None and origin not in {f"http://{h}" for h in hosts}
        ):
            self._refuse(HTTPStatus.FORBIDDEN, f"open {self.server.url} itself")
            return False
        return True

    def _answer(self, make: Any) -> None:
        """Sends what a function returns: a PNG, or plain values; or why it does not, in one line."""
        try:
            made = make()
        except UserError as error:
            self._refuse(HTTPStatus.BAD_REQUEST, str(error))
        except Exception as error:  # the page goes on, whatever one answer met
            _log.warning("no answer to %s: %s: %s", self.path[:80], type(error).__name__, error)
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, "this cannot be answered; the terminal says why")
        else:
            if isinstance(made, bytes):
                self._send(HTTPStatus.OK, "image/png", made)
            else:
                self._send(HTTPStatus.OK, "application/json", json.dumps(made).encode())

    def _refuse(self, status: HTTPStatus, line: str) -> None:
        # What is left of the request is not read.
        self.close_connection = True
        self._send(status, "text/plain; charset=utf-8", " ".join(printable(line).split()).encode())

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        headers = {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Content-Security-Policy": self.server.policy,
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
        }
        if self.close_connection:
            headers["Connection"] = "close"
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
