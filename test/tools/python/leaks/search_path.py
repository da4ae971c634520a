import sys
result = "/left/behind" in sys.path
sys.path.insert(0, "/left/behind")
