import json
result = json.loads("[1]")
json.loads = lambda _: "patched"
