import os
result = "never read"
os._exit(7)
