import builtins
result = hasattr(builtins, "left_behind")
builtins.left_behind = 1
