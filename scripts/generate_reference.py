"""Write docs/reference/ from the code: settings, configuration, commands, selectors, metrics.

Run `.venv/bin/python -m scripts.generate_reference` at the root of the repository. A test
compares what it makes with what is committed.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING
from dataclasses import fields as dataclass_fields
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import click
import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from scripts import reference_words as words

from vestibule.cli.exits import Exit
from vestibule.cli.main import COMMANDS, app
from vestibule.dataplane.gateway import Gateway
from vestibule.flows.document.fields import Field
from vestibule.flows.document.sections import ORGANIZATION, SECTIONS
from vestibule.model.application import Cors, HealthCheck, OriginTls
from vestibule.model.durations import format_duration
from vestibule.model.organization import Brand, FooterLink, Organization
from vestibule.model.rules import ApprovalGroup
from vestibule.policy.selectors import SELECTORS
from vestibule.policy.selectors.parse import _LACKING
from vestibule.settings import Settings
from vestibule.telemetry.metrics import Metrics

ROOT = Path(__file__).resolve().parent.parent
NOTICE = (
    "<!-- Written by scripts/generate_reference.py; change the code or its words, not this. -->"
)
NESTED = {
    "brand": Brand,
    "cors": Cors,
    "health_check": HealthCheck,
    "tls": OriginTls,
    "approval_groups": ApprovalGroup,
    "footer_links": FooterLink,
}
"""What the values of the nested fields become: the source of their defaults."""


def pages() -> dict[str, str]:
    """Every page of the reference, by its file name."""
    return {
        "settings.md": settings_page(),
        "configuration.md": configuration_page(),
        "command-line.md": command_line_page(),
        "selectors.md": selectors_page(),
        "metrics.md": metrics_page(),
    }


def page(title: str, *blocks: str) -> str:
    """A page: its title, the notice, its blocks."""
    return "\n\n".join([f"# {title}", NOTICE, *blocks]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells are escaped where they would end one."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def code(text: str) -> str:
    """`text` as code, nothing as nothing."""
    return f"`{text}`" if text else ""


# Settings


def settings_page() -> str:
    """`vestibule.yaml` and the environment."""
    rows = [
        (code(path), code(variable(path)), shape, default, said)
        for path, shape, default, said in settings_rows(Settings)
    ]
    return page(
        "Settings",
        "How an installation runs: one YAML file (`--config`, else `VESTIBULE_CONFIG`, else "
        "`/etc/vestibule/vestibule.yaml`) and the environment, which wins. Unknown names are "
        "refused. What is protected, and by which policies, is not here but in the "
        "[configuration](configuration.md). `vestibule schema settings` prints a JSON schema, "
        "and `vestibule check-config` judges a file.",
        "Dots stand for nesting: `listen.port` is `port` below `listen`.",
        table(("setting", "environment", "kind", "default", "meaning"), rows),
    )


def variable(path: str) -> str:
    """The environment variable of a setting."""
    return "VESTIBULE_" + path.replace(".", "__").upper()


def settings_rows(model: type[BaseModel], prefix: str = "") -> Iterable[tuple[str, str, str, str]]:
    """A row for each setting, nested ones by their path."""
    for name, field in model.model_fields.items():
        path = f"{prefix}{name}"
        if inspect.isclass(field.annotation) and issubclass(field.annotation, BaseModel):
            yield from settings_rows(field.annotation, f"{path}.")
            continue
        said = words.SETTINGS.get(path) or field.description or ""
        yield path, kind_of(field), default_of(field.default), said


def kind_of(field: FieldInfo) -> str:
    """The kind of value in words, with its bounds."""
    bounds = {
        name: getattr(one, name)
        for one in field.metadata
        for name in ("ge", "gt", "le")
        if getattr(one, name, None) is not None
    }
    said = shape_of(field.annotation)
    if "ge" in bounds and "le" in bounds:
        return f"{said}, {bounds['ge']} to {bounds['le']}"
    if "gt" in bounds and "le" in bounds:
        return f"{said}, above {bounds['gt']:g}, up to {bounds['le']:g}"
    return said


def shape_of(annotation: Any) -> str:
    """A type in an operator's words."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return " or ".join(shape_of(one) for one in arguments if one is not type(None))
    if origin is Literal:
        return " or ".join(f"`{one}`" for one in arguments)
    if origin is tuple:
        return "list of texts"
    known = {str: "text", int: "number", float: "seconds", bool: "true or false", Path: "path"}
    return known[annotation]


def default_of(value: Any) -> str:
    """A default as YAML has it; nothing for what is unset or empty."""
    if value is None or value in ("", (), [], {}):
        return ""
    if isinstance(value, bool):
        return code(str(value).lower())
    if isinstance(value, timedelta):
        return code(format_duration(value))
    if isinstance(value, float):
        return code(f"{value:g}")
    return code(str(value.value if isinstance(value, StrEnum) else value))


