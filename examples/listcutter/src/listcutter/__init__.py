"""List Cutter: upload a CSV list, look at it, cut it, download the parts. An example service for
tocsin-guard."""
