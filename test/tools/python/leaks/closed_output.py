import os, sys
print("before")
result = "printed"
os.close(2)
sys.stdin.close()
