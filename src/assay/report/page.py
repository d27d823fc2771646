"""The report: one self-contained HTML page about a use case."""

from __future__ import annotations

import html
import math
from datetime import datetime
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined

from assay.charter.charter import Charter
from assay.charter.people import Role
from assay.evidence.event import Event
from assay.report.figure import svg
from assay.report.ledger_words import in_words
from assay.report.promised import (
    agreed_amounts,
    agreed_changes,
    agreed_decisions,
    payoff_table,
)
from assay.report.story import Story, Version
from assay.report.time import alert_rows, time_pictures, window_rows
from assay.report.waterfall import waterfall
from assay.report.worth import NET, Worth, worth_of
from assay.stats.estimate import Estimate

__all__ = ["page"]

_LAST_ENTRIES = 200


def page(story: Story) -> str:
    """Return the page as HTML; it needs no network, no script and no other file."""
    folder = files("assay.report") / "templates"
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    environment.filters.update(coded=_coded, money=_money, number=_number, words=_words, when=_when)
    template = environment.from_string((folder / "page.html").read_text(encoding="utf-8"))
    return template.render(
        charter=story.charter,
        css=(folder / "page.css").read_text(encoding="utf-8"),
        at=_when(story.at),
        people=_people(story.charter),
        payoffs=payoff_table(story.charter.value),
        decided=agreed_decisions(story.charter),
        amounts=agreed_amounts(story.charter.value),
        **_changes(story),
        ledger={
            "intact": story.ledger.intact,
            "text": story.ledger.text,
            "entries": [_entry(event) for event in story.events[-_LAST_ENTRIES:]],
        },
        windows=window_rows(story),
        time_pictures=[svg(picture) for picture in time_pictures(story)],
        alerts=alert_rows(story),
        **_bridge(story),
        **_about_version(story),
    )


def _changes(story: Story) -> dict[str, Any]:
    """Return the agreed changes, and which payoffs the figures of the version were made with."""
    value = story.charter.agreed.value
    content = {} if story.version is None else story.version.content("evaluation")
    made = content.get("changes_made")
    dated = bool(content) and content["business_case"].get("start") is not None
    rows = agreed_changes(value, made, dated=dated)
    if not rows or made is None:
        return {"changes": rows, "payoffs_of": ""}
    as_of = f"that hold since {made[-1]}" if made else "agreed at first, before any of these dates"
    text = f"The figures on this page were made with the payoffs and costs {as_of}."
    return {"changes": rows, "payoffs_of": text}


def _bridge(story: Story) -> dict[str, Any]:
    """Return the bridge's picture, its rows and what must be said; the words alone without one."""
    found, words = story.bridged.bridge, story.bridged.words
    return {
        "bridge_picture": "" if found is None else svg(waterfall(found)),
        "bridge_rows": () if found is None else found.steps(),
        "bridge_words": words,
    }


def _about_version(story: Story) -> dict[str, Any]:
    version = story.version
    if version is None:
        notes = ["Nothing has been built yet."]
        if story.charter.monitoring.source is not None:
            notes = [
                "This model is served elsewhere: its log is monitored, and no version is here."
            ]
        return {"version": None, "badges": _badges(story), "notes": notes, "tiles": []}
    content = version.content("evaluation")
    baseline = story.charter.value.baseline
    worth = worth_of(content, baseline, _threshold(version)) if content else None
    return {
        "version": version.state.version,
        "badges": _badges(story),
        "notes": _caveats(story, version),
        "tiles": _tiles(worth, baseline),
        "measured_on": worth.measured_on if worth else "",
        "value_pictures": [svg(one) for one in worth.value_pictures] if worth else [],
        "value_rows": worth.marked_rows if worth else (),
        "value_sections": worth.sections if worth else (),
        "decisions": worth.decisions if worth else {},
        "shown_pictures": [svg(one) for one in worth.shown_pictures] if worth else [],
        "statistics": worth.statistics if worth else (),
        "checks": [check for one in version.evidence for check in one.checks],
        "gate_open": version.verdict.open,
        "gate_reasons": (
            *(version.verdict.reasons or version.verdict.waived),
            *version.verdict.notes,
        ),
        "sign_offs": version.state.sign_offs,
    }


