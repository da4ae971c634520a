import gc, sys
result = any(type(item).__name__ == "LeftBehind" for item in gc.get_objects())
class LeftBehind:
    pass
LeftBehind.me = LeftBehind()
sys.left_behind = LeftBehind()
