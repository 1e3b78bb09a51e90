"""The command line: `serve`, and `call` for one request."""

import argparse
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from parcel.app import handle
from parcel.money import format_cents
from parcel.rates import table
from parcel.store import Store


def handler(store):
    """A handler class over a store."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            length = int(self.headers.get("Content-Length") or 0)
            answer = handle(store, self.command, self.path, self.rfile.read(length).decode())
            content = json.dumps(answer.body).encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = answer

        def log_message(self, format, *arguments):
            pass

    return Handler


def main(arguments=None):
    """Serve, or answer one request: its status on the first line, its body on the second."""
    parser = argparse.ArgumentParser(prog="parcel")
    parser.add_argument("--store", help="a JSON file")
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve")
    serve.add_argument("--port", type=int, default=8080)
    call = commands.add_parser("call")
    call.add_argument("method")
    call.add_argument("target")
    call.add_argument("body", nargs="?", default="")
    commands.add_parser("table").add_argument("country")
    options = parser.parse_args(arguments)
    if options.command == "table":
        for limit, cents in table(options.country):
            print(limit, format_cents(cents))
        return 0
    store = Store(options.store)
    if options.command == "serve":
        ThreadingHTTPServer(("", options.port), handler(store)).serve_forever()
    answer = handle(store, options.method, options.target, options.body)
    print(answer.status)
    print(json.dumps(answer.body, sort_keys=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
