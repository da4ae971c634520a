import builtins
result = builtins.len([1, 2])
builtins.len = lambda _: -1
