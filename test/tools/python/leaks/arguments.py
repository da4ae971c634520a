import sys
result = sys.argv[1:]
sys.argv.append("left behind")
