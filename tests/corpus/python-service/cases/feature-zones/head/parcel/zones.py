"""Which countries cost the same."""

ZONES = {
    "home": ("DE",),
    "near": ("AT", "BE", "CH", "CZ", "DK", "FR", "LU", "NL", "PL"),
    "europe": ("ES", "FI", "GB", "IE", "IT", "NO", "PT", "SE"),
}
WORLD = "world"


def zone_of(country):
    """The zone of a country's two letters; ValueError if they are no country's."""
    code = country.strip().upper()
    if len(code) != 2 or not code.isalpha():
        raise ValueError(f"not a country: {country!r}")
    for zone, countries in ZONES.items():
        if code in countries:
            return zone
    return WORLD


def listed():
    """Each zone with its countries, sorted; the rest of the world has none."""
    return {**{zone: sorted(countries) for zone, countries in ZONES.items()}, WORLD: []}