def _caveats(story: Story, version: Version) -> list[str]:
    """Return what a reader must know before the figures."""
    caveats = []
    if story.charter.placeholders:
        caveats.append(
            f"The charter still says TODO at {', '.join(story.charter.placeholders)}: the figures "
            "below may rest on amounts that nobody has set."
        )
    now = story.charter.digests()
    rests = [one.rests_on for one in version.evidence if one.kind == "evaluation"]
    changed = [name for name, digest in (rests[-1] if rests else {}).items() if now[name] != digest]
    if changed:
        caveats.append(
            f"The charter's {' and '.join(changed)} changed since this version was measured: the "
            "figures below are of before. Build it again."
        )
    return caveats


def _threshold(version: Version) -> float | None:
    """Return the probability from which the policy acts, where it has one."""
    learned = version.policy.get("learned")
    policy = version.policy.get("policy", {})
    at = policy.get("at") if isinstance(policy, dict) else None
    found = learned if learned is not None else at
    is_probability = isinstance(found, float) and 0 <= found <= 1
    return found if is_probability and policy.get("kind") == "threshold" else None


def _badges(story: Story) -> list[dict[str, str]]:
    badges = []
    if story.version is not None:
        is_open = story.version.verdict.open
        text = "gate open" if is_open else "gate closed"
        badges.append({"text": text, "tone": "good" if is_open else "bad"})
    champion, challenger = story.release.champion, story.release.challenger
    baseline = challenger is not None or story.release.fallen is not None
    rest = "the baseline serves" if baseline else "nothing serves"
    if story.charter.monitoring.source is not None and not baseline:
        rest = "served elsewhere"
    live = rest if champion is None else f"version {champion.version} serves"
    badges.append({"text": live, "tone": "" if champion is None else "good"})
    if challenger is not None:
        text = f"version {challenger.version} on trial with {story.release.weight:.0%}"
        badges.append({"text": text, "tone": ""})
    count = sum(alert.open for alert in story.alerts)
    text = f"{count} alert{'' if count == 1 else 's'} open"
    badges.append({"text": text, "tone": "bad" if count else "good"})
    ledger = ("ledger verified", "good") if story.ledger.intact else ("ledger broken", "bad")
    badges.append({"text": ledger[0], "tone": ledger[1]})
    return badges


def _tiles(worth: Worth | None, baseline: str) -> list[dict[str, str]]:
    if worth is None:
        return []
    figures = worth.figures
    chosen = (
        (f"Planned uplift over {baseline}", figures["Uplift per month"]),
        (NET, figures[NET]),
        ("Net present value", figures["Net present value"]),
        ("Share of the ceiling", figures["Share of the ceiling reached"]),
    )
    return [_tile(worth.named(label), estimate) for label, estimate in chosen]


def _tile(label: str, estimate: Estimate | None) -> dict[str, str]:
    if estimate is None:
        return {"label": label, "value": "–", "detail": "not known", "tone": ""}
    tone = "good" if estimate.low > 0 else "bad" if estimate.high < 0 else ""
    value = f"{_money(estimate.mean)} {estimate.unit.split(' per ')[0]}".strip()
    per = estimate.unit.partition(" per ")[2]
    detail = f"{'a ' + per + ' ' if per else ''}[{_money(estimate.low)}, {_money(estimate.high)}]"
    return {"label": label, "value": value, "detail": detail, "tone": tone}


def _people(charter: Charter) -> list[tuple[str, str]]:
    held = ((role, charter.people.holders(role)) for role in Role)
    return [(_words(role.value), ", ".join(names)) for role, names in held if names]


def _entry(event: Event) -> dict[str, Any]:
    return {
        "seq": event.seq,
        "at": event.data["at"],
        "subject": event.subject,
        "words": in_words(event),
        "digest": event.digest,
    }


def _money(number: float) -> str:
    if not math.isfinite(number):
        return "–" if math.isnan(number) else "∞" if number > 0 else "-∞"
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"


def _number(number: float | None) -> str:
    return "–" if number is None else f"{number:,.4g}"


def _words(name: str) -> str:
    return str(name).replace("_", " ")


def _coded(text: str) -> str:
    """Return a text, escaped, as HTML, with what stands between a pair of backticks as code."""
    parts = [html.escape(part) for part in text.split("`")]
    if len(parts) % 2 == 0:
        return html.escape(text)
    return "".join(f"<code>{one}</code>" if i % 2 else one for i, one in enumerate(parts))


def _when(moment: datetime | str) -> str:
    at = moment if isinstance(moment, datetime) else datetime.fromisoformat(moment)
    return f"{at:%Y-%m-%d %H:%M}"
