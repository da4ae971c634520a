import sys
result = [sys.getrecursionlimit(), sys.getswitchinterval()]
sys.setrecursionlimit(90)
sys.setswitchinterval(1)
