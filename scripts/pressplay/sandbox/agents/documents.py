"""What the scripted Morgan does: the documents that are asked for, from tasks.json by our own templates."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from pressplay import names
from pressplay.backlog import tasks
from pressplay.errors import PressPlayError
from pressplay.templating import prompts


def write(project: Path, scripted: str) -> Iterator[str]:
    """Write what the request in the project's folder asks for, and say in each file who wrote it (`scripted`).

    Like a real Morgan it leaves the files in the work tree and commits nothing, and leaves alone what is there.
    PressPlayError where there is no request.
    """
    requests = project / ".taskmaster" / names.REQUEST_FOLDER
    request_file = next(requests.glob("run-*/request.json"), None)
    if request_file is None:
        raise PressPlayError(f"{requests}: expected the request of this run; it is not there")
    request = json.loads(request_file.read_text(encoding="utf-8"))
    backlog = tasks.read((request_file.parent / "backlog.json").read_bytes(), "backlog.json", request["tag"])
    by_number = {task.number: task for task in backlog.tasks}
    for asked in request["tasks"]:
        folder = project / asked["folder"]
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        for name, text in prompts.task_files(by_number[asked["number"]], backlog).items():
            file = folder / name
            if not file.exists():
                file.write_text(f"{text.rstrip()}\n\n{scripted}\n", encoding="utf-8")
                written.append(name)
        yield f"task {asked['number']}: wrote {', '.join(written) or 'nothing: all is there'}"
