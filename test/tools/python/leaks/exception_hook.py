import sys
result = sys.excepthook is sys.__excepthook__
sys.excepthook = lambda *_: print("hooked")
