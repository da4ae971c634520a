import sys
result = [type(finder).__name__ for finder in sys.meta_path if type(finder).__name__ == "LeftBehind"]
class LeftBehind:
    def find_spec(self, *_):
        return None
sys.meta_path.insert(0, LeftBehind())
