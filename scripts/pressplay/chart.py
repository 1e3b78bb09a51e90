"""A rendered chart, read from a file: the packaged rendering, or a user's own."""

from __future__ import annotations

from pathlib import Path

from pressplay.cluster.port import Manifest
from pressplay.errors import InputError

RENDERED = Path(__file__).with_name("chart.yaml")
"""The chart's defaults as Helm renders them; `make verify` keeps them true."""


def rendered_chart(path: Path = RENDERED) -> list[Manifest]:
    """The manifests of a rendered chart; InputError where the file is not YAML documents."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        documents = [document for document in yaml.load_all(path.read_text(), Loader=loader) if document]
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not YAML: {error}") from error
    for number, document in enumerate(documents, start=1):
        if not (isinstance(document, dict) and "kind" in document and (document.get("metadata") or {}).get("name")):
            raise InputError(
                f"{path}: document {number}: expected a manifest with kind and metadata.name; "
                "give what `helm template press-play chart --namespace press-play` prints"
            )
    return documents
