"""The server of a page: who is answered, what, and how the others are refused. No game is asked here."""

import http.client
import json
import re
import threading

import pytest

from jaxgan.commands import browse, listing
from jaxgan.errors import UserError
from jaxgan.explorer import server as module
from jaxgan.explorer.server import Server


class Told:
    """Answers that say what they were asked."""

    names = ("point",)

    def run(self):
        return {"name": "</script><script>alert(1)</script>"}

    def records(self):
        raise RuntimeError("secret")

    def frame(self, step):
        if step != 250:
            raise UserError(f"there is no picture\nof step {step}")
        return b"a picture"

    def ask(self, name, fields):
        return {"name": name, "fields": fields}


@pytest.fixture(scope="module")
def server():
    with Server(Told(), 0) as serving:
        thread = threading.Thread(target=serving.serve_forever, daemon=True)
        thread.start()
        yield serving
        serving.shutdown()
        thread.join()


@pytest.fixture
def ask(server):
    """(method, path, body, headers) -> status, headers, text."""

    def request(method="GET", path="/", body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
        connection.putrequest(method, path, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        if body is not None and "Content_Length" not in headers:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        if body is not None:
            connection.send(body)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, answer.headers, text

    return request


JSON = {"Content_Type": "application/json"}


def test_the_page_needs_nothing_from_elsewhere(ask):
    status, headers, page = ask()
    assert status == 200 and headers["Content-Type"] == "text/html; charset=utf-8"
    assert not re.findall(r"(?:src|href)=\"(?!data:,\")|https?://(?!www\.w3\.org)|@import|url\(", page)
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src 'sha256-" in policy and "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_what_is_asked_is_answered(ask):
    assert ask(path="/run")[2] == json.dumps({"name": "</script><script>alert(1)</script>"})
    assert ask(path="/frame?step=250")[1]["Content-Type"] == "image/png"
    status, _, text = ask("POST", "/point", b'{"seed": 3}', **JSON)
    assert status == 200 and json.loads(text) == {"name": "point", "fields": {"seed": 3}}


def test_only_this_machine_is_served(server, ask):
    assert server.server_address[0] == "127.0.0.1"
    for name in ("127.0.0.1", "localhost"):
        assert ask(Host=f"{name}:{server.server_port}")[0] == 200


@pytest.mark.parametrize(
    "host", ["example.com", "example.com:{port}", "localhost", "localhost:1", "127.0.0.1.x:{port}", ""]
)
def test_another_name_that_leads_here_is_refused(host, server, ask):
    for method, path, body in (("GET", "/", None), ("GET", "/run", None), ("POST", "/point", b"{}")):
        status, _, text = ask(method, path, body, Host=host.format(port=server.server_port), **JSON)
        assert status == 403 and text == f"open {server.url} itself"


@pytest.mark.parametrize("origin", ["http://example.com", "null", "https://localhost:{port}", "http://localhost:1"])
def test_another_page_is_refused(origin, server, ask):
    origin = origin.format(port=server.server_port)
    assert ask("POST", "/point", b"{}", Origin=origin, **JSON)[0] == 403
    assert ask("POST", "/point", b"{}", Origin=server.url.rstrip("/"), **JSON)[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status"),
    [
        ("GET", "/config.json", None, {}, 404),
        ("GET", "/../../etc/passwd", None, {}, 404),
        ("GET", "//etc/passwd", None, {}, 404),
        ("GET", "/frame", None, {}, 400),
        ("GET", "/frame?step=../../etc/passwd", None, {}, 400),
        ("GET", "/frame?step=-1", None, {}, 400),
        ("GET", "/frame?step=" + "9" * 19, None, {}, 400),
        ("GET", "/frame?step=251", None, {}, 400),
        ("GET", "/records", None, {}, 500),
        ("GET", "/" + "x" * 70000, None, {}, 414),
        ("POST", "/", b"{}", JSON, 404),
        ("POST", "/frame", b"{}", JSON, 404),
        ("POST", "/point", b"{", JSON, 400),
        ("POST", "/point", b"\xff", JSON, 400),
        ("POST", "/point", b"[" * 100_000, JSON, 400),
        ("POST", "/point", b"{}", {"Content_Type": "text/plain"}, 415),
        ("POST", "/point", b"{}", {}, 415),
        ("POST", "/point", None, JSON, 411),
        ("POST", "/point", None, {**JSON, "Content_Length": "x"}, 411),
        ("POST", "/point", None, {**JSON, "Content_Length": "-1"}, 411),
        ("POST", "/point", None, {**JSON, "Content_Length": "2", "Transfer_Encoding": "chunked"}, 411),
        ("POST", "/point", None, {**JSON, "Content_Length": str(2**40)}, 413),
        ("PUT", "/run", None, {}, 501),
        ("DELETE", "/run", None, {}, 501),
        ("HEAD", "/", None, {}, 501),
    ],
)
def test_what_is_refused_in_one_line(method, path, body, headers, status, ask):
    found, told, text = ask(method, path, body, **headers)
    assert found == status and told["Content-Type"].startswith("text/plain")
    assert "\n" not in text and "Traceback" not in text and "secret" not in text
    assert told["Connection"] == "close"
    assert method == "HEAD" or text


def test_the_port_is_checked(server, runs):
    with pytest.raises(UserError, match=f"--port={server.server_port} cannot be had .*or 0 for any that is free"):
        Server(Told(), server.server_port)
    for port in (-1, 65536):
        with pytest.raises(UserError, match=f"--port={port}, but it must be from 0 to 65535"):
            browse.main(["--workdir=x", f"--port={port}"])
    with pytest.raises(UserError, match="--port: invalid int value"):
        browse.main(["--workdir=x", "--port=x"])
    with pytest.raises(UserError, match="browse takes no --prot: did you mean 'port'"):
        browse.main(["--workdir=x", "--prot=1"])
    with pytest.raises(UserError, match="is not the folder of a run"):
        browse.main(["--workdir=/nowhere"])


def test_ctrl_c_ends_it_quietly(monkeypatch, capsys):
    def interrupted(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(browse, "Answers", lambda *_: Told())
    monkeypatch.setattr(module.Server, "serve_forever", interrupted)
    assert listing.main(["browse", "--workdir=x", "--port=0"]) == 0
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/  \(Ctrl-C ends it\)\n", capsys.readouterr().out)
