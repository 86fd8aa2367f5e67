"""tocsin-guard: a service that can be asked how it is and told what to do.

guard = Guard("var/guard", tokens=[Token.of("oncall", secret, ["control"])])
files = guard.objects(s3("bucket", endpoint="https://..."), backup=LocalFiles("var/backup"))
app = guard.around(app)
"""

from tocsin_guard.app import users_stream
from tocsin_guard.breaker import Policy as BreakerPolicy
from tocsin_guard.degraded import Rule as DegradedRule
from tocsin_guard.dependency import Dependency
from tocsin_guard.errors import (
    Changed,
    Corrupt,
    DiskFull,
    GuardError,
    Malformed,
    NotFound,
    Refused,
    Rejected,
    Unavailable,
    Unknown,
)
from tocsin_guard.guard import Guard
from tocsin_guard.manifests import Schedule
from tocsin_guard.objects.cloud import CloudStore, memory, s3
from tocsin_guard.objects.guarded import GuardedStore, Written
from tocsin_guard.objects.local import LocalFiles
from tocsin_guard.objects.port import Conditional, Expect, Info, ObjectStore, Opened
from tocsin_guard.objects.reading import Read
from tocsin_guard.push import Pager, Webhook
from tocsin_guard.settings import Settings
from tocsin_guard.tokens import Token
from tocsin_guard.watch import Threshold
from tocsin_guard.work import Outcome, Work

__all__ = [
    "BreakerPolicy",
    "Changed",
    "CloudStore",
    "Conditional",
    "Corrupt",
    "DegradedRule",
    "Dependency",
    "DiskFull",
    "Expect",
    "Guard",
    "GuardError",
    "GuardedStore",
    "Info",
    "LocalFiles",
    "Malformed",
    "NotFound",
    "ObjectStore",
    "Opened",
    "Outcome",
    "Pager",
    "Read",
    "Refused",
    "Rejected",
    "Schedule",
    "Settings",
    "Threshold",
    "Token",
    "Unavailable",
    "Unknown",
    "Webhook",
    "Work",
    "Written",
    "memory",
    "s3",
    "users_stream",
]
