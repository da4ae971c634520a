import os
result = os.getcwd()
os.chdir("/usr")
