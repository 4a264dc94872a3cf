"""An HTTP receiver for tests: the path says how to answer, the answer says what came.

Usage: receiver.py [--tls CERTIFICATE KEY [CLIENT_CA]]. Prints its port, and ends when its standard input does.

/status/N         answers N; ?retry-after=TEXT and ?location=URL add those headers, ?date=TEXT is its own, ?bytes=N makes the body that long
/once/N           answers N to the first request of this path (query included), 200 to the next
/slow/SECONDS     answers after that time
/close            closes the connection without an answer
/cut              promises 1000 bytes and closes after 10; /cut/N answers N so; ?then=hang keeps the connection, and silent
/trailers/N       answers N with headers without an end, behind its body
/interim          answers 100 without an end
CONNECT 407.test  is answered 407, and so on
"""
import gzip
import hashlib
import http.server
import itertools
import json
import ssl
import sys
import threading
import time
import urllib.parse

connections = itertools.count(1)
seen = set()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.connection_number = next(connections)

    def log_message(self, *_):
        pass

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        kind, _, argument = url.path.strip("/").partition("/")
        status = 200
        if kind == "status" or kind == "cut" and argument:
            status = int(argument)
        elif kind == "once":
            status = 200 if self.path in seen else int(argument)
            seen.add(self.path)
        elif kind == "slow":
            time.sleep(float(argument))
        elif kind in ("trailers", "interim"):
            self.pour(kind, argument)
            return
        elif kind == "close":
            self.close_connection = True
            return
        plain = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        text = json.dumps({
            "method": self.command, "path": url.path, "connection": self.connection_number, "length": length,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "sha256": hashlib.sha256(plain).hexdigest(), "lines": plain.count(b"\n"),
        }).encode()
        if "bytes" in query:
            text = b"x" * int(query["bytes"])
        if status in (204, 304):
            text = b""
        if "date" in query:
            self.date_time_string = lambda timestamp=None: query["date"]
        self.send_response(status)
        self.__dict__.pop("date_time_string", None)
        for name in ("retry-after", "location"):
            if name in query:
                self.send_header(name, query[name])
        self.send_header("Content-Length", "1000" if kind == "cut" else str(len(text)))
        self.end_headers()
        if kind == "cut":
            text = text[:10]
            self.close_connection = True
        if self.command != "HEAD":
            self.wfile.write(text)
        if query.get("then") == "hang":
            sys.stdin.read()

    def pour(self, kind, status):
        self.close_connection = True
        if kind == "trailers":
            self.wfile.write(f"HTTP/1.1 {status} X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n".encode())
        piece = b"HTTP/1.1 100 Continue\r\n\r\n" if kind == "interim" else b"X-Trailer: " + b"x" * 1000 + b"\r\n"
        while True:  # the client ends it
            self.wfile.write(piece * 100)

    def do_CONNECT(self):
        self.send_response(int(self.path.split(".")[0]))
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass  # a client that goes away is what some tests are about


server = Server(("127.0.0.1", 0), Handler)
if "--tls" in sys.argv:
    files = sys.argv[sys.argv.index("--tls") + 1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files[0], files[1])
    if len(files) > 2:
        context.load_verify_locations(files[2])
        context.verify_mode = ssl.CERT_REQUIRED
    # The handshake in the thread of its connection, not in the one that accepts.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
