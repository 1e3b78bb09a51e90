"""What the rooms do for the runs of their roles, and for work that comes from no backlog: collected in one place."""

from __future__ import annotations

from dataclasses import replace

from pressplay.domain import roles
from pressplay.steps.comments import review_text
from pressplay.steps.comments.comments_role import COMMENTS
from pressplay.steps.documents.plan_role import PLAN
from pressplay.steps.intake import alert_texts, issue_texts
from pressplay.steps.intake.issue_role import ISSUE
from pressplay.steps.play.criteria_role import CRITERIA
from pressplay.steps.play.implement_role import IMPLEMENT
from pressplay.steps.review.conflict_role import CONFLICT
from pressplay.steps.review.round_roles import FIX, LINT, TEST
from pressplay.steps.runs.role_work import Rooms
from pressplay.steps.triage.triage_role import TRIAGE

ROOMS = Rooms(
    roles={
        roles.CRITERIA.name: CRITERIA,
        roles.IMPLEMENT.name: IMPLEMENT,
        roles.ISSUE.name: ISSUE,
        roles.PLAN.name: PLAN,
        roles.LINT.name: LINT,
        roles.TEST.name: replace(TEST, files=review_text.files),
        roles.FIX.name: replace(FIX, files=review_text.files),
        roles.COMMENTS.name: COMMENTS,
        roles.TRIAGE.name: TRIAGE,
        roles.CONFLICT.name: CONFLICT,
    },
    sources={"issue": issue_texts.files, "alerts": alert_texts.files},
)
