"""What every engine step needs besides the transaction: policies, the view, and the server's own facts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from tocsin.core.model import PersonId
from tocsin.core.oncall import reaching
from tocsin.core.policy import Policy, View
from tocsin.engine.meters import Meters
from tocsin.plan.read import load_stored
from tocsin.store import directory, ledger, overrides, plans
from tocsin.store.alerts import NOTHING, Watched, watched
from tocsin.store.transaction import Transaction

VIEW_LASTS = timedelta(seconds=2)
"""How old a cached view of the directory may be: another node may have changed it."""


LONG_AGO = datetime.min.replace(tzinfo=UTC)


class NoPlan(Exception):
    """No plan has been applied yet."""


@dataclass(slots=True)
class Context:
    """One per server. `channels` are those this server can use; `link` makes an acknowledgement link.

    `sign_in_link` makes a one-time link in the open transaction, so that no link waits in the outbox.
    """

    node: str
    channels: frozenset[str]
    link: Callable[[str, PersonId, datetime], str]
    sign_in_link: Callable[[Transaction, PersonId, datetime], str]
    meters: Meters = field(default_factory=Meters)
    _policies: dict[str, Policy] = field(default_factory=dict)
    _takes_turns: bool = False
    _current: str = ""
    _view: View | None = None
    _view_at: datetime = LONG_AGO
    _forgets: int = 0
    _view_after: int = 0

    def policy(self, tx: Transaction, version: str) -> Policy:
        """The policy of a stored plan version. Stored plans always load: they were checked when applied."""
        if version not in self._policies:
            files = plans.files(tx, version)
            if files is None:
                raise NoPlan(f"Plan version {version} is not in the store.")
            self.learn(load_stored(files))
        return self._policies[version]

    def learn(self, policy: Policy) -> None:
        """A policy that was read elsewhere: reading one in a transaction would hold up all others."""
        self._policies[policy.version] = policy
        if policy.takes_turns and not self._takes_turns:
            # From now on the view says who was paged when, whichever plan an open incident goes by.
            self._takes_turns = True
            self.forget()

    def current_policy(self, tx: Transaction, now: datetime) -> Policy:
        """The policy in force for new incidents."""
        self._refresh(tx, now)
        if not self._current:
            raise NoPlan("No plan has been applied. Start the server with --plan DIRECTORY.")
        return self.policy(tx, self._current)

    def newest_policy(self, tx: Transaction) -> Policy:
        """The policy that the store says is in force at this instant, however fresh the view is."""
        current = plans.current(tx)
        if current is None:
            raise NoPlan("No plan has been applied. Start the server with --plan DIRECTORY.")
        return self.policy(tx, current[0])

    @property
    def current(self) -> Policy | None:
        """The policy in force as far as this server has looked."""
        return self._policies.get(self._current)

    def watched(self, tx: Transaction, now: datetime) -> Watched:
        """The facts that alerts may state by the plan in force; nothing where it cannot be read.

        A server with the role web alone has nobody else who looks.
        """
        policy = self.known(tx, now)
        return watched(policy.facts) if policy else NOTHING

    def known(self, tx: Transaction, now: datetime) -> Policy | None:
        """The policy in force; None where there is none that can be read."""
        try:
            return self.current_policy(tx, now)
        except Exception:
            return None

    def view(self, tx: Transaction, now: datetime) -> View:
        """The directory as it is now, or was at most VIEW_LASTS ago."""
        return self._refresh(tx, now)

    def forget(self) -> None:
        """Look anew at the next decision: what the view holds was just changed through this server."""
        self._forgets += 1

    def _refresh(self, tx: Transaction, now: datetime) -> View:
        view, forgets = self._view, self._forgets
        if view is None or self._view_after != forgets or not _fresh(self._view_at, now):
            view, current = directory.view(tx, self.channels), plans.current(tx)
            # The view's time comes last: another thread of the writer must not find half of this fresh.
            self._current = current[0] if current else ""
            if self._current:
                policy = self.policy(tx, self._current)
                view = _of_today(tx, view, policy, now, takes_turns=self._takes_turns)
            self._view = view
            # As it was before the look: what was changed during it is looked at again.
            self._view_after = forgets
            self._view_at = now
        return view


def _of_today(tx: Transaction, view: View, policy: Policy, now: datetime, *, takes_turns: bool) -> View:
    if takes_turns:
        view = replace(view, paged_at=ledger.paged_last(tx, view.people))
    reached = {id for id, one in view.people.items() if one.channels}
    stand_ins = reaching(overrides.standing(tx, now), reached)
    return replace(view, rotas=policy.rotas, overrides=stand_ins)


def _fresh(at: datetime, now: datetime) -> bool:
    return at <= now <= at + VIEW_LASTS