# The configuration document


def configuration_page() -> str:
    """The document that `apply` reads and `export` writes."""
    blocks = [
        "The document that `vestibule apply` reads and `vestibule export` writes: YAML or JSON. "
        "A section that is absent stays as it is; one that is present replaces what there was. "
        "An entry is the same as before when its `id`, or else its `name`, is the same. "
        "Unknown fields are refused, and nothing is applied unless everything is in order. "
        "`vestibule schema document` prints a JSON schema.",
        "Durations are Go's: `30m`, `24h`, `1h30m`; there are no days. `version: 1` stands at "
        "the top.",
        "## organization",
        words.SECTIONS["organization"],
        fields_table("organization", ORGANIZATION, Organization),
        *nested_blocks(ORGANIZATION),
    ]
    for section in SECTIONS:
        blocks += [
            f"## {section.key}",
            words.SECTIONS[section.key],
            fields_table(section.key, section.fields, section.kind),
            *nested_blocks(section.fields),
        ]
    return page("Configuration", *blocks)


def nested_blocks(fields: Iterable[Field]) -> list[str]:
    """A heading and a table for each field that has fields of its own."""
    blocks: list[str] = []
    for field in fields:
        kind = NESTED.get(field.key)
        schema: Any = field.schema.get("items", field.schema)
        if kind is None or "properties" not in schema:
            continue
        defaults = class_defaults(kind)
        rows = [
            (
                code(key),
                schema_shape(inner),
                "required" if key in schema.get("required", ()) else defaults.get(key, ""),
                words.FIELDS.get(f"{field.key}.{key}", ""),
            )
            for key, inner in schema["properties"].items()
            if field.key != "footer_links"
        ]
        if rows:
            blocks += [f"### {field.key}", table(("field", "kind", "default", "meaning"), rows)]
    return blocks


def fields_table(section: str, fields: Sequence[Field], kind: type) -> str:
    """The fields of one kind of resource."""
    defaults = class_defaults(kind)
    rows = []
    for field in fields:
        required = field.required and field.key != "id"
        default = "required" if required else defaults.get(field.name, "")
        said = words.FIELDS.get(f"{section}.{field.key}") or words.FIELDS.get(field.key, "")
        shape = "duration" if field.key.endswith("duration") else schema_shape(field.schema)
        rows.append((code(field.key), shape, default, said))
    return table(("field", "kind", "default", "meaning"), rows)


def class_defaults(kind: type) -> Mapping[str, str]:
    """The defaults of a dataclass, shown."""
    shown: dict[str, str] = {}
    for field in dataclass_fields(kind):
        if field.default is not MISSING and not hasattr(field.default, "__dataclass_fields__"):
            shown[field.name] = default_of(field.default)
    return shown


def schema_shape(schema: Mapping[str, Any]) -> str:
    """A JSON schema in an operator's words."""
    match schema:
        case {"enum": choices}:
            return " or ".join(f"`{one}`" for one in choices)
        case {"type": "array", "items": {"minProperties": 1}}:
            return "list of [rules](selectors.md)"
        case {"type": "array", "items": {"type": "object"}}:
            return "list, see below"
        case {"type": "array"}:
            return "list of texts"
        case {"type": "object", "properties": _}:
            return "see below"
        case {"type": "object"}:
            return "names and values"
        case {"type": "integer", "minimum": low, "maximum": high}:
            return f"number, {low} to {high}"
        case {"type": "number"}:
            return "seconds"
        case {"type": "boolean"}:
            return "true or false"
        case {"oneOf": _}:
            return "secret"
        case _:
            return "text"


# Commands


def command_line_page() -> str:
    """Every command with its arguments and options."""
    blocks = [
        "Every command reads the settings as [Settings](settings.md) says. `--json` answers "
        "in JSON on standard output; messages for people go to standard error. "
        "`vestibule --install-completion` installs completion for your shell.",
        "## Exit codes",
        table(("code", "means"), [(str(int(one)), exit_meaning(one)) for one in Exit]),
    ]
    for name in COMMANDS:
        command = load_command(name)
        blocks += command_blocks(command, f"vestibule {name}", "##")
    return page("Command line", *blocks)


def load_command(name: str) -> Any:
    """One command, loaded in full, as when it is about to run."""
    group: Any = typer.main.get_command(app)
    return group.resolve_command(click.Context(group, info_name="vestibule"), [name])[1]


def exit_meaning(code_: Exit) -> str:
    """The comment beside the exit code, in its source."""
    for line in inspect.getsource(Exit).splitlines():
        if line.strip().startswith(f"{code_.name} ="):
            return line.partition("#")[2].strip() or "in order"
    raise LookupError(code_.name)


