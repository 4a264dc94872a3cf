"""Lines as servers write them: nginx, JSON, syslog. Of any number of them, mixed, a line has 176 bytes on average.

Each has its own number behind a '~', and what does not repeat in real logs either: trace ids, versions in user agents,
addresses, times in microseconds. So gzip makes them about 4.3 times smaller at level 1, as it does real ones. Some have
something for the filter and for the redaction of PIPELINE.
"""

# One line in so many is a check, and has a secret.
CHECKS, SECRETS = 50, 20

# Settings of an input.
PIPELINE = {"parse": "json", "filters": [
    {"exclude": "healthcheck"}, {"redact": "(password|token)=\\S+", "with": "$1=***"}]}

BROWSERS = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/{0}.0.{1}.{2} Safari/537.36",
    "shop-app/{0}.{3} (build {1}{2}; Android 14)",
    "curl/8.{3}.{2}",
]


def scattered(i, salt):
    """64 bits that look random and are the same in each run: the finaliser of splitmix64."""
    x = (i * 0x9E3779B97F4A7C15 + salt) & 0xFFFFFFFFFFFFFFFF
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return x ^ (x >> 31)


def nginx_line(i, clock, secret):
    r = scattered(i, 1)
    path = "healthcheck" if i % CHECKS == 0 else f"items?page={i % 17}{secret}"
    agent = BROWSERS[r & 3].format(90 + (r >> 2) % 50, 1000 + (r >> 8) % 6000, (r >> 24) % 200, (r >> 32) % 9)
    return (f'192.0.{(r >> 40) & 255}.{(r >> 48) & 255} - - [21/Nov/2026:{clock} +0000] "GET /api/~{i}/{path} HTTP/1.1" 200 '
            f'{1000 + (r >> 16) % 90000} "https://example.com/" "{agent}" {scattered(i, 5) >> 32:08x}\n')


def json_line(i, clock, secret):
    r = scattered(i, 2)
    message = "healthcheck" if i % CHECKS == 0 else f"request done{secret}"
    return (f'{{"time":"2026-11-21T{clock}.{r % 1000000:06}Z","level":"info","msg":"{message}","id":"~{i}",'
            f'"trace_id":"{r:016x}{scattered(i, 3):016x}","path":"/cart/{r % 1000}","took":{r % 300},"user":"u{r % 5000}",'
            f'"host":"web-{i % 9}"}}\n')


def syslog_line(i, clock, secret):
    r = scattered(i, 4)
    job = "healthcheck" if i % CHECKS == 0 else f"queue default{secret}"
    return (f'Nov 21 {clock} web-{i % 9} worker[{1000 + i % 30}]: finished job ~{i} of {job} in {r % 90} ms, {i % 7} retries, '
            f'result of {r % 40000} bytes stored under /var/results/{r >> 32:08x}\n')


def make_corpus(path, lines, kinds=(nginx_line, json_line, syslog_line), first=0):
    """So many of them, with numbers from `first` on."""
    with path.open("w") as out:
        for n in range(first, first + lines, 1000):
            out.write("".join(
                kinds[i % len(kinds)](i, f"{i // 3600 % 24:02}:{i // 60 % 60:02}:{i % 60:02}",
                                      "&token=5up3r5ecret" if i % SECRETS == 0 else "")
                for i in range(n, min(n + 1000, first + lines))))
