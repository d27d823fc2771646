"""What is wrong today, as the business sees it and as the analyst reads it."""

from __future__ import annotations

from pydantic import Field

from assay.charter.section import Section, Text

__all__ = ["Problem", "Strategy"]


class Problem(Section):
    """The problem in three sentences: business, analytical, and the bet that joins them."""

    business: Text = Field(description="What costs money or does harm today.")
    analytical: Text = Field(description="What is to be predicted, for whom and when.")
    hypothesis: Text = Field(description="Why acting on the prediction would mend the problem.")


class Strategy(Section):
    """The objective that this serves and the number by which it is steered."""

    objective: Text
    kpi: Text