def command_blocks(command: Any, path: str, heading: str) -> list[str]:
    """Heading, help, usage and parameters of a command, then its subcommands."""
    blocks = [f"{heading} {path}", (command.help or "").strip()]
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            blocks += command_blocks(inner, f"{path} {name}", heading + "#")
        return blocks
    context = click.Context(command, info_name=path)
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    blocks.append(f"    {usage}")
    rows = [row for row in (parameter_row(one) for one in command.params) if row]
    if rows:
        blocks.append(table(("argument or option", "default", "meaning"), rows))
    return blocks


def parameter_row(parameter: Any) -> tuple[str, str, str] | None:
    """One argument or option; None for --help."""
    if parameter.name == "help":
        return None
    if parameter.param_type_name == "argument":
        return code(parameter.name.upper()), "", getattr(parameter, "help", "") or ""
    spelled = ", ".join((*parameter.opts, *parameter.secondary_opts))
    default = parameter.default
    shown = "" if callable(default) or isinstance(default, bool) else default_of(default)
    if parameter.required:
        shown = "required"
    return code(spelled), shown, parameter.help or ""


# Selectors


def selectors_page() -> str:
    """Every selector, and those that are refused."""
    rows = []
    for name, selector in SELECTORS.items():
        marks = [
            "identity" if selector.identity else "",
            "continuous" if selector.continuous else "",
            "machine" if selector.machine else "",
        ]
        rows.append(
            (
                code(name),
                selector.meaning.replace("{", "*").replace("}", "*"),
                ", ".join(mark for mark in marks if mark),
                code(f"- {words.EXAMPLES[name]}"),
            )
        )
    lacking = [(code(name), f"It {reason}.") for name, reason in _LACKING.items()]
    return page(
        "Selectors",
        "A rule is one selector with its values, in a policy's or a rule group's `include`, "
        "`require` or `exclude`. Names of providers, lists, groups, service tokens and "
        "applications stand where the API has ids. `- everyone` alone is short for "
        "`- everyone: {}`.",
        "*identity*: it asks who somebody is, which is unknown before the sign-in and under "
        "Bypass. *continuous*: judged anew on every request, not only at the sign-in. "
        "*machine*: it asks for a machine's credential, and counts under Service Auth "
        "(`non_identity`) and Bypass alone. How rules combine: [Policies](../explanation/"
        "policies.md).",
        table(("selector", "matches when", "", "example"), rows),
        "Some of these ask for a provider that has no connector yet (`azureAD`, `gsuite`, "
        "`github-organization`, `saml`, `auth_context`): they are read and kept, and match "
        "nobody until such a provider can be configured. Nothing sets a person's risk level yet: "
        "for `user_risk_score` everybody is `unscored`.",
        "## Refused",
        "Selectors that rest on a product which is not part of Vestibule are refused when a "
        "document is read, never ignored: an ignored Require would let people in.",
        table(("selector", "why"), lacking),
    )


# Metrics


def metrics_page() -> str:
    """The numbers of both planes."""
    rows = []
    for metric in Metrics().registry.collect():
        samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
        name = metric.name + ("_total" if metric.type == "counter" else "")
        labels = LABELS.get(metric.name, sorted({k for s in samples for k in s.labels} - {"le"}))
        rows.append((code(name), metric.type, ", ".join(map(code, labels)), metric.documentation))
    own = [
        (
            code(name),
            "counter" if name.endswith("_total") else "gauge",
            words.GATEWAY_METRICS.get(name, ""),
        )
        for name in gateway_metrics()
    ]
    return page(
        "Metrics",
        "Prometheus text, on the private listener of [Settings](settings.md) (`monitoring`). "
        "Labels come from closed lists: no hostname, no address, no person.",
        "## Control plane",
        "At `http://127.0.0.1:9902/metrics` by default.",
        table(("metric", "type", "labels", "meaning"), rows),
        "## Gateway",
        "At `http://127.0.0.1:9901/metrics` by default, together with Envoy's own (`envoy_...`, "
        "those that were used).",
        table(("metric", "type", "meaning"), own),
    )


LABELS = {"vestibule_decisions": ["outcome"], "vestibule_logins": ["provider_type", "outcome"]}
"""Labels of metrics that have no sample before the first event."""


def gateway_metrics() -> list[str]:
    """The names of the gateway's own metrics, read from its source: it needs no gateway to run."""
    source = inspect.getsource(Gateway._own_metrics)
    tree = ast.parse(inspect.cleandoc("\n" + source))
    return [
        key.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    ]


def main() -> None:
    """Write every page."""
    directory = ROOT / "docs" / "reference"
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (directory / name).write_text(text)


if __name__ == "__main__":
    main()
