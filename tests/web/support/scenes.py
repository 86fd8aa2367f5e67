"""Incidents in every state that pages show."""

from __future__ import annotations

from tests.web.support.site import PLAN, Site
from tocsin.core.incident import commands
from tocsin.core.model import Outcome, Receipt

MORE_SERVICES = PLAN.replace(
    "  catalogue: Catalogue\n",
    "  catalogue: Catalogue\n  search: Search\n  payments: Payments\n  mail: Mail\n",
).replace(
    "  uptime: catalogue\n",
    "  uptime: catalogue\n  searchwatch: search\n  paywatch: payments\n  relay: mail\n",
)
"""The demo's plan with enough services for several incidents at once."""


def busy_night(site: Site) -> dict[str, str]:
    """One incident in each state; returns their ids by name. The site needs MORE_SERVICES."""
    site.alert("relay", "Mail queue older than 10 minutes", severity="error")
    site.ask("ben", commands.Resolve("restarted the relay; the queue drained"))
    site.advance(minutes=48)
    site.alert("relay", "Mail relay refuses connections")
    site.alert("relay", "Mail relay refuses connections", action="resolve")
    site.advance(minutes=11)
    site.alert("searchwatch", "Index replica lags by 14 minutes", severity="warning")
    site.advance(minutes=22)
    site.alert(
        "uptime", "GET /catalogue answers 502 from two of five probes", severity="error", component="edge"
    )
    taken = _newest(site)
    site.advance(minutes=6)
    site.ask("ben", commands.Acknowledge("web"), taken)
    site.advance(minutes=17)
    site.email.answer = lambda _message: Receipt(Outcome.RETRYING, "451 greylisted, try again later")
    site.alert(
        "prometheus",
        "Checkout: 37 % of payments fail since the 03:40 deploy (error budget gone in 22 minutes)",
        source="prometheus-eu-1",
        component="payment-gateway",
        group="checkout-eu",
        links=(
            "https://grafana.example.com/d/checkout?orgId=1&from=now-1h",
            "https://runbooks.example.com/checkout/payments",
        ),
    )
    worst = _newest(site)
    site.alert("prometheus", "Checkout: queue of unconfirmed orders over 500", severity="error")
    site.advance(minutes=2)
    site.email.answer = lambda _message: Receipt(Outcome.ACCEPTED, "250 2.0.0 queued as 4Y7")
    site.advance(minutes=4, seconds=21)
    site.alert("paywatch", "Card processor latency p99 over 4 s", severity="error")
    open_ones = {str(one.service): str(one.id) for one in site.incidents() if one.resolved_at is None}
    return {"worst": worst, "taken": taken, "waiting": open_ones["search"], "fresh": open_ones["payments"]}


def _newest(site: Site) -> str:
    return site.incidents()[0].id
