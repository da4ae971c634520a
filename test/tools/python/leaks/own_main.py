import sys
result = sorted(name for name in vars(sys.modules["__main__"]) if name.startswith("left"))
left_behind = 1
