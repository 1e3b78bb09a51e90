"""What can be said about records: each report gives lines of text."""

from collections import Counter, defaultdict

from logsift.times import hour_of


def by_status(records):
    """How many requests had each status, the lowest first."""
    counts = Counter(record.status for record in records)
    return [f"{status} {counts[status]}" for status in sorted(counts)]


def slowest(records, limit):
    """The slowest requests."""
    ordered = sorted(records, key=lambda record: record.millis)
    return [f"{record.millis} ms {record.method} {record.path}" for record in ordered[:limit]]


def by_path(records, limit):
    """The paths that were asked for most, with their mean time."""
    times = defaultdict(list)
    for record in records:
        times[record.path].append(record.millis)
    ordered = sorted(times, key=lambda path: (-len(times[path]), path))
    return [f"{len(times[path])} {path} {sum(times[path]) // len(times[path])} ms" for path in ordered[:limit]]


def errors(records):
    """The part of requests that failed on the server, in per cent."""
    failed = sum(1 for record in records if record.status > 500)
    return [f"{100 * failed / len(records):.1f} %"]


def by_hour(records):
    """How many requests there were in each hour, as bars of one sign for each ten, or part of it."""
    counts = Counter(hour_of(record.time) for record in records)
    return [f"{hour} {'#' * -(-counts[hour] // 10)} {counts[hour]}" for hour in sorted(counts)]
