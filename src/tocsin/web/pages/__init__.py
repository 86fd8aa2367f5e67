"""The pages that people use: server-rendered, alive over one event stream, working without JavaScript."""
