"""The case `cloudwatch` of bench.py: what signing, dividing and compressing cost, to a receiver that checks nothing."""

import multiprocessing
import shutil
import socket
import sys
import threading
import time
import zlib

from common import HERE, cpu_seconds, free_port, memory, report, vitals

sys.path.insert(0, str(HERE.parent / "Support"))
from log_lines import make_corpus

ANSWER = (b'HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nx-amzn-RequestId: 1\r\n'
          b'Content-Length: 2\r\n\r\n{}')


def serve(connection, count, lock):
    """Counts events, and answers. To a body that is compressed it must look into it, which zlib does without Python's lock."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    stream = connection.makefile("rb", buffering=1 << 20)
    try:
        while stream.readline():
            length, packed, target = 0, False, b""
            while line := stream.readline().strip():
                name, value = line.split(b":", 1)
                name = name.lower()
                if name == b"content-length":
                    length = int(value)
                elif name == b"content-encoding":
                    packed = True
                elif name == b"x-amz-target":
                    target = value
            body = stream.read(length)
            if packed:
                body = zlib.decompress(body, 31)
            if target.endswith(b"PutLogEvents"):
                events = body.count(b'{"timestamp":')
                with lock:
                    count.value += events
            connection.sendall(ANSWER)
    except OSError:
        pass


def receive(port, expected, count, finished, ready):
    listener = socket.create_server(("127.0.0.1", port), backlog=64)
    lock = threading.Lock()
    ready.set()

    def watch():
        while count.value < expected:
            time.sleep(0.001)
        finished.put(time.monotonic())

    threading.Thread(target=watch, daemon=True).start()
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection, count, lock), daemon=True).start()


def drain(options, directory, paths, lines, **output):
    """Seconds until `lines` have arrived, CPU seconds of the agent until then, and its resident peak in MB."""
    port = free_port()
    count = multiprocessing.Value("q", 0, lock=False)
    finished, ready = multiprocessing.Queue(), multiprocessing.Event()
    receiver = multiprocessing.Process(target=receive, args=(port, lines, count, finished, ready), daemon=True)
    receiver.start()
    ready.wait(10)
    shutil.rmtree(directory / "state", ignore_errors=True)
    settings = {
        "inputs": {"corpus": {"type": "file", "paths": [str(path) for path in paths]}},
        "outputs": {"aws": {
            "type": "cloudwatch_logs", "region": "us-east-1", "endpoint": f"http://127.0.0.1:{port}",
            "access_key_id": "A", "secret_access_key": "S", "log_group": "/bench", "log_stream": "{file_name}", **output}},
        "routes": [{"from": "corpus", "to": "aws"}]}
    began = time.monotonic()
    with vitals(options, directory, settings) as agent:
        try:
            ended = finished.get(timeout=180)
        except Exception:
            raise SystemExit(f"bench: vitals delivered {count.value} of {lines} events in 180 s")
        finally:
            receiver.kill()
        return ended - began, cpu_seconds(agent.pid), memory(agent.pid, "VmHWM")


def measure(options, directory, name, paths, lines, goals, **output):
    seconds, cpu, peak = drain(options, directory, paths, lines, **output)
    report("cloudwatch", "vitals", f"records a second{name}", lines / seconds, "records/s", goals[0])
    report("cloudwatch", "vitals", f"CPU a record{name}", cpu / lines * 1e6, "us", goals[1])
    report("cloudwatch", "vitals", f"resident at peak{name}", peak, "MB", goals[2])


def cloudwatch(options, directory):
    lines = options.lines or 1_000_000
    corpus = directory / "corpus.log"
    make_corpus(corpus, lines)
    goals = (">= 150000", "<= 3", "<= 30")
    measure(options, directory, ", gzip", [corpus], lines, goals)
    measure(options, directory, ", none", [corpus], lines, ("", "", ""), compression="none")
    measure(options, directory, ", json", [corpus], lines, ("", "", ""), format="json")
    place = directory / "streams"
    place.mkdir()
    small = directory / "small.log"
    make_corpus(small, 200)
    for n in range(1000):
        (place / f"{n}.log").write_bytes(f"the beginning of {n}\n".encode() + small.read_bytes())
    measure(options, directory, ", 1000 streams", [place / "*.log"], 201_000, ("", "", "<= 60"))
