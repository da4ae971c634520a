import os
result = [os.environ.get("LEFT_BEHIND"), os.environ["HOME"]]
os.environ["LEFT_BEHIND"] = "1"
os.environ["HOME"] = "/elsewhere"
