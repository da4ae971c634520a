import io, sys
result = [type(sys.stdout).__name__, sys.stdout.encoding, sys.stdout.line_buffering]
print("visible")
sys.stdout = sys.__stdout__ = io.StringIO()
