"""Every bound of guard, with its unit. A caller that needs another value passes it where it is used."""

# Journal
JOURNAL_COMPACT_MIN_BYTES = 16 * 1024 * 1024  # below this a journal is never rewritten
JOURNAL_COMPACT_FACTOR = 4  # rewritten when it has grown to so many times its size after the last rewrite
JOURNAL_ROOM_BYTES = 512 * 1024  # of zeros that it grows by, to be written over: synced in half the time
JOURNAL_LAZY_SECONDS = 1.0  # events and minutes wait at most this long for the disk
JOURNAL_REWRITE_SECONDS = 10.0  # how often one that accepts nothing is tried to be written anew
DISK_RESERVE_BYTES = 32 * 1024 * 1024  # new work is refused below this, so that work taken can be finished

# Queue
INLINE_BYTES_MAX = 16 * 1024  # a body up to this lies in the journal itself: one fsync instead of three
INLINE_BYTES_IN_ALL_MAX = 64 * 1024 * 1024  # they are in memory too; above, small bodies are spooled as well
QUEUE_OPERATIONS_MAX = 1_000_000
QUEUE_FINISHED_KEPT = 1_000  # completed and discarded operations remembered, also against repeats
QUEUE_STRIKES_MAX = 5  # refusals while the service was otherwise well, until an operation is FAILED
QUEUE_CONCURRENCY = 8
QUEUE_LOOK_SECONDS = 0.25  # how often a drain looks for new work while all that it has begun goes on
QUEUE_RETRY_SECONDS = (1.0, 5.0, 30.0, 60.0)  # wait after the n-th failed attempt; the last one repeats

# Calls to a dependency
CALL_TIMEOUT_SECONDS = 10.0
CALL_ATTEMPTS_MAX = 3
CALL_RETRY_SECONDS = 0.1  # doubled each time, with jitter
STREAM_CHUNK_BYTES = 1024 * 1024
READ_PIECE_BYTES = 2 * 1024 * 1024  # of a large object in the cloud, by one request
WRITE_PARTS_AT_ONCE = 2  # of a large object in the cloud, 5 MB each: what a write holds in memory

# Backups
BLOB_CHECK_SECONDS = (
    24 * 3600.0
)  # a content in the backup store is used again if it was read and compared since

# Memory and history
EVENTS_KEPT = 10_000
METRIC_MINUTES_KEPT = 48 * 60
BREAKER_HISTORY_KEPT = 500
BROADCASTS_KEPT = 200
SUBSCRIBERS_MAX = 1_000
SUBSCRIBER_BACKLOG_MAX = 100
ATTRIBUTE_CHARACTERS_MAX = 200  # of a content type and of an idempotency key, which objects carry
CACHE_OBJECT_BYTES_MAX = 64 * 1024 * 1024

# The operations API
REQUEST_BODY_BYTES_MAX = 64 * 1024
EVENTS_PAGE_MAX = 1_000
METRIC_HOURS_MAX = 48
WAIT_SECONDS_DEFAULT = 2.0  # how long an answer waits for work that it started
WAIT_SECONDS_MAX = 25.0
MESSAGE_CHARACTERS_MAX = 4_000
REASON_CHARACTERS_MAX = 1_000
SSE_KEEPALIVE_SECONDS = 15.0
SSE_END_SECONDS = 5.0  # a listener that is cut off has so long to take what is on its way

# Pushes
PUSH_TIMEOUT_SECONDS = 15.0
PUSH_RETRY_SECONDS = (5.0, 30.0, 300.0, 1800.0, 7200.0)  # the last one repeats
PUSH_STRIKES_MAX = 30  # about two days of trying

# Background loop
TICK_SECONDS = 1.0
