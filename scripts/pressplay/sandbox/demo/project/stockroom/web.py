"""A console over HTTP, to try what is deployed: `python -m stockroom.web`, on $PORT.

`GET /version` tells the version and the commit (from $COMMIT_SHA). `POST /run` takes `{"book": [entries],
"commands": [["add", …], …]}` and runs the commands one after the other on a fresh journal that has these entries.
`POST /call` takes `{"on": "stockroom.money", "calls": [["parse", "12.50"], …]}` and calls functions of a module, or,
with `"stockroom.stock:Stock"`, methods of an object over a fresh journal.
"""

import contextlib
import dataclasses
import importlib
import io
import json
import os
import tempfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any

from stockroom import __version__, cli
from stockroom.errors import StockroomError

_ONE_AT_A_TIME = Lock()
"""Commands print to the process' own standard output."""


def run(asked: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Run commands; the status, output and errors of each, and the journal afterwards."""
    book = folder / "book.jsonl"
    book.write_text("".join(f"{json.dumps(entry)}\n" for entry in asked.get("book", [])))
    for name, text in asked.get("files", {}).items():
        (folder / Path(name).name).write_text(text)
    results = []
    for command in asked["commands"]:
        out, err = io.StringIO(), io.StringIO()
        words = [str(folder / Path(word[1:]).name) if word.startswith("@") else word for word in command]
        with _ONE_AT_A_TIME, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                status = cli.main(["--book", str(book), *words])
            except SystemExit as wrong:
                status = wrong.code
        results.append({"status": status, "out": out.getvalue(), "err": err.getvalue().replace(f"{folder}/", "")})
    return {"results": results, "book": [json.loads(line) for line in book.read_text().splitlines()]}


def call(asked: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Call functions or methods; what each returned, or what refused it."""
    module_name, _, name = asked["on"].partition(":")
    if module_name.partition(".")[0] != "stockroom":
        raise ValueError("on: expected a module of stockroom")
    module = importlib.import_module(module_name)
    target: Any = module
    if name:
        book = folder / "book.jsonl"
        journal = importlib.import_module("stockroom.journal").Journal(book)
        target = getattr(module, name)(book if name == "Journal" else journal)
    results: list[dict[str, Any]] = []
    for method, *arguments in asked["calls"]:
        named = arguments.pop() if arguments and isinstance(arguments[-1], dict) else {}
        try:
            given = [getattr(module, asked["as"])(**named)] if "as" in asked and named else arguments
            results.append({"result": _plain(getattr(target, method)(*given, **({} if "as" in asked else named)))})
        except StockroomError as error:
            results.append({"refused": str(error).replace(f"{folder}/", "")})
    return {"results": results}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, dict):
        return dict(value)
    return [_plain(item) for item in value] if hasattr(value, "__iter__") and not isinstance(value, str) else value


class Console(BaseHTTPRequestHandler):
    """Answers in JSON."""

    def do_GET(self) -> None:
        if self.path == "/version":
            self._answer(200, {"version": __version__, "commit": os.environ.get("COMMIT_SHA", "")})
        else:
            self._answer(404, {"error": "GET /version, POST /run, POST /call"})

    def do_POST(self) -> None:
        work = {"/run": run, "/call": call}.get(self.path)
        if work is None:
            self._answer(404, {"error": "GET /version, POST /run, POST /call"})
            return
        try:
            asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            with tempfile.TemporaryDirectory() as folder:
                self._answer(200, work(asked, Path(folder)))
        except (ImportError, AttributeError) as missing:
            self._answer(404, {"error": f"not there: {missing}"})
        except (KeyError, TypeError, ValueError) as wrong:
            self._answer(400, {"error": f"wrong request: {wrong}"})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def serve(port: int) -> None:
    """Answer until the process ends."""
    with ThreadingHTTPServer(("127.0.0.1", port), Console) as server:
        print(f"serving stockroom {__version__} at commit {os.environ.get('COMMIT_SHA', 'unknown')}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    serve(int(os.environ.get("PORT", "8000")))
