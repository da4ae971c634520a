import atexit
result = "nothing can be seen"
atexit.register(lambda: print("from an earlier program"))
