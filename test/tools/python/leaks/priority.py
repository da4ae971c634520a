import os
result = os.nice(0)
os.nice(5)
