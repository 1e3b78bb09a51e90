"""Times of day, as logs have them."""


def minutes_of(time):
    """The minutes since midnight of "10:05"; ValueError for anything else."""
    hours, colon, minutes = time.partition(":")
    if not colon or not hours.isdigit() or len(minutes) != 2 or not minutes.isdigit():
        raise ValueError(f"not a time: {time!r}")
    if int(hours) > 23 or int(minutes) > 59:
        raise ValueError(f"no such time: {time!r}")
    return int(hours) * 60 + int(minutes)


def hour_of(time):
    """The hour as two digits."""
    return f"{minutes_of(time) // 60:02}"
