"""What CloudWatch takes for a document with metrics: its JSON schema, restated, and what the schema does not say."""

import json
import re

EVENT_BYTES = 1_048_576 - 26
UNITS = [
    "Seconds", "Microseconds", "Milliseconds", "Percent", "Count", "Count/Second", "None",
    "Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes",
    "Bits", "Kilobits", "Megabits", "Gigabits", "Terabits",
    "Bytes/Second", "Kilobytes/Second", "Megabytes/Second", "Gigabytes/Second", "Terabytes/Second",
    "Bits/Second", "Kilobits/Second", "Megabits/Second", "Gigabits/Second", "Terabits/Second",
]

SCHEMA = {
    "type": "object", "required": ["_aws"],
    "properties": {"_aws": {
        "type": "object", "required": ["Timestamp", "CloudWatchMetrics"],
        "properties": {
            "Timestamp": {"type": "integer"},
            "CloudWatchMetrics": {"type": "array", "items": {
                "type": "object", "required": ["Namespace", "Dimensions", "Metrics"],
                "properties": {
                    "Namespace": {"type": "string", "minLength": 1, "maxLength": 1024, "pattern": "^(.*)$"},
                    "Dimensions": {"type": "array", "minItems": 1, "items": {
                        "type": "array", "minItems": 0, "maxItems": 30,
                        "items": {"type": "string", "minLength": 1, "maxLength": 250, "pattern": "^(.*)$"}}},
                    "Metrics": {"type": "array", "items": {
                        "type": "object", "required": ["Name"],
                        "properties": {
                            "Name": {"type": "string", "minLength": 1, "maxLength": 1024, "pattern": "^(.*)$"},
                            "Unit": {"type": "string", "enum": UNITS},
                            "StorageResolution": {"type": "integer"}}}}}}}}}},
}


def numbers(value):
    """The values of a metric's member; None for what is neither a number nor up to 100 of them."""
    values = value if isinstance(value, list) else [value]
    if not 1 <= len(values) <= 100 or any(type(each) not in (int, float) for each in values):
        return None
    return values


def problems_of(line, now, validator=None):
    """Why CloudWatch would not take this line, or take it for another one than was meant; empty when it would."""
    document = json.loads(line)
    found = [error.message for error in validator.iter_errors(document)] if validator else []
    if found:
        return found

    def must(condition, what):
        if not condition:
            found.append(what)

    must(len(line.encode()) <= EVENT_BYTES, "too large for an event")
    must(line.isascii() or line.encode().decode() == line, "no UTF-8")
    aws = document["_aws"]
    must(-14 * 86400 < aws["Timestamp"] / 1000 - now < 7200, "Timestamp is out of its window")
    named = {"_aws"}
    seen = set()
    for directive in aws["CloudWatchMetrics"]:
        must(re.fullmatch(r"[A-Za-z0-9 ._#:/-]{1,255}", directive["Namespace"]), "Namespace")
        sets = directive["Dimensions"]
        must(len({frozenset(names) for names in sets}) == len(sets), "a set of dimensions stands twice")
        for names in sets:
            must(len(set(names)) == len(names), "a dimension stands twice")
            for name in names:
                value = document.get(name)
                must(isinstance(value, str) and 1 <= len(value) <= 1024 and value.strip() and value.isascii(),
                     f"dimension {name} is {value!r}")
            named.update(names)
        must(1 <= len(directive["Metrics"]) <= 100, "1 to 100 Metrics")
        for metric in directive["Metrics"]:
            name = metric["Name"]
            values = numbers(document.get(name))
            must(values is not None, f"metric {name} is {document.get(name)!r}")
            must(all(abs(value) <= 2 ** 360 for value in values or []), f"a value of {name}")
            must(metric.get("StorageResolution", 60) in (1, 60), f"the resolution of {name}")
            must(set(metric) <= {"Name", "Unit", "StorageResolution"}, f"more members in {metric}")
            must(name not in seen, f"metric {name} stands twice")
            seen.add(name)
            named.add(name)
    # Those of the settings may stand in no set, when only aggregates are sent.
    rest = {name for name in set(document) - named if not isinstance(document[name], str)}
    must(not rest, f"members that are neither metric nor dimension: {rest}")
    return found
