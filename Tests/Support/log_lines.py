"""Lines as servers write them: nginx, JSON, syslog. Of any number of them, mixed, a line has 172 bytes on average.

Each has its own number behind a '~'; some have something for the filter and for the redaction of PIPELINE.
"""

# One line in so many is a check, and has a secret.
CHECKS, SECRETS = 50, 20

# Settings of an input.
PIPELINE = {"parse": "json", "filters": [
    {"exclude": "healthcheck"}, {"redact": "(password|token)=\\S+", "with": "$1=***"}]}


def nginx_line(i, clock, secret):
    path = "healthcheck" if i % CHECKS == 0 else f"items?page={i % 17}{secret}"
    return (f'192.0.2.{i % 250} - - [21/Nov/2026:{clock} +0000] "GET /api/~{i}/{path} HTTP/1.1" 200 {1000 + i % 9000} '
            f'"https://example.com/" "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"\n')


def json_line(i, clock, secret):
    message = "healthcheck" if i % CHECKS == 0 else f"request done{secret}"
    return (f'{{"time":"2026-11-21T{clock}Z","level":"info","msg":"{message}","id":"~{i}","path":"/cart/{i % 1000}",'
            f'"took":{i % 300},"user":"u{i % 5000}","shard":{i % 12},"host":"web-{i % 9}","version":"2.14.3"}}\n')


def syslog_line(i, clock, secret):
    job = "healthcheck" if i % CHECKS == 0 else f"queue default{secret}"
    return (f'Nov 21 {clock} web-{i % 9} worker[{1000 + i % 30}]: finished job ~{i} of {job} in {i % 90} ms, {i % 7} retries, '
            f'result of {i % 40000} bytes stored under /var/results/{i}\n')


def make_corpus(path, lines, kinds=(nginx_line, json_line, syslog_line), first=0):
    """So many of them, with numbers from `first` on."""
    with path.open("w") as out:
        for n in range(first, first + lines, 1000):
            out.write("".join(
                kinds[i % len(kinds)](i, f"{i // 3600 % 24:02}:{i // 60 % 60:02}:{i % 60:02}",
                                      "&token=5up3r5ecret" if i % SECRETS == 0 else "")
                for i in range(n, min(n + 1000, first + lines))))
