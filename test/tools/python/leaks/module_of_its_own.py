import sys, types
result = "left_behind" in sys.modules
sys.modules["left_behind"] = types.ModuleType("left_behind")
