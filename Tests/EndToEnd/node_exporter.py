"""Debian's own node_exporter, which the agent is held against: how it is started, and what of it is not served here."""

import re
from support import eventually, free_port, get, require_programs

# Names of the peer that are not served here, each with its reason.
NOT_SERVED = {
    r"go_.*": "the peer's own language runtime",
    r"promhttp_.*": "the peer's own HTTP library",
}

# Labels that are newer than the peer (1.5.0): series are compared without them.
NEWER_LABELS = {
    "node_filesystem_": ["device_error"],
    "node_disk_info": ["rotational"],
    "node_network_info": ["adminstate"],
}

# Each process's own figures: only the names can be the same. What perf counts begins when it is first asked.
OWN = re.compile(r"process_.*|node_exporter_build_info|node_scrape_collector_duration_seconds|node_perf_.*")

SERIES = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)",?')


def parse(text):
    """The types by family, and the values by (name, labels without those that are newer than the peer)."""
    types, series = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            types[name] = kind
        elif line and not line.startswith("#"):
            name, labels, value = SERIES.match(line).groups()
            newer = {label for start, list in NEWER_LABELS.items() if name.startswith(start) for label in list}
            key = (name, tuple(sorted(pair for pair in LABEL.findall(labels or "") if pair[0] not in newer)))
            if key in series:
                raise AssertionError(f"served twice: {line}")
            series[key] = float(value)
    return types, series


def is_left_out(name):
    return any(re.fullmatch(pattern, name) for pattern in NOT_SERVED)


def start_node_exporter(test, *arguments):
    """Ends with the test; returns the port."""
    require_programs("prometheus-node-exporter")
    port = free_port()
    with (test.directory / "node_exporter.log").open("wb") as log:
        test.program(
            ["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{port}", *arguments], stdout=log, stderr=log)

    def answers():
        try:
            return get(port, "/")[0] == 200
        except OSError:
            return False

    eventually(answers, 20, "node_exporter answers")
    return port


def only(collectors):
    """The arguments with which node_exporter has these collectors alone."""
    return ["--collector.disable-defaults", *[f"--collector.{name}" for name in collectors]]
