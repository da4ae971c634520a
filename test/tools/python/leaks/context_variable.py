import contextvars, decimal
result = len([name for name in contextvars.copy_context() if name.name == "left_behind"])
contextvars.ContextVar("left_behind").set(1)
