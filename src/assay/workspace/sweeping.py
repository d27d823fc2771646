"""Many use cases monitored in one process, and judged together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from assay.workspace.progress import Progress
from assay.workspace.root import CHARTER
from assay.workspace.watching import Watching

if TYPE_CHECKING:
    from assay.lifecycle.sweeping import Looked, Swept

__all__ = ["model_directories", "sweep"]


def model_directories(given: Sequence[str | Path]) -> list[Path]:
    """Return the directories with a charter that paths and patterns name, each once, sorted.

    A directory without a charter stands for those right below it. InputError where there are none.
    """
    from assay.errors import InputError

    found: dict[Path, None] = {}
    for one in given:
        place = Path(one)
        root = Path(place.anchor)
        places = [place] if place.exists() else sorted(root.glob(str(place.relative_to(root))))
        if place.is_dir() and not (place / CHARTER).is_file():
            places = sorted(child for child in place.iterdir() if child.is_dir())
        found |= dict.fromkeys(place for place in places if (place / CHARTER).is_file())
    if not found:
        raise InputError(
            f"There is no {CHARTER} in {', '.join(map(str, given))}, nor right below. Name "
            "directories with a charter each, or a pattern such as 'models/*'."
        )
    return list(found)


def sweep(
    directories: Sequence[Path], *, progress: Progress | None = None, send: bool = True
) -> list[Swept]:
    """Monitor every directory's use case; what moved is judged over all of them together.

    A use case that fails is told with its reason and does not stop the others. With `send` alerts
    go out to each charter's channels. Like `monitor`, safe to repeat at any time.
    """
    from assay.errors import AssayError
    from assay.lifecycle.sweeping import judged_together

    say = progress or (lambda _share, _word: None)
    count = 2 * len(directories)
    looks: dict[Path, tuple[_Model, Looked]] = {}
    failed: dict[Path, Swept] = {}
    for place, directory in enumerate(directories):
        say(place / count, str(directory))
        model = _Model(directory)
        try:
            looks[directory] = (model, model.look())
        except AssayError as error:
            failed[directory] = _failed(directory, error)
    together = dict(zip(looks, judged_together(one for _, one in looks.values()), strict=True))
    done: list[Swept] = []
    for place, directory in enumerate(directories, start=len(directories)):
        say(place / count, str(directory))
        if directory in failed:
            done.append(failed[directory])
            continue
        try:
            done.append(looks[directory][0].post(together[directory], send=send))
        except AssayError as error:
            done.append(_failed(directory, error))
    return done


class _Model(Watching):
    """One use case of a sweep."""

    def look(self) -> Looked:
        """Measure what is new."""
        from assay.lifecycle.observing import take_look
        from assay.lifecycle.sweeping import Looked, posted_so_far

        with self._alone():
            seen = take_look(self.charter, self.ports, self._predictions(), self._now())
            posted = posted_so_far(self.ports.ledger, self.charter.name)
        return Looked(self.charter, self.ports, seen, posted)

    def post(self, looked: Looked, *, send: bool) -> Swept:
        """Judge, and write what the ledger lacks.

        Others may have monitored since the look, while models were judged together: what they
        posted came of more than that look, so it is taken once more.
        """
        from assay.lifecycle.observing import judged_look, take_look
        from assay.lifecycle.posting import post
        from assay.lifecycle.sweeping import Swept, keep_verdicts, posted_so_far

        with self._alone():
            now, seen = self._now(), looked.look
            holds = keep_verdicts(looked)
            if not holds or looked.posted != posted_so_far(self.ports.ledger, self.charter.name):
                seen = take_look(self.charter, self.ports, self._predictions(), now)
            result = judged_look(self.charter, self.ports, seen, now)
            posted = post(self.ports.ledger, self.charter, result, now)
        if send and self.charter.monitoring.alerts.channels:
            self._send()
        return Swept(
            str(self.directory),
            self.charter.name,
            len(looked.look.measured_now),
            result,
            posted.raised,
            posted.closed,
            posted.posted,
            currency=self.charter.value.currency,
        )

    def _send(self) -> None:
        from assay.workspace.alerting import Alerting

        Alerting(self.directory, ports=self.ports).send_alerts()


def _failed(directory: Path, error: Exception) -> Swept:
    from assay.lifecycle.sweeping import Swept

    return Swept(str(directory), error=str(error), exit_code=getattr(error, "exit_code", 3))
