"""Writes Tests/Fixtures/templates: what jinja2, set up as Hugging Face transformers does, makes of chat templates.

    python3 Tests/Reference/make_template_fixtures.py [folder of *.jinja]

* chats.json: every real template of ../shared/data/chat-templates rendered for every conversation of
  template_chats.py. Only the length and SHA-256 of each text are kept (or the class and message of the exception), so
  no third-party text enters the project.
* expressions.json: the small templates of template_cases.py, with their whole text or exception.

Needs transformers and jinja2 (requirements.txt).
"""

import datetime
import hashlib
import json
import sys
import time
from pathlib import Path

import transformers.utils.chat_template_utils as chat_template_utils

import template_cases
import template_chats

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime.datetime(2026, 7, 4, 9, 5, 7)


class FixedClock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW


def render(source: str, variables: dict) -> str:
    """As `render_jinja_template` renders one conversation, its defaults included."""
    variables = chat_template_utils._plain_template_data(variables)
    if "messages" in variables:
        variables["messages"] = chat_template_utils._alias_reasoning_fields(variables["messages"])
    return chat_template_utils._compile_jinja_template(source).render(**variables)


def outcome(source: str, variables: dict, keeps_text: bool) -> dict:
    try:
        text = render(source, variables)
    except BaseException as error:  # what a template does to Python is Python's exception, whatever its class
        return {"error": type(error).__name__, "message": str(error)[:200]}
    if keeps_text:
        return {"text": text}
    data = text.encode()
    return {"length": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def write(name: str, content: dict) -> None:
    path = ROOT / "Tests/Fixtures/templates" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"made_by": "Tests/Reference/make_template_fixtures.py", "now": NOW.isoformat(), **content}
    rows = []
    for key, value in content.items():
        if isinstance(value, list):
            items = ",\n".join(json.dumps(item, ensure_ascii=True) for item in value)
            rows.append(f"{json.dumps(key)}: [\n{items}\n]")
        else:
            rows.append(f"{json.dumps(key)}: {json.dumps(value)}")
    path.write_text("{\n" + ",\n".join(rows) + "\n}\n")
    print(path.relative_to(ROOT), path.stat().st_size, "bytes")


def main() -> None:
    chat_template_utils.datetime = FixedClock
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared/data/chat-templates/llama.cpp"
    chats = template_chats.chats()
    prepared = []
    for chat in chats:
        variables = dict(chat["variables"])
        variables["messages"] = chat_template_utils._alias_reasoning_fields(variables["messages"])
        prepared.append({"name": chat["name"], "variables": variables})
    results = []
    for path in sorted(folder.glob("*.jinja")):
        source = path.read_text()
        row = [outcome(source, chat["variables"], False) for chat in chats]
        results.append({"template": path.name, "results": row})
        failed = sum("error" in item for item in row)
        print(f"{path.name}: {len(row) - failed} texts, {failed} errors")
    write("chats.json", {"chats": prepared, "templates": results})

    cases = []
    for source, extra in template_cases.cases():
        start = time.monotonic()
        variables = {**template_cases.VARIABLES, **extra}
        case = {"template": source, **({"variables": extra} if extra else {}), **outcome(source, variables, True)}
        if " at 0x" in case.get("text", ""):
            print("left out, as its text is not the same twice:", source)
            continue
        if time.monotonic() - start > 1:
            print("slow:", source)
        cases.append(case)
    write("expressions.json", {"variables": template_cases.VARIABLES, "cases": cases})
    print(len(cases), "cases,", sum("error" in case for case in cases), "errors")


if __name__ == "__main__":
    main()
