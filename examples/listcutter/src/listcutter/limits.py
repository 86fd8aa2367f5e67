"""Every bound of List Cutter, with its unit."""

UPLOAD_BYTES_MAX = 2 * 1024**3
DISK_SPARE_BYTES = 256 * 1024**2  # left free on the local disk after an upload

# A list
NAME_CHARACTERS_MAX = 120
COLUMNS_MAX = 1_000
LINE_BYTES_MAX = 1024**2  # a file without line ends must not fill the memory
ROW_BYTES_MAX = 4 * 1024**2  # a row may go over several lines, in quotes
MARKS_MAX = 2_000  # places in the file that a page of the preview can start from
MARK_ROWS = 100  # rows between two marks of a small list; doubled as a list grows
SAMPLE_BYTES = 64 * 1024  # looked at to find the delimiter

# A page of the preview
PAGE_ROWS = 50
PAGE_ROWS_MAX = 500
CELL_CHARACTERS_MAX = 300  # longer cells are shown shortened

# A cut
FILTERS_MAX = 20
ROWS_PER_PART_MAX = 10**9  # more than any list has
PARTS_MAX = 200  # each is an open file while it is written
SEEN_CACHE_BYTES = 16 * 1024**2  # memory for finding duplicates; what does not fit is on the disk
CUTS_WAITING_MAX = 50
CUTS_KEPT_MAX = 50  # of one list

BODY_BYTES_MAX = 256 * 1024  # requests that are not uploads
